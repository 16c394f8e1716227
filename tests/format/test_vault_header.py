"""Vault header and key slots: cheap checks first, and nothing passes that was not written."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.crypto.digest import sha256
from wafs.errors import (
    DamageError,
    HeaderDamageError,
    LimitError,
    MalformedError,
    UnsupportedFormatError,
    WrongSecretError,
)
from wafs.format import slot as slot_module
from wafs.format.encoding import Value, pack, unpack
from wafs.format.slot import FRESH_SIZE, PASSWORD, RECOVERY, Argon2Cost, Slot, parse_slot, wrap_master_key
from wafs.format.vault_header import (
    MAX_HEADER_SIZE,
    MAX_SLOTS,
    Parameters,
    VaultHeader,
    encode_vault_header,
    parse_vault_header,
)

MASTER, RECOVERY_KEY, MAC_KEY = bytes(range(32)), bytes(range(32, 64)), bytes(32)
CHEAP = Argon2Cost(8192, 1, 1)
PARAMETERS = Parameters(b"id of the vault!", 16384, 1_700_000_000)
IMMUTABLE = PARAMETERS.encode()


def _recovery_slot() -> Slot:
    return wrap_master_key(MASTER, RECOVERY_KEY, immutable=IMMUTABLE, fresh=os.urandom(FRESH_SIZE), cost=None)


def _password_slot(cost: Argon2Cost = CHEAP) -> Slot:
    return wrap_master_key(MASTER, b"password", immutable=IMMUTABLE, fresh=os.urandom(FRESH_SIZE), cost=cost)


HEADER = encode_vault_header(PARAMETERS, (_password_slot(), _recovery_slot()), MAC_KEY)


def _checked(body: bytes) -> bytes:
    """Give a body its checksum."""
    return body + b"\xc4\x20" + sha256(body)


def _with(immutable: dict[str, Any] | bytes = IMMUTABLE, slots: Any = None, mac: bytes = bytes(32)) -> bytes:
    sealed = immutable if isinstance(immutable, bytes) else pack(immutable)
    listed = pack([_recovery_slot().fields] if slots is None else slots)
    return _checked(pack(["wafs.vault", sealed, listed, mac, bytes(32)])[:-34])


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(12, 20).map(lambda power: 1 << power),
    st.integers(0, (1 << 64) - 1),
)
def test_a_header_goes_there_and_back(vault_id: bytes, chunk_size: int, created: int) -> None:
    parameters = Parameters(vault_id, chunk_size, created)
    slots = (Slot({"type": "of another day", "bytes": b"kept"}), _recovery_slot())
    data = encode_vault_header(parameters, slots, MAC_KEY)
    header = parse_vault_header(data)
    assert (header.parameters, header.slots) == (parameters, slots)
    header.verify_mac(MAC_KEY)
    assert encode_vault_header(header.parameters, header.slots, MAC_KEY) == data
    with pytest.raises(HeaderDamageError):
        header.verify_mac(bytes(31) + b"\1")


@given(st.data())
def test_no_byte_of_a_header_can_be_changed(data: st.DataObject) -> None:
    changed = bytearray(HEADER)
    changed[data.draw(st.integers(0, len(HEADER) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(HeaderDamageError):
        parse_vault_header(bytes(changed))


@given(st.data())
def test_a_header_with_a_right_checksum_parses_to_itself_or_is_refused(data: st.DataObject) -> None:
    changed = bytearray(HEADER[:-34])
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DamageError, UnsupportedFormatError):
        header = parse_vault_header(_checked(bytes(changed)))
        again = encode_vault_header(header.parameters, header.slots, MAC_KEY)
        assert parse_vault_header(again).immutable == header.immutable
        assert parse_vault_header(again).slot_bytes == header.slot_bytes
        if bytes(changed) != HEADER[:-34] and header.mac == parse_vault_header(HEADER).mac:
            with pytest.raises(HeaderDamageError):
                header.verify_mac(MAC_KEY)


@given(st.binary(max_size=300))
def test_bytes_at_random_are_no_header(data: bytes) -> None:
    with pytest.raises(HeaderDamageError):
        parse_vault_header(data)
    with pytest.raises(MalformedError):
        parse_vault_header(_checked(data))


@pytest.mark.parametrize("size", range(0, len(HEADER), 7))
def test_a_header_cut_short_is_damaged(size: int) -> None:
    with pytest.raises(HeaderDamageError):
        parse_vault_header(HEADER[:size])


def test_a_header_has_at_most_64_kib_and_is_not_looked_at_beyond() -> None:
    with pytest.raises(LimitError):
        parse_vault_header(bytes(MAX_HEADER_SIZE + 1))
    with pytest.raises(HeaderDamageError):
        parse_vault_header(bytes(MAX_HEADER_SIZE))


@pytest.mark.parametrize("count", [0, MAX_SLOTS + 1])
def test_a_header_has_1_to_32_slots(count: int) -> None:
    with pytest.raises(LimitError):
        parse_vault_header(_with(slots=[{"type": "x"}] * count))
    with pytest.raises(LimitError):
        encode_vault_header(PARAMETERS, (Slot({"type": "x"}),) * count, MAC_KEY)
    assert len(parse_vault_header(_with(slots=[{"type": "x"}] * MAX_SLOTS)).slots) == MAX_SLOTS


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": 2}, UnsupportedFormatError),
        ({"version": 0}, UnsupportedFormatError),
        ({"features": ["time-travel"]}, UnsupportedFormatError),
        ({"features": ["b", "a"], "chunk_size": 5}, UnsupportedFormatError),
        ({"features": [5]}, MalformedError),
        ({"features": ""}, MalformedError),
        ({"features": [""]}, UnsupportedFormatError),
        ({"chunk_size": 5000}, LimitError),
        ({"chunk_size": "4096"}, MalformedError),
        ({"vault_id": bytes(15)}, MalformedError),
        ({"version": "1"}, MalformedError),
        ({"more": 1}, MalformedError),
        ({"created": b""}, MalformedError),
    ],
)
def test_parameters_are_checked_in_order(change: dict[str, Any], expected: type[Exception]) -> None:
    fields = {"chunk_size": 4096, "created": 0, "features": [], "vault_id": bytes(16), "version": 1}
    parse_vault_header(_with(fields))
    with pytest.raises(expected):
        parse_vault_header(_with({**fields, **change}))


@pytest.mark.parametrize("body", [pack(["wafs.vault", IMMUTABLE]), pack(["wafs.vault"]), pack({}), pack("x")])
def test_fields_that_are_not_five_are_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_vault_header(_checked(body))
    with pytest.raises(MalformedError):
        parse_vault_header(_with(slots={"not": "a list"}))


@pytest.mark.parametrize(
    "cost",
    [
        Argon2Cost(8191, 1, 1),
        Argon2Cost(4_194_305, 1, 1),
        Argon2Cost(1 << 40, 1, 1),
        Argon2Cost(8192, 0, 1),
        Argon2Cost(8192, 17, 1),
        Argon2Cost(8192, 1, 0),
        Argon2Cost(8192, 1, 17),
        Argon2Cost(4_194_304, 5, 1),
    ],
)
def test_a_cost_beyond_the_caps_is_refused_before_it_is_paid(cost: Argon2Cost, monkeypatch: pytest.MonkeyPatch) -> None:
    def paid(*_: object, **__: object) -> bytes:
        raise AssertionError

    good = _password_slot()
    monkeypatch.setattr(slot_module, "argon2id", paid)
    with pytest.raises(LimitError):
        _password_slot(cost)
    kdf: Value = {"lanes": cost.lanes, "memory_kib": cost.memory_kib, "name": "argon2id", "passes": cost.passes}
    fields: dict[str, Value] = {**good.fields, "kdf": kdf}
    with pytest.raises(LimitError):
        parse_slot(fields)
    # One such slot makes the header unusable, wherever it stands: nothing is tried before all were looked at.
    with pytest.raises(LimitError):
        parse_vault_header(_with(slots=[_recovery_slot().fields, good.fields, fields]))


@pytest.mark.parametrize("cost", [Argon2Cost(8192, 1, 1), Argon2Cost(4_194_304, 4, 16), Argon2Cost(1_048_576, 16, 1)])
def test_a_cost_at_the_caps_is_taken(cost: Argon2Cost) -> None:
    cost.check()


def test_a_slot_gives_the_master_key_to_its_secret_only() -> None:
    for slot, secret in ((_password_slot(), b"password"), (_recovery_slot(), RECOVERY_KEY)):
        assert slot.unwrap(secret, IMMUTABLE) == MASTER
        with pytest.raises(WrongSecretError):
            slot.unwrap(secret + b"!", IMMUTABLE)
        with pytest.raises(HeaderDamageError):
            slot.unwrap(secret, IMMUTABLE + b"!")
    assert (_password_slot().type, _password_slot().cost) == (PASSWORD, CHEAP)
    assert (_recovery_slot().type, _recovery_slot().cost, _recovery_slot().label) == (RECOVERY, None, "")


@pytest.mark.parametrize("field", ["commitment", "nonce", "salt", "wrapped"])
def test_a_slot_with_a_changed_field_does_not_open(field: str) -> None:
    good = _recovery_slot()
    value = good.fields[field]
    assert isinstance(value, bytes)
    changed = Slot({**good.fields, field: bytes([value[0] ^ 1]) + value[1:]})
    expected = HeaderDamageError if field in ("nonce", "wrapped") else WrongSecretError
    with pytest.raises(expected):
        changed.unwrap(RECOVERY_KEY, IMMUTABLE)


@pytest.mark.parametrize("kind", [PASSWORD, RECOVERY])
@given(data=st.data())
def test_a_slot_of_a_known_type_has_its_fields_and_no_others(kind: str, data: st.DataObject) -> None:
    good = (_recovery_slot() if kind == RECOVERY else _PASSWORD_SLOT).fields
    fields: dict[str, Any] = dict(good)
    match data.draw(st.sampled_from(("drop", "add", "type", "size", "kdf"))):
        case "drop":
            del fields[data.draw(st.sampled_from(sorted(set(fields) - {"type"})))]
        case "add":
            fields["extra"] = 1
        case "type":
            fields[data.draw(st.sampled_from(("commitment", "kdf", "label", "nonce", "salt", "wrapped")))] = 7
        case "size":
            fields[data.draw(st.sampled_from(("commitment", "nonce", "salt", "wrapped")))] += b"!"
        case _:
            fields["kdf"] = {**fields["kdf"], data.draw(st.sampled_from(("name", "more"))): "other"}
    with pytest.raises(MalformedError):
        parse_slot(fields)
    assert parse_slot(good).fields == good


_PASSWORD_SLOT = _password_slot()


@pytest.mark.parametrize("fields", [5, [], {}, {"type": 5}, {"kdf": {}}])
def test_what_has_no_type_is_no_slot(fields: Any) -> None:
    with pytest.raises(MalformedError):
        parse_slot(fields)


def test_a_slot_whose_field_is_not_bytes_is_a_bug_of_the_caller() -> None:
    with pytest.raises(TypeError):
        Slot({**_recovery_slot().fields, "salt": "text"}).unwrap(RECOVERY_KEY, IMMUTABLE)


def test_a_header_is_one_canonical_array() -> None:
    assert unpack(HEADER) == msgpack.unpackb(HEADER)
    assert isinstance(parse_vault_header(HEADER), VaultHeader)
