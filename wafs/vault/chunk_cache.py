"""Chunk cache: the last chunk that was written in part stays open in memory, and completes the next write to it."""

from wafs.vault.chunk_io import ChunkIo
from wafs.vault.scratch import Scratch


class ChunkCache:
    """Cuts what is written to a file into payloads of whole chunks.

    A stream of small writes touches its last chunk again and again; it is read and opened once.
    Thread: the caller holds the content's lock.
    """

    __slots__ = ("_chunk_size", "_chunks", "_number", "_payload")

    def __init__(self, chunks: ChunkIo, chunk_size: int) -> None:
        self._chunks = chunks
        self._chunk_size = chunk_size
        self._number = -1
        self._payload = bytearray()

    def forget(self) -> None:
        """Note that the chunk in memory may not be what is in the store."""
        self._number = -1

    def payloads(
        self, offset: int, data: memoryview, size: int, *, new_size: int, sparse: bool, scratch: Scratch
    ) -> list[memoryview | bytearray]:
        """Cut `data` into the payloads of the chunks it touches, completed with what is there already.

        Raises: DamageError, OSError.
        """
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
                merged = self.merged(number, size, sparse=sparse, scratch=scratch)
                merged[at:stop] = piece
                payloads.append(memoryview(merged)[:length])
                cached = (number, merged)
            position += stop - at
        self._number, self._payload = cached
        return payloads

    def merged(self, number: int, size: int, *, sparse: bool, scratch: Scratch) -> bytearray:
        """Return a buffer of a full chunk with what chunk `number` holds at present, zeros after it.

        `size` is that of the file.
        Raises: DamageError, OSError.
        """
        if number == self._number:
            return self._payload
        buffer = bytearray(self._chunk_size)
        present = min(self._chunk_size, size - number * self._chunk_size)
        if present > 0:
            buffer[:present] = self._chunks.read(number, present, sparse=sparse, scratch=scratch)
        return buffer
