"""Contents behave as a bytearray does, whatever is done to them and in which order."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vault.making import Shelf, drop, shelf
from wafs.errors import NoSuchOffsetError
from wafs.format.layout import sealed_size
from wafs.vault.content import Content
from wafs.vault.scratch import Scratch

CHUNK_SIZES = (4096, 8192, 16384, 65536, 1 << 20)
MOST_CHUNKS = 5


def _near_an_edge(chunk_size: int) -> st.SearchStrategy[int]:
    """Offsets from 0 to some chunks, half of them within two bytes of the edge of a chunk."""
    edges = st.tuples(st.integers(0, MOST_CHUNKS), st.integers(-2, 2))
    close = edges.map(lambda edge: max(0, edge[0] * chunk_size + edge[1]))
    return st.one_of(close, st.integers(0, MOST_CHUNKS * chunk_size))


class ContentMachine(RuleBasedStateMachine):
    """One content beside one bytearray."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.scratch = Scratch(0)
        self.plain = bytearray()

    @initialize(size=st.sampled_from(CHUNK_SIZES))
    def make(self, size: int) -> None:
        self.chunk_size = size
        self.shelves = shelf(Path(self.folder.name), size)
        self.shelf: Shelf = self.shelves.__enter__()
        self.content: Content = self.shelf.create()

    def teardown(self) -> None:
        self.content.close()
        self.shelves.__exit__(None, None, None)
        self.folder.cleanup()

    @rule(data=st.data(), byte=st.integers(1, 255))
    def write(self, data: st.DataObject, byte: int) -> None:
        offset = data.draw(_near_an_edge(self.chunk_size))
        end = data.draw(_near_an_edge(self.chunk_size).map(lambda at: offset + at % (2 * self.chunk_size + 3)))
        piece = bytes([byte]) * (end - offset)
        self.content.write(offset, memoryview(piece), self.scratch)
        if piece:
            self.plain += bytes(max(0, offset - len(self.plain)))
            self.plain[offset:end] = piece

    @rule(data=st.data())
    def append_small_pieces(self, data: st.DataObject) -> None:
        for piece in data.draw(st.lists(st.binary(min_size=1, max_size=300), max_size=5)):
            self.content.write(len(self.plain), memoryview(piece), self.scratch)
            self.plain += piece

    @rule(data=st.data())
    def truncate(self, data: st.DataObject) -> None:
        size = data.draw(_near_an_edge(self.chunk_size))
        self.content.truncate(size, self.scratch)
        del self.plain[size:]
        self.plain += bytes(size - len(self.plain))

    @rule(data=st.data())
    def punch(self, data: st.DataObject) -> None:
        offset, size = data.draw(_near_an_edge(self.chunk_size)), data.draw(_near_an_edge(self.chunk_size))
        self.content.punch(offset, size, self.scratch)
        end = min(offset + size, len(self.plain))
        if end > offset:
            self.plain[offset:end] = bytes(end - offset)

    @rule(data=st.data())
    def reserve(self, data: st.DataObject) -> None:
        self.content.reserve(data.draw(_near_an_edge(self.chunk_size)), 1 + self.chunk_size)

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        offset, size = data.draw(_near_an_edge(self.chunk_size)), data.draw(_near_an_edge(self.chunk_size))
        assert self.content.read(offset, size, self.scratch) == self.plain[offset : offset + size]

    @rule(data=st.data(), whence=st.sampled_from((os.SEEK_DATA, os.SEEK_HOLE)))
    def seek(self, data: st.DataObject, whence: int) -> None:
        offset = data.draw(_near_an_edge(self.chunk_size))
        try:
            found = self.content.seek(offset, whence)
        except NoSuchOffsetError:
            assert offset >= len(self.plain) or (whence == os.SEEK_DATA and not any(self.plain[offset:]))
            return
        assert offset <= found <= len(self.plain)
        if whence == os.SEEK_DATA:
            assert not any(self.plain[offset:found])
        else:
            assert found == len(self.plain) or not any(
                self.plain[found : found // self.chunk_size * self.chunk_size + 1]
            )

    @rule(data_only=st.booleans())
    def sync(self, data_only: bool) -> None:
        self.content.sync(data_only=data_only)
        length = (self.shelf.path / "file").stat().st_size
        assert length == sealed_size(len(self.plain), self.chunk_size)
        self._compare_with_a_reader()

    @rule(killed=st.booleans())
    def reopen(self, killed: bool) -> None:
        if killed:
            drop(self.content)
        else:
            self.content.close()
        self.content = self.shelf.open()
        assert not self.content.in_flight

    @precondition(lambda self: self.content.in_flight)
    @rule()
    def read_in_flight(self) -> None:
        before = (self.shelf.path / "file").read_bytes()
        self._compare_with_a_reader()
        assert (self.shelf.path / "file").read_bytes() == before

    @invariant()
    def size_is_right(self) -> None:
        assert self.content.size == len(self.plain)

    def _compare_with_a_reader(self) -> None:
        reader = self.shelf.open(writable=False)
        assert reader.read(0, len(self.plain) + 1, self.scratch) == self.plain
        reader.close()


TestContentMachine = ContentMachine.TestCase


@pytest.mark.parametrize("chunk_size", CHUNK_SIZES)
def test_one_write_of_many_chunks_is_read_back_in_any_piece(tmp_path: Path, chunk_size: int) -> None:
    plain = os.urandom(3 * chunk_size + 17)
    with shelf(tmp_path, chunk_size) as place:
        content = place.create()
        content.write(0, memoryview(plain), Scratch())
        content.close()
        content = place.open(writable=False)
        scratch = Scratch(0)
        for offset in (0, 1, chunk_size - 1, chunk_size, 3 * chunk_size, len(plain) - 1, len(plain), len(plain) + 5):
            for size in (0, 1, chunk_size - 1, chunk_size, chunk_size + 1, len(plain)):
                assert content.read(offset, size, scratch) == plain[offset : offset + size]
        content.close()
