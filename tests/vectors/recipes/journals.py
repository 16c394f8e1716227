"""Vectors of journals (F-80 to F-82)."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from vectors.loader import Vector
from vectors.recipes.header_writer import flipped
from vectors.recipes.recipe import Keys, recipe
from vectors.recipes.seal import Dice, gcm, pack

CHUNK = 4096
BIAS = 1 << 63


@dataclasses.dataclass(frozen=True, slots=True)
class JournalWriter:
    """Writes one journal; ``label`` tells the two of one vault apart."""

    dice: Dice
    keys: Keys
    label: str = "journal"

    @property
    def journal_id(self) -> bytes:
        """The journal's id."""
        return self.dice.roll(f"{self.label} id", 16)

    @property
    def file_id(self) -> bytes:
        """The id of the file that it tells of."""
        return self.dice.roll("file id", 16)

    def head(self, *, magic: str = "wafs.journal", version: int = 1, vault_id: bytes | None = None) -> bytes:
        """The first 64 bytes."""
        fields = [magic, version, self.keys.vault_id if vault_id is None else vault_id, self.journal_id]
        return pack(fields).ljust(64, b"\0")

    def record(self, number: int, value: Any) -> bytes:
        """One record with its length; the value need not be one that the format defines."""
        return self.sealed(number, pack(value))

    def sealed(self, number: int, plain: bytes) -> bytes:
        """One record of these plain bytes."""
        nonce = self.dice.roll(f"{self.label} record {number} {plain!r}", 12)
        body = nonce + gcm(self.keys.subkey("journal", 32), nonce, plain, self.journal_id + number.to_bytes(8))
        return len(body).to_bytes(4) + body

    def change(self, base: int, size: int, kept: int, pieces: list[Any], *, mtime: int = 0, synced: int = 0) -> Any:
        """The value of a change of the file."""
        return [self.file_id, 77, base, size, kept, pieces, mtime, synced]

    def journal(self, *changes: Any, sequence: int = 0) -> bytes:
        """A whole journal."""
        values = [[sequence, 1_700_000_000_000_000_000], *changes]
        return self.head() + b"".join(self.record(number, value) for number, value in enumerate(values))

    def told(self, *, bases: tuple[int, int], size: int, kept: int, **more: Any) -> bytes:
        """What is released where a journal tells of the file: README.md says how."""
        chunks, holes = more.get("chunks", {}), more.get("holes", [])
        numbers = [*bases, size, kept, more.get("mtime", 0), len(chunks), len(holes)]
        out = self.file_id + b"".join(number.to_bytes(8) for number in numbers)
        for number, payload in sorted(chunks.items()):
            out += number.to_bytes(8) + payload.ljust(CHUNK, b"\0")
        out += b"".join(first.to_bytes(8) + stop.to_bytes(8) for first, stop in holes)
        for number, at, part in more.get("patches", []):
            out += number.to_bytes(8) + at.to_bytes(8) + len(part).to_bytes(8) + part
        return out


def _writer(name: str) -> JournalWriter:
    dice = Dice(name)
    return JournalWriter(dice, Keys.rolled(dice))


def _good(
    writer: JournalWriter, name: str, rule: str, comment: str, data: bytes, plain: bytes, **inputs: bytes
) -> Vector:
    lines = writer.keys.inputs(chunk_size=CHUNK, **inputs)
    return recipe(f"journal-ok-{name}", rule, comment, data, kind="journal", plain=plain, inputs=lines)


def _bad(writer: JournalWriter, name: str, rule: str, expect: str, comment: str, data: bytes) -> Vector:
    lines = writer.keys.inputs(chunk_size=CHUNK)
    return recipe(f"journal-{name}", rule, comment, data, kind="journal", expect=expect, inputs=lines)


def _ends() -> Iterator[Vector]:
    writer = _writer("journal-ends")
    start = writer.journal()
    one = writer.change(4, 5, 1, [[0, b"first"]])
    two = writer.change(4, 6, 1, [[0, 5, b"!"]])
    synced = writer.change(4, 7, 1, [[0, 6, b"?"]], synced=2)
    whole, both = writer.journal(one), writer.journal(one, two)
    told = writer.told(bases=(4, 4), size=5, kept=1, chunks={0: b"first"})
    for name, comment, data in (
        ("nothing", "a journal of no bytes", b""),
        ("head-cut", "a byte less than a head", start[:63]),
        ("head-only", "a head without record 0", start[:64]),
        ("start-cut", "record 0 without its last byte", start[:-1]),
        ("zeros", "zeros, as a power cut leaves them", bytes(4096)),
        ("start", "a journal without changes", start),
        ("first-torn", "the first of two records does not open and nobody said that it was synced", b""),
    ):
        torn = flipped(both, len(whole) - 1)
        yield _good(writer, name, "F-80", comment, torn if name == "first-torn" else data, b"")
    for name, comment, data in (
        ("one", "one change", whole),
        ("length-cut", "a second record of which only part of the length is there", both[: len(whole) + 3]),
        ("record-cut", "a second record without its last byte", both[:-1]),
        ("record-torn", "a second record whose last byte is another", flipped(both, len(both) - 1)),
        ("zeros-behind", "zeros behind the last record", whole + bytes(500)),
        ("length-absurd", "a length of 4 GiB behind the last record", whole + b"\xff" * 40),
        ("length-least", "a length of 28, which no record has", whole + (28).to_bytes(4) + bytes(28)),
        ("other-number", "the first record once more, in the place of the second", whole + writer.record(1, one)),
    ):
        yield _good(writer, name, "F-80", comment, data, told)
    three = writer.journal(one, two, synced)
    for name, comment, at in (
        ("synced-first-flip", "a record that was synced, says a later one, does not open", len(whole) - 1),
        ("synced-start-flip", "record 0 does not open, and a later record was written", len(start) - 1),
    ):
        yield _bad(writer, name, "F-80", "auth", comment, flipped(three, at))


def _forms() -> Iterator[Vector]:
    writer = _writer("journal-forms")
    start = writer.journal()
    rest = start[64:]
    for version in (0, 2):
        data = writer.head(version=version) + rest
        yield _bad(writer, f"version-{version}", "F-81", "version", f"journal version {version}", data)
    for name, comment, data in (
        ("magic", "another word at the beginning", writer.head(magic="wafs.janitor") + rest),
        ("other-vault", "a journal of another vault", writer.head(vault_id=bytes(16)) + rest),
        ("padding", "a byte behind the head that is not zero", flipped(start, 63)),
        ("start-form", "record 0 with three fields", writer.head() + writer.record(0, [0, 0, 0])),
    ):
        yield _bad(writer, name, "F-81", "malformed", comment, data)
    good = writer.change(4, CHUNK, 1, [])
    for name, comment, value in (
        ("short", "a change without its last field", good[:-1]),
        ("long", "a change with a field more", [*good, 0]),
        ("id", "a file id of 15 bytes", [good[0][:-1], *good[1:]]),
        ("synced", "a change that was synced when it was written", [*good[:-1], 2]),
        ("piece-empty", "a piece without fields", [*good[:5], [[]], 0, 0]),
        ("piece-text", "a piece with text", [*good[:5], [[0, "text"]], 0, 0]),
        ("piece-numbers", "a piece of three numbers", [*good[:5], [[0, 1, 2]], 0, 0]),
        ("image-long", "a chunk of a byte too many", [*good[:5], [[0, bytes(CHUNK + 1)]], 0, 0]),
        ("patch-cut", "a change of a chunk that is not kept", [*good[:4], 0, [[0, 0, b"x"]], 0, 0]),
        ("patch-beyond", "a change beyond the end of a chunk in place", [*good[:5], [[0, CHUNK, b"x"]], 0, 0]),
        ("patch-grows", "a change beyond the end of the file in place", [*good[:3], 9, 1, [[0, 8, b"xx"]], 0, 0]),
        (
            "patch-told-hole",
            "a change of a chunk in place that became a hole",
            [*good[:5], [[0, 1], [0, 0, b"x"]], 0, 0],
        ),
        ("patch-long", "a change beyond the end of its chunk", [*good[:5], [[0, b"x"], [0, CHUNK, b"x"]], 0, 0]),
        ("patch-hole", "a change of a chunk that became a hole", [*good[:5], [[0, b"x"], [0, 1], [0, 0, b"x"]], 0, 0]),
    ):
        yield _bad(writer, f"change-{name}", "F-81", "malformed", comment, writer.journal(value))
    long_form = b"\x92\xcc\x00\x00"
    comment = "record 0 with a number in two bytes that fits into one"
    data = writer.head() + writer.sealed(0, long_form)
    yield _bad(writer, "not-canonical", "F-02", "malformed", comment, data)


def _chains() -> Iterator[Vector]:
    writer = _writer("journal-chains")
    x, y = b"x" * CHUNK, b"y" * 100
    scenarios: tuple[tuple[str, str, list[Any], bytes], ...] = (
        (
            "image-patch",
            "a chunk, then some bytes of it",
            [writer.change(4, CHUNK, 1, [[0, x]]), writer.change(4, CHUNK, 1, [[0, 7, b"new"]])],
            writer.told(bases=(4, 4), size=CHUNK, kept=1, chunks={0: x[:7] + b"new" + x[10:]}),
        ),
        (
            "patch-alone",
            "bytes of chunks in place, in the order in which they came",
            [
                writer.change(4, 2 * CHUNK + 9, 3, [[2, 8, b"!"], [0, 5, b"first"]]),
                writer.change(4, 2 * CHUNK + 9, 3, [[0, 7, b"then"], [1, 0, x[:-1]], [1, CHUNK - 1, b"z"]]),
            ],
            writer.told(
                bases=(4, 4),
                size=2 * CHUNK + 9,
                kept=3,
                patches=[(0, 5, b"first"), (0, 7, b"then"), (1, 0, x[:-1]), (1, CHUNK - 1, b"z"), (2, 8, b"!")],
            ),
        ),
        (
            "patch-then-image",
            "bytes of a chunk in place, then all of it, then bytes of that",
            [writer.change(4, CHUNK, 1, [[0, 5, b"gone"]]), writer.change(4, CHUNK, 1, [[0, y], [0, 1, b"new"]])],
            writer.told(bases=(4, 4), size=CHUNK, kept=1, chunks={0: y[:1] + b"new" + y[4:]}),
        ),
        (
            "patch-gone",
            "bytes of chunks in place that were cut off or became holes",
            [
                writer.change(4, 4 * CHUNK, 4, [[0, 0, b"stays"], [1, 0, b"x"], [3, 0, b"x"]]),
                writer.change(4, 4 * CHUNK, 4, [[1, 2]]),
                writer.change(4, 3 * CHUNK, 3, []),
                writer.change(4, 4 * CHUNK, 3, []),
            ],
            writer.told(bases=(4, 4), size=4 * CHUNK, kept=3, holes=[(1, 2)], patches=[(0, 0, b"stays")]),
        ),
        (
            "patch-anew",
            "bytes of a chunk, and a base that starts anew",
            [writer.change(4, CHUNK, 1, [[0, 0, b"gone"]]), writer.change(7, CHUNK, 1, [[0, 9, b"new"]])],
            writer.told(bases=(7, 7), size=CHUNK, kept=1, patches=[(0, 9, b"new")]),
        ),
        (
            "image-twice",
            "a chunk again, shorter: zeros come after it",
            [writer.change(4, CHUNK, 1, [[0, x]]), writer.change(4, CHUNK, 1, [[0, y]])],
            writer.told(bases=(4, 4), size=CHUNK, kept=1, chunks={0: y}),
        ),
        (
            "cut",
            "chunks behind a cut do not come back when the file grows",
            [
                writer.change(4, 3 * CHUNK, 3, [[0, x], [2, x]]),
                writer.change(4, CHUNK, 1, []),
                writer.change(4, 3 * CHUNK, 3, []),
            ],
            writer.told(bases=(4, 4), size=3 * CHUNK, kept=1, chunks={0: x}),
        ),
        (
            "hole",
            "a hole takes the chunks in it",
            [writer.change(4, 4 * CHUNK, 4, [[0, x], [1, x], [3, x], [1, 3], [2, y]])],
            writer.told(bases=(4, 4), size=4 * CHUNK, kept=4, chunks={0: x, 2: y, 3: x}, holes=[(1, 3)]),
        ),
        (
            "base-two-more",
            "a base that is two more goes on",
            [writer.change(4, 2 * CHUNK, 2, [[0, x]]), writer.change(6, 2 * CHUNK, 2, [[1, y]])],
            writer.told(bases=(4, 6), size=2 * CHUNK, kept=2, chunks={0: x, 1: y}),
        ),
        (
            "base-three-more",
            "a base that is three more starts anew",
            [writer.change(4, 2 * CHUNK, 0, [[0, x]]), writer.change(7, 2 * CHUNK, 2, [[1, y]])],
            writer.told(bases=(7, 7), size=2 * CHUNK, kept=2, chunks={1: y}),
        ),
        (
            "base-less",
            "a base that is less starts anew",
            [writer.change(4, 2 * CHUNK, 0, [[0, x]]), writer.change(3, 2 * CHUNK, 2, [[1, y]])],
            writer.told(bases=(3, 3), size=2 * CHUNK, kept=2, chunks={1: y}),
        ),
        (
            "mtime-before-1970",
            "a time before 1970",
            [writer.change(4, 0, 0, [], mtime=BIAS - 1_000_000_001)],
            writer.told(bases=(4, 4), size=0, kept=0, mtime=BIAS - 1_000_000_001),
        ),
    )
    for name, comment, changes, plain in scenarios:
        yield _good(writer, name, "F-82", comment, writer.journal(*changes), plain)


def _two() -> Iterator[Vector]:
    older = _writer("journal-two")
    newer = dataclasses.replace(older, label="next journal")
    x = b"x" * CHUNK
    first = older.journal(older.change(4, CHUNK, 1, [[0, x]]), sequence=8)
    second = newer.journal(newer.change(6, 2 * CHUNK, 1, [[0, 0, b"new"], [1, b"y"]]), sequence=9)
    told = older.told(bases=(4, 6), size=2 * CHUNK, kept=1, chunks={0: b"new" + x[3:], 1: b"y"})
    comment = "two journals, in the order of their names"
    yield _good(older, "two", "F-82", comment, first, told, next_hex=second)
    comment = "two journals, the newer one in wafs.journal"
    yield _good(older, "two-swapped", "F-82", comment, second, told, next_hex=first)
    told = older.told(bases=(4, 4), size=CHUNK, kept=1, chunks={0: x})
    comment = "a journal, and a next one that never began"
    yield _good(older, "two-one-empty", "F-80", comment, first, told, next_hex=second[:70])


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    yield from _ends()
    yield from _forms()
    yield from _chains()
    yield from _two()
