"""Vault: the `wafs` commands the demonstration runs, as a person would type them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from demo_job import stopping

if TYPE_CHECKING:
    from collections.abc import Iterator

FUSE_DEVICE = Path("/dev/fuse")
WAFS = Path(sys.executable).parent / "wafs"


class CommandError(Exception):
    """A command failed, so nothing that follows would mean anything."""


def run(*command: object, cwd: Path | None = None, show: bool = False) -> None:
    """Run a command; keep its output to itself unless `show` or it fails."""
    words = [str(word) for word in command]
    pipe = None if show else subprocess.PIPE
    result = subprocess.run(
        words,
        cwd=cwd,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=None if show else subprocess.STDOUT,
        text=True,
        errors="replace",
        # Ctrl-C goes to this program alone, and what it has started is let finish.
        start_new_session=not show,
    )
    if result.returncode != 0:
        tail = "\n".join((result.stdout or "").splitlines()[-20:])
        message = f"{' '.join(words)} ended with {result.returncode}\n{tail}".rstrip()
        raise CommandError(message)


def why_no_mount() -> str | None:
    """Say why nothing can be mounted here, or None if it can."""
    if not FUSE_DEVICE.exists():
        return f"there is no {FUSE_DEVICE} here"
    try:
        os.close(os.open(FUSE_DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{FUSE_DEVICE} cannot be opened ({error.strerror})"
    return None


class Vault:
    """A vault, its password in a file that only its owner can read, and its mountpoint."""

    def __init__(self, folder: Path, *, password_file: Path, recovery_file: Path) -> None:
        self.folder = folder
        self.password_file = password_file
        self.recovery_file = recovery_file

    def create(self) -> None:
        """Draw a password and make the vault."""
        fd = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
        self._wafs("init", self.folder, "--recovery-file", self.recovery_file)

    @contextmanager
    def mounted(self, mountpoint: Path) -> Iterator[None]:
        """Mount for the time of a `with`; whatever happens in it, nothing stays mounted."""
        mountpoint.mkdir(exist_ok=True)
        try:
            with stopping.held():
                self._wafs("mount", self.folder, mountpoint)
            # Without this a backup would be copied into the bare folder, readable by all.
            if not is_mounted(mountpoint):
                message = f"wafs mount said it was done, but nothing is mounted on {mountpoint}"
                raise CommandError(message)
            yield
        finally:
            with stopping.held():
                if is_mounted(mountpoint):
                    unmount(mountpoint)

    def put(self, source: Path, path: str) -> None:
        """Copy a folder into the vault without mounting it."""
        self._wafs("put", self.folder, source, path, show=True)

    def get(self, path: str, target: Path) -> None:
        """Copy a folder out of the vault without mounting it."""
        self._wafs("get", self.folder, path, target, show=True)

    def _wafs(self, command: str, *words: object, show: bool = False) -> None:
        run(WAFS, command, *words, "--password-file", self.password_file, show=show)


def is_mounted(mountpoint: Path) -> bool:
    """Tell whether something is mounted there, dead daemons included."""
    escaped = str(mountpoint).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011")
    lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    return any(line.split(" ")[4] == escaped.replace("\n", "\\012") for line in lines)


def unmount(mountpoint: Path) -> None:
    """Unmount; if wafs cannot, take the mount away without it and then say so."""
    try:
        run(WAFS, "umount", mountpoint)
    except CommandError:
        lazy = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
        run(*lazy, mountpoint)
        raise
