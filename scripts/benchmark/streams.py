"""Streams: one big file, written and read in order and at random.

Every loop is a bare system call on prepared arguments: what the client costs is the same for all
systems and small beside a round trip through the kernel.
"""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmark.failure import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmark.place import Place
    from benchmark.scale import Scale

MIB = 1 << 20
PAGE = 4096
NAME = "VID-20240101-WA0001.mp4"


def run(place: Place, scale: Scale) -> None:
    """Measure the rows of the job `stream`, one after the other on one file."""
    path = place.path(NAME)
    _write(place, scale, path)
    if place.wants("seq-read", "reread", "cpu-read"):
        _read(place, scale, path)
    if place.wants("rand-read"):
        place.cold()
        _read_at_random(place, scale, path, key="rand-read")
    if place.wants("rand-read-warm"):
        place.cold()
        with _opened(path, os.O_RDONLY) as fd:
            _read_through(fd, scale.big_file)
            place.forget_above(fd)
        _read_at_random(place, scale, path, key="rand-read-warm")
    for key in ("rand-write", "rand-write-warm", "rand-write-nosync"):
        if place.wants(key):
            place.cold()
            if key != "rand-write":
                with _opened(path, os.O_RDONLY) as fd:
                    _read_through(fd, scale.big_file)
            _write_at_random(place, scale, path, key=key)
    place.keep_memory("mem-stream")


def _write(place: Place, scale: Scale, path: str) -> None:
    draw = random.Random(scale.seed)
    blocks = [draw.randbytes(MIB) for _ in range(8)]
    written = 0
    place.settle()
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    charged = place.charged("cpu-write", count=scale.big_file)
    with _opened(path, flags) as fd, charged, place.timed("seq-write", count=scale.big_file):
        for number in range(scale.big_file // MIB):
            written += os.write(fd, blocks[number % 8])
        os.fsync(fd)
    _expect(written, scale.big_file, "written in order")


def _read(place: Place, scale: Scale, path: str) -> None:
    place.cold()
    charged = place.charged("cpu-read", count=scale.big_file)
    with charged, place.timed("seq-read", count=scale.big_file), _opened(path, os.O_RDONLY) as fd:
        _read_through(fd, scale.big_file)
    if place.wants("reread"):
        with place.timed("reread", count=scale.big_file * scale.rereads):
            for _ in range(scale.rereads):
                # Opened anew, as another program would: only some systems keep their cache then.
                with _opened(path, os.O_RDONLY) as fd:
                    _read_through(fd, scale.big_file)


def _read_at_random(place: Place, scale: Scale, path: str, *, key: str) -> None:
    offsets = _offsets(scale, scale.random_reads)
    got = 0
    with _opened(path, os.O_RDONLY) as fd, place.timed(key, count=len(offsets)):
        for offset in offsets:
            got += len(os.pread(fd, PAGE, offset))
    _expect(got, PAGE * len(offsets), "read at random")


def _write_at_random(place: Place, scale: Scale, path: str, *, key: str) -> None:
    offsets = _offsets(scale, scale.random_writes)
    page = random.Random(scale.seed).randbytes(PAGE)
    written = 0
    with _opened(path, os.O_WRONLY) as fd:
        with place.timed(key, count=len(offsets)):
            for offset in offsets:
                written += os.pwrite(fd, page, offset)
            if key != "rand-write-nosync":
                os.fsync(fd)
        os.fsync(fd)
        _expect(written, PAGE * len(offsets), "written at random")
    with _opened(path, os.O_RDONLY) as fd:
        place.forget_above(fd)
        if os.pread(fd, PAGE, offsets[-1]) != page:
            msg = f"{place.system.name} gives other bytes back than were written: {path}"
            raise BenchError(msg)


def _read_through(fd: int, size: int) -> None:
    buffer = [bytearray(MIB)]
    got = 0
    while count := os.readv(fd, buffer):
        got += count
    _expect(got, size, "read in order")


def _offsets(scale: Scale, count: int) -> list[int]:
    """Draw distinct page offsets in the big file."""
    draw = random.Random(scale.seed)
    pages = scale.big_file // PAGE
    return [page * PAGE for page in draw.sample(range(pages), min(count, pages))]


def _expect(got: int, want: int, what: str) -> None:
    if got != want:
        msg = f"{got} bytes {what}, want {want}: the system under test is at fault"
        raise BenchError(msg)


@contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    fd = os.open(path, flags, 0o644)
    try:
        yield fd
    finally:
        os.close(fd)
