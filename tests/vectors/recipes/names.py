"""Vectors of names that fit into their entry (F-40, F-42, F-43)."""

from collections.abc import Iterator

from vectors.loader import Vector
from vectors.recipes.name_writer import NameWriter
from vectors.recipes.seal import pad16

GOOD = {
    "1": (b"a", "a name of one byte"),
    "15": (b"n" * 15, "one byte of padding"),
    "16": (b"n" * 16, "a whole number of blocks takes no padding"),
    "17": (b"n" * 17, "a byte more than a block"),
    "144": (b"n" * 144, "the longest name that fits into its entry"),
    "not-utf8": (b"\xff\xfe\x01", "a name that is no UTF-8"),
    "newline": (b"a\nb\\ ", "a newline, a backslash and a space at the end"),
    "dots": (b"...", "three dots are a name"),
    "like-ours": (b"wafs.dir", "the plain name of a reserved ciphertext name"),
}
INVALID = {
    "dot": (b".", "the name of the directory itself"),
    "dot-dot": (b"..", "the name of the parent"),
    "slash": (b"a/b", "a slash inside"),
    "nul": (b"a\0b", "a NUL inside"),
    "nul-first": (b"\0a", "a NUL at the beginning"),
}


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    for name, (plain, comment) in GOOD.items():
        writer = NameWriter.of(f"name-{name}")
        yield writer.good(name, "F-40", comment, plain)
    writer = NameWriter.of("name-bad")
    for name, (plain, comment) in INVALID.items():
        entry = writer.short(pad16(plain))
        yield writer.bad(name, "F-42", "malformed", comment, entry)
    for name, comment, padded in (
        ("no-padding", "a name that is not padded", b"a"),
        ("padding-short", "a name padded to 15 bytes", pad16(b"a")[:15]),
        ("padding-block", "a block of zeros too many", pad16(b"a") + bytes(16)),
        ("padding-full", "a whole block of padding behind 16 bytes", b"n" * 16 + bytes(16)),
        ("zeros", "a name of nothing but padding", bytes(16)),
        ("nothing", "the sealed text is empty", b""),
        ("long-in-short", "a long name in a .wafs entry", b"n" * 145 + bytes(15)),
    ):
        yield writer.bad(name, "F-42", "malformed", comment, writer.short(padded))
    good = writer.short(pad16(b"a"))
    elsewhere = NameWriter(writer.keys, bytes(16)).short(pad16(b"a"))
    other = NameWriter.of("name-of-another-vault")
    foreign = NameWriter(other.keys, writer.directory_id).short(pad16(b"a"))
    changed = ("B" if good[0] == "A" else "A") + good[1:]
    for name, comment, entry in (
        ("elsewhere", "a name of another directory", elsewhere),
        ("other-vault", "a name of another vault", foreign),
        ("flip", "a changed character", changed),
    ):
        yield writer.bad(name, "F-42", "auth", comment, entry)
    text = good.removesuffix(".wafs")
    twin = text[:-1] + chr(ord(text[-1]) + 1)
    for name, comment, entry in (
        ("unused-bits", "unused bits of the last character are set", twin + ".wafs"),
        ("base64-padded", "base64 with padding", text + "=.wafs"),
        ("base64-foreign", "a character outside the alphabet", "!" + text[1:] + ".wafs"),
    ):
        yield writer.bad(name, "F-01", "malformed", comment, entry)
    for name, comment, entry in (
        ("no-suffix", "no suffix at all", text),
        ("suffix-case", "the suffix in capitals", text + ".WAFS"),
        ("suffix-twice", "a suffix behind the suffix", good + ".conflict"),
        ("foreign", "a file of a cloud client", ".sync.ffs_db"),
    ):
        yield writer.bad(name, "F-43", "malformed", comment, entry)
