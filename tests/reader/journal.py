"""Journals (format.md section 10): what they tell of each file that may not be in its place."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from reader.canonical import canonical_decode
from reader.keys import VaultKeys
from reader.primitives import SEAL_OVERHEAD, gcm_open
from reader.problem import demand, refuse

HEAD_SIZE = 64
ENCODED_HEAD_SIZE = 51
EPOCH_SIZE = 8
LENGTH_SIZE = 4
MAX_RECORD = 16 << 20
REACH = 2


@dataclasses.dataclass(slots=True)
class Story:
    """What is told of one file: the least and greatest base, size, chunks kept, mtime field, chunks and holes.

    Of the chunks in `patches` only some bytes are told: where they begin, and what they are.
    """

    first: int
    last: int
    size: int
    kept: int
    mtime: int = 0
    chunks: dict[int, bytes] = dataclasses.field(default_factory=dict)
    patches: dict[int, list[tuple[int, bytes]]] = dataclasses.field(default_factory=dict)
    holes: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def drop(self, first: int, stop: int) -> None:
        """Forget what is told of these chunks."""
        self.chunks = {number: chunk for number, chunk in self.chunks.items() if not first <= number < stop}
        self.patches = {number: parts for number, parts in self.patches.items() if not first <= number < stop}

    def is_hole(self, number: int) -> bool:
        """Say whether a chunk that is not among the chunks reads as zeros."""
        return number >= self.kept or any(first <= number < stop for first, stop in self.holes)


@dataclasses.dataclass(slots=True)
class Replay:
    """What all journals tell, by file id, and their epochs."""

    stories: dict[bytes, Story] = dataclasses.field(default_factory=dict)
    epochs: set[bytes] = dataclasses.field(default_factory=set)

    def of(self, file_id: bytes, counter: int) -> Story | None:
        """Give what concerns a file whose state has this counter (F-83)."""
        story = self.stories.get(file_id)
        if story is None or not story.first <= counter <= story.last + REACH:
            return None
        return story


def replay_of(journals: list[bytes], keys: VaultKeys, chunk_size: int) -> Replay:
    """Read the journals of a vault and put together what they tell (F-80 to F-82).

    Raises:
        FormatProblem: F-80 *auth*, F-81 *version* or *malformed*.
    """
    replay = Replay()
    begun: list[tuple[int, list[Any]]] = []
    for data in journals:
        if len(data) < HEAD_SIZE or not any(data[:HEAD_SIZE]):
            continue
        journal_id = _open_head(data[:HEAD_SIZE], keys)
        records = _records(data, journal_id, keys)
        if records:
            replay.epochs.add(journal_id[:EPOCH_SIZE])
            begun.append((records[0][0], records[1:]))
    for _, changes in sorted(begun, key=lambda one: one[0]):
        for change in changes:
            _take(replay.stories, change, chunk_size)
    return replay


def _open_head(head: bytes, keys: VaultKeys) -> bytes:
    fields = canonical_decode(head[:ENCODED_HEAD_SIZE])
    is_head = isinstance(fields, list) and len(fields) == 4 and fields[0] == "wafs.journal"
    demand(is_head and not any(head[ENCODED_HEAD_SIZE:]), "malformed", "F-81", "not the head of a journal")
    _, version, vault_id, journal_id = fields
    demand(version == 1, "version", "F-81", f"wanted journal version 1, found {version}")
    demand(vault_id == keys.vault_id, "malformed", "F-81", "journal of another vault")
    demand(type(journal_id) is bytes and len(journal_id) == 16, "malformed", "F-81", "journal id")
    return bytes(journal_id)


def _records(data: bytes, journal_id: bytes, keys: VaultKeys) -> list[Any]:
    """Give the payloads of the records that count; none if the journal never began."""
    key = keys.subkey("journal", 32)
    records: list[Any] = []
    torn = None
    for number, sealed in enumerate(_sealed(data)):
        plain = gcm_open(key, sealed, journal_id + number.to_bytes(8))
        if plain is None:
            torn = number if torn is None else torn
            continue
        record = canonical_decode(plain)
        _check(record, number)
        if torn is None:
            records.append(record)
        elif number and record[7] > torn:
            refuse("auth", "F-80", f"record {torn} was synced and does not open")
    return records


def _sealed(data: bytes) -> Iterator[bytes]:
    at = HEAD_SIZE
    while at + LENGTH_SIZE <= len(data):
        length = int.from_bytes(data[at : at + LENGTH_SIZE])
        at += LENGTH_SIZE
        if not SEAL_OVERHEAD < length <= MAX_RECORD or at + length > len(data):
            return
        yield data[at : at + length]
        at += length


def _check(record: Any, number: int) -> None:
    kinds = [type(field) for field in record] if isinstance(record, list) else []
    if number == 0:
        demand(kinds == [int, int], "malformed", "F-81", "record 0 has another form")
        return
    fits = kinds == [bytes, int, int, int, int, list, int, int] and len(record[0]) == 16 and record[7] <= number
    demand(fits, "malformed", "F-81", f"record {number} has another form")
    for piece in record[5]:
        of_piece = [type(field) for field in piece] if isinstance(piece, list) else []
        fits = of_piece in ([int, bytes], [int, int, bytes], [int, int])
        demand(fits, "malformed", "F-81", f"record {number} has a piece of another form")


def _take(stories: dict[bytes, Story], change: list[Any], chunk_size: int) -> None:
    file_id, _, base, size, kept, pieces, mtime, _ = change
    story = stories.get(file_id)
    if story is None or not story.last <= base <= story.last + REACH:
        story = stories[file_id] = Story(base, base, size, kept)
    story.last, story.size, story.mtime, story.kept = base, size, mtime, min(story.kept, kept)
    story.drop(-(-size // chunk_size), 1 << 64)
    for piece in pieces:
        _take_piece(story, piece, chunk_size)


def _take_piece(story: Story, piece: list[Any], chunk_size: int) -> None:
    if len(piece) == 3:
        number, at, part = piece
        if number not in story.chunks:
            end = number * chunk_size + at + len(part)
            fits = at + len(part) <= chunk_size and end <= story.size and not story.is_hole(number)
            demand(fits, "malformed", "F-81", "a piece changes bytes that are not in place")
            story.patches.setdefault(number, []).append((at, part))
            return
        old = story.chunks[number]
        chunk = old[:at] + part + old[at + len(part) :]
    elif isinstance(piece[1], bytes):
        number, chunk = piece
        chunk = chunk.ljust(chunk_size, b"\0")
    else:
        first, stop = piece
        story.holes.append((first, stop))
        story.drop(first, stop)
        return
    demand(len(chunk) == chunk_size, "malformed", "F-81", "a piece is longer than a chunk")
    story.chunks[number] = chunk
    story.patches.pop(number, None)
