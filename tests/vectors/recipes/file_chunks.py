"""Vectors of chunks, holes and the root (F-27, F-30, F-31)."""

from collections.abc import Iterator

from vectors.loader import Vector
from vectors.recipes.file_writer import CHUNK, ROOT, SEALED_CHUNK, SPARSE, FileWriter
from vectors.recipes.header_writer import flipped


def _damage() -> Iterator[Vector]:
    writer = FileWriter.of("file-chunks")
    plain = writer.plain(40)
    good = writer.whole(plain)
    for name, at, comment in (
        ("nonce", 256, "a bit of the nonce of a chunk"),
        ("payload", 270, "a bit of the payload of a chunk"),
        ("tag", -1, "a bit of the tag of a chunk"),
    ):
        yield writer.bad(f"chunk-{name}-flip", "F-30", "auth", comment, flipped(good, at))
    other = FileWriter(writer.dice, writer.keys, "another file")
    from_other = writer.file(40, [other.chunk(0, plain)])
    yield writer.bad("chunk-of-another", "F-30", "auth", "a chunk of another file", from_other)
    head = other.whole(plain)[:256] + good[256:]
    yield writer.bad("header-of-another", "F-30", "auth", "the header of another file", head)
    misnumbered = writer.file(40, [writer.chunk(1, plain)])
    yield writer.bad("chunk-number", "F-30", "auth", "chunk 1 at the place of 0", misnumbered)
    long = writer.plain(2 * CHUNK)
    first, second = writer.chunks(long)
    swapped = writer.file(len(long), [second, first])
    yield writer.bad("chunks-swapped", "F-30", "auth", "two chunks changed places", swapped)


def _holes() -> Iterator[Vector]:
    writer = FileWriter.of("file-holes")
    plain = writer.plain(CHUNK + 40)
    first, second = writer.chunks(plain)
    hole, end = bytes(SEALED_CHUNK), plain[CHUNK:]
    size = len(plain)
    for name, comment, data, released in (
        (
            "hole",
            "chunk 0 is a hole",
            writer.file(size, [hole, second], flags=SPARSE),
            bytes(CHUNK) + end,
        ),
        (
            "hole-last",
            "the last chunk is a hole",
            writer.file(size, [first, bytes(68)], flags=SPARSE),
            plain[:CHUNK] + bytes(40),
        ),
        (
            "holes-alone",
            "nothing but holes",
            writer.file(size, [hole, bytes(68)], flags=SPARSE),
            bytes(size),
        ),
        (
            "no-holes",
            "SPARSE without a hole",
            writer.file(40, [writer.chunk(0, end)], flags=SPARSE),
            end,
        ),
    ):
        yield writer.good(name, "F-31", comment, data, released)
    zeroed = writer.file(size, [hole, second])
    yield writer.bad("hole-not-sparse", "F-31", "auth", "a zeroed chunk without SPARSE", zeroed)
    zeroed = writer.file(40, [bytes(68)])
    yield writer.bad("zeroed-short", "F-31", "auth", "a short zeroed chunk, no SPARSE", zeroed)
    tagged = writer.file(40, [bytes(67) + b"\1"], flags=SPARSE)
    yield writer.bad("hole-tag", "F-30", "auth", "zeros with a bit set are no hole", tagged)
    blank = writer.file(40, [bytes(12) + writer.chunk(0, end)[12:]], flags=SPARSE)
    yield writer.bad("hole-nonce", "F-30", "auth", "a zeroed nonce alone is no hole", blank)


def _roots() -> Iterator[Vector]:
    writer = FileWriter.of("file-roots")
    plain = writer.plain(CHUNK + 40)
    first, second = writer.chunks(plain)
    size, end = len(plain), plain[CHUNK:]
    root = writer.root([first, second])
    whole = writer.file(size, [first, second], flags=ROOT, root=root)
    yield writer.good("root", "F-27", "a root over two chunks", whole, plain)
    nothing = writer.file(0, [], flags=ROOT)
    yield writer.good("root-empty", "F-27", "the root of an empty file is zero", nothing, b"")
    hole = bytes(SEALED_CHUNK)
    holed = writer.file(size, [hole, second], flags=ROOT | SPARSE, root=writer.root([hole, second]))
    comment = "a hole is not counted in the root"
    yield writer.good("root-hole", "F-27", comment, holed, bytes(CHUNK) + end)
    short = writer.chunk(0, end)
    older = writer.chunk(0, end[::-1], take=1)
    short_root = writer.root([short])
    for name, comment, data in (
        (
            "root-replayed",
            "an older chunk put in place of the newer one",
            writer.file(40, [older], flags=ROOT, root=short_root),
        ),
        (
            "root-resealed",
            "the same payload sealed at another time",
            writer.file(40, [writer.chunk(0, end, take=2)], flags=ROOT, root=short_root),
        ),
        (
            "root-flip",
            "a bit of the root",
            writer.file(40, [short], flags=ROOT, root=flipped(short_root, 0)),
        ),
        ("root-zero", "a root of zero", writer.file(40, [short], flags=ROOT)),
        ("root-not-empty", "a root in an empty file", writer.file(0, [], flags=ROOT, root=root)),
        (
            "root-punched",
            "a chunk zeroed in a file with SPARSE and a root",
            writer.file(40, [bytes(68)], flags=ROOT | SPARSE, root=short_root),
        ),
    ):
        yield writer.bad(name, "F-27", "auth", comment, data)


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    yield from _damage()
    yield from _holes()
    yield from _roots()
