"""The scan of one file: every byte range is what it is said to be, whatever was done to header, length and chunks."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.making import CHUNK, Shelf, drop, shelf
from wafs.check.file_chunks import ChunkScan, Quality
from wafs.check.file_facts import FileFacts, read_file_facts
from wafs.crypto.aead import OVERHEAD
from wafs.errors import AuthenticationError, DamageError, MalformedError, TruncatedError, UnsupportedFormatError
from wafs.format.file_header import STATE_OFFSETS
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.format.state import IN_FLIGHT
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wafs.store.base import Store

STRIDE = CHUNK + OVERHEAD
BIG = 300 * CHUNK + 100
"""More than one read of a scan."""

Seen = list[tuple[Quality, int, int]]
GOOD, HOLE, DAMAGED, ZEROED, TRUNCATED, UNREADABLE = Quality


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Shelf]:
    with shelf(tmp_path) as made:
        yield made


def _write(place: Shelf, size: int) -> bytes:
    data = os.urandom(size)
    content = place.create()
    content.write(0, memoryview(data), Scratch())
    content.close()
    return data


def _patch(place: Shelf, offset: int, data: bytes | None = None) -> None:
    """Overwrite bytes of the ciphertext; without any, flip one."""
    with (place.path / "file").open("r+b") as file:
        file.seek(offset)
        data = bytes([file.read(1)[0] ^ 1]) if data is None else data
        file.seek(offset)
        file.write(data)


def _cut(place: Shelf, length: int) -> None:
    os.truncate(place.path / "file", length)


def _chunk_at(number: int) -> int:
    return FILE_HEADER_SIZE + number * STRIDE


class Scanned:
    """What a scan saw: runs with neighbours of one quality joined, and all good bytes in their place."""

    def __init__(self, place: Shelf, store: Store | None = None) -> None:
        context = place.context
        store = store or context.store
        handle = store.open(place.top, b"file", os.O_RDONLY)
        try:
            self.facts: FileFacts = read_file_facts(store, handle, context.file_keys, CHUNK)
            scan = ChunkScan(store, handle, self.facts, context.root, CHUNK, Scratch())
            self.runs: Seen = []
            self.data = bytearray(self.facts.extent)
            for run in scan:
                assert run.start < run.stop
                assert run.start == (self.runs[-1][2] if self.runs else 0)
                assert len(run.plain) == (run.stop - run.start if run.quality is GOOD else 0)
                if run.quality is GOOD:
                    self.data[run.start : run.stop] = run.plain
                if self.runs and self.runs[-1][0] is run.quality:
                    self.runs[-1] = (run.quality, self.runs[-1][1], run.stop)
                else:
                    self.runs.append((run.quality, run.start, run.stop))
            assert (self.runs[-1][2] if self.runs else 0) == self.facts.extent
            self.root_fits = scan.root_fits()
        finally:
            os.close(handle)


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, BIG])
def test_a_whole_file_is_good_from_end_to_end(place: Shelf, size: int) -> None:
    data = _write(place, size)
    seen = Scanned(place)
    assert seen.data == data
    assert seen.runs == ([(GOOD, 0, size)] if size else [])
    assert seen.root_fits
    assert seen.facts.problem is None


@pytest.mark.parametrize("number", [0, 1, 255, 256, 299, 300])
def test_a_damaged_chunk_costs_its_own_bytes_alone(place: Shelf, number: int) -> None:
    data = _write(place, BIG)
    _patch(place, _chunk_at(number) + 17)
    seen = Scanned(place)
    start, stop = number * CHUNK, min(number * CHUNK + CHUNK, BIG)
    expected = [(GOOD, 0, start), (DAMAGED, start, stop), (GOOD, stop, BIG)]
    assert seen.runs == [run for run in expected if run[1] < run[2]]
    assert seen.data == data[:start] + bytes(stop - start) + data[stop:]
    assert not seen.root_fits


def test_an_older_chunk_is_good_and_the_root_tells(place: Shelf) -> None:
    _write(place, 5 * CHUNK)
    older = (place.path / "file").read_bytes()[_chunk_at(2) : _chunk_at(3)]
    content = place.open()
    content.write(2 * CHUNK, memoryview(b"newer"), Scratch())
    content.close()
    _patch(place, _chunk_at(2), older)
    seen = Scanned(place)
    assert seen.runs == [(GOOD, 0, 5 * CHUNK)]
    assert not seen.root_fits


def test_zeros_are_a_hole_where_there_may_be_holes_and_damage_elsewhere(place: Shelf) -> None:
    data = _write(place, 4 * CHUNK)
    _patch(place, _chunk_at(1), bytes(STRIDE))
    assert Scanned(place).runs == [(GOOD, 0, CHUNK), (ZEROED, CHUNK, 2 * CHUNK), (GOOD, 2 * CHUNK, 4 * CHUNK)]
    content = place.open()
    content.punch(2 * CHUNK, CHUNK, Scratch())
    content.close()
    seen = Scanned(place)
    assert seen.runs == [(GOOD, 0, CHUNK), (HOLE, CHUNK, 3 * CHUNK), (GOOD, 3 * CHUNK, 4 * CHUNK)]
    assert seen.data == data[:CHUNK] + bytes(2 * CHUNK) + data[3 * CHUNK :]


@pytest.mark.parametrize("left", [_chunk_at(0), _chunk_at(1) - 1, _chunk_at(1), _chunk_at(1) + 5, _chunk_at(299)])
def test_a_file_that_was_cut_ends_where_its_last_whole_chunk_does(place: Shelf, left: int) -> None:
    data = _write(place, BIG)
    _cut(place, left)
    seen = Scanned(place)
    kept = (left - FILE_HEADER_SIZE) // STRIDE * CHUNK
    expected = [(GOOD, 0, kept), (TRUNCATED, kept, BIG)]
    assert seen.runs == [run for run in expected if run[1] < run[2]]
    assert seen.data[:kept] == data[:kept]
    assert isinstance(seen.facts.problem, TruncatedError)


def test_what_was_put_behind_the_end_is_told(place: Shelf) -> None:
    data = _write(place, 2 * CHUNK + 100)
    with (place.path / "file").open("ab") as file:
        file.write(os.urandom(2 * STRIDE))
    seen = Scanned(place)
    assert seen.runs[0] == (GOOD, 0, 2 * CHUNK + 100)
    assert seen.data[: len(data)] == data
    assert [quality for quality, _, _ in seen.runs[1:]] == [DAMAGED]
    assert isinstance(seen.facts.problem, TruncatedError)


@pytest.mark.parametrize("slots", [(0,), (1,), (0, 1)])
def test_chunks_are_read_without_states_by_the_length(place: Shelf, slots: tuple[int, ...]) -> None:
    data = _write(place, 3 * CHUNK + 5)
    for slot in slots:
        _patch(place, STATE_OFFSETS[slot] + 20)
    _patch(place, _chunk_at(1) + 50)
    seen = Scanned(place)
    assert seen.facts.state is None
    assert isinstance(seen.facts.problem, AuthenticationError)
    assert seen.runs == [(GOOD, 0, CHUNK), (DAMAGED, CHUNK, 2 * CHUNK), (GOOD, 2 * CHUNK, len(data))]
    assert seen.data == data[:CHUNK] + bytes(CHUNK) + data[2 * CHUNK :]


def test_holes_without_states_are_not_known_to_be_holes(place: Shelf) -> None:
    _write(place, CHUNK)
    content = place.open()
    content.truncate(3 * CHUNK, Scratch())
    content.close()
    assert Scanned(place).runs == [(GOOD, 0, CHUNK), (HOLE, CHUNK, 3 * CHUNK)]
    for at in STATE_OFFSETS:
        _patch(place, at + 30)
    assert Scanned(place).runs == [(GOOD, 0, CHUNK), (ZEROED, CHUNK, 3 * CHUNK)]


def test_a_file_in_flight_is_read_as_its_next_writer_would_leave_it(place: Shelf) -> None:
    _write(place, CHUNK)
    content = place.open()
    content.write(CHUNK, memoryview(b"x" * (CHUNK + 7)), Scratch())
    drop(content)
    seen = Scanned(place)
    assert seen.facts.problem is None
    assert seen.facts.state is not None
    assert seen.facts.state.flags & IN_FLIGHT
    assert seen.runs == [(GOOD, 0, 2 * CHUNK + 7)]
    _cut(place, _chunk_at(2) + 33)
    assert Scanned(place).runs == [(GOOD, 0, 2 * CHUNK)]


@pytest.mark.parametrize("offset", [0, 5, 6, 7, 8, 25, 26, 87, 95])
def test_a_flip_in_the_fixed_bytes_of_the_header_costs_nothing(place: Shelf, offset: int) -> None:
    data = _write(place, CHUNK + 1)
    _patch(place, offset)
    seen = Scanned(place)
    assert isinstance(seen.facts.problem, MalformedError | UnsupportedFormatError)
    assert seen.data == data
    assert seen.root_fits


@pytest.mark.parametrize("offset", [9, 24, 27, 86])
def test_without_its_key_a_file_is_lost(place: Shelf, offset: int) -> None:
    _write(place, CHUNK)
    _patch(place, offset)
    with pytest.raises(AuthenticationError, match="key of the file"):
        Scanned(place)


def test_a_file_of_a_newer_version_is_told_as_such(place: Shelf) -> None:
    _write(place, CHUNK)
    _patch(place, 6, b"\x02")
    _patch(place, 40)
    with pytest.raises(UnsupportedFormatError, match="format version 2"):
        Scanned(place)


def test_a_file_without_a_whole_header_is_lost(place: Shelf) -> None:
    _write(place, CHUNK)
    _cut(place, FILE_HEADER_SIZE - 1)
    with pytest.raises(TruncatedError, match="has 255 bytes"):
        Scanned(place)


class BadSectors:
    """A store whose reads fail where they touch one of some offsets."""

    def __init__(self, inner: Store, bad: list[int]) -> None:
        self._inner = inner
        self._bad = bad

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def preadv(self, handle: int, buffers: list[memoryview], offset: int) -> int:
        """Read, or fail."""
        size = sum(map(len, buffers))
        if any(offset <= bad < offset + size for bad in self._bad):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._inner.preadv(handle, buffers, offset)


def test_a_sector_that_cannot_be_read_costs_its_chunk_alone(place: Shelf) -> None:
    data = _write(place, BIG)
    store = BadSectors(place.context.store, [_chunk_at(7) + 100, _chunk_at(300) + 3])
    seen = Scanned(place, cast("Store", store))
    last = 300 * CHUNK
    assert seen.runs == [
        (GOOD, 0, 7 * CHUNK),
        (UNREADABLE, 7 * CHUNK, 8 * CHUNK),
        (GOOD, 8 * CHUNK, last),
        (UNREADABLE, last, BIG),
    ]
    assert seen.data == data[: 7 * CHUNK] + bytes(CHUNK) + data[8 * CHUNK : last] + bytes(BIG - last)


@given(
    size=st.integers(0, 6 * CHUNK),
    flips=st.lists(st.integers(0, 8 * STRIDE), max_size=4),
    length=st.none() | st.integers(0, 8 * STRIDE),
    tail=st.integers(0, 2 * STRIDE),
)
def test_whatever_was_done_what_is_called_good_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, size: int, flips: list[int], length: int | None, tail: int
) -> None:
    with shelf(tmp_path_factory.mktemp("shelf")) as place:
        data = _write(place, size)
        path = place.path / "file"
        if length is not None:
            _cut(place, length)
        with path.open("ab") as file:
            file.write(bytes(tail))
        for flip in flips:
            if flip < path.stat().st_size:
                _patch(place, flip)
        try:
            seen = Scanned(place)
        except (DamageError, UnsupportedFormatError):
            assert path.stat().st_size < FILE_HEADER_SIZE or length is not None or min(flips) < FILE_HEADER_SIZE
            return
        for quality, start, stop in seen.runs:
            if quality is GOOD:
                assert seen.data[start:stop] == data[start:stop]
            if quality is HOLE:
                pytest.fail("no hole was ever made")
