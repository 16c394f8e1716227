"""File headers and state slots: what opens is what was sealed, and nothing else opens."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from format.keys import GCM
from wafs.crypto.aead import Gcm
from wafs.errors import AuthenticationError, DamageError, MalformedError, TruncatedError, UnsupportedFormatError
from wafs.format.file_header import (
    SECRETS_SIZE,
    STATE_OFFSETS,
    FileSecrets,
    open_file_header,
    seal_file_header,
    unverified_file_id,
)
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.format.state import IN_FLIGHT, ROOT, SPARSE, STATE_SLOT_SIZE, State, open_state_slots, seal_state

U64 = st.integers(0, (1 << 64) - 1)
COUNTERS = st.integers(0, (1 << 64) - 2)
SECRETS = FileSecrets.split(bytes(range(SECRETS_SIZE)))
CIPHER = Gcm(SECRETS.file_key)
HEADER = seal_file_header(GCM, CIPHER, SECRETS, flags=IN_FLIGHT)


def _slots(first: State, second: State) -> list[bytes]:
    """Both slots, in the order of the file."""
    ordered = sorted((first, second), key=lambda state: state.counter & 1)
    return [seal_state(CIPHER, state) for state in ordered]


@given(st.binary(min_size=SECRETS_SIZE, max_size=SECRETS_SIZE), st.sampled_from((0, IN_FLIGHT)))
def test_a_new_header_opens_as_an_empty_file(data: bytes, flags: int) -> None:
    secrets = FileSecrets.split(data)
    sealed = seal_file_header(GCM, Gcm(secrets.file_key), secrets, flags=flags)
    assert len(sealed) == FILE_HEADER_SIZE
    header = open_file_header(GCM, sealed + b"chunks")
    assert (header.file_id, header.state) == (secrets.file_id, State(0, 1, flags))
    assert header.cipher.open(Gcm(secrets.file_key).seal(b"chunk", b"aad"), b"aad") == b"chunk"
    assert unverified_file_id(sealed) == secrets.file_id


@given(st.data())
def test_no_byte_of_a_header_can_be_changed(data: st.DataObject) -> None:
    at, change = data.draw(st.integers(0, FILE_HEADER_SIZE - 1)), data.draw(st.integers(1, 255))
    changed = bytearray(HEADER)
    changed[at] ^= change
    with pytest.raises((DamageError, UnsupportedFormatError)) as caught:
        open_file_header(GCM, changed)
    expected: type[Exception] = AuthenticationError
    if at == 6:
        expected = UnsupportedFormatError
    elif at < 9 or at in (25, 26) or 87 <= at < 96:
        expected = MalformedError
    assert type(caught.value) is expected


@given(st.binary(max_size=FILE_HEADER_SIZE - 1))
def test_a_short_header_is_truncated(data: bytes) -> None:
    with pytest.raises(TruncatedError):
        open_file_header(GCM, data)


@given(st.binary(min_size=FILE_HEADER_SIZE, max_size=FILE_HEADER_SIZE))
def test_bytes_at_random_are_no_header(data: bytes) -> None:
    with pytest.raises((DamageError, UnsupportedFormatError)):
        open_file_header(GCM, data)


@given(st.binary(min_size=FILE_HEADER_SIZE, max_size=FILE_HEADER_SIZE))
def test_bytes_at_random_behind_a_right_prefix_are_no_header(data: bytes) -> None:
    with pytest.raises(DamageError):
        open_file_header(GCM, HEADER[:25] + data[25:])


@given(U64, U64, COUNTERS, st.integers(0, 7), st.binary(min_size=16, max_size=16))
def test_the_state_that_counts_more_is_the_file_s(old: int, new: int, counter: int, flags: int, root: bytes) -> None:
    newer = State(new, counter + 1, flags, root if flags & ROOT else bytes(16))
    assert open_state_slots(CIPHER, _slots(State(old, counter, 0), newer)) == newer


@given(COUNTERS, COUNTERS)
def test_states_that_do_not_follow_each_other_are_malformed(first: int, second: int) -> None:
    slots = [seal_state(CIPHER, State(0, counter - counter % 2 + at, 0)) for at, counter in enumerate((first, second))]
    counters = first - first % 2, second - second % 2 + 1
    if abs(counters[0] - counters[1]) == 1:
        assert open_state_slots(CIPHER, slots).counter == max(counters)
        return
    with pytest.raises(MalformedError):
        open_state_slots(CIPHER, slots)


@pytest.mark.parametrize(
    "state",
    [
        State(1, 2, 8),
        State(1, 2, 1 << 31),
        State(1, 2, 0, b"root without flag"[:16]),
        State(1, 2, SPARSE | IN_FLIGHT, b"\1" + bytes(15)),
    ],
)
def test_values_that_are_not_defined_are_malformed(state: State) -> None:
    with pytest.raises(MalformedError):
        open_state_slots(CIPHER, _slots(state, State(0, 1, 0)))


def test_a_state_in_the_other_slot_does_not_open() -> None:
    slots = _slots(State(5, 2, 0), State(4, 1, 0))
    with pytest.raises(AuthenticationError):
        open_state_slots(CIPHER, slots[::-1])


def test_a_state_whose_counter_belongs_in_the_other_slot_is_malformed() -> None:
    plain = CIPHER.open(seal_state(CIPHER, State(0, 3, 0)), b"wafs1 state\x01")
    with pytest.raises(MalformedError):
        open_state_slots(CIPHER, [CIPHER.seal(plain, b"wafs1 state\x00"), seal_state(CIPHER, State(0, 1, 0))])


@given(st.lists(st.binary(min_size=STATE_SLOT_SIZE, max_size=STATE_SLOT_SIZE), min_size=2, max_size=2))
def test_slots_at_random_do_not_open(slots: list[bytes]) -> None:
    with pytest.raises(AuthenticationError):
        open_state_slots(CIPHER, slots)


def test_the_slots_lie_where_the_page_says() -> None:
    assert STATE_OFFSETS == (96, 176)
    assert STATE_SLOT_SIZE == 80
    with contextlib.suppress(DamageError):
        open_state_slots(CIPHER, [HEADER[at : at + 80] for at in STATE_OFFSETS])
