"""Vectors of single key slots, encoded alone (4.2)."""

from collections.abc import Iterator
from typing import Any

from vectors.loader import Vector
from vectors.recipes.header_writer import PASSWORD, HeaderWriter, flipped
from vectors.recipes.recipe import recipe
from vectors.recipes.seal import pack


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    writer = HeaderWriter.of("slot")
    immutable = writer.immutable()
    by_password, by_recovery = writer.password_slot(), writer.recovery_slot()
    secret = {"immutable": immutable.hex(), "recovery-key": writer.recovery_key.hex()}
    password = {"immutable": immutable.hex(), "password": PASSWORD}
    elsewhere = {**secret, "immutable": writer.immutable(created=1).hex()}
    mistyped = {**password, "password": PASSWORD + "x"}
    for name, comment, slot, inputs in (
        ("ok-password", "a password slot", by_password, password),
        ("ok-recovery", "a recovery slot", by_recovery, secret),
        ("ok-no-label", "an empty label is a label", {**by_password, "label": ""}, password),
    ):
        yield recipe(
            f"slot-{name}",
            "section 4.2",
            comment,
            pack(slot),
            kind="slot",
            plain=writer.keys.master_key,
            inputs=inputs,
        )
    commitment = flipped(by_recovery["commitment"], 31)
    tag = flipped(by_recovery["wrapped"], -1)
    wrong: tuple[tuple[str, str, str, dict[str, Any], dict[str, str]], ...] = (
        ("wrong-password", "wrong key", "another password", by_password, mistyped),
        ("wrong-type", "wrong key", "a password for a recovery slot", by_recovery, password),
        (
            "commitment",
            "wrong key",
            "a commitment with a bit changed is that of another secret",
            {**by_recovery, "commitment": commitment},
            secret,
        ),
        ("tag", "header", "the tag changed", {**by_recovery, "wrapped": tag}, secret),
        ("immutable", "header", "the slot of another immutable", by_recovery, elsewhere),
    )
    for name, expect, comment, slot, inputs in wrong:
        data = pack(slot)
        full = f"slot-{name}"
        yield recipe(full, "F-16", comment, data, kind="slot", expect=expect, inputs=inputs)
    swapped = pack(by_recovery)
    first, rest = swapped[1:46], swapped[46:]
    unordered = swapped[:1] + rest + first
    comment = "the first key stands last"
    yield recipe(
        "slot-unordered",
        "F-02",
        comment,
        unordered,
        kind="slot",
        expect="malformed",
        inputs=secret,
    )
