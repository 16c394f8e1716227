"""Vault files: files put into a small vault for a test."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from fs.paths import Paths
from vault.making import make_vault, opened
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Bytes:
    """Bytes of a file in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


def fill(vault: Path, files: Mapping[str, bytes]) -> None:
    """Make a vault with these files, and the folders they need."""
    with Vfs(opened(make_vault(vault))) as vfs:
        paths = Paths(vfs)
        made: set[bytes] = set()
        for name, data in files.items():
            folder = os.fsencode(name).rpartition(b"/")[0]
            names = folder.split(b"/") if folder else []
            for depth in range(1, len(names) + 1):
                above = b"/".join(names[:depth])
                if above not in made:
                    paths.mkdir(above)
                    made.add(above)
            paths.write(os.fsencode(name), data)


def tree_of(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by relative path."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {os.fspath(path.relative_to(folder)): path.read_bytes() for path in found}


@contextlib.contextmanager
def read_only(vault: Path) -> Iterator[Vfs]:
    with Vfs(opened(vault, read_only=True)) as vfs:
        yield vfs
