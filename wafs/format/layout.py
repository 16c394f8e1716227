"""Layout: where plain bytes lie in a ciphertext file. Arithmetic only (format.md section 5.2)."""

from typing import Final

from wafs.crypto.aead import OVERHEAD
from wafs.errors import LimitError

FILE_HEADER_SIZE: Final = 256
MIN_CHUNK_SIZE: Final = 4096
MAX_CHUNK_SIZE: Final = 1 << 20
MAX_PLAIN_SIZE: Final = 1 << 62
"""Leaves room for the overhead below the largest signed 64-bit offset."""


def check_chunk_size(chunk_size: int) -> None:
    """Accept a power of two from 4 KiB to 1 MiB.

    Raises: LimitError.
    """
    if not MIN_CHUNK_SIZE <= chunk_size <= MAX_CHUNK_SIZE or chunk_size & (chunk_size - 1):
        msg = f"chunk size {chunk_size} is not a power of two from {MIN_CHUNK_SIZE} to {MAX_CHUNK_SIZE}"
        raise LimitError(msg)


def sealed_size(plain_size: int, chunk_size: int) -> int:
    """Return the length of the ciphertext file for `plain_size` bytes."""
    full, rest = divmod(plain_size, chunk_size)
    return FILE_HEADER_SIZE + full * (chunk_size + OVERHEAD) + (rest + OVERHEAD if rest else 0)


def plain_size(sealed_length: int, chunk_size: int) -> int:
    """Return the plain size that a ciphertext length gives; a tail too short to be a chunk counts nothing.

    Total for every length, so that stat needs no open: 0 for a file without a whole header.
    """
    if sealed_length <= FILE_HEADER_SIZE:
        return 0
    full, rest = divmod(sealed_length - FILE_HEADER_SIZE, chunk_size + OVERHEAD)
    return full * chunk_size + (rest - OVERHEAD if rest > OVERHEAD else 0)


def chunk_offset(number: int, chunk_size: int) -> int:
    """Return the offset of chunk `number` in the ciphertext file."""
    return FILE_HEADER_SIZE + number * (chunk_size + OVERHEAD)
