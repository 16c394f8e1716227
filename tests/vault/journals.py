"""Journals: journal files made by hand, and a shelf whose contents have a journal."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reader.journal import replay_of as told_by
from reader.keys import VaultKeys
from reader.unfinished import open_as_left
from vault.making import CHUNK, Shelf, drop, shelf
from wafs.crypto.aead import Gcm
from wafs.format.journal import (
    JOURNAL_HEADER_SIZE,
    JOURNAL_ID_SIZE,
    LENGTH,
    Change,
    Image,
    Patch,
    Start,
    encode_journal_header,
    open_record,
    seal_record,
)
from wafs.format.layout import chunk_offset
from wafs.units import FileId
from wafs.vault.checkpoint import DEFAULT_MEMORY, Checkpoint
from wafs.vault.journal import JOURNAL_NAMES, Journal
from wafs.vault.recovery import Recovery, remove_journals
from wafs.vault.replay import Replay, read_replay
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wafs.format.journal import Piece
    from wafs.store.base import Store
    from wafs.vault.content import Content

CIPHER = Gcm(bytes(range(32)))
VAULT_ID = b"id of the vault."
FILE_ID = FileId(b"id of one file..")
BODY = bytes(range(251)) * 66  # 4 chunks and a bit
FIRST, SECOND = (os.fsdecode(name) for name in JOURNAL_NAMES)


def change(counter: int, size: int, pieces: list[Piece] | None = None, *, kept: int = 0, synced: int = 0) -> Change:
    """A change of the one file."""
    return Change(FILE_ID, 1, counter, size, kept, pieces or [], synced=synced)


def journal_bytes(*changes: Change, sequence: int = 0, since: int = 1000, journal_id: bytes = b"j" * 16) -> bytes:
    """The bytes of a whole journal file."""
    records: list[Start | Change] = [Start(sequence, since), *changes]
    head = encode_journal_header(VAULT_ID, journal_id)
    return head + b"".join(seal_record(CIPHER, journal_id, number, one) for number, one in enumerate(records))


@dataclass(slots=True)
class Desk:
    """A shelf whose contents change through a journal, until `crash` or `close`."""

    shelf: Shelf
    checkpoint: Checkpoint
    writer: Shelf
    _open: list[Content] = field(default_factory=list)

    @property
    def journal(self) -> Journal:
        return self.checkpoint.journal

    @property
    def journals(self) -> list[str]:
        """The journal files that are there."""
        return [name for name in (FIRST, SECOND) if (self.shelf.path / name).exists()]

    def make(
        self, name: str, data: bytes = b"", *, then: Callable[[Content], object] | None = None, is_safe: bool = False
    ) -> Content:
        """Make a file with these bytes that is sealed; `then` is done to it afterwards.

        `is_safe`: from a power cut, so that the journal is told of some bytes of a chunk alone.
        """
        self.journal.active()
        content = self.writer.create(name)
        self._open.append(content)
        content.write(0, memoryview(data), Scratch(0))
        content.seal()
        if is_safe:
            content.sync(data_only=True)
        if then is not None:
            then(content)
        return content

    def make_closed(
        self, name: str, data: bytes, *, then: Callable[[Content], object] | None = None, is_safe: bool = False
    ) -> None:
        """Make a file as `make` does, and close it."""
        self.make(name, data, then=then, is_safe=is_safe)
        self._open.pop().close()

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[Content]:
        """Open a file that was closed, for writing; what it leaves in the journal stays there."""
        content = self.writer.open(name)
        try:
            yield content
        finally:
            content.close()

    def crash(self) -> None:
        """Let go of everything as a killed process does."""
        while self._open:
            drop(self._open.pop())
        self.journal.shut()

    def replay(self) -> Replay | None:
        """Read the journals that are there."""
        return replay_of(self.shelf.context.store, self.shelf.top)

    def recover(self) -> Recovery | None:
        """Make the shelf whole, as who opens a vault for writing does."""
        found = self.replay()
        if found is None:
            return None
        recovery = Recovery(self.shelf.context, found)
        recovery.run(self.shelf.top)
        remove_journals(self.shelf.context.store, self.shelf.top, set_aside=False)
        return recovery

    def read(self, name: str = "file.wafs") -> bytes:
        """Read a file as it is in place."""
        return _read(self.shelf, name)

    def read_as_left(self, name: str = "file.wafs") -> bytes:
        """Read a file as one who writes nothing sees it."""
        return _read(replace(self.shelf, context=replace(self.shelf.context, replay=self.replay())), name)

    def read_by_the_other(self, name: str = "file.wafs") -> bytes:
        """Read a file as the independent reader sees it."""
        journals = [(self.shelf.path / name).read_bytes() for name in self.journals]
        keys = DeskKeys(b"", VAULT_ID)
        return open_as_left((self.shelf.path / name).read_bytes(), keys, CHUNK, told_by(journals, keys, CHUNK))


class DeskKeys(VaultKeys):
    """The keys of a desk, for the independent reader."""

    def subkey(self, label: str, size: int) -> bytes:
        return {"file keys": bytes(size), "journal": bytes(range(size)), "root": b"r" * size}[label]


def pieces_told(desk: Desk, name: str = FIRST) -> list[list[Piece]]:
    """The pieces of each change in a journal."""
    data = (desk.shelf.path / name).read_bytes()
    journal_id = data[JOURNAL_HEADER_SIZE - 13 - JOURNAL_ID_SIZE : JOURNAL_HEADER_SIZE - 13]
    found, at, number = [], JOURNAL_HEADER_SIZE, 0
    while at + LENGTH.size <= len(data):
        (size,) = LENGTH.unpack_from(data, at)
        if not size:
            break
        at += LENGTH.size + size
        record = open_record(CIPHER, journal_id, number, data[at - size : at])
        if isinstance(record, Change):
            found.append(list(record.pieces))
        number += 1
    return found


def kinds_told(desk: Desk, name: str = FIRST) -> list[list[tuple[str, int]]]:
    return [
        [(type(one).__name__, one.number) for one in pieces if isinstance(one, (Image, Patch))]
        for pieces in pieces_told(desk, name)
    ]


def replay_of(store: Store, top: int) -> Replay | None:
    """Read the journals of a folder."""
    return read_replay(store, top, CIPHER, vault_id=VAULT_ID, chunk_size=CHUNK)


@contextlib.contextmanager
def opened_desk(folder: Path, memory: int = DEFAULT_MEMORY) -> Iterator[Desk]:
    """Open a folder as a desk."""
    with shelf(folder) as bare:
        store = bare.context.store
        checkpoint = Checkpoint(store, Journal(store, bare.top, CIPHER, VAULT_ID), memory)
        desk = Desk(bare, checkpoint, replace(bare, context=replace(bare.context, checkpoint=checkpoint)))
        try:
            yield desk
        finally:
            desk.crash()


def _read(on: Shelf, name: str) -> bytes:
    content = on.open(name, writable=False)
    try:
        return bytes(content.read(0, content.size + 1, Scratch(0)))
    finally:
        content.close()


def writes(at: int, data: bytes) -> Callable[[Content], None]:
    """A write, to be done to a content."""
    return lambda content: content.write(at, memoryview(data), Scratch(0))


def resizes(size: int) -> Callable[[Content], None]:
    """A cut or an extension."""
    return lambda content: content.truncate(size, Scratch(0))


def punches(at: int, size: int) -> Callable[[Content], None]:
    """A hole."""
    return lambda content: content.punch(at, size, Scratch(0))


def put(body: bytes, at: int, data: bytes) -> bytes:
    """What a write makes of a body."""
    return body[:at].ljust(at, b"\0") + data + body[at + len(data) :]


def spoil(desk: Desk, number: int, name: str) -> None:
    """Lose a chunk in place, as a power cut does."""
    with (desk.shelf.path / name).open("r+b") as file:
        file.seek(chunk_offset(number, CHUNK))
        file.write(bytes(100))


CHANGES_OF_CONTENT = {
    "inside": (writes(5000, b"new"), put(BODY, 5000, b"new")),
    "a whole chunk": (writes(CHUNK, b"n" * CHUNK), put(BODY, CHUNK, b"n" * CHUNK)),
    "over the end": (writes(len(BODY) - 2, b"n" * 9000), put(BODY, len(BODY) - 2, b"n" * 9000)),
    "behind a gap": (writes(30_000, b"new"), put(BODY, 30_000, b"new")),
    "a cut": (resizes(5000), BODY[:5000]),
    "a cut at a chunk": (resizes(2 * CHUNK), BODY[: 2 * CHUNK]),
    "a cut to nothing": (resizes(0), b""),
    "an extension": (resizes(30_000), BODY.ljust(30_000, b"\0")),
    "a hole": (punches(CHUNK, 2 * CHUNK), put(BODY, CHUNK, bytes(2 * CHUNK))),
    "a hole at the end": (punches(100, 1 << 20), BODY[:100].ljust(len(BODY), b"\0")),
}
