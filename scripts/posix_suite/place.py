"""Place: where the tests run: a folder, or a vault mounted over one."""

from __future__ import annotations

import secrets
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands import run
from benchmark.loopdisk import loop_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

WAFS = Path(sys.executable).with_name("wafs")
LOG = "wafs.log"
DISK_SIZE = 512 << 20
INODES = 1 << 16


@contextmanager
def storage(work: Path, *, loop: bool) -> Iterator[Path]:
    """Yield an empty folder, on a new ext4 or in `work`."""
    if not loop:
        (work / "disk").mkdir()
    with loop_disk(work, size=DISK_SIZE, inodes=INODES) if loop else nullcontext(work / "disk") as disk:
        folder = disk / "below"
        folder.mkdir()
        yield folder


@contextmanager
def mounted_vault(below: Path, work: Path) -> Iterator[Path]:
    """Make a vault, mount it for all users, yield its root; in the end unmount it, with all that it has to write."""
    password_file, root = work / "password", work / "mnt"
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_hex(24) + "\n")
    root.mkdir()
    password = ("--password-file", str(password_file))
    run([WAFS, "init", below / "vault", *password, "--kdf-memory", "8", "--no-recovery"])
    run([WAFS, "mount", below / "vault", root, *password, "--allow-other", "--log-file", work / LOG])
    yield root
    run([WAFS, "umount", root])


def version() -> str:
    """Return what `wafs --version` prints."""
    return run([WAFS, "--version"]).strip()


def complaints(work: Path) -> list[str]:
    """Return what wafs logged that no test may make it log."""
    log = work / LOG
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    return [line for line in lines if any(word in line for word in ("ERROR", "CRITICAL", "Traceback"))]
