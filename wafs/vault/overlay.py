"""Overlay: the chunks of one file that are in the journal and not in their place yet."""

import bisect
import os
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from wafs.format.journal import Change, Image, Patch, Piece
from wafs.units import FileId
from wafs.vault.scratch import Scratch


class Below(Protocol):
    """The file as it is in place."""

    size: int

    def read(self, offset: int, size: int, scratch: Scratch) -> memoryview:
        """Read up to `size` bytes; fewer only at the end."""
        ...

    def find(self, number: int, whence: int) -> int:
        """Find the first chunk from `number` on that is data (SEEK_DATA) or a hole (SEEK_HOLE)."""
        ...


class Plan(NamedTuple):
    """A change of an overlay that nobody sees before it is in the journal."""

    size: int
    kept: int
    pieces: list[Piece]
    fresh: dict[int, bytearray]


class Overlay:
    """Size and chunks of a file as its last change left them, over the file in place.

    The first `kept` chunks in place count where no dirty one hides them; behind them is nothing but dirty chunks and
    holes. A last chunk that grows, or is cut, is dirty. Chunks have zeros after their end. `counter` is that of the
    state in the file, `journal` the sequence number of the journal that all of it is in.
    Thread: the content's lock.
    """

    __slots__ = ("_chunk_size", "chunks", "counter", "holes", "inode", "journal", "kept", "size")

    def __init__(self, chunk_size: int, size: int, *, counter: int, inode: int, journal: int) -> None:
        self._chunk_size: Final = chunk_size
        self.size = size
        self.kept = -(-size // chunk_size)
        self.counter = counter
        self.inode = inode
        self.journal = journal
        self.chunks: dict[int, bytearray] = {}
        self.holes: list[tuple[int, int]] = []

    @property
    def bytes(self) -> int:
        """Return the memory that the chunks take."""
        return len(self.chunks) * self._chunk_size

    def change(self, file_id: FileId, pieces: Sequence[Piece] = (), *, mtime: int | None = None) -> Change:
        """Return what the journal is told of the file as it is, and of these pieces."""
        return Change(file_id, self.inode, self.counter, self.size, self.kept, pieces, mtime)

    def planned(self, file_id: FileId, plan: Plan, synced: int) -> Change:
        """Return what the journal is told of a plan; `synced` as in `Change`."""
        size, kept, pieces, _ = plan
        return tuple.__new__(Change, (file_id, self.inode, self.counter, size, kept, pieces, None, synced))

    def read(self, offset: int, end: int, below: Below, scratch: Scratch) -> memoryview:
        """Read from `offset` to `end`, which is not behind the size.

        Raises: DamageError, OSError.
        """
        size = self._chunk_size
        plain = bytearray(end - offset)
        number = offset // size
        while number * size < end:
            stop = number + 1
            dirty = self.chunks.get(number)
            is_below = dirty is None and self._is_below(number)
            while is_below and stop * size < end and stop not in self.chunks and self._is_below(stop):
                stop += 1
            first, last = max(offset, number * size), min(end, stop * size)
            if dirty is not None:
                plain[first - offset : last - offset] = memoryview(dirty)[first - number * size : last - number * size]
            elif is_below:
                plain[first - offset : last - offset] = below.read(first, last - first, scratch)
            number = stop
        return memoryview(plain)

    def find(self, number: int, whence: int, below: Below) -> int:
        """Find the first chunk from `number` on that is data (SEEK_DATA) or a hole (SEEK_HOLE).

        Returns the number of chunks, or more, if there is none.
        Raises: OSError.
        """
        count = -(-self.size // self._chunk_size)
        marks = sorted({self.kept, count, *self.chunks, *(mark for hole in self.holes for mark in hole)})
        while number < count:
            if number in self.chunks:
                stop, found = number + 1, number if whence == os.SEEK_DATA else count
            else:
                stop = marks[bisect.bisect_right(marks, number)]
                found = number if whence == os.SEEK_HOLE else count
                if self._is_below(number):
                    found = below.find(number, whence)
            if found < stop:
                return found
            number = stop
        return count

    def _is_below(self, number: int) -> bool:
        """Tell whether a chunk that is not dirty is the one in place, and no hole."""
        return number < self.kept and not any(first <= number < stop for first, stop in self.holes)

    def plan_write(self, offset: int, data: memoryview, below: Below, scratch: Scratch) -> Plan:
        """Plan a write; a gap before it becomes zeros.

        Raises: DamageError, OSError.
        """
        chunk_size = self._chunk_size
        end = offset + len(data)
        size = max(self.size, end)
        plan = Plan(size, self.kept, [], {})
        if offset > self.size:
            self._carry_last(plan, below, scratch)
        position = offset
        while position < end:
            number, at = divmod(position, chunk_size)
            stop = min(chunk_size, at + end - position)
            piece = data[position - offset : position - offset + stop - at]
            if number in self.chunks and number not in plan.fresh:
                plan.pieces.append(Patch(number, at, piece))
            else:
                is_whole = at == 0 and stop >= min(chunk_size, self.size - number * chunk_size)
                payload = bytearray(chunk_size) if is_whole else self._copy(number, below, scratch)
                payload[at:stop] = piece
                self._image(plan, number, payload)
            position += stop - at
        return plan

    def plan_size(self, size: int, below: Below, scratch: Scratch) -> Plan:
        """Plan a cut, or an extension with zeros.

        Raises: DamageError, OSError.
        """
        chunk_size = self._chunk_size
        number, rest = divmod(size, chunk_size)
        plan = Plan(size, min(self.kept, number + (rest > 0)), [], {})
        if size > self.size:
            self._carry_last(plan, below, scratch)
        elif rest:
            payload = self._copy(number, below, scratch)
            payload[rest:] = bytes(chunk_size - rest)
            self._image(plan, number, payload)
        return plan

    def carry_out(self, plan: Plan) -> None:
        """Make a plan true that is in the journal."""
        if plan.size < self.size:
            last = -(-plan.size // self._chunk_size)
            self.chunks = {number: dirty for number, dirty in self.chunks.items() if number < last}
        self.size, self.kept = plan.size, plan.kept
        self.chunks.update(plan.fresh)
        for piece in plan.pieces:
            if isinstance(piece, Patch):
                self.chunks[piece.number][piece.at : piece.at + len(piece.payload)] = piece.payload

    def _carry_last(self, plan: Plan, below: Below, scratch: Scratch) -> None:
        """Have the last chunk, where it is not full, grow with the file."""
        number, rest = divmod(self.size, self._chunk_size)
        if rest and number not in self.chunks:
            self._image(plan, number, self._copy(number, below, scratch))

    def _image(self, plan: Plan, number: int, payload: bytearray) -> None:
        length = min(self._chunk_size, plan.size - number * self._chunk_size)
        plan.fresh[number] = payload
        # A later piece of the same plan must not change what this one tells.
        plan.pieces.append(Image(number, memoryview(payload)[:length]))

    def _copy(self, number: int, below: Below, scratch: Scratch) -> bytearray:
        """Return a copy of a chunk, with zeros after its end."""
        chunk_size = self._chunk_size
        payload = bytearray(chunk_size)
        start = number * chunk_size
        end = min(self.size, start + chunk_size)
        if number in self.chunks:
            payload[:] = self.chunks[number]
        elif start < end and self._is_below(number):
            found = below.read(start, end - start, scratch)
            payload[: len(found)] = found
        return payload
