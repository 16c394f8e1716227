"""Layout: sizes and their inverse, over the whole range that a file may have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from format.keys import CHUNK_SIZES
from wafs.errors import LimitError
from wafs.format.layout import (
    FILE_HEADER_SIZE,
    MAX_PLAIN_SIZE,
    check_chunk_size,
    chunk_offset,
    plain_size,
    sealed_size,
)

SIZES = st.one_of(st.integers(0, 1 << 22), st.integers(0, MAX_PLAIN_SIZE))


@given(SIZES, CHUNK_SIZES)
def test_plain_size_undoes_sealed_size(size: int, chunk_size: int) -> None:
    assert plain_size(sealed_size(size, chunk_size), chunk_size) == size


@given(SIZES, CHUNK_SIZES)
def test_sealed_size_grows_with_every_byte(size: int, chunk_size: int) -> None:
    grown = sealed_size(size + 1, chunk_size) - sealed_size(size, chunk_size)
    assert grown == (29 if size % chunk_size == 0 else 1)


@given(SIZES, CHUNK_SIZES)
def test_plain_size_never_falls_and_never_passes_the_length(length: int, chunk_size: int) -> None:
    here, after = plain_size(length, chunk_size), plain_size(length + 1, chunk_size)
    assert 0 <= here <= after <= here + 1
    assert here <= max(0, length - FILE_HEADER_SIZE)


@given(SIZES, CHUNK_SIZES)
def test_no_size_is_sealed_in_more_bytes_than_there_are(length: int, chunk_size: int) -> None:
    whole = length + FILE_HEADER_SIZE
    assert sealed_size(plain_size(whole, chunk_size), chunk_size) <= whole
    assert whole - sealed_size(plain_size(whole, chunk_size), chunk_size) <= 28


@given(SIZES, CHUNK_SIZES)
def test_a_chunk_begins_where_the_chunks_before_it_end(size: int, chunk_size: int) -> None:
    number = size // chunk_size
    assert chunk_offset(number, chunk_size) == sealed_size(number * chunk_size, chunk_size)


def test_the_largest_file_fits_in_a_signed_offset() -> None:
    assert sealed_size(MAX_PLAIN_SIZE, 4096) < 1 << 63


@pytest.mark.parametrize("size", [1 << power for power in range(12, 21)])
def test_powers_of_two_are_chunk_sizes(size: int) -> None:
    check_chunk_size(size)


@given(st.integers(-1, 1 << 21).filter(lambda size: size not in {1 << power for power in range(12, 21)}))
def test_nothing_else_is(size: int) -> None:
    with pytest.raises(LimitError):
        check_chunk_size(size)
