"""Vectors of long names, with the content of their .name file as bytes (F-41, F-42)."""

from collections.abc import Iterator

from vectors.loader import Vector
from vectors.recipes.header_writer import flipped
from vectors.recipes.name_writer import NameWriter
from vectors.recipes.seal import b64, pad16, sha256


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    for size in (145, 160, 161, 255):
        writer = NameWriter.of(f"name-{size}")
        comment = f"a name of {size} bytes"
        yield writer.good(str(size), "F-41", comment, b"l" * size)
    writer = NameWriter.of("name-long-bad")
    entry, data = writer.long(pad16(b"l" * 200))
    comment = "a bit of the .name file"
    yield writer.bad("long-flip", "F-42", "malformed", comment, entry, flipped(data, 3))
    _, other = writer.long(pad16(b"m" * 200))
    comment = "the .name file of another entry"
    yield writer.bad("long-swapped", "F-42", "malformed", comment, entry, other)
    forged = flipped(data, 3)
    forged_entry = b64(sha256(forged)) + ".wafl"
    comment = "a changed .name file and the entry that fits it"
    yield writer.bad("long-forged", "F-42", "auth", comment, forged_entry, forged)
    elsewhere = NameWriter(writer.keys, bytes(16)).long(pad16(b"l" * 200))
    comment = "a long name of another directory"
    yield writer.bad("long-elsewhere", "F-42", "auth", comment, *elsewhere)
    for name, expect, comment, padded in (
        ("256", "malformed", "a name of 256 bytes", b"l" * 256),
        ("slash", "malformed", "a slash in a long name", pad16(b"l" * 100 + b"/" + b"l" * 100)),
        ("padding", "malformed", "a block of padding too many", pad16(b"l" * 145) + bytes(16)),
        ("no-padding", "malformed", "a long name that is not padded", b"l" * 170),
        ("padded-short", "malformed", "a short name padded to 160 bytes", b"s".ljust(160, b"\0")),
    ):
        full = f"long-{name}"
        yield writer.bad(full, "F-42", expect, comment, *writer.long(padded))
    for name, comment, padded in (
        ("short", "a name of 144 bytes in a .wafl entry", b"s" * 144),
        ("file-most", "a .name file of 288 bytes", b"l" * 272),
    ):
        full = f"long-{name}"
        yield writer.bad(full, "F-70", "limits", comment, *writer.long(padded))
