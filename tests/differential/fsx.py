"""Fsx: one file, many random changes, each read compared with a bytearray."""

from __future__ import annotations

import mmap
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from differential.drivers.posix import PosixDriver
from differential.drivers.syscalls import KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, Syscalls
from differential.operations import CHUNK_SIZE
from differential.program import pattern

PATH: Final = b"fsx"
MAX_SIZE: Final = 256 * 1024
MAX_LENGTH: Final = 5 * CHUNK_SIZE
WRITER, READER = 0, 1


class Fsx:
    """A file on a driver and the bytes that it should hold."""

    def __init__(self, driver: PosixDriver | Syscalls, seed: int) -> None:
        self._driver = driver
        self._random = random.Random(seed)
        self._wanted = bytearray()
        self._open()

    def run(self, steps: int) -> None:
        """Do `steps` random things, then read everything after a remount."""
        weighted = self._steps()
        for number, step in enumerate(self._random.choices(list(weighted), list(weighted.values()), k=steps)):
            step()
            size = self._driver.fstat(WRITER)
            assert isinstance(size, tuple)
            assert size[2] == len(self._wanted), f"size after step {number}, {step.__name__}"
        self._remount()
        self._compare(0, MAX_SIZE + 1)

    def _steps(self) -> dict[Callable[[], None], int]:
        """Return the steps and how often each is taken."""
        return {
            self._write: 30, self._append: 8, self._read: 30, self._truncate: 6, self._punch: 6, self._zero: 5,
            self._reserve: 3, self._copy: 6, self._sync: 2, self._reopen: 2, self._remount: 1,
        }  # fmt: skip

    def _open(self) -> None:
        self._driver.open(WRITER, PATH, os.O_RDWR | os.O_CREAT, 0o644)
        self._driver.open(READER, PATH, os.O_RDONLY, 0)

    def _range(self, most: int) -> tuple[int, int]:
        """Choose an offset, half of them near the border of a chunk, and a length within `most`."""
        offset = self._random.randrange(most)
        if self._random.random() < 0.5:
            offset = max(round(offset / CHUNK_SIZE) * CHUNK_SIZE + self._random.randint(-2, 2), 0)
        offset = min(offset, MAX_SIZE - 1)
        return offset, min(self._random.randint(1, MAX_LENGTH), MAX_SIZE - offset)

    def _put(self, offset: int, data: bytes) -> None:
        if offset > len(self._wanted):
            self._wanted += bytes(offset - len(self._wanted))
        self._wanted[offset : offset + len(data)] = data

    def _compare(self, offset: int, size: int) -> None:
        parts = []
        # As much at a time as the fake kernel asks for.
        for at in range(offset, offset + size, CHUNK_SIZE * 8):
            part = self._driver.read(READER, at, min(CHUNK_SIZE * 8, offset + size - at))
            assert isinstance(part, bytes)
            parts.append(part)
        assert b"".join(parts) == self._wanted[offset : offset + size]

    def _write(self) -> None:
        offset, size = self._range(MAX_SIZE if self._random.random() < 0.2 else len(self._wanted) + 1)
        seed = self._random.randrange(250)
        assert self._driver.write(WRITER, offset, size, seed) == size
        self._put(offset, pattern(seed, size))

    def _append(self) -> None:
        size = min(self._random.randint(1, 300), MAX_SIZE - len(self._wanted))
        if size > 0:
            assert self._driver.write(WRITER, len(self._wanted), size, 7) == size
            self._put(len(self._wanted), pattern(7, size))

    def _read(self) -> None:
        self._compare(*self._range(MAX_SIZE))

    def _truncate(self) -> None:
        size = self._range(MAX_SIZE)[0] if self._random.random() < 0.3 else self._range(len(self._wanted) + 1)[0]
        self._driver.ftruncate(WRITER, size)
        if size > len(self._wanted):
            self._put(size, b"")
        del self._wanted[size:]

    def _punch(self) -> None:
        offset, size = self._range(MAX_SIZE)
        self._driver.fallocate(WRITER, PUNCH_HOLE | KEEP_SIZE, offset, size)
        self._blank(offset, size)

    def _zero(self) -> None:
        offset, size = self._range(len(self._wanted) + 1)
        keeps = self._random.random() < 0.5
        self._driver.fallocate(WRITER, ZERO_RANGE | (KEEP_SIZE if keeps else 0), offset, size)
        if not keeps:
            self._put(offset + size, b"")
        self._blank(offset, size)

    def _blank(self, offset: int, size: int) -> None:
        end = min(offset + size, len(self._wanted))
        if end > offset:
            self._put(offset, bytes(end - offset))

    def _reserve(self) -> None:
        offset, size = self._range(len(self._wanted) + 1)
        self._driver.fallocate(WRITER, 0, offset, size)
        self._put(max(offset + size, len(self._wanted)), b"")

    def _copy(self) -> None:
        (source, size), (target, _) = self._range(len(self._wanted) + 1), self._range(MAX_SIZE)
        size = min(size, len(self._wanted) - source, MAX_SIZE - target)
        if size > 0 and (source + size <= target or target + size <= source):
            assert self._driver.copy(READER, source, WRITER, target, size) == size
            self._put(target, bytes(self._wanted[source : source + size]))

    def _sync(self) -> None:
        self._driver.fsync(WRITER, self._random.randint(0, 1))

    def _reopen(self) -> None:
        self._open()

    def _remount(self) -> None:
        self._driver.remount()
        self._open()


class MappedFsx(Fsx):
    """The same, and a shared mapping of the file through which it is read and written as well.

    The mapping stays while the file is cut, grown and punched by calls, and is made anew when the file is opened anew.
    """

    def __init__(self, driver: PosixDriver, seed: int, path: Path) -> None:
        self._path = path
        self._map: mmap.mmap | None = None
        super().__init__(driver, seed)

    def close(self) -> None:
        """Take the mapping away."""
        if self._map is not None:
            self._map.close()

    def _steps(self) -> dict[Callable[[], None], int]:
        return {**super()._steps(), self._map_write: 30, self._map_read: 15, self._map_flush: 2}

    def _open(self) -> None:
        self.close()
        super()._open()
        with self._path.open("r+b") as file:
            # Python maps no more than the file has.
            file.truncate(MAX_SIZE)
            self._map = mmap.mmap(file.fileno(), MAX_SIZE)
            file.truncate(len(self._wanted))

    def _view(self) -> mmap.mmap:
        assert self._map is not None
        return self._map

    def _map_range(self) -> tuple[int, int]:
        """Choose a range within the file: behind its last page there is only SIGBUS."""
        offset, size = self._range(len(self._wanted) + 1)
        return offset, max(min(size, len(self._wanted) - offset), 0)

    def _map_write(self) -> None:
        offset, size = self._map_range()
        data = pattern(self._random.randrange(250), size)
        self._view()[offset : offset + size] = data
        self._wanted[offset : offset + size] = data

    def _map_read(self) -> None:
        offset, size = self._map_range()
        assert self._view()[offset : offset + size] == self._wanted[offset : offset + size]

    def _map_flush(self) -> None:
        self._view().flush()
