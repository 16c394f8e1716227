"""MAP_SHARED: writes through a mapping reach the file, other descriptors, other processes and the next mount."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from differential.mounted import mounted_vault
from differential.operations import CHUNK_SIZE
from differential.program import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mount.bench import Bench

pytestmark = pytest.mark.mount

SIZE = 5 * CHUNK_SIZE + 100
OTHER_PROCESS = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
with mmap.mmap(fd, 0) as view:
    sys.stdout.buffer.write(view[4090:4100])
    view[20000:20005] = b"other"
    view.flush()
"""
BEYOND_THE_END = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
view = mmap.mmap(fd, 8192)
os.ftruncate(fd, 100)
view[5000] = 1
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with mounted_vault(tmp_path) as made:
        yield made


def _make(path: Path, size: int = SIZE) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.pwrite(fd, pattern(1, size), 0)
    return fd


def test_what_a_mapping_writes_is_read_by_descriptor_and_after_a_remount(bench: Bench) -> None:
    path = bench.daemons[0].place / "file"
    wanted = bytearray(pattern(1, SIZE))
    fd = _make(path)
    with mmap.mmap(fd, SIZE) as view:
        for at in (0, 4094, 8192, SIZE - 4):
            view[at : at + 4] = b"\xffmap"
            wanted[at : at + 4] = b"\xffmap"
        view.flush()
        assert os.pread(fd, SIZE, 0) == wanted
        # The other way round: what a descriptor writes is seen through the mapping.
        os.pwrite(fd, b"descriptor", 12_000)
        wanted[12_000:12_010] = b"descriptor"
        assert view[:] == wanted
        view[100:104] = b"late"
        wanted[100:104] = b"late"
    # No flush for the last one: closing the file and unmounting must do.
    os.close(fd)
    bench.remount(bench.daemons[0])
    assert path.read_bytes() == wanted


def test_a_mapping_outlives_its_descriptor_and_its_name(bench: Bench) -> None:
    path = bench.daemons[0].place / "file"
    fd = _make(path)
    other = os.open(path, os.O_RDONLY)
    view = mmap.mmap(fd, SIZE)
    os.close(fd)
    path.unlink()
    view[5000:5005] = b"still"
    view.flush()
    assert os.pread(other, 5, 5000) == b"still"
    view.close()
    os.close(other)
    assert os.listdir(bench.daemons[0].place) == []


def test_the_tail_of_the_last_page_is_not_stored(bench: Bench) -> None:
    """What is written behind the end of the file, in its last page, is dropped; growing shows zeros there."""
    path = bench.daemons[0].place / "file"
    fd = _make(path, 8192)
    with mmap.mmap(fd, 8192) as view:
        os.ftruncate(fd, 5000)
        view[4998:5003] = b"abcde"
        view.flush()
        assert os.fstat(fd).st_size == 5000
        os.ftruncate(fd, 6000)
        assert view[4998:6000] == b"ab" + bytes(1000)
    os.close(fd)
    bench.remount(bench.daemons[0])
    assert path.read_bytes() == pattern(1, 4998) + b"ab" + bytes(1000)


def test_a_page_beyond_the_end_is_refused(bench: Bench) -> None:
    path = bench.daemons[0].place / "file"
    os.close(_make(path, 8192))
    result = subprocess.run([sys.executable, "-c", BEYOND_THE_END, path], check=False, capture_output=True)
    assert result.returncode == -signal.SIGBUS
    assert path.read_bytes() == pattern(1, 100)


def test_two_processes_share_a_mapping(bench: Bench) -> None:
    path = bench.daemons[0].place / "file"
    fd = _make(path, 24_000)
    with mmap.mmap(fd, 24_000) as view:
        view[4090:4100] = b"from first"
        result = subprocess.run([sys.executable, "-c", OTHER_PROCESS, path], check=True, capture_output=True)
        assert result.stdout == b"from first"
        assert view[20_000:20_005] == b"other"
    os.close(fd)
    bench.remount(bench.daemons[0])
    data = path.read_bytes()
    assert data[4090:4100] == b"from first"
    assert data[20_000:20_005] == b"other"
