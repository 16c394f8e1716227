"""Journal tail: where a journal goes on that another writer left, for what a recovery must record (F-84)."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from wafs.crypto.aead import Gcm
from wafs.format.journal import JOURNAL_HEADER_SIZE, LENGTH, Change, seal_record
from wafs.store.base import Handle, Store
from wafs.vault.chunk_io import write_all


@dataclass(slots=True)
class JournalTail:
    """The end of the records that count: `length` bytes and `records` of them, what a crash left behind not counted.

    Thread: one, before anybody else works with the vault.
    """

    store: Store
    top: Handle
    name: bytes
    cipher: Gcm
    journal_id: bytes = b""
    length: int = JOURNAL_HEADER_SIZE
    records: int = 0

    def append(self, changes: Iterable[Change]) -> None:
        """Record changes over whatever is behind the last record, and return when they are safe from a power cut.

        The journal is not cut: it may have room that the storage promised.
        Raises: OSError; some may be recorded then.
        """
        store = self.store
        handle = store.open(self.top, self.name, os.O_RDWR)
        try:
            for change in changes:
                record = seal_record(self.cipher, self.journal_id, self.records, change)
                # A length that no record has: an old record that happens to lie behind must not count again.
                write_all(store, handle, b"".join((record, LENGTH.pack(0))), self.length)
                self.length += len(record)
                self.records += 1
            store.sync(handle, data_only=True)
        finally:
            store.close(handle)
