"""Landing: the size of a file that was left in flight, or whose end may be lost (format.md F-25, F-28)."""

from typing import Final

from wafs.errors import AuthenticationError, TruncatedError
from wafs.format.layout import plain_size
from wafs.format.state import IN_FLIGHT, NO_EPOCH, SPARSE, State
from wafs.units import MIB
from wafs.vault.chunk_io import ChunkIo
from wafs.vault.scratch import Scratch

_STRIDE: Final = MIB


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

    An interrupted truncation is finished; a file that grew ends before the first chunk that was not written whole.
    Raises: TruncatedError, OSError.
    """
    size = size_in_flight(state, length, chunk_size)
    number, rest = divmod(state.size, chunk_size)
    if rest and size > state.size and _opens(chunks, number, rest, Scratch(0), sparse=False):
        # Only a truncation to the state's size makes its last chunk this short while others lie behind it. It seals
        # that chunk, so a hole is none of its doing.
        return state.size
    # Holes come through the journal: of what grew in flight, none is one.
    is_sparse = state.flags & SPARSE != 0 and state.epoch == NO_EPOCH
    return whole_size(chunks, -(-state.size // chunk_size), size, chunk_size, sparse=is_sparse)


def surviving_size(chunks: ChunkIo, state: State, length: int, chunk_size: int, *, sparse: bool) -> int:
    """Return the plain size that a file has after a crash, whose state was written under the journal that was there.

    What the state calls durable is not looked at: it is whole, or damaged. `sparse`: zeros may be holes.
    Raises: TruncatedError if less than that is there; OSError.
    """
    size = plain_size(length, chunk_size)
    if not state.flags & IN_FLIGHT:
        size = min(size, state.size)
    if size < state.durable:
        msg = f"ciphertext file has {size} bytes, {state.durable} were safe from a power cut"
        raise TruncatedError(msg)
    start = -(-min(state.durable, state.size) // chunk_size)
    return whole_size(chunks, start, size, chunk_size, sparse=sparse)


def whole_size(chunks: ChunkIo, start: int, size: int, chunk_size: int, *, sparse: bool) -> int:
    """Return `size`, or where the first chunk from `start` on begins that does not open.

    Raises: OSError.
    """
    number, count, scratch = start, -(-size // chunk_size), Scratch(0)
    stride = max(1, _STRIDE // chunk_size)
    while number < count:
        length = min(stride * chunk_size, size - number * chunk_size)
        if _opens(chunks, number, length, scratch, sparse=sparse):
            number += stride
        elif stride > 1:
            stride = 1
        else:
            return number * chunk_size
    return size


def _opens(chunks: ChunkIo, number: int, length: int, scratch: Scratch, *, sparse: bool) -> bool:
    try:
        chunks.read(number, length, sparse=sparse, scratch=scratch)
    except (AuthenticationError, TruncatedError):
        return False
    return True
