"""Vectors of the vault header: size, checksum, version, features, immutable (F-10 to F-13)."""

from collections.abc import Iterator
from typing import Any

from vectors.loader import Vector
from vectors.recipes.header_writer import HeaderWriter, flipped, with_checksum
from vectors.recipes.recipe import recipe
from vectors.recipes.seal import pack

MAX_SIZE = 65_536


def _good(name: str, rule: str, comment: str, writer: HeaderWriter, data: bytes) -> Vector:
    return recipe(
        name,
        rule,
        comment,
        data,
        kind="header",
        plain=writer.keys.master_key,
        inputs={"recovery-key": writer.recovery_key.hex()},
    )


def _bad(name: str, rule: str, expect: str, comment: str, writer: HeaderWriter, data: bytes) -> Vector:
    inputs = {"recovery-key": writer.recovery_key.hex()}
    return recipe(name, rule, comment, data, kind="header", expect=expect, inputs=inputs)


def _of_size(writer: HeaderWriter, size: int) -> bytes:
    """Fill a header with a slot of an unknown type, which may hold anything."""
    slots = [writer.recovery_slot(), {"filler": bytes(60_000), "type": "other"}]
    short_by = size - len(writer.header(slots))
    slots[1]["filler"] = bytes(60_000 + short_by)
    return writer.header(slots)


def _sizes_and_checksum() -> Iterator[Vector]:
    writer = HeaderWriter.of("header-sizes")
    header = writer.header()
    largest = _of_size(writer, MAX_SIZE)
    yield _good("header-size-most", "F-10", "a header of 65,536 bytes", writer, largest)
    for name, rule, expect, comment, data in (
        ("size-over", "F-10", "limits", "65,537 bytes", _of_size(writer, MAX_SIZE + 1)),
        ("empty", "F-11", "header", "no bytes at all", b""),
        ("cut-short", "F-11", "header", "the last byte is missing", header[:-1]),
        ("cut-in-half", "F-11", "header", "the second half is missing", header[: len(header) // 2]),
        ("extended", "F-11", "header", "a byte behind the checksum", header + b"\0"),
        ("checksum-flip", "F-11", "header", "a bit of the checksum", flipped(header, -1)),
        ("front-flip", "F-11", "header", "a bit of the magic", flipped(header, 3)),
        ("slots-flip", "F-11", "header", "a bit of the slot table", flipped(header, 200)),
    ):
        yield _bad(f"header-{name}", rule, expect, comment, writer, data)


def _top_level() -> Iterator[Vector]:
    writer = HeaderWriter.of("header-top-level")
    header = writer.header()
    front = header[:-34]
    checksum_field = header[-34:]
    for name, rule, comment, data in (
        ("magic", "section 4", "another magic", writer.header(magic="wafs.vaults")),
        ("mac-short", "section 4", "a MAC of 31 bytes", writer.header(mac=bytes(31))),
        ("mac-str", "section 4", "a MAC that is a str", with_checksum(_str_mac(front))),
        ("magic-bin", "section 4", "the magic as a bin", with_checksum(_bin_magic(front))),
        ("six-fields", "section 4", "an array of six", with_checksum(b"\x96\x01" + front[1:])),
        ("array-long", "F-02", "the array has a length field", with_checksum(b"\xdc\0\x05" + front[1:])),
        (
            "slots-trailing",
            "F-02",
            "a byte behind the slots in their bin",
            writer.header(pack([writer.recovery_slot()]) + b"\0"),
        ),
        (
            "slots-map",
            "section 4.2",
            "the slots are a map",
            writer.header(pack({"0": writer.recovery_slot()})),
        ),
    ):
        yield _bad(f"header-{name}", rule, "malformed", comment, writer, data)
    unmarked = _unmarked(front, checksum_field)
    yield _bad("header-no-field-mark", "F-11", "header", "the checksum is no bin", writer, unmarked)
    newer = HeaderWriter.of("header-version-2-six-fields")
    six = with_checksum(b"\x96" + newer.header(immutable=newer.immutable(version=2))[1:-34] + b"\x01")
    yield _bad("header-version-2-six-fields", "F-12", "version", "version 2 has a field more", newer, six)


def _str_mac(front: bytes) -> bytes:
    """The MAC as a str of 32 letters."""
    return front[:-34] + b"\xd9\x20" + b"m" * 32


def _bin_magic(front: bytes) -> bytes:
    """The magic as a bin; 12 bytes are its array mark, its own mark and its ten letters."""
    return front[:1] + b"\xc4\x0a" + front[2:]


def _unmarked(front: bytes, checksum_field: bytes) -> bytes:
    """The checksum as a str would begin: its mark is not hashed, so the checksum still fits."""
    return front + b"\xd9" + checksum_field[1:]


def _immutable_cases() -> Iterator[tuple[str, str, str, str, dict[str, Any]]]:
    yield "version-2", "F-12", "version", "version 2", {"version": 2}
    yield "version-0", "F-12", "version", "version 0", {"version": 0}
    yield (
        "version-2-and-more",
        "F-12",
        "version",
        "version 2 with a key and a chunk size that version 1 has not",
        {"version": 2, "zone": 1, "chunk_size": 1},
    )
    yield "feature", "F-12", "version", "a feature nobody knows", {"features": ["tomorrow"]}
    yield (
        "feature-and-chunk-size",
        "F-12",
        "version",
        "a feature nobody knows, and a chunk size that is not looked at before it",
        {"features": ["tomorrow"], "chunk_size": 5000},
    )
    yield "no-created", "F-13", "malformed", "created is missing", {"created": None}
    yield "no-features", "F-13", "malformed", "features is missing", {"features": None}
    yield "no-version", "F-13", "malformed", "version is missing", {"version": None}
    yield "extra-key", "F-13", "malformed", "a sixth key", {"zone": 1}
    yield "created-str", "F-13", "malformed", "created is a str", {"created": "now"}
    yield "features-map", "F-13", "malformed", "features is a map", {"features": {}}
    yield "features-uint", "F-13", "malformed", "a feature is an integer", {"features": [1]}
    yield "vault-id-str", "F-13", "malformed", "a vault id that is a str", {"vault_id": "i" * 16}
    yield "vault-id-15", "F-13", "malformed", "a vault id of 15 bytes", {"vault_id": bytes(15)}
    yield "chunk-size-2048", "F-13", "limits", "too small a chunk size", {"chunk_size": 2048}
    yield "chunk-size-2mib", "F-13", "limits", "too large a chunk size", {"chunk_size": 2097152}
    yield "chunk-size-5000", "F-13", "limits", "no power of two", {"chunk_size": 5000}
    yield "chunk-size-0", "F-13", "limits", "a chunk size of zero", {"chunk_size": 0}


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    yield from _sizes_and_checksum()
    yield from _top_level()
    for name, rule, expect, comment, changes in _immutable_cases():
        writer = HeaderWriter.of(f"header-{name}")
        data = writer.header(immutable=writer.immutable(**changes))
        yield _bad(f"header-{name}", rule, expect, comment, writer, data)
    for size in (4096, 1_048_576):
        name = f"header-ok-chunk-size-{size}"
        writer = HeaderWriter.of(name)
        data = writer.header(immutable=writer.immutable(chunk_size=size))
        yield _good(name, "F-13", f"a chunk size of {size} bytes", writer, data)
    writer = HeaderWriter.of("header-version-before-slots")
    data = writer.header([], immutable=writer.immutable(version=2))
    comment = "version 2 and no slot: the version is looked at first"
    yield _bad("header-version-before-slots", "F-12", "version", comment, writer, data)
    writer = HeaderWriter.of("header-immutable-array")
    data = writer.header(immutable=pack(["version", 1]))
    comment = "immutable is an array"
    yield _bad("header-immutable-array", "F-13", "malformed", comment, writer, data)
    writer = HeaderWriter.of("header-immutable-unordered")
    fixed = writer.immutable()
    moved = b"\x85" + fixed[-9:] + fixed[1:-9]
    comment = "keys of immutable out of order"
    data = writer.header(immutable=moved)
    yield _bad("header-immutable-unordered", "F-02", "malformed", comment, writer, data)
