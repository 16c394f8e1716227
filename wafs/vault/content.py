"""Content: random access to the plain bytes of one file, with nothing lost (docs/design.md, "Nothing lost")."""

import contextlib
import logging
import os
from collections.abc import Callable
from typing import Final

from wafs.errors import FileTooLargeError
from wafs.format.journal import Change, Hole
from wafs.format.layout import MAX_PLAIN_SIZE
from wafs.store.base import Handle
from wafs.units import KIB, MIB
from wafs.vault.checkpoint import Checkpoint
from wafs.vault.cipher_file import CipherFile
from wafs.vault.content_context import ContentContext
from wafs.vault.content_reader import ContentReader
from wafs.vault.overlay import Overlay, Plan
from wafs.vault.recovery import open_as_left
from wafs.vault.scratch import Scratch
from wafs.vault.shown_time import NO_SHOWN_TIME

_log = logging.getLogger(__name__)

_PlanMaker = Callable[[Overlay], Plan]
_MAX_GROWTH: Final = 16 * MIB
"""What a file may grow in the journal before it is brought to its place, so that the rest can go there directly."""


class Content(ContentReader):
    """The plain bytes of one open file; takes over the handle and closes it.

    A chunk that is there changes in the journal first, and waits in an overlay for a checkpoint; new ones, of a file
    that grows, go straight to their place while the file is in flight. A file has an overlay or is in flight, not
    both. Without a journal everything happens in place.
    Whoever shows the size or times of a file seals it first, so that what was shown stays true.

    Thread: every method takes the content's own lock; `sync` waits for the disk outside of it.
    """

    def __init__(self, context: ContentContext, file: CipherFile, overlay: Overlay | None = None) -> None:
        super().__init__(context, file, overlay)
        self._store = context.store
        self._checkpoint = context.checkpoint
        self.ctime = NO_SHOWN_TIME
        self._ticket = 0
        self._changes = 0
        self._synced_at = -1
        self._flushed_under: int | None = None
        self._image_size = context.chunk_size + KIB

    @classmethod
    def create(cls, context: ContentContext, handle: Handle) -> "Content":
        """Write the header of a new, empty file that is in flight."""
        return cls(context, CipherFile.create(context, handle))

    @classmethod
    def renew(cls, context: ContentContext, handle: Handle) -> "Content":
        """Make the file behind `handle` empty and new, whatever it held (F-22)."""
        return cls(context, CipherFile.renew(context, handle))

    @classmethod
    def open(
        cls, context: ContentContext, handle: Handle, *, writable: bool, found: os.stat_result | None = None
    ) -> "Content":
        """Open a file and verify its size; a writer also ends the flight of one that was left in flight (F-25).

        Raises: DamageError (F-20 to F-28), OSError; the handle then stays the caller's.
        """
        if context.replay is not None:
            return cls(context, *open_as_left(context, handle, context.replay))
        return cls(context, CipherFile.open(context, handle, writable=writable, found=found))

    def note_change(self) -> None:
        """Note that attributes of the file were changed."""
        with self._lock:
            self._file.note_change()
            self._changes += 1

    def make_writable(self, handle: Handle) -> None:
        """Go on with another handle of the same file, one that may write, and take it over.

        Ends the flight of a file that was only read so far (F-25).
        Raises: DamageError, OSError; the handle then stays the caller's and nothing has changed.
        """
        with self._lock:
            # A state may be written, which the next sync must not leave out.
            self._changes += 1
            self._file.make_writable(handle)

    def write(self, offset: int, data: memoryview, scratch: Scratch) -> None:
        """Write all of `data` at `offset`; a gap before it becomes zeros or holes.

        Raises: FileTooLargeError, DamageError, OSError; size and contents before the old end are then as they were.
        """
        if not data:
            return
        if offset + len(data) > MAX_PLAIN_SIZE:
            raise FileTooLargeError
        with self._lock:
            head = -offset % self._chunk_size
            if self.write_waits(offset) and len(data) > head:
                if head:
                    self._journal_write(offset, data[:head], scratch)
                self.flush(scratch)
                offset, data = offset + head, data[head:]
            if self._goes_in_place(offset):
                self._begin_in_place()
                if self._checkpoint is not None:
                    self._checkpoint.journal.leave_reserve(self._checkpoint.journal.active())
                self._file.write(offset, data, scratch)
            else:
                self._journal_write(offset, data, scratch)

    def truncate(self, size: int, scratch: Scratch) -> None:
        """Cut, or extend with zeros that take no space.

        Raises: FileTooLargeError, DamageError if the chunk to be cut does not open, OSError.
        """
        if size > MAX_PLAIN_SIZE:
            raise FileTooLargeError
        with self._lock:
            if size == self.size:
                return
            if self._checkpoint is None or self._cuts_in_place(size):
                self._begin_in_place()
                self._file.truncate(size, scratch)
                return
            self._to_journal(lambda overlay: overlay.plan_size(size, self._file, scratch))

    def reserve(self, offset: int, size: int) -> None:
        """Reserve space below for a range of plain bytes, without a change of size."""
        with self._lock:
            self._file.reserve(offset, size)

    def punch(self, offset: int, size: int, scratch: Scratch) -> None:
        """Make a range read as zeros; whole chunks in it become holes. The size stays.

        Raises: DamageError, OSError.
        """
        with self._lock:
            end = min(offset + size, self.size)
            first = -(-offset // self._chunk_size)
            stop = -(-end // self._chunk_size) if end == self.size else end // self._chunk_size
            if first >= stop:
                self._write_zeros(offset, end, scratch)
                return
            self._write_zeros(offset, first * self._chunk_size, scratch)
            self._write_zeros(stop * self._chunk_size, end, scratch)
            if self._checkpoint is not None:
                self.flush(scratch)
                self._file.seal()
                self._punch_promised(self._checkpoint, first, stop)
                return
            self._begin_in_place()
            self._file.punch(first, stop)

    def _punch_promised(self, checkpoint: Checkpoint, first: int, stop: int) -> None:
        """Punch chunks in place once the journal tells of it; what could not be punched is taken back there."""
        overlay = self._new_overlay()
        checkpoint.note(self, 0)
        self._ticket = self._record(overlay.change(self.file_id, [Hole(first, stop)]))
        self._changes += 1
        try:
            checkpoint.journal.sync(self._ticket)
            self._have_state_safe()
            self._file.punch(first, stop)
        except BaseException:
            self._disown(overlay)
            raise
        self._file.seal()
        self._flushed_under = checkpoint.journal.active().sequence
        checkpoint.forget(self)

    def seal(self) -> None:
        """Write the state for the present size and chunks, if the file is in flight and this is a writer.

        Raises: OSError; DamageError if it was cut short behind our back.
        """
        with self._lock:
            if self.in_flight and self.writable:
                self._changes += 1
                self._file.seal()

    def sync(self, *, data_only: bool) -> None:
        """Return when the file is safe from a power cut: in its place, or in the journal.

        Raises: OSError.
        """
        with self._lock:
            self.seal()
            ticket, changes, size = self._ticket, self._changes, self._file.size
        if self._checkpoint is not None:
            self._checkpoint.journal.sync(ticket)
        if changes == self._synced_at:
            return
        try:
            self._store.sync(self.handle, data_only=data_only)
        except OSError:
            self._file.doubt()
            raise
        with self._lock:
            if changes == self._changes:
                self._synced_at = changes
                self._flushed_under = None
                self._file.note_synced(size)

    def record_whole(self, scratch: Scratch) -> None:
        """Have in the journal all of each chunk of which it has only some bytes (F-83).

        What was written to one that does not open in place is lost with it.
        Raises: OSError; some may then be there.
        """
        with self._lock:
            overlay, checkpoint = self._overlay, self._checkpoint
            if overlay is None or checkpoint is None or not overlay.bare:
                return
            if damaged := overlay.make_all_whole(self._file, scratch):
                inode = overlay.inode
                _log.warning("chunks that were written to do not verify, inode %d of the storage: %s", inode, damaged)
                checkpoint.note(self, overlay.bytes)
            bare, most = sorted(overlay.bare), max(1, MIB // self._chunk_size)
            for numbers in (bare[at : at + most] for at in range(0, len(bare), most)):
                images = [overlay.image(number) for number in numbers]
                due = -len(numbers) * self._image_size
                self._ticket = checkpoint.journal.record(overlay.change(self.file_id, images), overlay.journal, due=due)
                overlay.bare.difference_update(numbers)

    def flush(self, scratch: Scratch, *, in_checkpoint: bool = False) -> None:
        """Bring to its place what is in the journal; times stay as they are.

        Raises: DamageError, OSError; what is not in its place then stays in the journal.
        """
        with self._lock:
            overlay, checkpoint = self._overlay, self._checkpoint
            if checkpoint is None:
                return
            if overlay is None:
                # It was noted for a change that failed.
                checkpoint.forget(self)
                return
            journal = checkpoint.journal
            self.record_whole(scratch)
            found = self._store.fstat(self.handle)
            mtime = found.st_mtime_ns
            is_again = overlay.counter != self._file.counter
            # Another one if an earlier try failed: from there on the counter goes on by two once more (F-83).
            overlay.counter = self._file.counter
            ticket = self._ticket
            try:
                ticket = self._record(overlay.change(self.file_id, mtime=mtime), overlay.journal)
            except OSError:
                # On a full storage the time may be lost by a kill, for the sake of what makes room.
                if is_again:
                    raise
            # A kill loses no record; chunks, and from which counter they hold, must survive a power cut as well.
            journal.sync(ticket if is_again else self._ticket)
            if not journal.is_based(overlay.journal):
                self._have_state_safe()
            self._changes += 1
            generation = journal.of_checkpoint() if in_checkpoint else journal.active()
            self._flushed_under = generation.sequence
            self._file.mark(generation.epoch)
            self._file.rewrite(overlay.size, overlay.kept, overlay.chunks, scratch)
            self._file.seal_as_marked()
            self._store.futimens(self.handle, None, mtime)
            self._file.note_change()
            with contextlib.suppress(OSError):
                # From here on the time is that of the file again, whoever sets it.
                self._record(overlay.change(self.file_id), overlay.journal)
            self.ctime = self.ctime.next(found.st_ctime_ns, self._store.fstat(self.handle).st_ctime_ns)
            self._overlay = None
            checkpoint.forget(self)

    def close(self) -> None:
        """Seal if need be and give the handle back; what waits for a checkpoint stays in the journal.

        Raises: OSError; a failure to seal leaves the file in flight.
        """
        with self._lock:
            checkpoint = self._checkpoint
            try:
                self._begin_in_place()
                self.seal()
            finally:
                if checkpoint is not None:
                    checkpoint.forget(self, is_lost=self._overlay is not None and self._file.has_name())
                    # A checkpoint that is running may still come here: the handle may be another file's by then.
                    self._overlay = None
                self._file.close()

    def _disown(self, overlay: Overlay) -> None:
        """Have the last record count no more: the file's state moves on to where it does not reach (F-83)."""
        with contextlib.suppress(OSError):
            self._file.seal()
            self._store.sync(self.handle, data_only=True)
            self._flushed_under = None
            while self._file.counter <= overlay.counter + 2:
                self._file.renew_state()
            self._ticket = self._record(self._new_overlay().change(self.file_id))

    def _goes_in_place(self, offset: int) -> bool:
        """Tell whether a write at `offset` only adds chunks at the end of a file without holes.

        A kill may tear a chunk that is there, and a chunk that a power cut takes from among holes looks like one.
        """
        if self._checkpoint is None:
            return True
        size = self._file.size
        is_next = size <= offset < size + self._chunk_size and size % self._chunk_size == 0
        return is_next and self._overlay is None and not self._file.is_sparse

    def _cuts_in_place(self, size: int) -> bool:
        """Tell whether a change of the size only drops whole chunks that were not promised."""
        promised = self._file.promised_chunks * self._chunk_size
        return self._overlay is None and promised <= size < self._file.size and size % self._chunk_size == 0

    def _begin_in_place(self) -> None:
        """Have what a checkpoint wrote in the storage before the file's state goes on from there (F-83)."""
        checkpoint = self._checkpoint
        if checkpoint is not None and self._flushed_under is not None:
            oldest = checkpoint.journal.oldest
            if oldest is not None and oldest <= self._flushed_under:
                self._store.sync(self.handle, data_only=True)
            self._flushed_under = None
        self._changes += 1

    def _have_state_safe(self) -> None:
        """Sync the state that records go out from, before anything changes in place: without it they count no more."""
        if not self._file.is_state_safe:
            self._store.sync(self.handle, data_only=True)

    def write_waits(self, offset: int) -> bool:
        """Tell whether a write at `offset` goes on with a growth of which the journal has had enough; takes no lock."""
        overlay = self._overlay
        return overlay is not None and overlay.bytes >= _MAX_GROWTH and offset == overlay.size

    def _journal_write(self, offset: int, data: memoryview, scratch: Scratch) -> None:
        self._to_journal(lambda overlay: overlay.plan_write(offset, data, self._file, scratch))

    def _to_journal(self, make_plan: _PlanMaker) -> None:
        """Have a change in the journal, then make it true."""
        checkpoint = self._checkpoint
        if checkpoint is None:
            return
        if self._overlay is None:
            self.seal()
        while True:
            generation = checkpoint.journal.active()
            if self._overlay is not None and self._overlay.journal != generation.sequence:
                # Each journal tells all of a file that is not in place, or nothing.
                self.flush(Scratch(0), in_checkpoint=True)
            overlay = self._overlay or self._new_overlay(generation.sequence)
            plan = make_plan(overlay)
            fresh, due = plan.fresh, plan.begun * self._image_size
            if fresh and self._file.reserve_chunks(fresh):
                checkpoint.journal.leave_reserve(generation, len(fresh) * self._image_size)
            change = overlay.planned(self.file_id, plan, generation.synced)
            waiting = overlay.bytes + (len(fresh) + plan.begun) * self._chunk_size
            if (ticket := checkpoint.append(self, waiting, generation, change, due=due)) is not None:
                break
        self._ticket = ticket
        overlay.carry_out(plan)
        self._file.stop_watching()
        self._overlay = overlay
        if overlay.bytes != waiting:
            checkpoint.note(self, overlay.bytes)
        self._file.touch()

    def _new_overlay(self, journal: int = -1) -> Overlay:
        inode = self._store.fstat(self.handle).st_ino
        self._file.note_checkpoint()
        return Overlay(self._chunk_size, self._file.size, counter=self._file.counter, inode=inode, journal=journal)

    def _record(self, change: Change, journal: int | None = None) -> int:
        return self._checkpoint.journal.record(change, journal) if self._checkpoint else 0

    def _write_zeros(self, start: int, end: int, scratch: Scratch) -> None:
        while start < end:
            stop = min(end, start + MIB)
            self.write(start, memoryview(bytes(stop - start)), scratch)
            start = stop
