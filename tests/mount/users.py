"""Users: commands run as somebody else, in folders that somebody else can reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mount.programs import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mount.bench import Refusal

STRANGER = 54_321
"""A uid without an entry in the list of users."""

# An interpreter below root's home cannot be started by others, so everything is loaded before root is given up.
# That takes in what wafs only imports when a command needs it.
WAFS_AS = """
import ast, importlib, os, pathlib, pkgutil, sys
import wafs
for found in pkgutil.walk_packages(wafs.__path__, "wafs."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
for source in pathlib.Path(wafs.__path__[0]).rglob("*.py"):
    for node in ast.walk(ast.parse(source.read_bytes())):
        for name in [alias.name for alias in node.names] if isinstance(node, ast.Import) else []:
            importlib.import_module(name)
        if isinstance(node, ast.ImportFrom) and node.module:
            importlib.import_module(node.module)
from wafs.cli.main import main
uid = int(sys.argv.pop(1))
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
main()
"""


LOOK_INSIDE = "sees what a process without core dumps has open"


def must_be_root(what: str = "can become another user") -> None:
    """Skip a test of what `only root` may do where somebody else runs it."""
    if os.geteuid() != 0:
        pytest.skip(f"only root {what}")


@contextmanager
def reachable_folder(owner: int) -> Iterator[Path]:
    """Make a folder that others can reach, which those of a test run are not."""
    folder = Path(tempfile.mkdtemp(prefix="wafs-test-", dir="/tmp")).resolve()
    try:
        folder.chmod(0o755)
        os.chown(folder, owner, owner)
        yield folder
    finally:
        shutil.rmtree(folder)


def wafs_as(uid: int, *words: str | Path) -> list[str]:
    """The command line that runs wafs as another user."""
    return [sys.executable, "-c", WAFS_AS, str(uid), *map(str, words)]


def as_user(uid: int, *command: str | Path) -> list[str]:
    """The command line that runs a program as another user."""
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *map(str, command)]


def guide_command(folder: Path, uid: int, *checks: str) -> list[str]:
    """The command line of the tour as another user; it needs the tests in PYTHONPATH."""
    return [sys.executable, "-B", "-m", "mount.tour.guide", str(uid), str(folder), *checks]


def outcome(command: list[str], folder: Path) -> Refusal:
    """Run a command in a folder that is its home too, and return how it ended and what it wrote."""
    from mount.bench import Refusal

    # Another user may not write a measurement of coverage beside the others.
    inherited = {key: value for key, value in os.environ.items() if key != "COVERAGE_PROCESS_CONFIG"}
    result = subprocess.run(
        command,
        cwd=folder,
        env={**inherited, "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Refusal(result.returncode, result.stdout.decode("utf-8", "replace"))
