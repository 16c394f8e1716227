"""Vectors of base64url (F-01) and canonical msgpack (F-02)."""

from collections.abc import Iterator

from vectors.loader import Vector
from vectors.recipes.recipe import recipe

B64_GOOD = {
    "0": (b"", b""),
    "1": (b"_w", b"\xff"),
    "2": (b"__4", b"\xff\xfe"),
    "3": (b"-_-_", b"\xfb\xff\xbf"),
    "16": (b"AAECAwQFBgcICQoLDA0ODw", bytes(range(16))),
}
B64_BAD = {
    "padded": (b"_w==", "padding is never written"),
    "unused-bits-of-2": (b"_x", "the four unused bits of the second character are not zero"),
    "unused-bits-of-3": (b"__5", "the two unused bits of the third character are not zero"),
    "impossible-length": (b"AAECA", "five characters encode no whole number of bytes"),
    "one-character": (b"A", "one character encodes nothing"),
    "plus": (b"+_-_", "plus is of the other alphabet"),
    "slash": (b"-/-_", "slash is of the other alphabet"),
    "newline": (b"-_-_\n", "a newline at the end"),
    "space": (b"-_ -_", "a space inside"),
    "not-ascii": (b"-_-\xff", "a byte that is no ASCII"),
}

MSGPACK_GOOD = {
    "map": (b"\x82\xa1a\x01\xa1b\xc4\x01\xff", "a map with keys in order"),
    "order-is-of-bytes": (b"\x82\xa2aa\x01\xa1b\x02", "keys in order of bytes, not of length"),
    "nesting-4": (b"\x91\x91\x91\x91\x01", "four arrays, one in the other"),
    "uint-64": (b"\xcf" + b"\xff" * 8, "the largest integer"),
    "uint-128": (b"\xcc\x80", "the least integer that needs two bytes"),
    "str-256": (b"\xda\x01\x00" + b"s" * 256, "the longest str"),
    "bin-256": (b"\xc5\x01\x00" + b"b" * 256, "a bin whose length needs two bytes"),
    "str-not-ascii": (b"\xa2\xc3\xa9", "a str of one character in two bytes"),
    "array-16": (b"\xdc\x00\x10" + bytes(16), "the shortest array that needs a length field"),
    "empty-map": (b"\x80", "a map without entries"),
}
MSGPACK_BAD = {
    "empty": (b"", "no value at all"),
    "nil": (b"\x91\xc0", "nil"),
    "true": (b"\x91\xc3", "a boolean"),
    "float": (b"\x91\xcb\x3f\xf0" + bytes(6), "a float"),
    "negative": (b"\x91\xff", "a negative integer"),
    "int8": (b"\x91\xd0\x05", "a signed encoding of 5"),
    "ext": (b"\x91\xd4\x05\x00", "an extension type"),
    "timestamp": (b"\x91\xd6\xff" + bytes(4), "the extension type of a time"),
    "uint8-long": (b"\x91\xcc\x05", "5 in two bytes"),
    "uint16-long": (b"\x91\xcd\x00\xff", "255 in three bytes"),
    "uint64-long": (b"\x91\xcf" + bytes(7) + b"\x01", "1 in nine bytes"),
    "str-long": (b"\xd9\x01a", "a str of one byte with a length field"),
    "bin-long": (b"\xc5\x00\x01a", "a bin of one byte with a length field of two"),
    "array-long": (b"\xdc\x00\x01\x01", "an array of one with a length field"),
    "map-long": (b"\xde\x00\x01\xa1a\x01", "a map of one with a length field"),
    "key-twice": (b"\x82\xa1a\x01\xa1a\x01", "a key that is there twice"),
    "keys-unordered": (b"\x82\xa1b\x01\xa1a\x01", "keys out of order"),
    "inner-keys-unordered": (b"\x91\x82\xa1b\x01\xa1a\x01", "keys of an inner map out of order"),
    "key-uint": (b"\x81\x01\x01", "an integer as a key"),
    "key-bin": (b"\x81\xc4\x01a\x01", "a bin as a key"),
    "trailing-byte": (b"\x91\x01\x00", "a byte after the value"),
    "cut-short": (b"\x92\x01", "an array of two with one element"),
    "cut-in-bin": (b"\xc4\x05abcd", "a bin with one byte too few"),
    "length-absurd": (b"\xdd\xff\xff\xff\xff", "an array of 4,294,967,295 with no element"),
    "str-not-utf8": (b"\xa1\xff", "a str that is not UTF-8"),
    "str-surrogate": (b"\xa3\xed\xa0\x80", "a str with half a surrogate pair"),
    "str-257": (b"\xda\x01\x01" + b"s" * 257, "a str that is one byte too long"),
    "reserved-byte": (b"\x91\xc1", "the byte that msgpack never uses"),
}


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    for name, (text, plain) in B64_GOOD.items():
        comment = f"canonical text of {len(plain)} bytes"
        yield recipe(f"b64-bytes-{name}", "F-01", comment, text, kind="b64", plain=plain)
    for name, (text, comment) in B64_BAD.items():
        full = f"b64-{name}"
        yield recipe(full, "F-01", comment, text, kind="b64", expect="malformed")
    for name, (data, comment) in MSGPACK_GOOD.items():
        full = f"msgpack-ok-{name}"
        yield recipe(full, "F-02", comment, data, kind="msgpack", plain=data)
    for name, (data, comment) in MSGPACK_BAD.items():
        full = f"msgpack-{name}"
        yield recipe(full, "F-02", comment, data, kind="msgpack", expect="malformed")
    for depth, name in ((5, "nesting-5"), (9000, "nesting-9000")):
        data = b"\x91" * depth + b"\x01"
        comment = f"{depth} arrays, one in the other"
        full = f"msgpack-{name}"
        yield recipe(full, "F-70", comment, data, kind="msgpack", expect="limits")
