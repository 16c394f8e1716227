"""Vectors of the file header, state slots and sizes (F-20 to F-25)."""

from collections.abc import Iterator

from vectors.loader import Vector
from vectors.recipes.file_writer import CHUNK, IN_FLIGHT, SEALED_CHUNK, SPARSE, FileWriter
from vectors.recipes.header_writer import flipped

SIZE = 40  # of most files here: one short chunk is all that their rules need


def _replaced(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _record() -> Iterator[Vector]:
    writer = FileWriter.of("file-record")
    rest = writer.whole(writer.plain(SIZE))[96:]
    for version in (0, 2, 255):
        data = writer.record(version=version) + rest
        comment = f"file version {version}"
        yield writer.bad(f"version-{version}", "F-20", "version", comment, data)
    good = writer.record() + rest
    for name, at, comment in (
        ("magic", 2, "a bit of the magic"),
        ("array-mark", 0, "the mark of the array"),
        ("id-mark", 7, "the mark of the file id"),
        ("key-mark", 26, "the length of the wrapped key"),
        ("padding-first", 87, "the first byte of the zeros"),
        ("padding-last", 95, "the last byte of the zeros"),
    ):
        yield writer.bad(name, "F-20", "malformed", comment, flipped(good, at))
    for name, at, comment in (
        ("id-flip", 9, "a bit of the file id"),
        ("wrap-nonce-flip", 27, "a bit of the nonce of the wrapped key"),
        ("wrap-tag-flip", 86, "a bit of the tag of the wrapped key"),
    ):
        yield writer.bad(name, "F-21", "auth", comment, flipped(good, at))
    foreign = FileWriter.of("file-of-another-vault")
    data = foreign.whole(foreign.plain(SIZE))
    yield writer.bad("other-vault", "F-21", "auth", "a file of another vault", data)


def _states() -> Iterator[Vector]:
    writer = FileWriter.of("file-states")
    plain = writer.plain(SIZE)
    record, chunk = writer.record(), writer.chunk(0, plain)
    old, new = writer.state(0, 0), writer.state(1, SIZE)
    for slot, at in ((0, 96), (1, 176)):
        for part, offset in (("nonce", 0), ("state", 20), ("tag", 79)):
            data = flipped(record + old + new + chunk, at + offset)
            comment = f"a bit of the {part} of state slot {slot}"
            yield writer.bad(f"state-{slot}-{part}-flip", "F-23", "auth", comment, data)
    other = FileWriter(writer.dice, writer.keys, "another file")
    high = 2**64 - 1
    for name, expect, comment, slots in (
        ("states-swapped", "auth", "the two state slots changed places", new + old),
        ("state-zero", "auth", "state slot 0 is all zero", bytes(80) + new),
        ("state-twice", "auth", "the current slot copied over the other", new + new),
        ("state-of-another", "auth", "a state slot of another file", old + other.state(1, SIZE)),
        (
            "counters-equal",
            "malformed",
            "both counters are 1",
            writer.state(0, 0, counter=1) + new,
        ),
        (
            "counters-apart",
            "malformed",
            "counters 0 and 3",
            old + writer.state(1, SIZE, counter=3),
        ),
        (
            "counters-parity",
            "malformed",
            "counters 1 and 2, each in the slot of the other",
            writer.state(0, 0, counter=1) + writer.state(1, SIZE, counter=2),
        ),
        (
            "counters-ends",
            "malformed",
            "counters 0 and 2**64 - 1 are not neighbours",
            old + writer.state(1, SIZE, counter=high),
        ),
        (
            "durable-without-epoch",
            "malformed",
            "a durable size without the epoch of a journal",
            old + writer.state(1, SIZE, durable=1),
        ),
        (
            "durable-beyond",
            "malformed",
            "a durable size beyond the plain size",
            old + writer.state(1, SIZE, epoch=b"an epoch", durable=SIZE + 1),
        ),
        (
            "state-flag",
            "malformed",
            "an unknown flag",
            old + writer.state(1, SIZE, flags=8),
        ),
        (
            "old-state-flag",
            "malformed",
            "an unknown flag in the state that is not current",
            writer.state(0, 0, flags=1 << 31) + new,
        ),
        (
            "root-without-flag",
            "malformed",
            "a root without ROOT",
            old + writer.state(1, SIZE, root=b"r" * 16),
        ),
    ):
        yield writer.bad(name, "F-23", expect, comment, record + slots + chunk)
    newer = writer.state(0, SIZE, counter=2) + writer.state(1, 7)
    comment = "the larger counter stands in slot 0"
    yield writer.good("slot-0", "F-23", comment, record + newer + chunk, plain)
    for durable in (0, SIZE):
        marked = writer.state(1, SIZE, epoch=b"an epoch", durable=durable)
        comment = f"the epoch of a journal that is not there, and a durable size of {durable}"
        yield writer.good(f"epoch-{durable}", "F-28", comment, record + old + marked + chunk, plain)
    last = writer.state(0, 7, counter=high - 1) + writer.state(1, SIZE, counter=high)
    comment = "the largest counters"
    yield writer.good("counter-most", "F-23", comment, record + last + chunk, plain)


def _sizes() -> Iterator[Vector]:
    for size in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK):
        writer = FileWriter.of(f"file-size-{size}")
        plain = writer.plain(size)
        comment = f"{size} bytes in chunks of {CHUNK}"
        yield writer.good(f"size-{size}", "F-24", comment, writer.whole(plain), plain)
    writer = FileWriter.of("file-size-8193")
    plain = writer.plain(8193)
    data = writer.file(8193, writer.chunks(plain, 8192))
    comment = "a chunk size of 8,192"
    yield writer.good("chunk-8192", "F-24", comment, data, plain, chunk_size=8192)
    writer = FileWriter.of("file-truncated")
    plain = writer.plain(CHUNK + 40)
    first, second = writer.chunks(plain)
    full = writer.file(CHUNK + 40, [first, second])
    for name, rule, comment, data in (
        ("truncated-nothing", "section 5", "truncated to nothing", b""),
        ("truncated-255", "section 5", "a byte less than a header", full[:255]),
        ("truncated-header", "F-24", "truncated to its header", full[:256]),
        ("truncated-chunk", "F-24", "truncated at the edge of a chunk", full[: 256 + SEALED_CHUNK]),
        ("truncated-byte", "F-24", "truncated by a byte", full[:-1]),
        ("extended-byte", "F-24", "a byte behind the last chunk", full + b"\0"),
        (
            "extended-tail",
            "F-24",
            "the old last chunk behind a file that was cut to one chunk",
            writer.file(CHUNK, [first, second]),
        ),
        ("extended-empty", "F-24", "a chunk behind an empty file", writer.file(0, [first[:68]])),
        (
            "extended-holes",
            "F-24",
            "zeros behind a file with SPARSE",
            writer.file(CHUNK, [first], flags=SPARSE) + bytes(SEALED_CHUNK),
        ),
        ("size-absurd", "F-24", "a size of 2**63", writer.file(2**63, [second])),
        ("size-most", "F-24", "a size of 2**64 - 1", writer.file(2**64 - 1, [second])),
    ):
        yield writer.bad(name, rule, "truncated", comment, data)


def _in_flight() -> Iterator[Vector]:
    writer = FileWriter.of("file-in-flight")
    plain = writer.plain(CHUNK + 40)
    chunks = writer.chunks(plain)
    at_once = writer.file(len(plain), chunks, flags=IN_FLIGHT)
    longer = writer.file(CHUNK, chunks, flags=IN_FLIGHT)
    for name, comment, data, released in (
        ("equal", "a file in flight of just the size in its state", at_once, plain),
        ("longer", "a file in flight that grew", longer, plain),
        ("from-empty", "a new file in flight", writer.file(0, chunks, flags=IN_FLIGHT), plain),
        ("nothing-yet", "a new file in flight, empty", writer.file(0, [], flags=IN_FLIGHT), b""),
        (
            "short-tail",
            "a tail of ten bytes is not counted",
            writer.file(CHUNK, [chunks[0], chunks[1][:10]], flags=IN_FLIGHT),
            plain[:CHUNK],
        ),
        (
            "tail-28",
            "a tail of 28 bytes, which may not even be a chunk of nothing, is not counted",
            writer.file(CHUNK, [chunks[0], chunks[1][:28]], flags=IN_FLIGHT),
            plain[:CHUNK],
        ),
        (
            "hole-tail",
            "a file in flight that grew by a hole",
            writer.file(CHUNK, [chunks[0], bytes(68)], flags=IN_FLIGHT | SPARSE),
            plain[:CHUNK] + bytes(40),
        ),
    ):
        yield writer.good(f"in-flight-{name}", "F-25", comment, data, released)
    for name, comment, data in (
        ("shorter", "a file in flight with a byte too few", at_once[:-1]),
        ("without-chunk", "a file in flight without its last chunk", at_once[: 256 + SEALED_CHUNK]),
        ("header-only", "a file in flight cut to its header", at_once[:256]),
    ):
        yield writer.bad(f"in-flight-{name}", "F-25", "truncated", comment, data)
    comment = "a file in flight whose last chunk, beyond the size in its state, is cut short"
    yield writer.good("in-flight-torn-tail", "F-25", comment, longer[:-1], plain[: len(plain) // CHUNK * CHUNK])


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    yield from _record()
    yield from _states()
    yield from _sizes()
    yield from _in_flight()
