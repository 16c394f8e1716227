"""Vectors of the key slots in a vault header (F-14 to F-17 and 4.2)."""

from collections.abc import Iterator
from typing import Any

from vectors.loader import Vector
from vectors.recipes.header_writer import PASSWORD, HeaderWriter, flipped
from vectors.recipes.recipe import recipe

OTHER = {"made_by": 7, "type": "token"}


def _secret(writer: HeaderWriter, password: str | None) -> dict[str, str]:
    if password is None:
        return {"recovery-key": writer.recovery_key.hex()}
    if password.isascii():
        return {"password": password}
    return {"password-hex": password.encode().hex()}


def _good(
    name: str,
    rule: str,
    comment: str,
    data: bytes,
    writer: HeaderWriter,
    password: str | None = None,
) -> Vector:
    return recipe(
        f"header-ok-{name}",
        rule,
        comment,
        data,
        kind="header",
        plain=writer.keys.master_key,
        inputs=_secret(writer, password),
    )


def _good_ones() -> Iterator[Vector]:
    writer = HeaderWriter.of("header-ok")
    by_password, by_recovery = writer.password_slot(), writer.recovery_slot()
    both = writer.header([by_password, by_recovery])
    yield _good("password", "F-17", "the password opens slot 0", both, writer, PASSWORD)
    yield _good("recovery", "F-17", "the recovery key opens slot 1", both, writer)
    twice = writer.header([writer.password_slot("other", label="first"), by_password])
    yield _good("second-slot", "F-16", "the second password fits", twice, writer, PASSWORD)
    unknown = writer.header([OTHER, by_recovery])
    yield _good("unknown-slot", "section 4.2", "a slot of unknown type", unknown, writer)
    most = writer.header([OTHER] * 31 + [by_recovery])
    yield _good("32-slots", "F-14", "as many slots as there may be", most, writer)
    composed = writer.header([writer.password_slot("caf\u00e9")])
    comment = "a password that is typed decomposed and used composed"
    yield _good("nfc", "section 4.2", comment, composed, writer, "cafe\u0301")
    longest = "\u00e9" * 512
    data = writer.header([writer.password_slot(longest)])
    yield _good("password-1024", "F-70", "the longest password", data, writer, longest)


def _secrets() -> Iterator[Vector]:
    writer = HeaderWriter.of("header-secrets")
    by_password, by_recovery = writer.password_slot(), writer.recovery_slot()
    both = writer.header([by_password, by_recovery])
    other_key = writer.dice.roll("another recovery key", 32).hex()
    for name, rule, expect, comment, data, inputs in (
        ("password", "F-16", "wrong key", "another password", both, {"password": "wrong"}),
        ("recovery", "F-16", "wrong key", "another recovery key", both, {"recovery-key": other_key}),
        (
            "no-slot-of-type",
            "F-16",
            "wrong key",
            "a password for a vault with a recovery slot alone",
            writer.header([by_recovery]),
            {"password": PASSWORD},
        ),
        (
            "unknown-slot-alone",
            "F-16",
            "wrong key",
            "the one slot is of an unknown type",
            writer.header([OTHER]),
            {"password": PASSWORD},
        ),
        ("password-empty", "F-70", "limits", "a password of no bytes", both, {"password": ""}),
        ("password-1025", "F-70", "limits", "a password too long", both, {"password": "x" * 1025}),
    ):
        full = f"header-wrong-{name}"
        yield recipe(full, rule, comment, data, kind="header", expect=expect, inputs=inputs)


def _forgeries() -> Iterator[tuple[str, str, str, HeaderWriter, bytes]]:
    writer = HeaderWriter.of("header-forgeries")
    slot, by_password = writer.recovery_slot(), writer.password_slot()
    good = writer.header([slot, by_password])
    good_mac = good[-66:-34]
    fixed = writer.immutable()
    later = writer.immutable(created=1_800_000_000)
    for name, rule, comment, data in (
        ("mac", "F-17", "a MAC with a bit changed", writer.header(mac=flipped(good_mac, 0))),
        ("slot-dropped", "F-17", "a slot taken out", writer.header([slot], mac=good_mac)),
        ("slots-swapped", "F-17", "slots swapped", writer.header([by_password, slot], mac=good_mac)),
        (
            "label",
            "F-17",
            "a label changed",
            writer.header([{**slot, "label": "mine"}, by_password], mac=good_mac),
        ),
        (
            "wrapped",
            "F-16",
            "the commitment fits and the wrapped key does not open",
            writer.header([{**slot, "wrapped": flipped(slot["wrapped"], 5)}]),
        ),
        (
            "nonce",
            "F-16",
            "the nonce of a slot changed",
            writer.header([{**slot, "nonce": flipped(slot["nonce"], 0)}]),
        ),
        (
            "immutable",
            "F-16",
            "immutable changed under a slot that was made for another",
            writer.header([slot], immutable=later, mac=writer.mac(fixed, b"")),
        ),
    ):
        yield name, rule, comment, writer, data


def _bad_shapes(writer: HeaderWriter) -> Iterator[tuple[str, str, Any]]:
    slot, by_password = writer.recovery_slot(), writer.password_slot()
    without_label = {key: value for key, value in slot.items() if key != "label"}
    kdf = by_password["kdf"]
    yield "no-label", "a slot without its label", without_label
    yield "extra-field", "a slot with an eighth field", {**slot, "zone": 1}
    yield "salt-15", "a salt of 15 bytes", {**slot, "salt": slot["salt"][1:]}
    yield "wrapped-47", "a wrapped key of 47 bytes", {**slot, "wrapped": slot["wrapped"][1:]}
    yield "commitment-str", "a commitment that is a str", {**slot, "commitment": "c" * 32}
    yield "label-bin", "a label that is a bin", {**slot, "label": b"label"}
    yield "type-bin", "a type that is a bin", {**slot, "type": b"recovery"}
    yield "no-type", "a slot without a type", {"label": "nothing"}
    yield "array", "a slot that is an array", ["recovery"]
    yield "kdf-extra", "a recovery slot with passes", {**slot, "kdf": {**slot["kdf"], "passes": 1}}
    yield "kdf-swapped", "a recovery slot with the KDF of a password", {**slot, "kdf": kdf}
    yield "kdf-name", "a KDF nobody knows", {**by_password, "kdf": {**kdf, "name": "argon2i"}}
    yield "kdf-array", "a KDF that is an array", {**slot, "kdf": ["name"]}
    no_lanes = {"memory_kib": 8192, "name": "argon2id", "passes": 1}
    yield "kdf-no-lanes", "a KDF without lanes", {**by_password, "kdf": no_lanes}
    yield "kdf-passes-str", "passes as a str", {**by_password, "kdf": {**kdf, "passes": "1"}}


CAPS: dict[str, dict[str, int]] = {
    "memory-low": {"memory_kib": 8191},
    "memory-high": {"memory_kib": 4_194_305},
    "memory-absurd": {"memory_kib": 2**64 - 1},
    "passes-0": {"passes": 0},
    "passes-17": {"passes": 17},
    "lanes-0": {"lanes": 0},
    "lanes-17": {"lanes": 17},
    "product": {"memory_kib": 4_194_304, "passes": 5},
}


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    yield from _good_ones()
    yield from _secrets()
    for name, rule, comment, writer, data in _forgeries():
        full, inputs = f"header-forged-{name}", _secret(writer, None)
        yield recipe(full, rule, comment, data, kind="header", expect="header", inputs=inputs)
    writer = HeaderWriter.of("header-slot-shapes")
    inputs = _secret(writer, PASSWORD)
    for name, comment, slot in _bad_shapes(writer):
        full, data = f"header-slot-{name}", writer.header([slot])
        yield recipe(full, "section 4.2", comment, data, kind="header", expect="malformed", inputs=inputs)
    for name, changes in CAPS.items():
        slot = writer.password_slot()
        data = writer.header([{**slot, "kdf": {**slot["kdf"], **changes}}])
        comment = f"KDF parameters beyond a cap: {changes}"
        full = f"header-kdf-{name}"
        yield recipe(full, "F-15", comment, data, kind="header", expect="limits", inputs=inputs)
    for count in (0, 33):
        data = writer.header([OTHER] * count)
        comment = f"{count} slots"
        full = f"header-{count}-slots"
        yield recipe(full, "F-14", comment, data, kind="header", expect="limits", inputs=inputs)
