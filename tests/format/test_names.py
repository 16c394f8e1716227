"""Names: every one goes there and back, and nothing else opens."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from format.keys import ELSEWHERE, HOME, IDS, NAMES, SIV
from wafs.crypto.siv import Siv
from wafs.errors import AuthenticationError, DamageError, InvalidArgumentError, MalformedError, NameTooLongError
from wafs.format.name import (
    LONG_SUFFIX,
    MAX_NAME_FILE_SIZE,
    MIN_NAME_FILE_SIZE,
    SHORT_SUFFIX,
    SealedName,
    check_name,
    name_file_of,
    open_long_name,
    open_short_name,
    pad,
    seal_name,
    sealed_name_stem,
    unpad,
)
from wafs.units import DirId


def _open(directory: DirId, sealed: SealedName, key: Siv = SIV) -> bytes:
    if sealed.name_file is None:
        return open_short_name(key, directory, sealed.entry)
    return open_long_name(key, directory, sealed.entry, sealed.sealed)


@given(NAMES, IDS)
def test_a_name_goes_there_and_back(name: bytes, directory: DirId) -> None:
    check_name(name)
    sealed = seal_name(SIV, directory, name)
    assert _open(directory, sealed) == name
    assert seal_name(SIV, directory, name) == sealed


@given(NAMES, IDS)
def test_a_sealed_name_has_one_of_two_shapes(name: bytes, directory: DirId) -> None:
    sealed = seal_name(SIV, directory, name)
    assert len(sealed.entry) <= 220
    if len(name) <= 144:
        assert sealed == SealedName(sealed.entry)
        assert sealed.entry.endswith(SHORT_SUFFIX)
    else:
        assert sealed.entry.endswith(LONG_SUFFIX)
        assert len(sealed.entry) == 48
        assert sealed.name_file == name_file_of(sealed.entry) == sealed.entry[:43] + b".name"
        assert MIN_NAME_FILE_SIZE <= len(sealed.sealed) <= MAX_NAME_FILE_SIZE


@given(NAMES)
def test_the_length_of_a_name_shows_only_in_steps_of_16(name: bytes) -> None:
    other = b"x" * len(pad(name))
    if len(other) <= 255:
        assert len(seal_name(SIV, HOME, name).entry) == len(seal_name(SIV, HOME, other).entry)


@given(NAMES)
def test_a_name_opens_only_in_its_directory_and_its_vault(name: bytes) -> None:
    sealed = seal_name(SIV, HOME, name)
    with pytest.raises(AuthenticationError):
        _open(ELSEWHERE, sealed)
    with pytest.raises(AuthenticationError):
        _open(HOME, sealed, Siv(bytes(64)))


@given(st.binary(max_size=60))
def test_a_short_entry_that_opens_is_the_one_of_its_name(stem: bytes) -> None:
    with contextlib.suppress(DamageError):
        name = open_short_name(SIV, HOME, stem + SHORT_SUFFIX)
        assert seal_name(SIV, HOME, name).entry == stem + SHORT_SUFFIX


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_bytes_at_random_are_no_long_name(entry: bytes, sealed: bytes) -> None:
    with pytest.raises(DamageError):
        open_long_name(SIV, HOME, entry + LONG_SUFFIX, sealed)


@given(st.binary(max_size=272))
def test_padding_is_undone_only_where_it_is_the_shortest(padded: bytes) -> None:
    try:
        name = unpad(padded)
    except MalformedError:
        assert pad(padded.rstrip(b"\0")) != padded
    else:
        assert pad(name) == padded


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/", b"a\0", b"\0"])
def test_what_is_no_name_is_refused(name: bytes) -> None:
    with pytest.raises(InvalidArgumentError):
        check_name(name)


def test_a_name_has_at_most_255_bytes() -> None:
    check_name(b"x" * 255)
    with pytest.raises(NameTooLongError):
        check_name(b"x" * 256)


def test_a_short_name_does_not_open_in_a_long_entry() -> None:
    """Neither as it is sealed nor with more padding than it needs."""
    for padded in (pad(b"x" * 144), b"x" * 144 + bytes(16)):
        sealed = SIV.seal(padded, HOME)
        with pytest.raises(DamageError):
            open_long_name(SIV, HOME, sealed_name_stem(sealed) + LONG_SUFFIX, sealed)
