"""Memory file: what is written to a file that must not change, kept in memory over what is there."""

from typing import Final, Protocol

from wafs.units import KIB

_PAGE: Final = 4 * KIB


class RandomAccess(Protocol):
    """Bytes at random access."""

    @property
    def size(self) -> int:
        """Return how many bytes there are."""

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end."""


class NoRoomError(Exception):
    """More was written than may be kept in memory."""


class Room:
    """How much may be kept in memory for all files of a database together, in bytes."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> None:
        """Take some of it.

        Raises: NoRoomError.
        """
        if size > self._left:
            raise NoRoomError
        self._left -= size

    def give_back(self, size: int) -> None:
        """Return what is no longer needed."""
        self._left += size


class MemoryFile:
    """A file that can be written: the source never changes, pages that were written are in memory.

    Thread: that of its user.
    """

    def __init__(self, source: RandomAccess | None, room: Room) -> None:
        self._source = source
        self._room = room
        self._pages: dict[int, bytearray] = {}
        self.size = 0 if source is None else source.size
        # Bytes of the source that are still part of the file: what was cut off does not come back.
        self._below = self.size

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end.

        Raises: what the source raises.
        """
        size = max(0, min(size, self.size - offset))
        if not self._pages and offset + size <= self._below:
            return self._from_source(offset, size)
        result = bytearray()
        while len(result) < size:
            number, at = divmod(offset + len(result), _PAGE)
            wanted = min(_PAGE - at, size - len(result))
            page = self._pages.get(number)
            result += self._original(number)[at : at + wanted] if page is None else page[at : at + wanted]
        return bytes(result)

    def write(self, offset: int, data: bytes) -> None:
        """Write into memory; a gap before it is zeros.

        Raises: NoRoomError, and then nothing was written; what the source raises.
        """
        numbers = range(offset // _PAGE, (offset + len(data) + _PAGE - 1) // _PAGE)
        new = [number for number in numbers if number not in self._pages]
        self._room.take(len(new) * _PAGE)
        pages = {number: bytearray(self._original(number)) for number in new}
        self._pages |= pages
        done = 0
        while done < len(data):
            number, at = divmod(offset + done, _PAGE)
            length = min(_PAGE - at, len(data) - done)
            self._pages[number][at : at + length] = data[done : done + length]
            done += length
        self.size = max(self.size, offset + len(data))

    def truncate(self, size: int) -> None:
        """Cut it off, or make it longer with zeros."""
        if size < self.size:
            self._below = min(self._below, size)
            gone = [number for number in self._pages if number * _PAGE >= size]
            for number in gone:
                del self._pages[number]
            self._room.give_back(len(gone) * _PAGE)
            last = self._pages.get(size // _PAGE)
            if last is not None:
                last[size % _PAGE :] = bytes(_PAGE - size % _PAGE)
        self.size = size

    def _original(self, number: int) -> bytes:
        start = number * _PAGE
        return self._from_source(start, max(0, min(_PAGE, self._below - start))).ljust(_PAGE, b"\0")

    def _from_source(self, offset: int, size: int) -> bytes:
        return b"" if self._source is None or size <= 0 else self._source.read(offset, size)
