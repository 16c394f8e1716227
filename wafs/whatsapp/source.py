"""Source: an encrypted file, wherever it lies, and the keys that may open it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from wafs.units import MIB
from wafs.whatsapp.errors import BackupDamageError
from wafs.whatsapp.keys import BackupKey

PIECE = MIB

ReadAt = Callable[[int, int], bytes]
"""Read (offset, size): exactly so many bytes, fewer only at the end of the file."""

Advanced = Callable[[int], None]
"""Called with the size of each piece that was read; may raise to end all."""


class Source(NamedTuple):
    """A file of `size` bytes that can be read at any place."""

    read_at: ReadAt
    size: int

    def pieces(self, begin: int, stop: int) -> Iterator[bytes]:
        """Read from `begin` to before `stop` in pieces of 1 MiB, the last one shorter.

        Raises: BackupDamageError if the file has become shorter meanwhile; what reading raises.
        """
        while begin < stop:
            wanted = min(PIECE, stop - begin)
            piece = self.read_at(begin, wanted)
            if len(piece) != wanted:
                msg = "the backup became shorter while it was read"
                raise BackupDamageError(msg, hint="try again when nobody writes to it")
            yield piece
            begin += wanted


class Candidate(NamedTuple):
    """A key that may fit, and what the person calls it."""

    label: str
    key: BackupKey


def tried_words(candidates: list[Candidate]) -> str:
    """Say which keys were tried, for a message."""
    if not candidates:
        return "no key of its kind is known"
    labels = sorted({candidate.label for candidate in candidates})
    return f"tried: the key{'s' * (len(labels) > 1)} {', '.join(labels)}"
