"""Making: small vaults and contents for tests, cheap to open."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.faulty import FaultyStore
from wafs.crypto.aead import Gcm
from wafs.crypto.root import RootHash
from wafs.format.slot import RECOVERY, Argon2Cost
from wafs.store.local import LocalStore
from wafs.vault.content import Content
from wafs.vault.content_context import ContentContext
from wafs.vault.vault import Vault, create_vault, open_vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wafs.store.base import Store

PASSWORD = b"correct horse"
RECOVERY_KEY = bytes(range(32))
CHEAP = Argon2Cost(8192, 1, 1)
CHUNK = 4096


def make_vault(path: Path, chunk_size: int = CHUNK) -> Path:
    """Make a vault with a password slot and a recovery slot."""
    create_vault(str(path), PASSWORD, recovery_key=RECOVERY_KEY, cost=CHEAP, chunk_size=chunk_size)
    return path


def recovery_only(slot_type: str) -> bytes | None:
    """Give the recovery key alone, so that opening costs nothing."""
    return RECOVERY_KEY if slot_type == RECOVERY else None


def opened(path: Path, *, read_only: bool = False, wrap: Callable[[Store], Store] = lambda store: store) -> Vault:
    """Open a vault of `make_vault` with its recovery key."""
    return open_vault(str(path), recovery_only, read_only=read_only, wrap=wrap)


def opened_behind_faults(path: Path) -> tuple[Vault, FaultyStore]:
    """Open a vault of `make_vault` for writing, behind a store that can fail."""
    faulty: list[FaultyStore] = []

    def wrap(store: Store) -> Store:
        faulty.append(FaultyStore(store))
        return faulty[0].store

    return opened(path, wrap=wrap), faulty[0]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder for ciphertext files of one key, behind a store that can fail."""

    faulty: FaultyStore
    context: ContentContext
    top: int
    path: Path

    def create(self, name: str = "file") -> Content:
        """Make a new content."""
        handle = self.context.store.open(self.top, name.encode(), os.O_RDWR | os.O_CREAT | os.O_EXCL)
        return Content.create(self.context, handle)

    def open(self, name: str = "file", *, writable: bool = True) -> Content:
        """Open a content; the handle is given back where that fails."""
        handle = self.context.store.open(self.top, name.encode(), os.O_RDWR if writable else os.O_RDONLY)
        try:
            return Content.open(self.context, handle, writable=writable)
        except BaseException:
            os.close(handle)
            raise


@contextlib.contextmanager
def shelf(folder: Path, chunk_size: int = CHUNK) -> Iterator[Shelf]:
    """Open a folder as a shelf."""
    local = LocalStore(str(folder))
    faulty = FaultyStore(local)
    top = local.open_dir(None, b".")
    try:
        yield Shelf(faulty, ContentContext(faulty.store, Gcm(bytes(32)), RootHash(b"r" * 32), chunk_size), top, folder)
    finally:
        os.close(top)
        local.shut()


def drop(content: Content) -> None:
    """Let go of a content as a killed process does: nothing is sealed."""
    os.close(content.handle)
