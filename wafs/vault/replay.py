"""Replay: what the journals of a vault tell that may not be in place (format.md section 10)."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from wafs.crypto.aead import Gcm
from wafs.errors import AuthenticationError, DamageError, LimitError, MalformedError
from wafs.format.journal import (
    EPOCH_SIZE,
    JOURNAL_HEADER_SIZE,
    LENGTH,
    Change,
    Hole,
    Image,
    Patch,
    Piece,
    Start,
    check_record_length,
    decode_journal_header,
    open_record,
)
from wafs.store.base import Handle, Store
from wafs.units import FileId
from wafs.vault.chunk_io import read_all
from wafs.vault.journal import JOURNAL_NAMES
from wafs.vault.journal_tail import JournalTail

SLACK_NS: Final = 2_000_000_000
"""Clocks of filesystems are coarse: by so much a change may seem to be older than it is."""

_REACH: Final = 2
"""A checkpoint writes two states: in flight, and sealed."""

_HINT: Final = (
    "wafs check tells more; wafs check --repair moves the journal aside, and what was written in the last seconds"
    " before the vault was left is lost with it"
)


@dataclass(slots=True)
class Unfinished:
    """What the journals tell of one file: all of it is in place, or must be brought there.

    `first` and `last` are the least and greatest counter of the file's state when its changes began (F-83). `chunks`
    are told whole; of those in `patches` only these bytes, from `at` on each, over what is in place.
    """

    first: int
    last: int
    inode: int
    size: int
    kept: int
    mtime: int | None = None
    chunks: dict[int, bytearray] = field(default_factory=dict)
    patches: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)
    holes: list[tuple[int, int]] = field(default_factory=list)

    def concerns(self, counter: int) -> bool:
        """Tell whether a file with this counter may lack some of it."""
        return self.first <= counter <= self.last + _REACH

    def goes_on_with(self, change: Change) -> bool:
        """Tell whether a change follows on what is here, with nothing in between that no journal tells of."""
        return self.last <= change.counter <= self.last + _REACH

    def add(self, change: Change, chunk_size: int) -> None:
        """Take in the next change.

        Raises: MalformedError.
        """
        self.last = change.counter
        self.size = change.size
        self.mtime = change.mtime
        self.kept = min(self.kept, change.kept)
        count = -(-change.size // chunk_size)
        if self.chunks and max(self.chunks) >= count:
            self.chunks = {number: chunk for number, chunk in self.chunks.items() if number < count}
        if self.patches and max(self.patches) >= count:
            self.patches = {number: parts for number, parts in self.patches.items() if number < count}
        for piece in change.pieces:
            match piece:
                case Hole(first, stop):
                    self.holes.append((first, stop))
                    self.chunks = {n: chunk for n, chunk in self.chunks.items() if not first <= n < stop}
                    self.patches = {n: parts for n, parts in self.patches.items() if not first <= n < stop}
                case Image(number, payload) if len(payload) <= chunk_size:
                    self.chunks[number] = bytearray(payload).ljust(chunk_size, b"\0")
                    self.patches.pop(number, None)
                case Patch(number, at, payload) if number in self.chunks and at + len(payload) <= chunk_size:
                    self.chunks[number][at : at + len(payload)] = payload
                case Patch(number, at, payload) if self._has_in_place(number, at + len(payload), chunk_size):
                    self.patches.setdefault(number, []).append((at, bytes(payload)))
                case _:
                    msg = "journal tells of a chunk in a way that the format does not define"
                    raise MalformedError(msg)

    def change(self, file_id: FileId, pieces: Sequence[Piece]) -> Change:
        """Return what tells these pieces after all that is here, and changes nothing else."""
        return Change(file_id, self.inode, self.last, self.size, self.kept, pieces, self.mtime)

    def _has_in_place(self, number: int, stop: int, chunk_size: int) -> bool:
        """Tell whether a chunk that is not told whole can have its first `stop` bytes in place."""
        if number in self.chunks or number >= self.kept or stop > min(chunk_size, self.size - number * chunk_size):
            return False
        return not any(first <= number < end for first, end in self.holes)


@dataclass(slots=True)
class Replay:
    """What the journals of a vault tell, and since when (the storage's clock, ns) they were there.

    `tail` is where the newest of them goes on.
    """

    files: dict[FileId, Unfinished] = field(default_factory=dict)
    epochs: set[bytes] = field(default_factory=set)
    since: int = 1 << 62
    records: int = 0
    tail: JournalTail | None = field(default=None, compare=False)

    def may_concern(self, found: os.stat_result) -> bool:
        """Tell whether a file with these attributes was changed while the journals were there, or is in them."""
        if found.st_ctime_ns >= self.since - SLACK_NS:
            return True
        return any(unfinished.inode == found.st_ino for unfinished in self.files.values())

    def of(self, file_id: FileId, counter: int) -> Unfinished | None:
        """Return what is unfinished of a file whose state has this counter."""
        found = self.files.get(file_id)
        return found if found is not None and found.concerns(counter) else None


def read_replay(store: Store, top: Handle, cipher: Gcm, *, vault_id: bytes, chunk_size: int) -> Replay | None:
    """Read the journals; None if there is none.

    Raises: DamageError for a journal that was changed, UnsupportedFormatError, OSError.
    Spec: F-80 to F-83.
    """
    starts: list[tuple[Start, JournalTail, list[Change]]] = []
    is_there = False
    for name in JOURNAL_NAMES:
        try:
            read = _read_named(store, top, name, cipher, vault_id)
        except FileNotFoundError:
            continue
        is_there = True
        if read is not None:
            starts.append(read)
    if not is_there:
        return None
    replay = Replay()
    for start, tail, changes in sorted(starts, key=lambda one: one[0].sequence):
        replay.tail = tail
        replay.epochs.add(tail.journal_id[:EPOCH_SIZE])
        replay.since = min(replay.since, start.since)
        for change in changes:
            _take(replay, change, chunk_size)
    return replay


def damaged_journals(store: Store, top: Handle, cipher: Gcm, *, vault_id: bytes) -> dict[bytes, DamageError]:
    """Return the names of the journals that do not read, and why.

    Raises: UnsupportedFormatError, OSError.
    """
    problems = {}
    for name in JOURNAL_NAMES:
        try:
            _read_named(store, top, name, cipher, vault_id)
        except FileNotFoundError:
            continue
        except DamageError as error:
            problems[name] = error
    return problems


def _take(replay: Replay, change: Change, chunk_size: int) -> None:
    replay.records += 1
    found = replay.files.get(change.file_id)
    if found is None or not found.goes_on_with(change):
        found = Unfinished(change.counter, change.counter, change.inode, change.size, change.kept)
        replay.files[change.file_id] = found
    found.add(change, chunk_size)


def _read_named(
    store: Store, top: Handle, name: bytes, cipher: Gcm, vault_id: bytes
) -> tuple[Start, JournalTail, list[Change]] | None:
    handle = store.open(top, name, os.O_RDONLY)
    try:
        return _read_journal(JournalTail(store, top, name, cipher), handle, vault_id)
    except DamageError as error:
        msg = f"the journal of unfinished changes, {os.fsdecode(name)}, is damaged: {error}"
        raise type(error)(msg, hint=_HINT) from error
    finally:
        store.close(handle)


def _read_journal(tail: JournalTail, handle: Handle, vault_id: bytes) -> tuple[Start, JournalTail, list[Change]] | None:
    """Return a journal's start, where it goes on and its changes; None if a crash kept it from beginning."""
    store = tail.store
    length = store.fstat(handle).st_size
    head = read_all(store, handle, JOURNAL_HEADER_SIZE, 0)
    if len(head) < JOURNAL_HEADER_SIZE or not any(head):
        # It is synced before anything relies on it.
        return None
    tail.journal_id = decode_journal_header(head, vault_id)
    records: list[Start | Change] = []
    torn = -1
    for number, sealed in enumerate(_sealed_records(store, handle, length)):
        try:
            record = open_record(tail.cipher, tail.journal_id, number, sealed)
        except AuthenticationError:
            torn = number if torn < 0 else torn
            continue
        if torn < 0:
            records.append(record)
            tail.records += 1
            tail.length += LENGTH.size + len(sealed)
        elif isinstance(record, Change) and record.synced > torn:
            # Records that nobody synced may be torn in any order; this one was safe.
            msg = f"record {torn} does not verify"
            raise AuthenticationError(msg)
    match records:
        case [Start() as start, *changes]:
            return start, tail, [change for change in changes if isinstance(change, Change)]
    return None


def _sealed_records(store: Store, handle: Handle, length: int) -> Iterator[bytes]:
    """Yield what follows the head, to where the journal ends or was torn."""
    offset = JOURNAL_HEADER_SIZE
    while True:
        head = read_all(store, handle, LENGTH.size, offset)
        if len(head) < LENGTH.size:
            return
        (size,) = LENGTH.unpack(head)
        try:
            check_record_length(size)
        except LimitError:
            return
        offset += LENGTH.size
        if offset + size > length:
            return
        yield read_all(store, handle, size, offset)
        offset += size
