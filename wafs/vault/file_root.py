"""File root: proves that the chunks of one open file belong to one version of it (format.md F-27)."""

from typing import Final

from wafs.crypto.root import RootHash
from wafs.errors import AuthenticationError
from wafs.format.state import IN_FLIGHT, ROOT, State
from wafs.vault.chunk_io import ChunkIo
from wafs.vault.scratch import Scratch

_SEEN: Final = b"\x01"


class FileRoot:
    """The root of one file: kept while the file is written, compared once a reader has seen every chunk.

    While reading, the terms of the chunks seen are taken away from the sealed root; when none is left to see, nothing
    may be left of it.
    Thread: the caller holds the content's lock.
    """

    __slots__ = ("_chunks", "_hash", "_left", "_rest", "_seen", "_value", "watching")

    def __init__(self, root_hash: RootHash, chunks: ChunkIo, state: State) -> None:
        self._chunks = chunks
        self._hash = root_hash
        self._value: int | None = None
        self._seen = bytearray()
        self._left = 0
        self._rest = 0
        self.watching = False
        if state.flags & ROOT and not state.flags & IN_FLIGHT:
            self._value = int.from_bytes(state.root)

    def tags(self, first: int, stop: int, plain_size: int) -> bytes:
        """Read the tags of chunks that are about to go, for `replace`; none where the root is not kept.

        `plain_size` is that of the file as it is in the store.
        Raises: TruncatedError, OSError.
        """
        return self._chunks.tags(first, stop, plain_size) if self._value is not None else b""

    def tags_beyond(self, size: int, plain_size: int) -> bytes:
        """Read the tags of the chunks that a cut to `size` drops; forgets the root where those that stay are fewer.

        Raises: TruncatedError, OSError.
        """
        kept, count = self._chunks.count(size), self._chunks.count(plain_size)
        if size and kept < count - kept:
            self.forget()
        return self.tags(kept, count, plain_size) if size else b""

    def write(self, first: int, payloads: list[memoryview | bytearray], plain_size: int, scratch: Scratch) -> None:
        """Write chunks over those that are there, and keep the root.

        Raises: TruncatedError, OSError; then any prefix may have been written.
        """
        stop = min(first + len(payloads), self._chunks.count(plain_size))
        gone = self.tags(first, stop, plain_size) if first < stop else b""
        try:
            self.replace(gone + self._chunks.write(first, payloads, scratch))
        except BaseException:
            self.forget()
            raise

    def replace(self, tags: bytes) -> None:
        """Take away or add the terms of these tags, which is the same: old ones that go and new ones that come."""
        if self._value is not None:
            self._value ^= self._hash.terms(tags)

    def forget(self) -> None:
        """Note that it is not known any more which chunks are in the store; `settle` reads their tags again."""
        self._value = None
        self.watching = False

    def empty(self) -> None:
        """Note that the file has no chunk any more."""
        self._value = 0

    def settle(self, plain_size: int) -> int:
        """Return the root of the chunks in the store, read from their tags if it is not known.

        Raises: TruncatedError, OSError.
        """
        if self._value is None:
            self._value = self._hash.terms(self._chunks.tags(0, self._chunks.count(plain_size), plain_size))
        return self._value

    def matches(self, plain_size: int) -> bool:
        """Tell whether the root is that of the chunks in the store, or is not known.

        Raises: TruncatedError, OSError.
        """
        terms = self._hash.terms(self._chunks.tags(0, self._chunks.count(plain_size), plain_size))
        return self._value is None or self._value == terms

    def watch(self, plain_size: int) -> None:
        """Begin to compare: a file whose root is sealed may be read from now on.

        Raises: AuthenticationError for a file without chunks and with a root.
        """
        count = self._chunks.count(plain_size)
        self.watching = self._value is not None
        self._rest = self._value or 0
        self._seen = bytearray(count)
        self._left = count
        if not count and self._rest:
            raise _mixed()

    def note_read(self, first: int, plain_length: int, scratch: Scratch) -> None:
        """Note what `ChunkIo.read` has just left in `scratch`, read from the start of chunk `first` and verified.

        Raises: AuthenticationError once every chunk was seen and they are not those of the sealed version; from then
        on for every read.
        """
        if self._left:
            count = self._chunks.count(plain_length)
            fresh = [index for index, was_seen in enumerate(bytes(self._seen[first : first + count])) if not was_seen]
            if fresh:
                self._seen[first : first + count] = _SEEN * count
                self._rest ^= self._hash.terms(self._chunks.tags_read(fresh, plain_length, scratch))
                self._left -= len(fresh)
        if not self._left:
            if self._rest:
                raise _mixed()
            self.watching = False


def _mixed() -> AuthenticationError:
    msg = "chunks of the file are of different versions"
    return AuthenticationError(msg)
