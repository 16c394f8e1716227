"""Vectors of symlinks that are not deflated, and of extended attributes (F-60 to F-63)."""

from collections.abc import Iterator

from vectors.loader import Vector
from vectors.recipes.header_writer import flipped
from vectors.recipes.recipe import Keys, recipe
from vectors.recipes.seal import Dice, b64, gcm, pad16, siv


def sealed_target(keys: Keys, dice: Dice, target: bytes) -> bytes:
    """Nonce and sealed target, before base64."""
    nonce = dice.roll(f"symlink nonce {len(target)}", 16)
    return nonce + siv(keys.subkey("symlinks", 64), target, nonce)


def _symlinks() -> Iterator[Vector]:
    dice = Dice("symlink")
    keys = Keys.rolled(dice)
    inputs = keys.inputs()
    for name, target, comment in (
        ("1", b"t", "a target of one byte"),
        ("3039", b"../" * 1013, "the longest target that is not deflated"),
        ("not-utf8", b"/\xff\xfe", "a target that is no UTF-8"),
    ):
        data = b64(sealed_target(keys, dice, target)).encode()
        full = f"symlink-ok-{name}"
        yield recipe(full, "F-60", comment, data, kind="symlink", plain=target, inputs=inputs)
    good = sealed_target(keys, dice, b"target")
    for name, rule, expect, comment, text in (
        ("empty", "F-60", "malformed", "no target", b64(sealed_target(keys, dice, b""))),
        ("nul", "F-60", "malformed", "a NUL inside", b64(sealed_target(keys, dice, b"a\0b"))),
        ("3040", "F-60", "malformed", "a target that is to be deflated", b64(sealed_target(keys, dice, b"t" * 3040))),
        ("padded", "F-01", "malformed", "base64 with padding", b64(good) + "=="),
        ("foreign", "F-01", "malformed", "a plain target, never sealed", "../Media/IMG-1.jpg"),
        ("nonce-flip", "F-60", "auth", "a bit of the nonce", b64(flipped(good, 0))),
        ("iv-flip", "F-60", "auth", "a bit of the synthetic IV", b64(flipped(good, 16))),
        ("target-flip", "F-60", "auth", "a bit of the target", b64(flipped(good, -1))),
    ):
        full = f"symlink-{name}"
        data = text.encode()
        yield recipe(full, rule, comment, data, kind="symlink", expect=expect, inputs=inputs)


class AttributeWriter:
    """Seals attributes of one object."""

    def __init__(self, dice: Dice, keys: Keys, object_id: bytes) -> None:
        self.dice = dice
        self.keys = keys
        self.object_id = object_id

    def name(self, padded: bytes) -> str:
        """Stored name of a name that is padded already, or wrongly."""
        return "user.wafs." + b64(siv(self.keys.subkey("xattr names", 64), padded, self.object_id))

    def value(self, stored_name: str, value: bytes) -> bytes:
        """Stored value of an attribute."""
        nonce = self.dice.roll(f"xattr nonce {stored_name}", 12)
        aad = self.object_id + stored_name.encode()
        return nonce + gcm(self.keys.subkey("xattr values", 32), nonce, value, aad)

    def inputs(self, stored_name: str) -> dict[str, str]:
        """Header lines of an attribute's vector."""
        return self.keys.inputs(object_id=self.object_id, name=stored_name)


def _attributes() -> Iterator[Vector]:
    dice = Dice("xattr")
    writer = AttributeWriter(dice, Keys.rolled(dice), dice.roll("object id", 16))
    for name, plain_name, value, comment in (
        ("value", b"mime_type", b"image/jpeg", "an attribute with a value"),
        ("empty", b"seen", b"", "an attribute without a value"),
        ("name-16", b"n" * 16, b"v", "a name of a whole block takes no padding"),
        ("name-160", b"n" * 160, b"v", "the longest name"),
        ("not-utf8", b"\xff", bytes(range(256)), "a name that is no UTF-8"),
    ):
        stored = writer.name(pad16(plain_name))
        data = writer.value(stored, value)
        yield recipe(
            f"xattr-ok-{name}",
            "F-63",
            comment,
            data,
            kind="xattr",
            plain=b"user." + plain_name + b"\0" + value,
            inputs=writer.inputs(stored),
        )
    stored, other_stored = writer.name(pad16(b"one")), writer.name(pad16(b"two"))
    data = writer.value(stored, b"value")
    other = AttributeWriter(dice, writer.keys, dice.roll("another object id", 16))
    moved = other.name(pad16(b"one"))
    text = stored.removeprefix("user.wafs.")
    changed = "user.wafs." + ("B" if text[0] == "A" else "A") + text[1:]
    for name, rule, expect, comment, at, stored_value in (
        ("value-flip", "F-63", "auth", "a bit of the value", stored, flipped(data, 13)),
        ("value-swapped", "F-63", "auth", "the value of another name", other_stored, data),
        ("value-cut", "F-63", "auth", "a value cut short", stored, data[:-1]),
        ("value-27", "F-63", "auth", "a value shorter than nonce and tag", stored, data[:27]),
        ("value-none", "F-63", "auth", "a value of nothing at all", stored, b""),
        ("object", "F-62", "auth", "of another object", moved, other.value(moved, b"value")),
        ("name-flip", "F-62", "auth", "a changed character of the name", changed, data),
        ("not-ours", "F-62", "malformed", "an attribute of a cloud client", "user.cloud.id", data),
        ("name-padded", "F-01", "malformed", "base64 with padding", stored + "==", data),
    ):
        inputs = writer.inputs(at)
        full = f"xattr-{name}"
        yield recipe(full, rule, comment, stored_value, kind="xattr", expect=expect, inputs=inputs)
    for name, comment, padded in (
        ("name-empty", "a name of padding alone", bytes(16)),
        ("name-161", "a name that is too long", pad16(b"n" * 161)),
        ("name-nul", "a NUL inside a name", pad16(b"a\0b")),
        ("name-block", "a block of padding too many", pad16(b"a") + bytes(16)),
        ("name-unpadded", "a name that is not padded", b"a"),
    ):
        at = writer.name(padded)
        inputs = writer.inputs(at)
        data = writer.value(at, b"value")
        full = f"xattr-{name}"
        yield recipe(full, "F-62", comment, data, kind="xattr", expect="malformed", inputs=inputs)


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    yield from _symlinks()
    yield from _attributes()
