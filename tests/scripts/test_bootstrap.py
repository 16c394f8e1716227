"""The set-up of a fresh machine: quiet when all is there, plain words when something is not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What any system has; all else is put beside it by a test, or is missing.
BASICS = (
    *("bash", "cat", "cut", "dirname", "env", "grep", "id", "mkdir", "mktemp"),
    *("rm", "sed", "sha256sum", "tail"),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder on a machine with nothing but the basics."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/bootstrap.sh", tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "bin").mkdir()
    for name in BASICS:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or f"/missing/{name}")
    tool(tmp_path / "bin/sudo", '[ "$1" = -n ] && shift\nexec "$@"')
    tool(tmp_path / "bin/fusermount3", "")
    return tmp_path


def tool(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
    path.chmod(0o755)


def python(project: Path, version: str = "3.11.7") -> None:
    """Put a stand-in for a virtual environment in place that writes down what it installs."""
    log = project / "installed"
    body = f'case $1 in -V) echo Python {version};; -m) echo "$@" >>{log};; esac'
    tool(project / ".venv/bin/python", body)


def bootstrap(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    script = f". scripts/bootstrap.sh; bootstrap {' '.join(words)}; echo reached the end"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=project,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": str(project / "bin"), "CI": "true", "TMPDIR": os.environ.get("TMPDIR", "/tmp")},
    )


def test_the_second_time_nothing_is_done_or_said(project: Path) -> None:
    python(project)
    first = bootstrap(project, "demo")
    assert first.returncode == 0, first.stderr
    assert "installing wafs" in first.stderr
    assert len((project / "installed").read_text().splitlines()) == 1
    second = bootstrap(project, "demo")
    assert (second.stdout, second.stderr) == ("reached the end\n", "")
    assert len((project / "installed").read_text().splitlines()) == 1


@pytest.mark.parametrize("what", ["metadata", "interpreter", "extras"])
def test_it_installs_again_when_something_it_depends_on_changes(project: Path, what: str) -> None:
    python(project)
    bootstrap(project, "demo")
    extras = "demo"
    if what == "metadata":
        (project / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    elif what == "interpreter":
        python(project, "3.12.1")
    else:
        extras = "dev,demo"
    again = bootstrap(project, extras)
    assert "installing wafs" in again.stderr
    assert len((project / "installed").read_text().splitlines()) == 2


def test_a_failed_install_shows_what_failed_and_is_tried_again(project: Path) -> None:
    tool(project / ".venv/bin/python", '[ "$1" != -m ] || { echo no such package; exit 3; }')
    for _ in range(2):
        result = bootstrap(project, "demo")
        assert result.returncode == 1
        assert "-m pip install" in result.stderr
        assert "no such package" in result.stderr
        assert "reached the end" not in result.stdout


def test_a_system_without_python_and_apt_is_told_what_is_missing(project: Path) -> None:
    result = bootstrap(project, "demo")
    assert result.returncode == 1
    assert "missing: python3 python3-venv" in result.stderr


def test_a_missing_command_is_installed(project: Path) -> None:
    python(project)
    log, command = project / "apt", project / "bin/rsync"
    tool(project / "bin/apt-get", f'echo "$@" >>{log}; [ $1 = update ] || echo >{command}')
    result = bootstrap(project, "demo", "rsync=rsync", "cat=coreutils")
    assert result.returncode == 0, result.stderr
    assert log.read_text().splitlines()[-1].endswith(" rsync")


def test_a_package_that_cannot_be_installed_is_an_error_with_its_reason(project: Path) -> None:
    python(project)
    tool(project / "bin/apt-get", "echo E: no network; exit 100")
    result = bootstrap(project, "demo", "rsync=rsync")
    assert result.returncode == 1
    assert "E: no network" in result.stderr
    assert "apt-get install rsync" in result.stderr
    assert "reached the end" not in result.stdout


def test_without_sudo_the_command_for_root_is_told(project: Path) -> None:
    python(project)
    tool(project / "bin/apt-get", "")
    (project / "bin/sudo").unlink()
    (project / "bin/id").unlink()
    tool(project / "bin/id", "echo 1000")
    result = bootstrap(project, "demo", "rsync=rsync")
    assert result.returncode == 1
    assert "as root, install them with: apt-get install rsync" in result.stderr
