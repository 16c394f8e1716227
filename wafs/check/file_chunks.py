"""File chunks: every chunk of one file looked at, whatever state its header and its length are in.

Reads in big pieces, goes on after whatever is broken, and tells by byte range what it saw. Writes nothing.
"""

import os
from collections.abc import Iterator
from enum import Enum
from struct import Struct
from typing import Final, NamedTuple

from wafs.check.file_facts import FileFacts
from wafs.crypto.aead import NONCE_SIZE, OVERHEAD, TAG_SIZE, InvalidTag
from wafs.crypto.root import RootHash
from wafs.format.layout import chunk_offset
from wafs.format.state import IN_FLIGHT, ROOT
from wafs.store.base import Handle, Store
from wafs.units import MIB
from wafs.vault.scratch import Scratch

_AAD: Final = Struct(">Q").pack
_AHEAD: Final = 8 * MIB
"""How far below the store is asked to read ahead, in bytes."""


class Quality(Enum):
    """What a run of plain bytes is."""

    GOOD = "good"
    HOLE = "hole"
    """Zeros in a file that may have holes."""
    DAMAGED = "damaged"
    """The tag does not fit: changed, moved, or torn."""
    ZEROED = "zeroed"
    """All zero in a file that has no holes, or of which that is not known."""
    TRUNCATED = "truncated"
    """The ciphertext file ends before."""
    UNREADABLE = "unreadable"
    """The storage does not give it."""

    @property
    def is_whole(self) -> bool:
        """Tell whether the bytes are what was written."""
        return self in (Quality.GOOD, Quality.HOLE)


class Run(NamedTuple):
    """Plain bytes from `start` to before `stop`, all of one quality.

    `plain` is a view of the scratch with these bytes if they are good, valid until the next run, and empty otherwise.
    `number` is that of the first chunk.
    """

    quality: Quality
    start: int
    stop: int
    number: int
    plain: memoryview


class ChunkScan:
    """One pass over the chunks of an open file.

    `facts` say what is known of the file; the scan covers `facts.extent` plain bytes. After it `value` is the XOR of
    the terms of all chunks that opened, which `root_fits` compares.
    Thread: one.
    """

    def __init__(
        self, store: Store, handle: Handle, facts: FileFacts, root_hash: RootHash, chunk_size: int, scratch: Scratch
    ) -> None:
        self._store = store
        self._handle = handle
        self._facts = facts
        self._root_hash = root_hash
        self._chunk_size = chunk_size
        self._stride = chunk_size + OVERHEAD
        self._count = max(MIB // chunk_size, 1)
        self._scratch = scratch
        scratch.reserve(self._count * self._stride)
        # Chunks before this one have one possible length.
        self._full = min(facts.ends) // chunk_size
        self.value = 0

    def __iter__(self) -> Iterator[Run]:
        """Yield runs in order and without gaps; neighbours may be of one quality."""
        total = -(-self._facts.extent // self._chunk_size)
        self._store.advise(self._handle, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        for first in range(0, total, self._count):
            offset = chunk_offset(first, self._chunk_size)
            self._store.advise(self._handle, offset, _AHEAD, os.POSIX_FADV_WILLNEED)
            yield from self._batch(first, min(first + self._count, total))

    def root_fits(self) -> bool:
        """Tell whether the chunks seen are those of the sealed version; True where no root is sealed (F-27)."""
        state = self._facts.state
        if state is None or not state.flags & ROOT or state.flags & IN_FLIGHT:
            return True
        return self.value == int.from_bytes(state.root)

    def _batch(self, first: int, stop: int) -> Iterator[Run]:
        sealed, broken = self._read(first, stop)
        plain, size, stride = self._scratch.plain, self._chunk_size, self._stride
        decrypt_into = self._facts.cipher.decrypt_into
        tags: list[memoryview] = []
        rest: dict[int, tuple[Quality, int]] = {}
        at = start = 0
        for number in range(first, stop):
            end = start + stride
            if number < self._full and end <= len(sealed) and number not in broken:
                body = start + NONCE_SIZE
                try:
                    decrypt_into(sealed[start:body], sealed[body:end], _AAD(number), plain[at : at + size])
                except InvalidTag:
                    rest[number] = self._examine(number, sealed[start:end], at)
                else:
                    tags.append(sealed[end - TAG_SIZE : end])
            elif number in broken:
                rest[number] = Quality.UNREADABLE, 0
            else:
                rest[number] = quality, length = self._examine(number, sealed[start:end], at)
                if quality is Quality.GOOD:
                    tags.append(sealed[start + length + NONCE_SIZE : start + length + OVERHEAD])
            start = end
            at += size
        self.value ^= self._root_hash.terms(b"".join(tags))
        for run in self._runs(first, stop, rest):
            if run.quality is Quality.GOOD:
                base = first * size
                yield run._replace(plain=plain[run.start - base : run.stop - base])
            else:
                yield run

    def _runs(self, first: int, stop: int, rest: dict[int, tuple[Quality, int]]) -> Iterator[Run]:
        """Join neighbours of one quality; `rest` are the chunks that are not simply good and full."""
        run = _run(Quality.GOOD, first * self._chunk_size, first * self._chunk_size, first)
        for number in range(first, stop):
            begin = number * self._chunk_size
            end = min(begin + self._chunk_size, self._facts.extent)
            quality, length = rest.get(number, (Quality.GOOD, 0))
            pieces = [_run(quality, begin, begin + length if length else end, number)]
            if pieces[0].stop < end:
                # The last chunk of a shorter version of the file, with others behind it.
                pieces.append(_run(Quality.DAMAGED, pieces[0].stop, end, number))
            for piece in pieces:
                if piece.quality is run.quality:
                    run = run._replace(stop=piece.stop)
                    continue
                if run.stop > run.start:
                    yield run
                run = piece
        yield run

    def _examine(self, number: int, piece: memoryview, at: int) -> tuple[Quality, int]:
        """Open a chunk that is not simply good and full into its place in the scratch.

        Returns what it is, and how many bytes it gave.
        """
        lengths = self._facts.payloads(number * self._chunk_size, self._chunk_size)
        for length in lengths:
            body = piece[NONCE_SIZE : length + OVERHEAD]
            if len(piece) < length + OVERHEAD:
                continue
            try:
                plain = self._scratch.plain[at : at + length]
                self._facts.cipher.decrypt_into(piece[:NONCE_SIZE], body, _AAD(number), plain)
            except InvalidTag:
                continue
            return Quality.GOOD, length
        if len(piece) < lengths[0] + OVERHEAD:
            return Quality.TRUNCATED, 0
        if piece.tobytes().count(0) == len(piece):
            return Quality.HOLE if self._facts.sparse else Quality.ZEROED, 0
        return Quality.DAMAGED, 0

    def _read(self, first: int, stop: int) -> tuple[memoryview, set[int]]:
        """Read chunks into the scratch; returns what there is of them, and those that the storage does not give."""
        offset = chunk_offset(first, self._chunk_size)
        view = self._scratch.sealed[: (stop - first) * self._stride]
        try:
            return view[: self._fill(view, offset)], set()
        except OSError:
            pass
        # One sector that cannot be read must not cost its neighbours.
        end, broken = 0, set()
        for index in range(stop - first):
            start = index * self._stride
            try:
                got = self._fill(view[start : start + self._stride], offset + start)
            except OSError:
                broken.add(first + index)
                got = self._stride
            end = max(end, start + got) if got else end
        return view[:end], broken

    def _fill(self, view: memoryview, offset: int) -> int:
        """Fill a view; returns how much there was.

        Raises: OSError.
        """
        done = 0
        while done < len(view):
            got = self._store.preadv(self._handle, [view[done:]], offset + done)
            if not got:
                break
            done += got
        return done


def _run(quality: Quality, start: int, stop: int, number: int) -> Run:
    return Run(quality, start, stop, number, memoryview(b""))
