"""Mounts of and for others: a normal user mounts through fusermount3, and root lets others in."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mount.tour.guide import CHECKS
from mount.users import STRANGER, as_user, guide_command, must_be_root, outcome, reachable_folder, wafs_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mount.bench import Bench, Refusal
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

TESTS = Path(__file__).resolve().parents[1]
FUSE_DEVICE = (10, 229)
NOBODY = 65_534

# Runs in a mount namespace of its own: there, and only there, /dev/fuse is a node that everybody may open.
NORMAL_USER = """
set -eu
mount --bind node /dev/fuse
trap 'umount -l mnt 2>/dev/null || true' EXIT
{mount}
test "$({user} stat -f -c %T mnt)" = fuseblk || test "$({user} stat -f -c %T mnt)" = fuse
grep -q ' {here}/mnt .* - fuse.wafs {here}/vault ' /proc/self/mountinfo
grep ' {here}/mnt ' /proc/self/mountinfo | grep -q 'nosuid,nodev'
{user} sh -c '
    set -eu
    mkdir mnt/folder
    echo hello > mnt/folder/file
    mv mnt/folder mnt/moved
    chmod 640 mnt/moved/file
    ln -s moved/file mnt/link
    ln mnt/moved/file mnt/moved/twin
    touch -d 2001-02-03 mnt/moved/file
    head -c 300000 /dev/zero | tr "\\\\0" x > mnt/big
    test "$(cat mnt/link)" = hello
    test "$(stat -c "%a %u %h %Y" mnt/moved/file)" = "640 {uid} 2 $(date -d 2001-02-03 +%s)"
'
{tour}
! ls mnt 2>/dev/null
{status}
{umount}
! grep -q ' {here}/mnt ' /proc/self/mountinfo
{mount} --scratch
{user} sh -c '
    set -eu
    chmod 400 mnt/big
    ! sh -c "echo x > mnt/big" 2>/dev/null
    ! chown 0 mnt/big 2>/dev/null
    chmod 200 mnt/moved/file
    ! cat mnt/moved/file 2>/dev/null
    echo more >> mnt/moved/twin
    chmod 600 mnt/big mnt/moved/file
    test "$(cat mnt/link)" = "$(printf "hello\\\\nmore")"
    echo x > mnt/big
    rm -r mnt/moved
'
{umount}
{mount} --read-only
test "$({user} cat mnt/moved/twin)" = hello
test "$({user} cat mnt/big | wc -c)" = 300000
{umount}
echo all done
"""


@pytest.fixture
def uid() -> int:
    """Whose home it is."""
    return NOBODY


@pytest.fixture
def home(bench: Bench, uid: int) -> Iterator[Path]:
    """A user, and a folder of that user with a vault, its password and a place to mount."""
    must_be_root()
    with reachable_folder(uid) as folder:
        bench.vault(folder / "vault")
        shutil.copy(bench.password_file, folder / "password")
        (folder / "mnt").mkdir()
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, uid, uid)
        yield folder


def try_as_user(folder: Path, uid: int) -> tuple[Refusal, str]:
    """Run the script above; return how it ended, and the log of the mounts."""
    for program in ("unshare", "setpriv", "fusermount3"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if not Path("/etc/mtab").exists():
        pytest.skip("fusermount3 needs /etc/mtab, and this system has none")
    private = ["unshare", "--mount", "--propagation", "private"]
    probe = outcome([*private, "true"], folder)
    if probe.code != 0:
        pytest.skip(f"no private mount namespace to be had: {probe.text.strip()}")
    try:
        os.mknod(folder / "node", stat.S_IFCHR | 0o666, os.makedev(*FUSE_DEVICE))
        (folder / "node").chmod(0o666)
        os.close(os.open(folder / "node", os.O_RDWR))
    except OSError as error:
        pytest.skip(f"cannot make a /dev/fuse that normal users may open: {error.strerror}")
    options = ("--password-file", folder / "password", "--log-file", folder / "log")
    script = NORMAL_USER.format(
        here=folder,
        uid=uid,
        user=shlex.join(as_user(uid)),
        mount=shlex.join(wafs_as(uid, "mount", folder / "vault", folder / "mnt", *options)),
        umount=shlex.join(wafs_as(uid, "umount", folder / "mnt")),
        status=shlex.join(wafs_as(uid, "status", "--json")),
        tour=shlex.join(["env", f"PYTHONPATH={TESTS}", *guide_command(folder / "mnt", uid)]),
    )
    found = outcome([*private, "bash", "-c", script], folder)
    return found, (folder / "log").read_text() if (folder / "log").exists() else ""


def test_a_normal_user_mounts_through_fusermount3(home: Path, uid: int) -> None:
    found, log = try_as_user(home, uid)
    assert found.code == 0, found.text + log
    assert found.text.endswith("all done\n")
    assert f'"mountpoint": "{home}/mnt"' in found.text
    assert [line for line in found.text.splitlines() if line.startswith("check_")] == list(CHECKS)
    assert "WARNING" not in log
    assert "ERROR" not in log
    assert {path.lstat().st_uid for path in (home / "vault").rglob("*")} == {uid}


@pytest.mark.parametrize("uid", [STRANGER])
def test_fusermount3_refuses_a_user_without_a_name(home: Path, uid: int) -> None:
    found, _ = try_as_user(home, uid)
    assert found.code == 1
    assert "could not determine username" in found.text
    assert "wafs: hint: " in found.text


def test_a_device_that_is_closed_to_users_is_named(home: Path, uid: int) -> None:
    folder = home
    if stat.S_IMODE(Path("/dev/fuse").stat().st_mode) & 0o006 == 0o006:
        pytest.skip("/dev/fuse is open to everybody here, as it should be")
    found = outcome(
        wafs_as(uid, "mount", folder / "vault", folder / "mnt", "--password-file", folder / "password"), folder
    )
    assert found.code == 1, found.text
    assert "/dev/fuse" in found.text
    assert "wafs: hint: " in found.text


def test_somebody_else_s_vault_is_not_opened(home: Path, uid: int) -> None:
    folder = home
    for path in [folder / "vault", *(folder / "vault").rglob("*")]:
        os.chown(path, 0, 0)
    (folder / "vault").chmod(0o700)
    password = ("--password-file", folder / "password")
    for words in (("mount", folder / "vault", folder / "mnt"), ("ls", folder / "vault"), ("info", folder / "vault")):
        found = outcome(wafs_as(uid, *words, *(() if words[0] == "info" else password)), folder)
        assert found.code == 7, found.text
        assert "permission denied" in found.text.lower()


@pytest.fixture
def shared(bench: Bench) -> Iterator[Daemon]:
    """A mount by root that others may use."""
    must_be_root()
    with reachable_folder(0) as folder:
        yield bench.mount(bench.vault(), "--allow-other", at=folder)
        bench.daemons[-1].clean_up()


def test_a_new_file_belongs_to_who_makes_it(bench: Bench, shared: Daemon) -> None:
    place = shared.place
    place.chmod(0o777)
    script = "umask 022; echo x > file; mkdir folder; ln -s file link; mkfifo pipe; ln file twin; cp file folder/copy"
    made = outcome(as_user(STRANGER, "sh", "-ec", script), place)
    assert made.code == 0, made.text
    for _ in range(2):
        names = list(place.rglob("*"))
        assert len(names) == 6
        assert {(path.lstat().st_uid, path.lstat().st_gid) for path in names} == {(STRANGER, STRANGER)}
        assert stat.S_IMODE((place / "file").stat().st_mode) == 0o644
        shared = bench.remount(shared, "--allow-other")
    (place / "root's").touch()
    assert (place / "root's").stat().st_uid == 0


def test_a_file_without_a_name_belongs_to_who_makes_it(shared: Daemon) -> None:
    shared.place.chmod(0o777)
    source = (
        "import os, sys; uid = int(sys.argv[1]); os.setgid(uid); os.setuid(uid);"
        "print(os.fstat(os.open('.', os.O_TMPFILE | os.O_RDWR)).st_uid)"
    )
    found = outcome([sys.executable, "-c", source, str(STRANGER)], shared.place)
    assert (found.code, found.text) == (0, f"{STRANGER}\n")


def test_the_kernel_checks_permissions(shared: Daemon) -> None:
    place = shared.place
    place.chmod(0o755)
    (place / "secret").write_text("root only")
    (place / "secret").chmod(0o600)
    (place / "readable").write_text("for all")
    (place / "readable").chmod(0o644)
    (place / "closed").mkdir(mode=0o700)
    (place / "closed" / "file").touch()
    (place / "theirs").write_text("x")
    os.chown(place / "theirs", STRANGER, STRANGER)

    def stranger(script: str) -> int:
        return outcome(as_user(STRANGER, "sh", "-c", script), place).code

    assert stranger("cat readable") == 0
    assert stranger("echo more >> theirs && chmod 600 theirs") == 0
    for forbidden in (
        "cat secret",
        "echo x > readable",
        "touch new",
        "rm -f readable",
        "mv theirs gone",
        "ls closed",
        "cat closed/file",
        "chmod 666 readable",
        "chown 54321 readable",
        "truncate -s 0 readable",
        "ln -s x y",
    ):
        assert stranger(forbidden) != 0, forbidden
    assert (place / "readable").read_text() == "for all"


def test_set_group_id_and_sticky_folders(shared: Daemon) -> None:
    place = shared.place
    place.chmod(0o755)
    (place / "group").mkdir()
    os.chown(place / "group", STRANGER, 100)
    (place / "group").chmod(0o2775)
    (place / "tmp").mkdir()
    (place / "tmp").chmod(0o1777)
    (place / "tmp" / "root's").touch()
    made = outcome(as_user(STRANGER, "sh", "-ec", "touch group/file; mkdir group/below; touch tmp/theirs"), place)
    assert made.code == 0, made.text
    assert [(place / "group" / name).stat().st_gid for name in ("file", "below")] == [100, 100]
    assert (place / "group" / "below").stat().st_mode & stat.S_ISGID
    (place / "tmp" / "folder").mkdir(mode=0o777)
    for forbidden in (
        ("rm", "-f", "tmp/root's"),
        ("mv", "tmp/root's", "tmp/moved"),
        ("mv", "tmp/root's", "group/moved"),
        ("mv", "tmp/theirs", "tmp/root's"),
        ("rmdir", "tmp/folder"),
        ("mv", "tmp/folder", "tmp/moved"),
    ):
        assert outcome(as_user(STRANGER, *forbidden), place).code != 0, forbidden
    assert sorted(os.listdir(place / "tmp")) == ["folder", "root's", "theirs"]
    assert outcome(as_user(STRANGER, "mv", "tmp/theirs", "group/theirs"), place).code == 0
    assert outcome(as_user(STRANGER, "mv", "group/theirs", "tmp/theirs"), place).code == 0
    assert outcome(as_user(STRANGER, "rm", "tmp/theirs"), place).code == 0


def test_a_write_by_a_user_drops_set_user_id(shared: Daemon) -> None:
    place = shared.place
    place.chmod(0o755)
    (place / "program").write_text("#!/bin/sh\n")
    os.chown(place / "program", STRANGER, STRANGER)
    (place / "program").chmod(0o4755)
    assert outcome(as_user(STRANGER, "sh", "-c", "echo exit >> program"), place).code == 0
    assert stat.S_IMODE((place / "program").stat().st_mode) == 0o755


def test_without_allow_other_nobody_else_gets_in(bench: Bench) -> None:
    must_be_root()
    with reachable_folder(0) as folder:
        daemon = bench.mount(bench.vault(), at=folder)
        (daemon.place / "file").write_text("x")
        daemon.place.chmod(0o777)
        tries = [outcome(as_user(STRANGER, *words), Path("/")) for words in (("ls", folder), ("cat", folder / "file"))]
        daemon.unmount()
    for found in tries:
        assert found.code != 0
        assert "Permission denied" in found.text
