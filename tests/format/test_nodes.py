"""Symlink targets, attributes and directory records: there and back, bound to their place."""

from __future__ import annotations

import base64
import contextlib
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from format.keys import ELSEWHERE, GCM, HOME, IDS, NAMES, SIV
from wafs.crypto.siv import Siv
from wafs.errors import AuthenticationError, DamageError, LimitError, MalformedError, NameTooLongError, NotFoundError
from wafs.format.directory import (
    EXPLICIT,
    RECORD_SIZE,
    ROOT_PLACE,
    DirectoryRecord,
    Place,
    implied_dir_id,
    open_directory_record,
    seal_directory_record,
)
from wafs.format.symlink import MAX_PLAIN_TARGET_SIZE, MAX_TARGET_SIZE, open_target, seal_target, target_size
from wafs.format.xattr import open_xattr_name, open_xattr_value, seal_xattr_name, seal_xattr_value
from wafs.units import ROOT_DIR_ID, DirId

TARGETS = st.binary(min_size=1, max_size=MAX_PLAIN_TARGET_SIZE).filter(lambda target: b"\0" not in target)
# Long paths of long random names: hexadecimal digits deflate to some 57 %.
LONG_TARGETS = st.builds(
    lambda rng, size: "/".join(f"{rng.getrandbits(500):0125x}" for _ in range(40)).encode()[:size],
    st.randoms(use_true_random=False),
    st.integers(MAX_PLAIN_TARGET_SIZE + 1, MAX_TARGET_SIZE),
)
NONCES = st.binary(min_size=16, max_size=16)
ATTRIBUTES = st.binary(min_size=1, max_size=160).filter(lambda name: b"\0" not in name)
FLAGS = st.sampled_from((0, EXPLICIT))
PLACES = st.builds(Place, IDS, NAMES)


@given(TARGETS, NONCES)
def test_a_target_goes_there_and_back_and_its_size_needs_no_key(target: bytes, nonce: bytes) -> None:
    text = seal_target(SIV, target, nonce)
    assert open_target(SIV, text) == target
    assert target_size(len(text)) == len(target)
    assert len(text) <= 4095


@given(LONG_TARGETS, NONCES)
def test_a_long_target_is_deflated_and_its_size_is_not_told_by_the_text(target: bytes, nonce: bytes) -> None:
    text = seal_target(SIV, target, nonce)
    assert open_target(SIV, text) == target
    assert target_size(len(text)) == 0
    assert len(text) <= 4081


@given(LONG_TARGETS, st.data())
def test_no_other_text_opens_to_a_deflated_target(target: bytes, data: st.DataObject) -> None:
    text = bytearray(seal_target(SIV, target, bytes(16)))
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.integers(0, 255).filter(lambda value: value != text[at]))
    with pytest.raises(DamageError):
        open_target(SIV, bytes(text))


@given(st.binary(max_size=3232 // 16).map(lambda part: part.ljust(-len(part) % 16 + len(part), b"\0")))
def test_what_was_sealed_as_deflated_opens_or_is_damage(packed: bytes) -> None:
    """Whoever has the key is not believed either: nothing but damage or a target comes of it."""
    nonce = bytes(16)
    text = b"," + base64.b85encode(nonce + SIV.seal(packed or bytes(16), nonce))
    with contextlib.suppress(DamageError):
        assert MAX_PLAIN_TARGET_SIZE < len(open_target(SIV, text)) <= MAX_TARGET_SIZE


def test_the_memory_for_inflating_has_a_cap() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b"t" * 3_000_000) + packer.flush()
    assert len(bomb) < 3232
    nonce = bytes(16)
    text = b"," + base64.b85encode(nonce + SIV.seal(bomb + bytes(-len(bomb) % 16), nonce))
    tracemalloc.start()
    with pytest.raises(LimitError):
        open_target(SIV, text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


@given(st.integers(0, 5000))
def test_the_size_of_a_target_is_total_and_never_falls(length: int) -> None:
    if length % 4 == 1:
        assert target_size(length) == 0
    else:
        following = target_size(length + 1 + (length % 4 == 0))
        assert 0 <= target_size(length) <= following <= target_size(length) + 1


@given(st.binary(max_size=100), st.sampled_from((b"", b",")))
def test_bytes_at_random_are_no_target(text: bytes, mark: bytes) -> None:
    with pytest.raises(DamageError):
        open_target(SIV, mark + text)


def test_a_target_has_a_most_and_a_shape() -> None:
    with pytest.raises(NameTooLongError):
        seal_target(SIV, b"x" * (MAX_TARGET_SIZE + 1), bytes(16))
    with pytest.raises(NameTooLongError):
        seal_target(SIV, random.Random(1).randbytes(MAX_TARGET_SIZE), bytes(16))
    with pytest.raises(NotFoundError):
        seal_target(SIV, b"", bytes(16))
    with pytest.raises(MalformedError):
        open_target(SIV, seal_target(SIV, b"a\0b", bytes(16)))
    with pytest.raises(AuthenticationError):
        open_target(Siv(bytes(64)), seal_target(SIV, b"target", bytes(16)))


@given(ATTRIBUTES, IDS)
def test_an_attribute_name_goes_there_and_back(name: bytes, owner: DirId) -> None:
    stored = seal_xattr_name(SIV, owner, name)
    assert open_xattr_name(SIV, owner, stored) == name
    assert len(stored) <= 255
    with pytest.raises(AuthenticationError):
        open_xattr_name(SIV, bytes(byte ^ 1 for byte in owner), stored)


@given(st.binary(max_size=200), ATTRIBUTES)
def test_an_attribute_value_is_bound_to_its_name_and_object(value: bytes, name: bytes) -> None:
    stored = seal_xattr_name(SIV, HOME, name)
    sealed = seal_xattr_value(GCM, HOME, stored, value)
    assert open_xattr_value(GCM, HOME, stored, sealed) == value
    for owner, other in ((ELSEWHERE, stored), (HOME, stored + b"x")):
        with pytest.raises(AuthenticationError):
            open_xattr_value(GCM, owner, other, sealed)


@given(st.binary(max_size=100))
def test_a_stored_attribute_name_that_opens_is_the_one_of_its_name(tail: bytes) -> None:
    for stored in (tail, b"user.wafs." + tail):
        with contextlib.suppress(DamageError):
            assert seal_xattr_name(SIV, HOME, open_xattr_name(SIV, HOME, stored)) == stored


@given(IDS, FLAGS, PLACES, PLACES)
def test_a_record_opens_at_its_places_and_nowhere_else(dir_id: DirId, flags: int, first: Place, second: Place) -> None:
    record = DirectoryRecord(dir_id, flags)
    data = seal_directory_record(SIV, record, [first, second])
    assert len(data) == 2 * RECORD_SIZE
    assert open_directory_record(SIV, data, first) == record
    assert open_directory_record(SIV, data, second) == record
    with pytest.raises(AuthenticationError):
        open_directory_record(SIV, data, Place(first.parent, first.name + b"!" if first.name[-1:] != b"!" else b"?"))


@given(st.binary(max_size=150), PLACES)
def test_bytes_at_random_are_no_record(data: bytes, place: Place) -> None:
    expected = AuthenticationError if len(data) in (RECORD_SIZE, 2 * RECORD_SIZE) else MalformedError
    with pytest.raises(expected):
        open_directory_record(SIV, data, place)


@given(PLACES, PLACES)
def test_implied_ids_differ_where_places_do(first: Place, second: Place) -> None:
    same = implied_dir_id(bytes(32), first) == implied_dir_id(bytes(32), second)
    assert same == (first == second)


def test_the_root_is_the_root_whatever_the_key() -> None:
    assert implied_dir_id(bytes(32), ROOT_PLACE) == ROOT_DIR_ID
    forged = seal_directory_record(SIV, DirectoryRecord(HOME), [ROOT_PLACE])
    with pytest.raises(MalformedError):
        open_directory_record(SIV, forged, ROOT_PLACE)
    marked = DirectoryRecord(ROOT_DIR_ID, EXPLICIT)
    assert open_directory_record(SIV, seal_directory_record(SIV, marked, [ROOT_PLACE]), ROOT_PLACE) == marked
