"""Vectors of directory ids and wafs.dir (F-50 to F-54)."""

from collections.abc import Iterator

from vectors.loader import Vector
from vectors.recipes.header_writer import flipped
from vectors.recipes.recipe import Keys, recipe
from vectors.recipes.seal import Dice, blake2b, siv

ROOT_ID = bytes(16)


class Place:
    """A directory's place, the id recorded there, and the records that say so."""

    def __init__(self, dice: Dice, keys: Keys, name: bytes, parent_id: bytes) -> None:
        self.keys = keys
        self.name = name
        self.parent_id = parent_id
        self.directory_id = dice.roll("recorded id", 16)

    def record(
        self,
        *,
        flags: int = 0,
        reserved: bytes = bytes(12),
        name: bytes | None = None,
        parent_id: bytes | None = None,
    ) -> bytes:
        """One record, for this place unless a name or a parent of another is given."""
        plain = self.directory_id + flags.to_bytes(4) + reserved
        parent = self.parent_id if parent_id is None else parent_id
        place = parent, self.name if name is None else name
        return siv(self.keys.subkey("directory records", 64), plain, *place)

    def inputs(self) -> dict[str, str]:
        """Header lines of a record's vector."""
        return self.keys.inputs(dir_id=self.parent_id, name_hex=self.name)


def _implied() -> Iterator[Vector]:
    dice = Dice("dirid")
    keys = Keys.rolled(dice)
    for name, parent_id, plain_name, comment in (
        ("root-child", ROOT_ID, b"Media", "a directory in the root"),
        ("nested", dice.roll("parent", 16), b"WhatsApp Images", "a directory further down"),
        ("not-utf8", ROOT_ID, b"\xff", "a name that is no UTF-8"),
        ("long", ROOT_ID, b"d" * 255, "the longest name"),
    ):
        key = keys.subkey("directory ids", 32)
        directory_id = blake2b(key, 16, parent_id + plain_name)
        inputs = keys.inputs(dir_id=parent_id)
        full = f"dirid-{name}"
        yield recipe(full, "F-50", comment, plain_name, kind="dirid", plain=directory_id, inputs=inputs)


def _good_records(place: Place, root: Place) -> Iterator[Vector]:
    here, before = place.record(), place.record(name=b"before")
    for name, comment, where, data, flags in (
        ("one", "one record", place, here, 0),
        ("two-first", "two records, the first for this place", place, here + before, 0),
        ("two-second", "two records, the second for this place", place, before + here, 0),
        ("two-garbage", "the second is not looked at", place, here + bytes(48), 0),
        ("explicit", "the flag EXPLICIT", place, place.record(flags=1), 1),
        ("root", "the root, whose name is empty", root, root.record(flags=1), 1),
    ):
        yield recipe(
            f"dir-record-ok-{name}",
            "F-52",
            comment,
            data,
            kind="dir-record",
            plain=where.directory_id + flags.to_bytes(4),
            inputs=where.inputs(),
        )


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    yield from _implied()
    dice = Dice("dir-record")
    keys = Keys.rolled(dice)
    place = Place(dice, keys, b"Media", dice.roll("parent", 16))
    root = Place(dice, keys, b"", ROOT_ID)
    root.directory_id = ROOT_ID
    yield from _good_records(place, root)
    here, before = place.record(), place.record(name=b"before")
    other_parent = place.record(parent_id=ROOT_ID)
    for name, rule, expect, comment, data in (
        ("empty", "F-51", "malformed", "no record", b""),
        ("47", "F-51", "malformed", "a byte too few", here[:-1]),
        ("49", "F-51", "malformed", "a byte too many", here + b"\0"),
        ("three", "F-51", "malformed", "three records", here + before + before),
        ("flag", "F-52", "malformed", "an unknown flag", place.record(flags=2)),
        ("reserved", "F-52", "malformed", "a reserved byte", place.record(reserved=b"\1" * 12)),
        (
            "flag-first",
            "F-52",
            "malformed",
            "the first of two records that both open has an unknown flag",
            place.record(flags=3) + here,
        ),
        ("other-name", "F-52", "auth", "the record of another name", before),
        ("other-parent", "F-52", "auth", "the record of another parent", other_parent),
        ("flip", "F-52", "auth", "a bit of the record", flipped(here, 20)),
        ("zero", "F-52", "auth", "a record of zeros", bytes(48)),
        ("neither", "F-52", "auth", "two records, none for this place", before + other_parent),
    ):
        full, inputs = f"dir-record-{name}", place.inputs()
        yield recipe(full, rule, comment, data, kind="dir-record", expect=expect, inputs=inputs)
