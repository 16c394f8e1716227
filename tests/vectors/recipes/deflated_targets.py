"""Vectors of symlink targets that are deflated (F-64)."""

from collections.abc import Iterator

from vectors.loader import Vector
from vectors.recipes.deflating import repeated, stored
from vectors.recipes.header_writer import flipped
from vectors.recipes.recipe import Keys, recipe
from vectors.recipes.seal import Dice, pad16, siv

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"


def b85(data: bytes) -> str:
    """base85 (RFC 1924) of whole groups of 4 bytes."""
    text = ""
    for at in range(0, len(data), 4):
        value = int.from_bytes(data[at : at + 4])
        text += "".join(DIGITS[value // 85**place % 85] for place in (4, 3, 2, 1, 0))
    return text


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    dice = Dice("deflated symlink")
    keys = Keys.rolled(dice)

    def sealed(packed: bytes, name: str) -> bytes:
        nonce = dice.roll(f"nonce {name}", 16)
        return nonce + siv(keys.subkey("symlinks", 64), packed, nonce)

    def made(name: str, comment: str, text: str, expect: str = "success", plain: bytes | None = None) -> Vector:
        full, data = f"symlink-{'ok-' if plain else ''}deflated-{name}", text.encode()
        return recipe(full, "F-64", comment, data, kind="symlink", expect=expect, plain=plain, inputs=keys.inputs())

    noise = dice.roll("noise", 3227).replace(b"\0", b"0")
    for name, comment, packed, plain in (
        ("3040", "the shortest target that is deflated", repeated(b"t", 3040), b"t" * 3040),
        ("4095", "the longest target", repeated(b"../", 4095), b"../" * 1365),
        ("stored", "a block that is stored as it is, as long as fits", stored(noise), noise),
        ("not-utf8", "a target that is no UTF-8", repeated(b"\xff\xfe/", 4000), (b"\xff\xfe/" * 1334)[:4000]),
    ):
        yield made(name, comment, "," + b85(sealed(pad16(packed), name)), plain=plain)

    good = repeated(b"../", 4095)
    for name, comment, packed, expect in (
        ("4096", "inflates to 4,096 bytes", pad16(repeated(b"t", 4096)), "limits"),
        ("bomb", "inflates to a million bytes", pad16(repeated(b"t", 1_000_000)[:3200]), "limits"),
        ("3039", "a target that fits as it is", pad16(repeated(b"t", 3039)), "malformed"),
        ("nul", "a NUL inside", pad16(repeated(b"t\0", 3500)), "malformed"),
        ("none", "zeros alone", bytes(16), "malformed"),
        ("no-last-block", "no last block", pad16(repeated(b"../", 4095, last=False)), "malformed"),
        ("cut", "a stream cut short", good[: len(good) // 16 * 16], "malformed"),
        ("trailing", "a byte behind the stream", pad16(good)[:-1] + b"\1", "malformed"),
        ("trailing-block", "16 zeros too many behind the stream", pad16(good) + bytes(16), "malformed"),
        ("block-type", "a block of the type that is not used", b"\7" + bytes(15), "malformed"),
        ("zlib", "a stream with the header of zlib", pad16(b"\x78\xda" + good), "malformed"),
        ("plain", "a target that is not deflated", pad16(b"../" * 1070), "malformed"),
    ):
        yield made(name, comment, "," + b85(sealed(packed, name)), expect)

    whole = sealed(pad16(good), "4095")
    text = b85(whole)
    for name, comment, bad, expect in (
        ("empty", "the mark alone", ",", "auth"),
        ("nonce-flip", "a bit of the nonce", "," + b85(flipped(whole, 0)), "auth"),
        ("iv-flip", "a bit of the synthetic IV", "," + b85(flipped(whole, 16)), "auth"),
        ("target-flip", "a bit of the deflated target", "," + b85(flipped(whole, -1)), "auth"),
        ("text-cut", "a character too few", "," + text[:-1], "malformed"),
        ("text-group", "a group of 5 characters too many", "," + text + "00000", "malformed"),
        ("text-long", "4,100 characters of base85", "," + b85(sealed(bytes(3248), "long")), "malformed"),
        ("two-marks", "the mark twice", "," + "," + text[:-1], "malformed"),
        ("foreign", "a character that base85 does not have", "," + text[:-1] + "/", "malformed"),
        ("overflow", "a group above 2^32 - 1", "," + text[:-5] + "~~~~~", "malformed"),
    ):
        yield made(name, comment, bad, expect)
