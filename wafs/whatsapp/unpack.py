"""Unpack: what lies inside of a decrypted backup, inflated piece by piece with a cap, and what kind of thing it is."""

import itertools
import zlib
from collections.abc import Iterator
from typing import Final

from wafs.errors import MalformedError
from wafs.units import MIB
from wafs.whatsapp.errors import BackupLimitError

PIECE: Final = MIB
MAX_GROWTH: Final = 200
"""Databases shrink to a third or a tenth; deflate could do a thousandth."""
FREE_SIZE: Final = 256 * MIB
"""Up to here nothing is too much."""

_ZIP: Final = b"PK\3\4"
_SQLITE: Final = b"SQLite format 3\0"
_DEFLATE: Final = 8


def is_deflated(begin: bytes) -> bool:
    """Tell whether these first bytes (two at least) are the head of a zlib stream."""
    return len(begin) >= 2 and begin[0] & 0x0F == _DEFLATE and not int.from_bytes(begin[:2]) % 31


def looks_right(begin: bytes) -> bool:
    """Tell whether these are the first bytes of a backup that was decrypted with the right key.

    A wrong key passes once in some thousand times, and then fails at the tag.
    """
    if begin.startswith(_ZIP):
        return True
    if not is_deflated(begin):
        return False
    try:
        # A database is known by its first bytes, whatever became of those behind them.
        if zlib.decompressobj().decompress(begin, len(_SQLITE)) == _SQLITE:
            return True
        return bool(zlib.decompressobj().decompress(begin, PIECE))
    except zlib.error:
        return False


def content_of(begin: bytes) -> str:
    """Name what a backup holds by its first bytes: sqlite, zip, json or other."""
    if begin.startswith(_SQLITE):
        return "sqlite"
    if begin.startswith(_ZIP):
        return "zip"
    return "json" if begin.lstrip()[:1] in (b"{", b"[") else "other"


def unpacked(pieces: Iterator[bytes], packed_size: int) -> Iterator[bytes]:
    """Inflate a zlib stream; what is none comes out as it is.

    Memory: a few MiB, whatever the stream says.
    Raises: MalformedError if the stream is not whole; BackupLimitError if it grows beyond `MAX_GROWTH` times
    `packed_size` (and `FREE_SIZE`).
    """
    first = next(pieces, b"")
    everything = itertools.chain([first], pieces) if first else iter(())
    return _inflated(everything, packed_size) if is_deflated(first) else everything


def _inflated(pieces: Iterator[bytes], packed_size: int) -> Iterator[bytes]:
    left = max(FREE_SIZE, MAX_GROWTH * packed_size)
    inflater = zlib.decompressobj()
    for piece in pieces:
        for plain in _some(inflater, piece):
            left -= len(plain)
            if left < 0:
                raise _too_large(packed_size)
            yield plain
        if inflater.unused_data:
            msg = "the backup has bytes behind the end of what it holds"
            raise MalformedError(msg)
    if not inflater.eof:
        msg = "what the backup holds is cut off: it was so before it was encrypted"
        raise MalformedError(msg)


def _some(inflater: "zlib._Decompress", piece: bytes) -> Iterator[bytes]:
    """Inflate one piece, at most `PIECE` bytes at a time."""
    waiting = piece
    while True:
        try:
            plain = inflater.decompress(waiting, PIECE)
        except zlib.error:
            msg = "what the backup holds cannot be unpacked: it was damaged before it was encrypted"
            raise MalformedError(msg) from None
        waiting = inflater.unconsumed_tail
        if plain:
            yield plain
        elif not waiting:
            return


def _too_large(packed_size: int) -> BackupLimitError:
    msg = f"{packed_size} packed bytes become more than {MAX_GROWTH} times as many: no database does that"
    return BackupLimitError(msg, hint="the file was made to fill disks; nothing was written")
