"""Contents of stores that read in pieces, know no holes, or hand over a file that another process left."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from store.faulty import Fault
from vault.making import CHUNK, drop, shelf
from wafs.errors import AuthenticationError, NoSuchOffsetError
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path


def test_reads_that_come_in_pieces_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = os.urandom(3 * CHUNK + 5)
    with shelf(tmp_path) as place:
        content = place.create()
        content.write(0, memoryview(plain), Scratch(0))
        real = os.preadv

        def piecewise(handle: int, buffers: list[memoryview], offset: int) -> int:
            return real(handle, [buffers[0][:1000]], offset)

        monkeypatch.setattr(place.faulty._inner, "preadv", piecewise)
        assert content.read(0, len(plain), Scratch(0)) == plain
        content.close()


def _sparse(place: Any) -> Any:
    """Data in chunks 0 and 9, a hole between, and one at the end."""
    content = place.create()
    content.write(0, memoryview(b"x" * CHUNK), Scratch(0))
    content.write(9 * CHUNK, memoryview(b"y" * CHUNK), Scratch(0))
    content.truncate(12 * CHUNK, Scratch(0))
    return content


def test_holes_are_found_where_the_store_has_them(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = _sparse(place)
        assert content.seek(0, os.SEEK_DATA) == 0
        assert content.seek(5, os.SEEK_HOLE) == CHUNK
        assert content.seek(CHUNK + 1, os.SEEK_HOLE) == CHUNK + 1
        assert content.seek(CHUNK, os.SEEK_DATA) == 9 * CHUNK
        assert content.seek(9 * CHUNK + 7, os.SEEK_DATA) == 9 * CHUNK + 7
        assert content.seek(9 * CHUNK, os.SEEK_HOLE) == 10 * CHUNK
        for offset in (10 * CHUNK, 12 * CHUNK, -1):
            with pytest.raises(NoSuchOffsetError):
                content.seek(offset, os.SEEK_DATA)
        assert content.seek(11 * CHUNK, os.SEEK_HOLE) == 11 * CHUNK
        content.close()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP])
def test_holes_are_found_where_the_store_knows_none(tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with shelf(tmp_path) as place:
        content = _sparse(place)

        def refuse(*_: object) -> int:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(place.faulty._inner, "seek", refuse)
        assert content.seek(CHUNK, os.SEEK_DATA) == 9 * CHUNK
        assert content.seek(0, os.SEEK_HOLE) == CHUNK
        assert content.seek(9 * CHUNK, os.SEEK_HOLE) == 10 * CHUNK
        with pytest.raises(NoSuchOffsetError):
            content.seek(10 * CHUNK, os.SEEK_DATA)
        content.close()


def test_a_file_without_holes_is_data_to_its_end(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = place.create()
        content.write(0, memoryview(bytes(3 * CHUNK)), Scratch(0))
        assert content.seek(5, os.SEEK_DATA) == 5
        assert content.seek(5, os.SEEK_HOLE) == 3 * CHUNK
        content.close()


def test_a_reader_of_a_file_in_flight_can_become_its_writer(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = place.create()
        content.write(0, memoryview(b"plain"), Scratch(0))
        drop(content)
        content = place.open(writable=False)
        content.seal()
        before = content.in_flight
        content.make_writable(os.open(tmp_path / "file", os.O_RDWR))
        assert (before, content.in_flight) == (True, False)
        content.write(5, memoryview(b"!"), Scratch(0))
        content.close()
        content = place.open(writable=False)
        assert bytes(content.read(0, 10, Scratch(0))) == b"plain!"
        content.close()


def test_a_torn_last_chunk_beyond_what_is_sealed_is_dropped_by_the_next_writer(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = place.create()
        content.write(0, memoryview(b"x" * CHUNK), Scratch(0))
        content.seal()
        content.write(CHUNK, memoryview(b"y" * CHUNK), Scratch(0))
        drop(content)
        for size in (256 + 2 * (CHUNK + 28) - 7, 256 + CHUNK + 28 + 5):
            os.truncate(tmp_path / "file", size)
            reader = place.open(writable=False)
            if reader.size > CHUNK:
                with pytest.raises(AuthenticationError):
                    reader.read(CHUNK, 10, Scratch(0))
            assert reader.read(0, CHUNK, Scratch(0)) == b"x" * CHUNK
            reader.close()
        content = place.open()
        assert (content.size, content.in_flight) == (CHUNK, False)
        assert (tmp_path / "file").stat().st_size == 256 + CHUNK + 28
        content.close()


def test_a_renewed_file_has_a_new_id_and_key(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = place.create()
        content.write(0, memoryview(b"plain"), Scratch(0))
        content.close()
        old = (tmp_path / "file").read_bytes()
        handle = os.open(tmp_path / "file", os.O_RDWR)
        content = type(content).renew(place.context, handle)
        content.close()
        new = (tmp_path / "file").read_bytes()
        assert len(new) == 256
        assert old[9:25] != new[9:25]
        assert old[27:87] != new[27:87]


def test_a_hole_where_the_sealed_size_ends_is_no_interrupted_truncation(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = place.create()
        content.truncate(2 * CHUNK, Scratch(0))
        content.truncate(100, Scratch(0))
        content.seal()
        # In flight from 100 bytes on, and sparse from before.
        content.write(100, memoryview(b"x" * (5 * CHUNK)), Scratch(0))
        content.punch(0, CHUNK, Scratch(0))
        drop(content)
        content = place.open()
        assert content.read(0, 9 * CHUNK, Scratch(0)) == bytes(CHUNK) + b"x" * (4 * CHUNK + 100)
        content.close()


def test_an_interrupted_truncation_is_finished(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = place.create()
        content.write(0, memoryview(b"x" * (3 * CHUNK)), Scratch(0))
        content.seal()
        place.faulty.arm(Fault(1, frozenset({"truncate"}), dies=True))
        with pytest.raises(OSError, match="Input/output"):
            content.truncate(CHUNK + 7, Scratch(0))
        place.faulty.arm(None)
        drop(content)
        content = place.open()
        assert content.read(0, 9 * CHUNK, Scratch(0)) == b"x" * (CHUNK + 7)
        content.close()
