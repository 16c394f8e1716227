"""Cipher file: one ciphertext file that is changed in place (format.md section 5)."""

import contextlib
import errno
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from wafs.format.layout import (
    chunk_offset,
    sealed_size,
)
from wafs.vault.chunk_io import runs_of
from wafs.vault.scratch import Scratch
from wafs.vault.sealed_file import Restart, SealedFile

_FALLOC_KEEP_SIZE: Final = 1
_FALLOC_PUNCH_HOLE: Final = 2


class CipherFile(SealedFile):
    """A sealed file and its changes, in place and at once.

    With a journal the caller keeps to the rules of docs/design.md: it only adds chunks at the end, and what `rewrite`
    is given is safely in the journal.
    Thread: the caller serialises.
    """

    _has_reserved = False

    def write(self, offset: int, data: memoryview, scratch: Scratch) -> None:
        """Write all of `data` at `offset`; a gap before it becomes zeros or holes.

        Raises: DamageError, OSError; size and contents before the old end are then as they were, as far as the store
        lets them be restored.
        """
        end = offset + len(data)
        first, old_size = offset // self._chunk_size, self.size
        payloads: list[memoryview | bytearray] = []
        try:
            if end > old_size:
                self._grow(offset, scratch)
            else:
                self._enter_flight()
            sparse, new_size = self._state.sparse, max(end, self.size)
            payloads += self._cache.payloads(offset, data, self.size, new_size=new_size, sparse=sparse, scratch=scratch)
            self._root.write(first, payloads, self.size, scratch)
        except BaseException:
            # The buffer may hold bytes that were not written.
            self._cache.forget()
            if end > old_size:
                self._shrink_back(old_size, first, payloads, scratch)
            raise
        self.size = max(end, self.size)

    def truncate(self, size: int, scratch: Scratch) -> None:
        """Cut, or extend with zeros that take no space.

        Raises: DamageError if the chunk to be cut does not open, OSError.
        """
        chunk_size = self._chunk_size
        number, rest = divmod(min(size, self.size), chunk_size)
        cut = self._cache.merged(number, self.size, sparse=self._state.sparse, scratch=scratch) if rest else bytearray()
        gone = self._root.tags_beyond(size, self.size)
        if size > self.size:
            self._enter_flight(sparse=size > number * chunk_size + (chunk_size if rest else 0))
        else:
            self._enter_flight()
            self._state.promise(size)
        self._cache.forget()
        old, new = (min(length - number * chunk_size, chunk_size) for length in (self.size, size))
        try:
            if rest:
                self._root.write(number, [memoryview(cut)[:new]], self.size, scratch)
            self._store.truncate(self.handle, sealed_size(size, chunk_size))
        except BaseException:
            self._put_back(number, [memoryview(cut)[:old]] if rest else [], scratch)
            raise
        self.size = size
        self._root.replace(gone)
        if not size:
            self._root.empty()

    def reserve(self, offset: int, size: int) -> None:
        """Reserve space below for a range of plain bytes, without a change of size.

        Raises: OSError.
        """
        start = chunk_offset(offset // self._chunk_size, self._chunk_size)
        end = sealed_size(offset + size, self._chunk_size)
        self._store.fallocate(self.handle, _FALLOC_KEEP_SIZE, start, end - start)

    def reserve_chunks(self, numbers: Collection[int]) -> bool:
        """Have space for those of the chunks that are not there yet, where the storage can promise it.

        Returns whether there are any.
        Raises: OSError (ENOSPC).
        """
        # From a last chunk on that is not full: it grows.
        first = self.size // self._chunk_size
        missing = [number for number in numbers if number >= first or self.is_sparse]
        # A gap between two of them is a hole, and needs no space.
        for start, end in _spans(missing, self._chunk_size):
            self._has_reserved = True
            try:
                self._store.fallocate(self.handle, _FALLOC_KEEP_SIZE, start, end - start)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS):
                    raise
        return bool(missing)

    def punch(self, first: int, stop: int) -> None:
        """Make holes of the chunks from `first` to before `stop`, all of which lie in the file.

        Raises: OSError.
        """
        self._enter_flight(sparse=True)
        gone = self._root.tags(first, stop, self.size)
        start = chunk_offset(first, self._chunk_size)
        end = sealed_size(min(stop * self._chunk_size, self.size), self._chunk_size)
        self._cache.forget()
        try:
            self._store.fallocate(self.handle, _FALLOC_PUNCH_HOLE | _FALLOC_KEEP_SIZE, start, end - start)
        except BaseException:
            self._root.forget()
            raise
        self._root.replace(gone)

    def rewrite(
        self, size: int, kept: int, chunks: Mapping[int, bytearray], scratch: Scratch, *, restart: Restart | None = None
    ) -> None:
        """Make the file what the journal tells: the first `kept` chunks stay, `chunks` come in or over them.

        What is behind `kept` and none of `chunks` is a hole. The file is in flight afterwards.
        `chunks` are full, with zeros after their end. `restart` is given by a recovery, which goes on from whatever is
        there.
        Raises: OSError; it can be done again then.
        """
        chunk_size, count = self._chunk_size, self.chunks.count
        base = min(self.size, kept * chunk_size)
        if base > size:
            base = size // chunk_size * chunk_size
        inside = sum(number >= count(base) for number in chunks)
        is_sparse = count(size) - count(base) > inside
        self._cache.forget()
        self._root.watching = False
        self.as_opened = None
        if restart is not None:
            self._restart(base, restart, sparse=is_sparse or restart.sparse)
        else:
            self._state.enter_flight(base, sparse=is_sparse, again=True)
        if base < self.size:
            gone = self._root.tags_beyond(base, self.size)
            self._store.truncate(self.handle, sealed_size(base, chunk_size))
            self.size = base
            self._root.replace(gone)
            if not base:
                self._root.empty()
        for first, payloads in runs_of(chunks, size, chunk_size):
            self._root.write(first, payloads, self.size, scratch)
            self.size = max(self.size, first * chunk_size + sum(map(len, payloads)))
        if self.size < size or restart is not None or self._has_reserved:
            # This also gives back what was reserved behind the end.
            self._has_reserved = False
            self._store.truncate(self.handle, sealed_size(size, chunk_size))
            self.size = size

    def _grow(self, offset: int, scratch: Scratch) -> None:
        """Enter flight for a write at `offset` that ends beyond the size.

        The last chunk is filled up with zeros if the write begins after it.
        """
        number, rest = divmod(self.size, self._chunk_size)
        first = offset // self._chunk_size
        self._enter_flight(sparse=first > number + (rest > 0))
        if rest and first > number:
            self.truncate((number + 1) * self._chunk_size, scratch)

    def _shrink_back(self, old_size: int, first: int, payloads: list[memoryview | bytearray], scratch: Scratch) -> None:
        """Undo a growth that failed before its end, for want of space say."""
        number, rest = divmod(self.size, self._chunk_size)
        tail = payloads[number - first : number - first + 1] if rest and first <= number else []
        self._put_back(number, [payload[:rest] for payload in tail], scratch)
        with contextlib.suppress(OSError):
            self.truncate(old_size, scratch)

    def _put_back(self, number: int, payload: list[memoryview | bytearray], scratch: Scratch) -> None:
        """Bring the ciphertext file back to the present size, with `payload` (none: as it is) as chunk `number`."""
        self._root.forget()
        with contextlib.suppress(OSError):
            if payload:
                self.chunks.write(number, payload, scratch)
            self._store.truncate(self.handle, sealed_size(self.size, self._chunk_size))


def _spans(numbers: Collection[int], chunk_size: int) -> Iterator[tuple[int, int]]:
    """Yield where chunks lie in the ciphertext file, those that follow each other as one span."""
    first = stop = -1
    for number in sorted(numbers):
        if number != stop:
            if first >= 0:
                yield chunk_offset(first, chunk_size), chunk_offset(stop, chunk_size)
            first = number
        stop = number + 1
    if first >= 0:
        yield chunk_offset(first, chunk_size), chunk_offset(stop, chunk_size)
