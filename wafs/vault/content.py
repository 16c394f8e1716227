"""Content: random access to the plain bytes of one file (format.md section 5)."""

import contextlib
import os
import threading
from dataclasses import dataclass
from typing import Final

from wafs.crypto.aead import Gcm
from wafs.crypto.root import RootHash
from wafs.errors import FileTooLargeError, NoSuchOffsetError, TruncatedError
from wafs.format.file_header import (
    SECRETS_SIZE,
    FileHeader,
    FileSecrets,
    open_file_header,
    seal_file_header,
)
from wafs.format.layout import (
    FILE_HEADER_SIZE,
    MAX_PLAIN_SIZE,
    chunk_offset,
    sealed_size,
)
from wafs.format.state import COUNTERS_AT_BIRTH, IN_FLIGHT, State
from wafs.store.base import Handle, Store
from wafs.units import MIB
from wafs.vault.chunk_io import ChunkIo, write_all
from wafs.vault.file_root import FileRoot
from wafs.vault.file_state import FileState
from wafs.vault.landing import landed_size, size_in_flight
from wafs.vault.scratch import Scratch

_FALLOC_KEEP_SIZE: Final = 1
_FALLOC_PUNCH_HOLE: Final = 2


@dataclass(frozen=True, slots=True)
class ContentContext:
    """What all contents of a vault share."""

    store: Store
    file_keys: Gcm
    chunk_size: int


class Content:
    """The plain bytes of one open file; takes over the handle and closes it.

    A change first marks the file IN_FLIGHT; `seal` ends that. Whoever shows the size or times of a file to
    somebody seals it first, so that what was shown stays true.
    `as_opened` are the ciphertext's attributes when it was opened, None once it was changed through here.

    Thread: every method takes the content's own lock; `sync` waits for the disk outside of it.
    """

    def __init__(self, context: ContentContext, handle: Handle, header: FileHeader, *, writable: bool) -> None:
        self._store = context.store
        self._chunk_size = context.chunk_size
        self._cipher = header.cipher
        self._chunks = ChunkIo(context.store, handle, header.cipher, context.chunk_size)
        self._state = FileState(context.store, self._chunks, header.cipher, header.state)
        self._root = FileRoot(header.root, self._chunks, header.state)
        self._lock = threading.RLock()
        self._cached_number = -1
        self._cached = bytearray()
        self.file_id = header.file_id
        self._retired: list[Handle] = []
        self.as_opened: os.stat_result | None = None
        self.size = header.state.size
        self.writable = writable

    @classmethod
    def create(cls, context: ContentContext, handle: Handle) -> "Content":
        """Write the header of a new, empty file that is in flight.

        Raises: OSError.
        """
        secrets = FileSecrets.split(os.urandom(SECRETS_SIZE))
        cipher = Gcm(secrets.file_key)
        write_all(context.store, handle, seal_file_header(context.file_keys, cipher, secrets, flags=IN_FLIGHT), 0)
        state = State(0, COUNTERS_AT_BIRTH[1], IN_FLIGHT)
        header = FileHeader(secrets.file_id, cipher, RootHash(secrets.file_key), state)
        content = cls(context, handle, header, writable=True)
        content._root.empty()
        return content

    @classmethod
    def renew(cls, context: ContentContext, handle: Handle) -> "Content":
        """Make the file behind `handle` empty and new, whatever it held (F-22)."""
        context.store.truncate(handle, 0)
        return cls.create(context, handle)

    @classmethod
    def open(cls, context: ContentContext, handle: Handle, *, writable: bool) -> "Content":
        """Open a file and verify its size; a writer also ends the flight of one that was left in flight (F-25).

        Raises: DamageError (F-20 to F-25), OSError; the handle then stays the caller's.
        """
        data = context.store.pread(handle, FILE_HEADER_SIZE, 0)
        found = context.store.fstat(handle)
        length = found.st_size
        header = open_file_header(context.file_keys, data)
        state = header.state
        content = cls(context, handle, header, writable=writable)
        if state.flags & IN_FLIGHT and writable:
            content._land(landed_size(content._chunks, state, length, context.chunk_size))
        elif state.flags & IN_FLIGHT:
            content.size = size_in_flight(state, length, context.chunk_size)
        elif sealed_size(state.size, context.chunk_size) != length:
            msg = f"ciphertext file has {length} bytes, {sealed_size(state.size, context.chunk_size)} are sealed"
            raise TruncatedError(msg)
        else:
            content.as_opened = found
            content._root.watch(content.size)
        return content

    @property
    def handle(self) -> Handle:
        """Return the store handle; it stays valid until `close`."""
        return self._chunks.handle

    @property
    def in_flight(self) -> bool:
        """Tell whether length and root are not sealed yet."""
        return self._state.in_flight

    def make_writable(self, handle: Handle) -> None:
        """Go on with another handle of the same file, one that may write, and take it over.

        Ends the flight of a file that was only read so far (F-25).
        Raises: DamageError, OSError; the handle then stays the caller's and nothing has changed.
        """
        with self._lock:
            size = self.size
            if self.in_flight:
                chunks = ChunkIo(self._store, handle, self._cipher, self._chunk_size)
                length = self._store.fstat(handle).st_size
                size = landed_size(chunks, self._state.sealed, length, self._chunk_size)
            # Kept open: another thread may be waiting for the sync of the old handle.
            self._retired.append(self._chunks.handle)
            self._chunks.handle = handle
            self.writable = True
            if self.in_flight:
                self._land(size)

    def read(self, offset: int, size: int, scratch: Scratch) -> memoryview:
        """Read up to `size` bytes; fewer only at the end of the file.

        Returns a view of `scratch`, valid until it is used again.
        Raises: DamageError, OSError.
        """
        with self._lock:
            end = min(offset + size, self.size)
            if offset >= end:
                return scratch.plain[:0]
            chunk_size = self._chunk_size
            first = offset // chunk_size
            base = first * chunk_size
            # Whole chunks are opened: up to the end of the last one that is touched.
            span = min(-(-end // chunk_size) * chunk_size, self.size) - base
            plain = self._chunks.read(first, span, sparse=self._state.sparse, scratch=scratch)
            if self._root.watching:
                self._root.note_read(first, span, scratch)
            return plain[offset - base : end - base]

    def write(self, offset: int, data: memoryview, scratch: Scratch) -> None:
        """Write all of `data` at `offset`; a gap before it becomes zeros or holes.

        Raises: FileTooLargeError, DamageError, OSError; size and contents before the old end are then as they were,
        as far as the store lets them be restored.
        """
        if not data:
            return
        with self._lock:
            end = offset + len(data)
            self._check_size(end)
            first, old_size = offset // self._chunk_size, self.size
            payloads: list[memoryview | bytearray] = []
            try:
                if end > old_size:
                    self._grow(offset, scratch)
                else:
                    self._enter_flight()
                payloads += self._payloads(offset, data, max(end, self.size), scratch)
                self._root.write(first, payloads, self.size, scratch)
            except BaseException:
                # The buffer may hold bytes that were not written.
                self._cached_number = -1
                if end > old_size:
                    self._shrink_back(old_size, first, payloads, scratch)
                raise
            self.size = max(end, self.size)

    def truncate(self, size: int, scratch: Scratch) -> None:
        """Cut, or extend with zeros that take no space.

        Raises: FileTooLargeError, DamageError if the chunk to be cut does not open, OSError.
        """
        self._check_size(size)
        with self._lock:
            if size == self.size:
                return
            chunk_size = self._chunk_size
            number, rest = divmod(min(size, self.size), chunk_size)
            cut = self._merged(number, scratch) if rest else bytearray()
            gone = self._root.tags_beyond(size, self.size)
            if size > self.size:
                self._enter_flight(sparse=size > number * chunk_size + (chunk_size if rest else 0))
            else:
                self._enter_flight()
                self._state.promise(size)
            self._cached_number = -1
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
        with self._lock:
            start = chunk_offset(offset // self._chunk_size, self._chunk_size)
            end = sealed_size(offset + size, self._chunk_size)
            self._store.fallocate(self.handle, _FALLOC_KEEP_SIZE, start, end - start)

    def punch(self, offset: int, size: int, scratch: Scratch) -> None:
        """Make a range read as zeros; whole chunks in it become holes. The size stays.

        Raises: DamageError, OSError.
        """
        with self._lock:
            end = min(offset + size, self.size)
            chunk_size = self._chunk_size
            first = -(-offset // chunk_size)
            last = -(-end // chunk_size) if end == self.size else end // chunk_size
            if first >= last:
                self._write_zeros(offset, end, scratch)
                return
            self._write_zeros(offset, first * chunk_size, scratch)
            self._write_zeros(last * chunk_size, end, scratch)
            self._enter_flight(sparse=True)
            gone = self._root.tags(first, last, self.size)
            start = chunk_offset(first, chunk_size)
            stop = sealed_size(min(last * chunk_size, self.size), chunk_size)
            mode = _FALLOC_PUNCH_HOLE | _FALLOC_KEEP_SIZE
            self._cached_number = -1
            try:
                self._store.fallocate(self.handle, mode, start, stop - start)
            except BaseException:
                self._root.forget()
                raise
            self._root.replace(gone)

    def seek(self, offset: int, whence: int) -> int:
        """Find the next data (SEEK_DATA) or hole (SEEK_HOLE) at or after `offset`; the end of the file is a hole.

        Raises: NoSuchOffsetError, OSError.
        """
        with self._lock:
            if not 0 <= offset < self.size:
                raise NoSuchOffsetError
            if not self._state.sparse:
                return offset if whence == os.SEEK_DATA else self.size
            found = self._chunks.find(offset // self._chunk_size, whence, self.size) * self._chunk_size
            if found >= self.size and whence == os.SEEK_DATA:
                raise NoSuchOffsetError
            return min(max(offset, found), self.size)

    def seal(self) -> None:
        """Write the state for the present size and chunks, if the file is in flight and this is a writer.

        Raises: OSError; DamageError if it was cut short behind our back.
        """
        with self._lock:
            if self.in_flight and self.writable:
                self.as_opened = None
                self._state.land(self.size, self._root.settle(self.size))
                self._root.watch(self.size)

    def sync(self, *, data_only: bool) -> None:
        """Seal, and return when the file is safe from a power cut.

        Raises: OSError.
        """
        self.seal()
        self._store.sync(self.handle, data_only=data_only)

    def close(self) -> None:
        """Seal if need be and give the handle back; a failure to seal leaves the file in flight.

        Raises: OSError.
        """
        with self._lock:
            try:
                self.seal()
            finally:
                for handle in (*self._retired, self.handle):
                    self._store.close(handle)

    def _check_size(self, size: int) -> None:
        if size > MAX_PLAIN_SIZE:
            raise FileTooLargeError

    def _land(self, size: int) -> None:
        """End the flight of a file that another writer left, with this plain size."""
        self._store.truncate(self.handle, sealed_size(size, self._chunk_size))
        self.size = size
        self.seal()

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
                self._chunks.write(number, payload, scratch)
            self._store.truncate(self.handle, sealed_size(self.size, self._chunk_size))

    def _payloads(self, offset: int, data: memoryview, new_size: int, scratch: Scratch) -> list[memoryview | bytearray]:
        """Cut `data` into the payloads of the chunks it touches, completed with what is there already."""
        chunk_size = self._chunk_size
        payloads: list[memoryview | bytearray] = []
        position, end = offset, offset + len(data)
        cached = (-1, bytearray())
        while position < end:
            number, at = divmod(position, chunk_size)
            length = min(chunk_size, new_size - number * chunk_size)
            stop = min(length, at + end - position)
            piece = data[position - offset : position - offset + stop - at]
            if at == 0 and stop == length:
                payloads.append(piece)
                cached = (-1, bytearray())
            else:
                merged = self._merged(number, scratch)
                merged[at:stop] = piece
                payloads.append(memoryview(merged)[:length])
                cached = (number, merged)
            position += stop - at
        # A stream of small writes touches its last chunk again and again.
        self._cached_number, self._cached = cached
        return payloads

    def _merged(self, number: int, scratch: Scratch) -> bytearray:
        """Return a buffer of a full chunk with what chunk `number` holds at present, zeros after it."""
        if number == self._cached_number:
            return self._cached
        buffer = bytearray(self._chunk_size)
        present = min(self._chunk_size, self.size - number * self._chunk_size)
        if present > 0:
            buffer[:present] = self._chunks.read(number, present, sparse=self._state.sparse, scratch=scratch)
        return buffer

    def _write_zeros(self, start: int, end: int, scratch: Scratch) -> None:
        while start < end:
            stop = min(end, start + MIB)
            self.write(start, memoryview(bytes(stop - start)), scratch)
            start = stop

    def _enter_flight(self, *, sparse: bool = False) -> None:
        """Put on record that the file is about to change; whoever changes it calls this first."""
        self._root.watching = False
        self.as_opened = None
        self._state.enter_flight(self.size, sparse=sparse)
