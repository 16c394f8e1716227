"""Overlay: the chunks of one file that are in the journal and not in their place yet."""

import bisect
import os
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from wafs.errors import DamageError
from wafs.format.journal import Change, Image, Patch, Piece
from wafs.units import FileId
from wafs.vault.scratch import Scratch

_MOST_PARTS: Final = 4
"""Pieces that wait for one chunk before it is read and made whole."""


class Below(Protocol):
    """The file as it is in place."""

    size: int

    @property
    def solid(self) -> int:
        """Return how many bytes from its start are safe from a power cut; 0 if there may be holes."""
        ...

    def read_chunk(self, number: int, length: int, scratch: Scratch) -> memoryview:
        """Read a chunk of this payload that is no hole."""
        ...

    def read(self, offset: int, size: int, scratch: Scratch) -> memoryview:
        """Read up to `size` bytes; fewer only at the end."""
        ...

    def find(self, number: int, whence: int) -> int:
        """Find the first chunk from `number` on that is data (SEEK_DATA) or a hole (SEEK_HOLE)."""
        ...


class Plan(NamedTuple):
    """A change of an overlay that nobody sees before it is in the journal.

    `fresh` are the chunks that it tells whole; `begun` is how many chunks it is the first to change without that.
    """

    size: int
    kept: int
    pieces: list[Piece]
    fresh: dict[int, bytearray]
    begun: int = 0


class Overlay:
    """Size and chunks of a file as its last change left them, over the file in place.

    The first `kept` chunks in place count where no dirty one hides them; behind them is nothing but dirty chunks and
    holes. A last chunk that grows, or is cut, is dirty. Chunks have zeros after their end. `counter` is that of the
    state in the file, `journal` the sequence number of the journal that all of it is in.

    Of a chunk that is whole in place the journal may be told some bytes alone. They wait in `patches` until somebody
    needs the chunk, which then is among `chunks`. `bare` are the numbers of all of which the journal has no image yet:
    it must have one before anything is written in place. What such a chunk holds in place is as long as what it holds
    here.
    Thread: the content's lock.
    """

    __slots__ = (
        "_chunk_size",
        "bare",
        "chunks",
        "counter",
        "holes",
        "inode",
        "journal",
        "kept",
        "patches",
        "size",
    )

    def __init__(self, chunk_size: int, size: int, *, counter: int, inode: int, journal: int) -> None:
        self._chunk_size: Final = chunk_size
        self.size = size
        self.kept = -(-size // chunk_size)
        self.counter = counter
        self.inode = inode
        self.journal = journal
        self.chunks: dict[int, bytearray] = {}
        self.patches: dict[int, list[tuple[int, bytes]]] = {}
        self.bare: set[int] = set()
        self.holes: list[tuple[int, int]] = []

    @property
    def bytes(self) -> int:
        """Return the memory that the chunks take once all are whole, as a checkpoint needs them."""
        return (len(self.chunks) + len(self.patches)) * self._chunk_size

    def change(self, file_id: FileId, pieces: Sequence[Piece] = (), *, mtime: int | None = None) -> Change:
        """Return what the journal is told of the file as it is, and of these pieces."""
        return Change(file_id, self.inode, self.counter, self.size, self.kept, pieces, mtime)

    def planned(self, file_id: FileId, plan: Plan, synced: int) -> Change:
        """Return what the journal is told of a plan; `synced` as in `Change`."""
        size, kept, pieces, _, _ = plan
        return tuple.__new__(Change, (file_id, self.inode, self.counter, size, kept, pieces, None, synced))

    def read(self, offset: int, end: int, below: Below, scratch: Scratch) -> memoryview:
        """Read from `offset` to `end`, which is not behind the size.

        Raises: DamageError, OSError.
        """
        size, patches = self._chunk_size, self.patches
        plain = bytearray(end - offset)
        number = offset // size
        while number * size < end:
            stop = number + 1
            dirty = self._make_whole(number, below, scratch) if number in patches else self.chunks.get(number)
            is_below = dirty is None and self._is_below(number)
            while is_below and stop * size < end and not self._is_dirty(stop) and self._is_below(stop):
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

    def _is_dirty(self, number: int) -> bool:
        return number in self.chunks or number in self.patches

    def _is_below(self, number: int) -> bool:
        """Tell whether a chunk that is not dirty is the one in place, and no hole."""
        return number < self.kept and not any(first <= number < stop for first, stop in self.holes)

    def plan_write(self, offset: int, data: memoryview, below: Below, scratch: Scratch) -> Plan:
        """Plan a write; a gap before it becomes zeros.

        Raises: DamageError, OSError.
        """
        chunk_size, old_size = self._chunk_size, self.size
        end = offset + len(data)
        pieces: list[Piece] = []
        fresh: dict[int, bytearray] = {}
        plan: Plan = tuple.__new__(Plan, (max(old_size, end), self.kept, pieces, fresh, 0))
        if offset > old_size:
            self._carry_last(plan, below, scratch)
        position, begun = offset, 0
        while position < end:
            number, at = divmod(position, chunk_size)
            stop = min(chunk_size, at + end - position)
            piece = data[position - offset : position - offset + stop - at]
            length = min(chunk_size, old_size - number * chunk_size)
            is_whole = at == 0 and stop >= length
            is_told = number in self.chunks and number not in self.bare
            if number in fresh or not (is_told or (stop <= length and not is_whole and self._stays(number, below))):
                payload = bytearray(chunk_size) if is_whole else self._copy(number, below, scratch)
                payload[at:stop] = piece
                self._image(plan, number, payload)
            else:
                if number in self.patches:
                    self._keep_few(number, stop - at, below, scratch)
                elif number not in self.chunks:
                    begun += 1
                pieces.append(tuple.__new__(Patch, (number, at, piece)))
            position += stop - at
        return tuple.__new__(Plan, (plan.size, self.kept, pieces, fresh, begun))

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
        size, kept, pieces, fresh, _ = plan
        chunks, patches = self.chunks, self.patches
        if size < self.size:
            last = -(-size // self._chunk_size)
            chunks = self.chunks = {number: dirty for number, dirty in chunks.items() if number < last}
            patches = self.patches = {number: parts for number, parts in patches.items() if number < last}
            self.bare = {number for number in self.bare if number < last}
        self.size, self.kept = size, kept
        for number, dirty in fresh.items():
            chunks[number] = dirty
            patches.pop(number, None)
            self.bare.discard(number)
        for piece in pieces:
            if isinstance(piece, Patch):
                number, at, payload = piece
                if number in chunks:
                    chunks[number][at : at + len(payload)] = payload
                else:
                    patches.setdefault(number, []).append((at, bytes(payload)))
                    self.bare.add(number)

    def make_all_whole(self, below: Below, scratch: Scratch) -> list[int]:
        """Read every chunk of which only some bytes are here; returns those that do not open, and lets go of them.

        Raises: OSError.
        """
        damaged = []
        for number in sorted(self.patches):
            try:
                self._make_whole(number, below, scratch)
            except DamageError:
                # Nothing but what is in place could complete it.
                del self.patches[number]
                self.bare.discard(number)
                damaged.append(number)
        return damaged

    def image(self, number: int) -> Image:
        """Return what tells all of a chunk that is whole here."""
        length = min(self._chunk_size, self.size - number * self._chunk_size)
        return Image(number, memoryview(self.chunks[number])[:length])

    def _make_whole(self, number: int, below: Below, scratch: Scratch) -> bytearray:
        payload = self.chunks[number] = self._copy(number, below, scratch)
        del self.patches[number]
        return payload

    def _keep_few(self, number: int, more: int, below: Below, scratch: Scratch) -> None:
        """Make a chunk whole of which there would be too many bytes, or in too many pieces."""
        parts = self.patches[number]
        if len(parts) >= _MOST_PARTS or sum(len(part) for _, part in parts) + more > self._chunk_size:
            self._make_whole(number, below, scratch)

    def _stays(self, number: int, below: Below) -> bool:
        """Tell whether a chunk is whole and safe in place, as it was before anything here changed it."""
        if number in self.bare:
            return True
        end = min((number + 1) * self._chunk_size, self.size)
        return end <= below.solid and number not in self.chunks and self._is_below(number)

    def _carry_last(self, plan: Plan, below: Below, scratch: Scratch) -> None:
        """Have the last chunk, where it is not full, grow with the file."""
        number, rest = divmod(self.size, self._chunk_size)
        if rest and (number not in self.chunks or number in self.bare):
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
        elif number in self.patches:
            payload[: end - start] = below.read_chunk(number, end - start, scratch)
            for at, part in self.patches[number]:
                payload[at : at + len(part)] = part
        elif start < end and self._is_below(number):
            found = below.read(start, end - start, scratch)
            payload[: len(found)] = found
        return payload
