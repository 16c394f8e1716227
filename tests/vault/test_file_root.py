"""The root of a file: an older chunk put back is an error for whoever reads it all, and normal work never is one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from vault.making import CHUNK, Shelf, drop, shelf
from wafs.crypto.aead import OVERHEAD
from wafs.errors import AuthenticationError
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNKS = 5
SIZE = (CHUNKS - 1) * CHUNK + 100
STRIDE = CHUNK + OVERHEAD
MIXED = "different versions"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Shelf]:
    with shelf(tmp_path) as made:
        content = made.create()
        content.write(0, memoryview(os.urandom(SIZE)), Scratch())
        content.close()
        yield made


def _chunk(number: int) -> slice:
    return slice(FILE_HEADER_SIZE + number * STRIDE, FILE_HEADER_SIZE + (number + 1) * STRIDE)


def _put_older_chunk_back(place: Shelf, number: int) -> None:
    path = place.path / "file"
    older = path.read_bytes()[_chunk(number)]
    content = place.open()
    content.write(number * CHUNK + 7, memoryview(b"newer"), Scratch())
    content.close()
    data = bytearray(path.read_bytes())
    assert data[_chunk(number)] != older
    data[_chunk(number)] = older
    path.write_bytes(data)


@pytest.mark.parametrize("number", range(CHUNKS))
def test_an_older_chunk_is_an_error_once_all_were_read_in_whatever_order(place: Shelf, number: int) -> None:
    _put_older_chunk_back(place, number)
    scratch = Scratch()
    for order in (range(CHUNKS), range(CHUNKS - 1, -1, -1), (3, 3, 0, 4, 1, 0, 2)):
        content = place.open(writable=False)
        for index in list(order)[:-1]:
            content.read(index * CHUNK, CHUNK, scratch)
        for _ in range(2):
            with pytest.raises(AuthenticationError, match=MIXED):
                content.read(order[-1] * CHUNK, CHUNK, scratch)
        with pytest.raises(AuthenticationError, match=MIXED):
            content.read(0, 1, scratch)
        content.close()
    content = place.open(writable=False)
    with pytest.raises(AuthenticationError, match=MIXED):
        content.read(0, SIZE, scratch)
    content.close()


@pytest.mark.parametrize("change", ["write", "append", "punch", "cut"])
def test_a_change_of_another_chunk_does_not_hide_it(place: Shelf, change: str) -> None:
    _put_older_chunk_back(place, 1)
    scratch = Scratch()
    content = place.open()
    if change == "write":
        content.write(3 * CHUNK, memoryview(b"x"), scratch)
    elif change == "append":
        content.write(SIZE, memoryview(bytes(3 * CHUNK)), scratch)
    elif change == "punch":
        content.punch(3 * CHUNK, CHUNK, scratch)
    else:
        content.truncate(4 * CHUNK, scratch)
    content.seal()
    with pytest.raises(AuthenticationError, match=MIXED):
        content.read(0, content.size, scratch)
    content.close()


def test_a_flight_that_a_killed_writer_left_ends_with_a_root(place: Shelf) -> None:
    content = place.open()
    content.write(SIZE, memoryview(bytes(3 * CHUNK)), Scratch())
    drop(content)
    place.open().close()
    _put_older_chunk_back(place, 2)
    content = place.open(writable=False)
    with pytest.raises(AuthenticationError, match=MIXED):
        content.read(0, content.size, Scratch())
    content.close()
