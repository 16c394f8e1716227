"""Chunk scan: every chunk of one file, opened in passing; nothing of the plain bytes is kept.

A scan of its own beside that of `salvage`, which hands out the plain bytes: here they are written over each other in a
buffer that stays in the processor's cache.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from enum import Enum
from struct import Struct
from typing import Final, NamedTuple

from wafs.check.findings import Span
from wafs.crypto.aead import NONCE_SIZE, OVERHEAD, TAG_SIZE, Gcm, InvalidTag
from wafs.crypto.root import RootHash
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.store.base import Handle, Store
from wafs.units import MIB

_AAD: Final = Struct(">Q").pack
_WINDOW: Final = MIB
_AHEAD: Final = 8 * MIB


class Fault(Enum):
    """Why a chunk cannot be had."""

    DAMAGED = "damaged"
    ZERO = "zero"
    MISSING = "missing"
    UNREADABLE = "unreadable"


Found = tuple[Fault, Span]


class _Window(NamedTuple):
    """Some chunks that follow each other: number of the first, offset in the file, and where they are read to."""

    first: int
    offset: int
    view: memoryview


class ChunkScan:
    """Reads a file from its first chunk to its last, in windows of about 1 MiB.

    While one window of a large file is opened, a thread of its own reads the next one; it ends with the file.
    `terms` is the root of the chunks that were seen (format.md F-27); it counts only if none of them had a fault.
    Thread: belongs to one thread.
    """

    def __init__(self, store: Store, root_hash: RootHash, chunk_size: int) -> None:
        self._store = store
        self._root_hash = root_hash
        self._chunk_size = chunk_size
        self._stride = chunk_size + OVERHEAD
        self._per_window = max(_WINDOW // self._stride, 1)
        self._buffers = [memoryview(bytearray(self._per_window * self._stride)) for _ in range(2)]
        self._plain = memoryview(bytearray(chunk_size))
        self._zeros = bytes(self._stride)
        self.terms = 0

    def begin(self, handle: Handle, cipher: Gcm, *, sparse: bool) -> None:
        """Take another file; `sparse`: chunks of zeros are holes."""
        self._handle = handle
        self._decrypt_into = cipher.decrypt_into
        self._sparse = sparse
        self.terms = 0

    def run(self, size: int, length: int, advanced: Callable[[int], None]) -> Iterator[Found]:
        """Scan the chunks of `size` plain bytes in a file of `length` bytes; yields the faults, neighbours together.

        `advanced` is told how many bytes were read, and may end all.
        """
        last: Found | None = None
        for fault, span in self._faults(size, length, advanced):
            if last is not None and last[0] is fault and last[1].stop == span.start:
                last = fault, Span(last[1].start, span.stop)
                continue
            if last is not None:
                yield last
            last = fault, span
        if last is not None:
            yield last

    def _faults(self, size: int, length: int, advanced: Callable[[int], None]) -> Iterator[Found]:
        self._advise(0, 0, os.POSIX_FADV_SEQUENTIAL)
        for window, got in self._read(self._windows(size, length)):
            if got is None:
                yield from self._piecewise(window, size)
            else:
                yield from self._open(window, size, got)
            advanced(len(window.view))
        # All that lies behind the end of the file, without a look at each chunk.
        start = self._first_beyond(length) * self._chunk_size
        if start < size:
            yield Fault.MISSING, Span(start, size)

    def _first_beyond(self, length: int) -> int:
        """Return the number of the first chunk that begins at or after the end of a file of this length."""
        return -(-max(length - FILE_HEADER_SIZE, 0) // self._stride)

    def _windows(self, size: int, length: int) -> Iterator[_Window]:
        """Yield the windows up to the end of the chunks or of the file; neighbours have different buffers."""
        count = -(-size // self._chunk_size)
        end = FILE_HEADER_SIZE + size + count * OVERHEAD
        for first in range(0, min(count, self._first_beyond(length)), self._per_window):
            offset = FILE_HEADER_SIZE + first * self._stride
            stop = min(first + self._per_window, self._first_beyond(length))
            wanted = min((stop - first) * self._stride, end - offset)
            yield _Window(first, offset, self._buffers[first // self._per_window % 2][:wanted])

    def _read(self, windows: Iterator[_Window]) -> Iterator[tuple[_Window, int | None]]:
        """Yield each window with the number of bytes read, None where the storage did not give all of it."""
        window, following = next(windows, None), next(windows, None)
        if window is None:
            return
        if following is None:
            yield window, self._try(window)
            return
        with ThreadPoolExecutor(1, "wafs-check-reader") as reader:
            coming: Future[int | None] = reader.submit(self._try, window)
            while window is not None:
                got = coming.result()
                if following is not None:
                    self._advise(following.offset + len(following.view), _AHEAD, os.POSIX_FADV_WILLNEED)
                    coming = reader.submit(self._try, following)
                yield window, got
                window, following = following, next(windows, None)

    def _try(self, window: _Window) -> int | None:
        try:
            return self._fill(window.view, window.offset)
        except OSError:
            return None

    def _piecewise(self, window: _Window, size: int) -> Iterator[Found]:
        """Read a window chunk by chunk, for the storage does not give all of it."""
        for start in range(0, len(window.view), self._stride):
            number = window.first + start // self._stride
            part = _Window(number, window.offset + start, window.view[start : start + self._stride])
            got = self._try(part)
            if got is None:
                yield Fault.UNREADABLE, self._span(number, size)
            else:
                yield from self._open(part, size, got)

    def _open(self, window: _Window, size: int, got: int) -> Iterator[Found]:
        """Open the chunks of a window, of which `got` bytes were read."""
        number, _, sealed = window
        wanted, start = len(sealed), 0
        plain, decrypt_into, stride = self._plain, self._decrypt_into, self._stride
        tags: list[memoryview] = []
        while start < wanted:
            end = min(start + stride, wanted)
            body = start + NONCE_SIZE
            if end > got:
                yield Fault.MISSING, self._span(number, size)
            else:
                try:
                    decrypt_into(sealed[start:body], sealed[body:end], _AAD(number), plain[: end - start - OVERHEAD])
                    tags.append(sealed[end - TAG_SIZE : end])
                except InvalidTag:
                    if bytes(sealed[start:end]) != self._zeros[: end - start]:
                        yield Fault.DAMAGED, self._span(number, size)
                    elif not self._sparse:
                        yield Fault.ZERO, self._span(number, size)
            start = end
            number += 1
        self.terms ^= self._root_hash.terms(b"".join(tags))

    def _span(self, number: int, size: int) -> Span:
        return Span(number * self._chunk_size, min((number + 1) * self._chunk_size, size))

    def _fill(self, view: memoryview, offset: int) -> int:
        """Read until the view is full or the file ends; returns the number of bytes."""
        got = 0
        while got < len(view):
            more = self._store.preadv(self._handle, [view[got:]], offset + got)
            if not more:
                break
            got += more
        return got

    def _advise(self, offset: int, size: int, advice: int) -> None:
        """Say how the file will be read; a storage that takes no advice is read all the same."""
        try:
            self._store.advise(self._handle, offset, size, advice)
        except OSError:
            return
