"""Journal bench: a journal in a folder of its own, behind a store that can fail."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from store.faulty import FaultyStore
from vault.journals import CIPHER, VAULT_ID, change, replay_of
from wafs.format.journal import Image
from wafs.store.local import LocalStore
from wafs.vault.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wafs.store.base import Store
    from wafs.vault.replay import Replay


class Bench:
    """A journal in a folder of its own, behind a store that can fail."""

    def __init__(self, path: Path, store: Store, top: int) -> None:
        self.path = path
        self.top = top
        self.faulty = FaultyStore(store)
        self.journal = Journal(self.faulty.store, top, CIPHER, VAULT_ID)

    @property
    def names(self) -> list[str]:
        return sorted(os.listdir(self.path))

    def append(self, size: int, payload: bytes = b"") -> int:
        """Append a change that is told by its size."""
        ticket = self.journal.append(self.journal.active(), change(1, size, [Image(0, payload)] if payload else []))
        assert ticket is not None
        return ticket

    def replay(self) -> Replay:
        self.faulty.arm(None)
        found = replay_of(self.faulty.store, self.top)
        assert found is not None
        return found

    @property
    def syncs(self) -> int:
        return self.faulty.asked["sync"]


@contextmanager
def journal_in(path: Path) -> Iterator[Bench]:
    """Give a journal in an empty folder."""
    store = LocalStore(str(path))
    top = store.open_dir(None, b".")
    made = Bench(path, store, top)
    try:
        yield made
    finally:
        made.journal.shut()
        os.close(top)
        store.shut()
