# shellcheck shell=bash
# Sets up what a script of this project needs; sourced, not run:
#
#     . "$(dirname "$0")/bootstrap.sh"
#     bootstrap EXTRAS [COMMAND=PACKAGE ...]
#
# Afterwards $ROOT/.venv holds wafs (editable) with the extras of pyproject.toml named in EXTRAS, and
# each COMMAND is on the PATH, from the Debian or Ubuntu PACKAGE if it was missing. Says nothing and
# costs nothing when all is there; says what is missing and how to get it when it cannot.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv

say() { printf 'wafs: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# Run a command quietly; if it fails, show it and the last lines it wrote.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        say "this command failed with status $status: $*"
        tail -n 20 "$log" | sed 's/^/    /' >&2
    fi
    rm -f "$log"
    return "$status"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ -t 0 ] && [ -z "${CI:-}" ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

# Install system packages, or say which command would.
install_packages() {
    local hint="install them with: apt-get install $*"
    command -v apt-get >/dev/null || { say "missing: $*; this is no Debian or Ubuntu: use its packages"; return 1; }
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { say "missing: $*, and there is no sudo; as root, $hint"; return 1; }
        # Asks for the password here, where the question can be seen.
        as_root true || { say "missing: $*, and sudo does not let you; as root, $hint"; return 1; }
    fi
    say "installing $*"
    as_root true && quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
        quietly as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -q -y --no-install-recommends "$@" ||
        { say "could not install; $hint"; return 1; }
}

system_python() {
    type -aP python3 | grep -x /usr/bin/python3
}

# Print the first Python that is new enough and can make a virtual environment. The system's own comes first:
# distributions build theirs with profile-guided optimisation, and a mount answers up to three times as fast.
find_python() {
    local path
    while read -r path; do
        if "$path" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$path"
            return
        fi
    done < <(system_python; type -aP python3 python3.14 python3.13 python3.12 python3.11)
    return 1
}

# Succeed if the system's own Python is new enough and only its module for virtual environments is missing.
lacks_venv_only() {
    local path
    path=$(system_python) && "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
        ! "$path" -c 'import venv, ensurepip' 2>/dev/null
}

# Print a Python that is new enough and can make a virtual environment; install the system's own if there is none.
ensure_python() {
    ! lacks_venv_only || install_packages python3-venv || say "going on with another Python, if there is one"
    find_python && return
    install_packages python3 python3-venv || exit 1
    find_python || die "Python 3.11 or newer is needed, and this system has none"
}

ensure_commands() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

# What the installed environment depends on: the project's metadata, its place and the interpreter.
fingerprint() {
    { cat "$ROOT/pyproject.toml" && printf '%s ' "$VENV" && "$VENV/bin/python" -V; } | sha256sum | cut -d' ' -f1
}

ensure_venv() {
    local extras=$1 stamp=$VENV/bootstrap.stamp python
    if [ -x "$VENV/bin/python" ] && grep -qsxF "$(fingerprint) $extras" "$stamp"; then
        return
    fi
    if ! "$VENV/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(ensure_python) || exit 1
        say "making .venv with $("$python" -V)"
        quietly "$python" -m venv --clear "$VENV" || exit 1
    fi
    say "installing wafs and what it needs into .venv (about a minute)"
    quietly "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input -e "$ROOT[$extras]" ||
        die "the Python packages could not be installed: is there a network?"
    printf '%s %s\n' "$(fingerprint)" "$extras" >>"$stamp"
}

bootstrap() {
    local extras=$1
    shift
    ensure_commands "$@" || exit 1
    ensure_venv "$extras"
    # A normal user mounts through fusermount3; root does not need it, and without /dev/fuse nobody does.
    if [ -e /dev/fuse ] && ! ensure_commands fusermount3=fuse3; then
        [ "$(id -u)" -eq 0 ] || die "without fusermount3 only root can mount"
    fi
}

# Say in one line why nothing can be mounted here; say nothing, and succeed, if it can.
why_no_fuse() {
    if [ ! -e /dev/fuse ]; then
        echo "there is no /dev/fuse here"
    elif ! (exec 3<>/dev/fuse) 2>/dev/null; then
        echo "/dev/fuse cannot be opened"
    fi
}
