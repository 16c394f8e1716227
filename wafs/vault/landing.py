"""Landing: the size of a file that was left in flight (format.md F-25)."""

from wafs.crypto.aead import OVERHEAD
from wafs.errors import AuthenticationError, TruncatedError
from wafs.format.layout import plain_size
from wafs.format.state import SPARSE, State
from wafs.vault.chunk_io import ChunkIo
from wafs.vault.scratch import Scratch


def size_in_flight(state: State, length: int, chunk_size: int) -> int:
    """Return the plain size that the length of a ciphertext file in flight gives.

    Raises: TruncatedError if that is less than what is sealed.
    """
    size = plain_size(length, chunk_size)
    if size < state.size:
        msg = f"file in flight has {size} bytes, at least {state.size} are sealed"
        raise TruncatedError(msg)
    return size


def landed_size(chunks: ChunkIo, state: State, length: int, chunk_size: int) -> int:
    """Return the plain size with which a writer ends a flight that a killed one left.

    An interrupted truncation is finished, a last chunk that was not written whole is dropped.
    Raises: TruncatedError, OSError.
    """
    size = size_in_flight(state, length, chunk_size)
    number, rest = divmod(state.size, chunk_size)
    if rest and size > state.size and _opens(chunks, number, rest, sparse=False):
        # Only a truncation to the state's size makes its last chunk this short while others lie behind it. It seals
        # that chunk, so a hole is none of its doing.
        return state.size
    start = max(size - 1, 0) // chunk_size * chunk_size
    sparse = state.flags & SPARSE != 0
    if state.size <= start < size and not _opens(chunks, start // chunk_size, size - start, sparse=sparse):
        return start
    return size


def _opens(chunks: ChunkIo, number: int, length: int, *, sparse: bool) -> bool:
    scratch = Scratch(length + OVERHEAD)
    try:
        chunks.read(number, length, sparse=sparse, scratch=scratch)
    except AuthenticationError:
        return False
    return True
