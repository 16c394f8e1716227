"""Sealed file: the plain bytes of one ciphertext file, and what is sealed of it (format.md section 5)."""

import contextlib
import errno
import os
import time
from typing import Final, NamedTuple, Self

from wafs.crypto.aead import Gcm
from wafs.errors import DamageError, TruncatedError
from wafs.format.file_header import (
    SECRETS_SIZE,
    FileHeader,
    FileSecrets,
    open_file_header,
    seal_file_header,
)
from wafs.format.layout import FILE_HEADER_SIZE, sealed_size
from wafs.format.state import COUNTERS_AT_BIRTH, IN_FLIGHT, State
from wafs.store.base import NOW, Handle
from wafs.vault.chunk_cache import ChunkCache
from wafs.vault.chunk_io import ChunkIo, read_all, write_all
from wafs.vault.content_context import ContentContext
from wafs.vault.file_root import FileRoot
from wafs.vault.file_state import FileState
from wafs.vault.journal import Generation
from wafs.vault.landing import landed_size
from wafs.vault.scratch import Scratch

_CLOCK_REALTIME_COARSE: Final = 5
"""Source: linux/time.h; the clock that files are stamped with."""


class Restart(NamedTuple):
    """The state in flight that a recovery writes: its counter, its mark, what was durable.

    `was_sparse`: zeros that are there may be holes; `sparse`: holes come.
    """

    counter: int
    epoch: bytes
    durable: int
    was_sparse: bool
    sparse: bool


class SealedFile:
    """One open ciphertext file, read in place; takes over the handle and closes it.

    A change marks the file IN_FLIGHT; `seal` ends that. With a journal, states carry its mark.
    Thread: the caller serialises.
    """

    def __init__(self, context: ContentContext, handle: Handle, header: FileHeader, *, writable: bool) -> None:
        self._context = context
        self._store = context.store
        self._chunk_size = context.chunk_size
        self._cipher = header.cipher
        self.chunks = ChunkIo(context.store, handle, header.cipher, context.chunk_size)
        self._state = FileState(context.store, self.chunks, header.cipher, header.state)
        self._root = FileRoot(context.root, self.chunks, header.state)
        self._cache = ChunkCache(self.chunks, context.chunk_size)
        self.file_id = header.file_id
        self._retired: list[Handle] = []
        self.as_opened: os.stat_result | None = None
        self._touched = -1
        self.size = header.state.size
        self.writable = writable
        self.was_sparse = header.was_sparse
        """Holes were allowed by the state before the one that was found."""

    @classmethod
    def create(cls, context: ContentContext, handle: Handle) -> Self:
        """Write the header of a new, empty file that is in flight.

        Raises: OSError.
        """
        secrets = FileSecrets.split(os.urandom(SECRETS_SIZE))
        cipher = Gcm(secrets.file_key)
        write_all(context.store, handle, seal_file_header(context.file_keys, cipher, secrets, flags=IN_FLIGHT), 0)
        checkpoint = context.checkpoint
        if checkpoint is not None:
            # A checkpoint since the file was made may have missed its header, and removed the journal that says so.
            checkpoint.journal.active()
        state = State(0, COUNTERS_AT_BIRTH[1], IN_FLIGHT)
        header = FileHeader(secrets.file_id, cipher, state)
        file = cls(context, handle, header, writable=True)
        file._root.empty()
        return file

    @classmethod
    def empty(cls, context: ContentContext, handle: Handle) -> Self:
        """Show a file as empty whose header a power cut kept from the storage, and write nothing."""
        secrets = FileSecrets.split(os.urandom(SECRETS_SIZE))
        state = State(0, COUNTERS_AT_BIRTH[1], 0)
        header = FileHeader(secrets.file_id, Gcm(secrets.file_key), state)
        return cls(context, handle, header, writable=False)

    @classmethod
    def renew(cls, context: ContentContext, handle: Handle) -> Self:
        """Make the file behind `handle` empty and new, whatever it held (F-22)."""
        context.store.truncate(handle, 0)
        return cls.create(context, handle)

    @classmethod
    def open(
        cls, context: ContentContext, handle: Handle, *, writable: bool, found: os.stat_result | None = None
    ) -> Self:
        """Open a file and verify its size; a writer also ends the flight of one that was left in flight (F-25).

        `found`: its attributes, if the store was just asked for them.
        Raises: DamageError (F-20 to F-25), OSError; the handle then stays the caller's.
        """
        data = read_all(context.store, handle, FILE_HEADER_SIZE, 0)
        if found is None:
            found = context.store.fstat(handle)
        length = found.st_size
        header = open_file_header(context.file_keys, data)
        state = header.state
        file = cls(context, handle, header, writable=writable)
        checkpoint = context.checkpoint
        if checkpoint is None or not checkpoint.journal.has_epoch(state.epoch):
            file.note_durable(state.size)
        elif size := checkpoint.synced_size(header.file_id, state.counter):
            file.note_durable(max(size, state.durable))
        if state.flags & IN_FLIGHT and writable:
            file.land(landed_size(file.chunks, state, length, context.chunk_size))
        elif state.flags & IN_FLIGHT:
            file.size = landed_size(file.chunks, state, length, context.chunk_size)
        elif sealed_size(state.size, context.chunk_size) != length:
            msg = f"ciphertext file has {length} bytes, {sealed_size(state.size, context.chunk_size)} are sealed"
            raise TruncatedError(msg)
        else:
            file.as_opened = found
            file._root.watch(file.size)
        return file

    @property
    def handle(self) -> Handle:
        """Return the store handle; it stays valid until `close`."""
        return self.chunks.handle

    @property
    def in_flight(self) -> bool:
        """Tell whether length and root are not sealed yet."""
        return self._state.in_flight

    @property
    def counter(self) -> int:
        """Return the counter of the state in the file."""
        return self._state.sealed.counter

    @property
    def is_sparse(self) -> bool:
        """Tell whether the file may have holes."""
        return self._state.sparse

    @property
    def solid(self) -> int:
        """Return how many bytes from the start are safe from a power cut; 0 if the file may have holes."""
        return 0 if self._state.sparse else self._state.durable

    @property
    def promised_chunks(self) -> int:
        """Return how many chunks the state in the file promises: they do not change in place."""
        return self.chunks.count(self._state.sealed.size)

    def note_change(self) -> None:
        """Note that attributes of the file were changed."""
        self.as_opened = None
        self._touched = -1

    def touch(self) -> None:
        """Set the modification time, which a write to the journal leaves alone, once for each tick of the clock.

        The storage's clock has no finer ticks either, so nobody can tell.
        Raises: OSError.
        """
        now = time.clock_gettime_ns(_CLOCK_REALTIME_COARSE)
        if now != self._touched:
            self._store.futimens(self.handle, None, NOW)
            self._touched = now

    def note_durable(self, size: int) -> None:
        """Note that the first `size` bytes are safe from a power cut."""
        self._state.durable = size

    def note_synced(self, size: int) -> None:
        """Note that a sync has made the first `size` bytes safe; so it is known to who opens the file again."""
        checkpoint = self._context.checkpoint
        if checkpoint is not None and checkpoint.is_doubted(self.file_id):
            return
        self.note_durable(size)
        if checkpoint is not None and not self.in_flight:
            checkpoint.note_synced(self.file_id, self.counter, size)

    @property
    def is_state_safe(self) -> bool:
        """Tell whether the state in the file is known to be safe from a power cut."""
        checkpoint, sealed = self._context.checkpoint, self._state.sealed
        if checkpoint is None or not checkpoint.journal.has_epoch(sealed.epoch):
            return True
        return checkpoint.synced_size(self.file_id, sealed.counter) is not None

    def doubt(self) -> None:
        """Note that a sync failed: none that succeeds later makes anything safe, before the next checkpoint."""
        if self._context.checkpoint is not None:
            self._context.checkpoint.doubt(self.file_id)

    def matches_root(self) -> bool:
        """Tell whether the chunks in the store are those of the sealed version, as far as their tags tell.

        Raises: OSError.
        """
        try:
            return self._root.matches(self.size)
        except TruncatedError:
            return False

    def first_hole(self, offset: int) -> int:
        """Return where the first hole behind `offset` begins, the size if there is none.

        Raises: OSError.
        """
        number = self.chunks.first_hole(-(-offset // self._chunk_size), self.size)
        return min(number * self._chunk_size, self.size)

    def stop_watching(self) -> None:
        """Note that what is in place is not all there is, so that no reader can have seen it all."""
        self._root.watching = False

    def make_writable(self, handle: Handle) -> None:
        """Go on with another handle of the same file, one that may write, and take it over.

        Ends the flight of a file that was only read so far (F-25).
        Raises: DamageError, OSError; the handle then stays the caller's and nothing has changed.
        """
        size = self.size
        if self.in_flight:
            chunks = ChunkIo(self._store, handle, self._cipher, self._chunk_size)
            length = self._store.fstat(handle).st_size
            size = landed_size(chunks, self._state.sealed, length, self._chunk_size)
        # Kept open: another thread may be waiting for the sync of the old handle.
        self._retired.append(self.chunks.handle)
        self.chunks.handle = handle
        self.writable = True
        if self.in_flight:
            self.land(size)

    def read(self, offset: int, size: int, scratch: Scratch) -> memoryview:
        """Read up to `size` bytes; fewer only at the end of the file.

        Returns a view of `scratch`, valid until it is used again.
        Raises: DamageError, OSError.
        """
        end = min(offset + size, self.size)
        if offset >= end:
            return scratch.plain[:0]
        chunk_size = self._chunk_size
        first = offset // chunk_size
        base = first * chunk_size
        # Whole chunks are opened: up to the end of the last one that is touched.
        span = min(-(-end // chunk_size) * chunk_size, self.size) - base
        plain = self.chunks.read(first, span, sparse=self._state.sparse, scratch=scratch)
        if self._root.watching:
            self._root.note_read(first, span, scratch)
        return plain[offset - base : end - base]

    def read_chunk(self, number: int, length: int, scratch: Scratch) -> memoryview:
        """Read a chunk of this payload that is no hole, whatever the size and the root of the file are.

        Returns a view of `scratch`, valid until it is used again.
        Raises: DamageError, also for what the disk does not give when it is asked twice; OSError.
        """
        for _ in range(2):
            try:
                return self.chunks.read(number, length, sparse=False, scratch=scratch)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
        msg = f"the storage does not give chunk {number}"
        raise DamageError(msg)

    def find(self, number: int, whence: int) -> int:
        """Find the first chunk from `number` on that is data (SEEK_DATA) or a hole (SEEK_HOLE).

        Returns the number of chunks if there is none.
        Raises: OSError.
        """
        if not self._state.sparse:
            return number if whence == os.SEEK_DATA else self.chunks.count(self.size)
        return self.chunks.find(number, whence, self.size)

    def seal(self) -> None:
        """Write the state for the present size and chunks, if the file is in flight and this is a writer.

        Raises: OSError; DamageError if it was cut short behind our back.
        """
        checkpoint = self._context.checkpoint
        while self.in_flight and self.writable:
            self.as_opened = None
            root = self._root.settle(self.size)
            generation = self._mark()
            self._state.land(self.size, root)
            self._root.watch(self.size)
            if checkpoint is None or generation is checkpoint.journal.active():
                return
            # A checkpoint came in between: it may have missed this state, which must not go without a mark then.
            self._mark()
            self._state.enter_flight(self.size)

    def restart(self, restart: Restart) -> None:
        """Be in flight with another counter, and promise no more than what was durable.

        Raises: OSError.
        """
        self._restart(min(restart.durable, self._state.sealed.size), restart, sparse=restart.sparse)

    def _restart(self, size: int, restart: Restart, *, sparse: bool) -> None:
        self._root.forget()
        self._state.epoch, self._state.durable = restart.epoch, restart.durable
        self._state.restart(size, restart.counter, sparse=sparse, was_sparse=restart.was_sparse)

    def renew_state(self) -> None:
        """Seal the same state once more, under a higher counter.

        Raises: OSError.
        """
        self._enter_flight()
        self.seal()

    def seal_as_marked(self) -> None:
        """Seal with the mark of a journal that goes only when what is written now is safe.

        Raises: OSError.
        """
        self._state.land(self.size, self._root.settle(self.size))
        self._root.watch(self.size)

    def close(self) -> None:
        """Give the handle back."""
        if not self._retired:
            self._store.close(self.handle)
            return
        with contextlib.ExitStack() as stack:
            for handle in (*self._retired, self.handle):
                stack.callback(self._store.close, handle)

    def has_name(self) -> bool:
        """Tell whether the file has a name in the storage, or cannot be asked."""
        try:
            return self._store.fstat(self.handle).st_nlink > 0
        except OSError:
            return True

    def note_checkpoint(self) -> None:
        """Note what is safe from a power cut because there was a checkpoint since the last state."""
        checkpoint, sealed = self._context.checkpoint, self._state.sealed
        if checkpoint is not None and not checkpoint.journal.has_epoch(sealed.epoch):
            # It has synced everything.
            self.note_durable(sealed.size)

    def mark(self, epoch: bytes) -> None:
        """Have the next states say that this journal is there."""
        if epoch != self._state.sealed.epoch:
            self.note_checkpoint()
        self._state.epoch = epoch

    def _mark(self) -> Generation | None:
        """Have the next state say which journal is there."""
        checkpoint = self._context.checkpoint
        if checkpoint is None:
            return None
        generation = checkpoint.journal.active()
        self.mark(generation.epoch)
        return generation

    def land(self, size: int, epoch: bytes | None = None, durable: int = 0) -> None:
        """End the flight of a file that another writer left, with this plain size.

        `epoch` and `durable`: what a recovery says in its state (F-28).
        Raises: OSError.
        """
        self._store.truncate(self.handle, sealed_size(size, self._chunk_size))
        self.size = size
        self._root.forget()
        if epoch is None:
            self.seal()
        else:
            self._state.epoch, self._state.durable = epoch, durable
            self.seal_as_marked()

    def _enter_flight(self, *, sparse: bool = False) -> None:
        """Put on record that the file is about to change; whoever changes it calls this first."""
        self._root.watching = False
        self.as_opened = None
        self._mark()
        self._state.enter_flight(self.size, sparse=sparse)
