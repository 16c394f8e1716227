"""Vectors of the key store (F-90 to F-95)."""

from collections.abc import Iterator
from typing import Any

from vectors.loader import Vector
from vectors.recipes.header_writer import flipped
from vectors.recipes.recipe import Keys, recipe
from vectors.recipes.seal import Dice, gcm, pack

STEP = 4096


def entry(label: str, **changes: Any) -> dict[str, Any]:
    """A key as the payload has it."""
    fields = {"added": 1_790_000_000, "data": b"k" * 32, "from": "", "kind": "64-digit", "label": label, "until": ""}
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


class StoreWriter:
    """Seals key stores of one vault."""

    def __init__(self, dice: Dice) -> None:
        self.keys = Keys.rolled(dice)
        self.nonce = dice.roll("nonce", 12)

    def head(self, version: int = 1) -> bytes:
        return pack(["wafs.keys", version, self.keys.vault_id])

    def sealed(self, plain: bytes) -> bytes:
        head = self.head()
        return head + self.nonce + gcm(self.keys.subkey("key store", 32), self.nonce, plain, head)

    def store(self, payload: bytes) -> bytes:
        return self.sealed(filled(payload))


def filled(payload: bytes) -> bytes:
    """Length, payload and the zeros that are needed."""
    plain = len(payload).to_bytes(4) + payload
    return plain + bytes(-len(plain) % STEP)


def vectors() -> Iterator[Vector]:
    """Make all of them."""
    writer = StoreWriter(Dice("key store"))
    yield from _whole(writer)
    yield from _broken(writer)
    yield from _ill_formed(writer)


def _vector(writer: StoreWriter, name: str, rule: str, expect: str, comment: str, data: bytes) -> Vector:
    return recipe(
        f"key-store-{name}", rule, comment, data, kind="key-store", expect=expect, inputs=writer.keys.inputs()
    )


def _whole(writer: StoreWriter) -> Iterator[Vector]:
    dated = entry("phone 2021", **{"from": "2021-05-31", "until": "2023-11-02"})
    server = entry("Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich", data=bytes(131), kind="key-file")
    exact = [entry(label, data=b"d" * 1000) for label in "abc"] + [entry("d", data=b"d" * 300)]
    exact[3]["data"] += b"d" * (STEP - 4 - len(pack(exact)))
    for name, comment, keys in (
        ("ok-none", "no keys", []),
        ("ok-two", "two keys", [server, dated] if server["label"] < dated["label"] else [dated, server]),
        ("ok-no-zeros", "a payload that needs no zeros", exact),
        ("ok-most", "as many keys as there may be", [entry(f"{number:03}") for number in range(64)]),
    ):
        payload = pack(keys)
        yield recipe(
            f"key-store-{name}",
            "F-90",
            comment,
            writer.store(payload),
            kind="key-store",
            plain=payload,
            inputs=writer.keys.inputs(),
        )


def _broken(writer: StoreWriter) -> Iterator[Vector]:
    good = writer.store(pack([entry("phone")]))
    other = pack(["wafs.keys", 1, bytes(16)])
    for name, rule, expect, comment, data in (
        ("long", "F-90", "limits", "a byte more than there may be", good + bytes(81_979 - len(good))),
        ("empty", "F-91", "malformed", "no bytes", b""),
        ("magic", "F-91", "malformed", "another word at the start", flipped(good, 3)),
        ("version", "F-91", "version", "version 2", writer.head(2) + good[30:]),
        ("other-vault", "F-91", "malformed", "the head of another vault", other + good[30:]),
        ("head-cut", "F-91", "malformed", "cut off in the vault id", good[:29]),
        ("head-alone", "F-92", "truncated", "nothing behind the head", good[:30]),
        ("no-plain", "F-92", "truncated", "sealed bytes of nothing", writer.sealed(b"")),
        ("cut", "F-92", "truncated", "the last byte is missing", good[:-1]),
        ("longer", "F-92", "truncated", "a byte too many", good + b"\0"),
        ("nonce-flip", "F-93", "auth", "a bit of the nonce", flipped(good, 30)),
        ("flip", "F-93", "auth", "a bit of the ciphertext", flipped(good, 100)),
        ("tag-flip", "F-93", "auth", "a bit of the tag", flipped(good, -1)),
        ("length", "F-94", "malformed", "a length beyond the end", writer.sealed(b"\xff" * 4 + bytes(STEP - 4))),
        ("filling", "F-94", "malformed", "a filling that is not zero", writer.sealed(filled(b"\x90")[:-1] + b"\1")),
        ("filled-twice", "F-94", "malformed", "more zeros than needed", writer.sealed(filled(b"\x90") + bytes(STEP))),
    ):
        yield _vector(writer, name, rule, expect, comment, data)


def _ill_formed(writer: StoreWriter) -> Iterator[Vector]:
    for name, rule, expect, comment, value in (
        ("not-canonical", "F-02", "malformed", "msgpack that is not the shortest", None),
        ("map", "F-95", "malformed", "a map in place of the array", {}),
        ("too-many", "F-95", "limits", "65 keys", [entry(f"{number:03}") for number in range(65)]),
        ("no-array-of-maps", "F-95", "malformed", "a number in place of a key", [1]),
        ("field-missing", "F-95", "malformed", "a key without a kind", [entry("a", kind=None)]),
        ("field-more", "F-95", "malformed", "a key with a seventh field", [entry("a", more=1)]),
        ("field-type", "F-95", "malformed", "data that is text", [entry("a", data="text")]),
        ("data-empty", "F-95", "limits", "a key of no bytes", [entry("a", data=b"")]),
        ("data-long", "F-95", "limits", "a key of 1025 bytes", [entry("a", data=bytes(1025))]),
        ("label-empty", "F-95", "limits", "no label", [entry("")]),
        ("label-long", "F-95", "limits", "a label of 129 bytes", [entry("l" * 129)]),
        ("kind-long", "F-95", "limits", "a kind of 33 bytes", [entry("a", kind="k" * 33)]),
        ("date", "F-95", "malformed", "a date in another order", [entry("a", until="31.05.2021")]),
        ("label-twice", "F-95", "malformed", "one label twice", [entry("a"), entry("a")]),
        ("order", "F-95", "malformed", "labels out of order", [entry("b"), entry("a")]),
    ):
        payload = b"\xdc\0\0" if value is None else pack(value)
        yield _vector(writer, name, rule, expect, comment, writer.store(payload))
