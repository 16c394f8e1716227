"""What is in a folder of this machine: kind, mode, time and contents of everything, by path."""

from __future__ import annotations

import os
from pathlib import Path


def facts_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        attrs = path.lstat()
        data = b""
        if path.is_symlink():
            data = os.fsencode(os.readlink(path))
        elif path.is_file():
            data = path.read_bytes()
        found[str(path.relative_to(folder))] = (attrs.st_mode, attrs.st_mtime_ns, data)
    return found


def ciphertext_bytes(vault: Path) -> int:
    """The space that the files of a vault take, each counted once."""
    found = [path.lstat() for path in vault.rglob("*")]
    return sum({(attrs.st_dev, attrs.st_ino): attrs.st_size for attrs in found}.values())
