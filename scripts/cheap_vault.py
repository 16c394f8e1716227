"""Cheap vault: one that opens at once, for scripts that measure what comes after that."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING

from wafs.format.slot import RECOVERY, Argon2Cost
from wafs.fs.vfs import Vfs
from wafs.vault.vault import DEFAULT_CHUNK_SIZE, create_vault, open_vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEY = bytes(32)


def get_secret(slot_type: str) -> bytes | None:
    """Give the recovery key alone: its slot opens at once."""
    return _KEY if slot_type == RECOVERY else None


def make(folder: Path | str, chunk_size: int = DEFAULT_CHUNK_SIZE) -> str:
    """Make a vault in a folder; returns where it is."""
    vault = os.path.join(folder, "vault")
    create_vault(vault, b"pw", recovery_key=_KEY, cost=Argon2Cost(8192, 1, 1), chunk_size=chunk_size)
    return vault


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Vfs]:
    """Make a vault in a folder of its own in `folder`, open it, and remove it in the end."""
    with tempfile.TemporaryDirectory(dir=folder) as place, Vfs(open_vault(make(place), get_secret)) as vfs:
        yield vfs
