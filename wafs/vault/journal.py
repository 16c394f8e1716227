"""Journal: changes of sealed chunks that are not in their place yet (format.md section 10).

A journal is one of two files at the top of the vault. Each is a generation: it takes records until a checkpoint begins
the next one, and goes when everything it tells is safely in place. While neither is there, the vault is whole as it is.
"""

import contextlib
import errno
import os
import struct
import threading
from dataclasses import dataclass, field
from typing import Final

from wafs.crypto.aead import Gcm
from wafs.errors import DamageError
from wafs.format.journal import (
    EPOCH_SIZE,
    JOURNAL_HEADER_SIZE,
    JOURNAL_ID_SIZE,
    LENGTH,
    Change,
    Start,
    encode_journal_header,
    open_record,
    seal_record,
)
from wafs.store.base import Handle, Store
from wafs.units import MIB
from wafs.vault.chunk_io import read_all, write_all

_RESERVE: Final = MIB + MIB // 4
"""Bytes of a journal that growth leaves free: on a full storage what is there can still be changed and removed."""

_STEP: Final = MIB

_AHEAD: Final = MIB // 4
"""Bytes of zeros that are written ahead of the records of a journal that is synced: see `Generation.filled`."""
_KEEP_SIZE: Final = 1

JOURNAL_NAMES: Final = (b"wafs.journal", b"wafs.journal.next")


@dataclass(slots=True)
class Generation:
    """One journal file.

    `length` and `records` are what it holds, of which `synced` records are safe from a power cut; `last` is the ticket
    of its last record; `reserved` the bytes that the storage has promised, `due` those of the images that it must still
    get. `is_spoilt`: a sync failed, and nobody knows what of it reached the disk.
    `is_based`: the states of files that its records go out from are safe from a power cut.
    `filled`: where the zeros end that were written ahead; 0 until somebody syncs. A record over them changes neither
    the length nor the extents of the file, so that a sync writes the record and nothing else: 280 us and not 840 on
    ext4. Zeros are the end of a journal to who reads it (F-80).
    """

    name: bytes
    handle: Handle
    journal_id: bytes
    sequence: int
    length: int = 0
    records: int = 0
    synced: int = 0
    last: int = 0
    reserved: int = 0
    filled: int = 0
    due: int = 0
    is_spoilt: bool = False
    is_based: bool = False
    epoch: bytes = field(init=False)
    """The mark of states that are written while this journal is there."""

    def __post_init__(self) -> None:
        self.epoch = self.journal_id[:EPOCH_SIZE]


class Journal:
    """The journal of a vault that this process may write to; there is no file before the first change.

    Thread: any; `rotate` and `drop` are one checkpoint's, and checkpoints come one after the other. Nobody waits for a
    disk under the lock but who begins a generation.
    """

    def __init__(self, store: Store, top: Handle, cipher: Gcm, vault_id: bytes) -> None:
        self._store = store
        self._top = top
        self._cipher = cipher
        self._vault_id = vault_id
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._active: Generation | None = None
        self._draining: Generation | None = None
        self._next_sequence = 0
        self._room = bytearray()
        self._ticket = 0
        self._synced = 0
        self.changes = 0
        """Goes up with every change of the vault; a hint."""
        self.begun = threading.Event()
        """Set when a generation begins; who waits for it clears it."""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is no journal file."""
        return self._active is None and self._draining is None

    @property
    def is_synced(self) -> bool:
        """Tell whether every record is safe from a power cut."""
        return self._synced == self._ticket

    @property
    def length(self) -> int:
        """Return the bytes of the generation that takes records."""
        active = self._active
        return active.length if active is not None else 0

    @property
    def last_ticket(self) -> int:
        """Return the ticket of the last record; it changes with every record."""
        return self._ticket

    @property
    def oldest(self) -> int | None:
        """Return the sequence number of the oldest generation, None if there is none."""
        generation = self._draining or self._active
        return generation.sequence if generation is not None else None

    def has_epoch(self, epoch: bytes) -> bool:
        """Tell whether a state with this mark was written under a journal that is still there."""
        active, draining = self._active, self._draining
        return (active is not None and active.epoch == epoch) or (draining is not None and draining.epoch == epoch)

    def active(self) -> Generation:
        """Return the generation that takes records, a new one if need be: durable before this returns.

        Raises: OSError; there is then no new one.
        """
        self.changes += 1
        active = self._active
        if active is not None:
            return active
        with self._lock:
            if self._active is None:
                self._active = self._begin()
                self.begun.set()
            return self._active

    def of_checkpoint(self) -> Generation:
        """Return the generation whose mark a checkpoint gives to the states that it writes before `drop`.

        Raises: OSError.
        """
        return self._draining or self._active or self.active()

    def leave_reserve(self, generation: Generation, size: int = 0) -> None:
        """Have the storage promise what growth must leave free, behind `size` more bytes of records.

        Raises: OSError (ENOSPC).
        """
        wanted = generation.length + generation.due + size + _RESERVE
        if wanted > generation.reserved:
            with self._lock:
                # Another one may have its handle's number by now.
                if generation is self._active or generation is self._draining:
                    self._reserve(generation, wanted)

    def append(
        self, generation: Generation, change: Change, *, in_checkpoint: bool = False, due: int = 0
    ) -> int | None:
        """Append a change with one write; None if the generation takes no records any more.

        `in_checkpoint`: what a checkpoint adds may go to the generation that it empties. `due`: how many more bytes of
        images it must get after this, less than none where this brings some; the storage promises them first.
        Returns a ticket for `sync`.
        Raises: OSError; nothing is recorded then.
        """
        with self._lock:
            if generation is not self._active and not (in_checkpoint and generation is self._draining):
                return None
            if change.synced != generation.synced:
                change = change._replace(synced=generation.synced)
            record = seal_record(self._cipher, generation.journal_id, generation.records, change, room=self._room)
            due = max(generation.due + due, 0)
            if due and generation.length + len(record) + due > generation.reserved:
                self._reserve(generation, generation.length + len(record) + due)
            if 0 < generation.filled < generation.length + len(record):
                self._fill(generation, generation.length + len(record))
            # What a failed write leaves behind is overwritten by the next record, or is the torn end of the journal.
            write_all(self._store, generation.handle, record, generation.length)
            generation.length += len(record)
            generation.records += 1
            self._ticket += 1
            generation.last = self._ticket
            generation.due = due
            return self._ticket

    def record(self, change: Change, sequence: int | None = None, *, due: int = 0) -> int:
        """Append a change to the generation with this sequence number, while it is there; else to the one that is next.

        What belongs to earlier records stays with them: each generation tells all of a file, or nothing.
        Raises: OSError; nothing is recorded then.
        """
        while True:
            present = (self._active, self._draining)
            found = next((one for one in present if one is not None and one.sequence == sequence), None)
            ticket = self.append(found or self.active(), change, in_checkpoint=found is not None, due=due)
            if ticket is not None:
                return ticket

    def sync(self, ticket: int) -> None:
        """Return when the record with this ticket, and all before it, are safe from a power cut.

        One sync serves everybody who waits. After one that failed everything is written once more, since the system
        tells such a failure only once.
        Raises: OSError.
        """
        if ticket <= self._synced:
            return
        with self._syncing:
            if ticket <= self._synced:
                return
            with self._lock:
                reached = self._ticket
                present = [found for found in (self._draining, self._active) if found is not None]
                generations = [(found, found.records) for found in present if found.last > self._synced]
            for generation, records in generations:
                if generation.is_spoilt:
                    self._write_again(generation)
                generation.is_spoilt = True
                self._store.sync(generation.handle, data_only=True)
                generation.is_spoilt = False
                generation.synced = records
                generation.filled = generation.filled or 1
            self._synced = reached

    def rotate(self) -> None:
        """Let a new generation take what comes from now on, if the last checkpoint has dropped the one before."""
        with self._lock:
            if self._draining is None:
                self._draining, self._active = self._active, None

    def note_based(self) -> None:
        """Note that all was synced that the storage had when the generation that a checkpoint empties was complete."""
        draining = self._draining
        if draining is not None:
            draining.is_based = True

    def is_based(self, sequence: int) -> bool:
        """Tell whether the states that the records of a generation go out from are known to be safe."""
        draining = self._draining
        return draining is not None and draining.sequence == sequence and draining.is_based

    def drop(self) -> None:
        """Remove the generation that takes no records any more: all it tells is safely in place.

        Raises: OSError.
        """
        # Nobody may be syncing it while it goes.
        with self._syncing, self._lock:
            draining = self._draining
            if draining is not None:
                with contextlib.suppress(FileNotFoundError):
                    self._store.unlink(self._top, draining.name)
                self._draining = None
                self._store.close(draining.handle)

    def shut(self) -> None:
        """Give back the handles; what is not in place stays in the journal."""
        for generation in (self._draining, self._active):
            if generation is not None:
                self._store.close(generation.handle)
        self._draining = self._active = None

    def _write_again(self, generation: Generation) -> None:
        """Write what the system has of a generation once more, if that is all of it.

        Raises: OSError (EIO).
        """
        with self._lock:
            length, records = generation.length, generation.records
        data = read_all(self._store, generation.handle, length, 0)
        at = JOURNAL_HEADER_SIZE
        try:
            for number in range(records):
                (size,) = LENGTH.unpack(data[at : at + LENGTH.size])
                at += LENGTH.size + size
                open_record(self._cipher, generation.journal_id, number, data[at - size : at])
        except (DamageError, struct.error):
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from None
        write_all(self._store, generation.handle, data, 0)

    def _fill(self, generation: Generation, end: int) -> None:
        """Write zeros to behind `end`; where there is no room for them, records go on without."""
        start = max(generation.filled, generation.length)
        generation.filled = end + _AHEAD
        with contextlib.suppress(OSError):
            write_all(self._store, generation.handle, bytes(end + _AHEAD - start), start)

    def _reserve(self, generation: Generation, wanted: int) -> None:
        end = wanted + _STEP
        try:
            self._store.fallocate(generation.handle, _KEEP_SIZE, 0, end)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                end = wanted
                self._store.fallocate(generation.handle, _KEEP_SIZE, 0, end)
            elif error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS):
                raise
        generation.reserved = end

    def _begin(self) -> Generation:
        taken = self._draining.name if self._draining is not None else None
        name = next(name for name in JOURNAL_NAMES if name != taken)
        store = self._store
        handle = store.open(self._top, name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            journal_id = os.urandom(JOURNAL_ID_SIZE)
            start = Start(self._next_sequence, max(store.fstat(handle).st_ctime_ns, 0))
            head = encode_journal_header(self._vault_id, journal_id)
            data = head + seal_record(self._cipher, journal_id, 0, start)
            write_all(store, handle, data, 0)
            generation = Generation(name, handle, journal_id, start.sequence, len(data), 1, 1, self._ticket)
            with contextlib.suppress(OSError):
                # Who lets a file grow asks again.
                self._reserve(generation, generation.length + _RESERVE)
            store.sync(handle)
            store.sync(self._top)
        except BaseException:
            store.close(handle)
            with contextlib.suppress(OSError):
                store.unlink(self._top, name)
            raise
        self._next_sequence += 1
        return generation
