"""Verified: an encrypted file that was read to its end and had a right tag; only then is anything of it given on."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from wafs.crypto.gcm_stream import GcmStream
from wafs.whatsapp.errors import BackupDamageError
from wafs.whatsapp.source import Advanced, Source
from wafs.whatsapp.unpack import unpacked

_DIGEST_SIZE = 16


class PieceDigests:
    """Digests of the pieces that a tag covers, so that a second reading is known to give the same bytes.

    Sizes: 16 bytes for each MiB.
    """

    def __init__(self) -> None:
        self._digests: list[bytes] = []

    def note(self, piece: bytes) -> None:
        """Remember the next piece."""
        self._digests.append(_digest(piece))

    def checked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass on the pieces of a second reading.

        Raises: BackupDamageError at the first that is not the one that was noted.
        """
        for digest, piece in zip(self._digests, pieces, strict=True):
            if _digest(piece) != digest:
                msg = "the backup changed while it was read"
                raise BackupDamageError(msg, hint="try again when nobody writes to it")
            yield piece


@dataclass(frozen=True, slots=True)
class Verified:
    """An encrypted file with a right tag, and the name of the key that gave it.

    What `plain` yields is genuine: each piece is compared with what the tag was verified over before it is decrypted.
    Memory: a few MiB and 16 bytes for each MiB of the file.
    Thread: one at a time; the source must stay open.
    """

    label: str
    source: Source
    span: tuple[int, int]
    """Where the encrypted bytes begin and stop, but for `rest`, which follow them."""
    rest: bytes
    digests: PieceDigests
    cipher_key: bytes = field(repr=False)
    nonce: bytes
    is_packed: bool

    @property
    def sealed_size(self) -> int:
        """Return how many bytes are encrypted."""
        begin, stop = self.span
        return stop - begin + len(self.rest)

    def plain(self, advanced: Advanced = lambda _size: None) -> Iterator[bytes]:
        """Decrypt and unpack; `advanced` is told of each piece of the encrypted file.

        Raises: BackupDamageError, MalformedError, BackupLimitError; what reading raises.
        """
        pieces = self._decrypted(advanced)
        return unpacked(pieces, self.sealed_size) if self.is_packed else pieces

    def _decrypted(self, advanced: Advanced) -> Iterator[bytes]:
        stream = GcmStream(self.cipher_key, self.nonce)
        for piece in self.digests.checked(self.source.pieces(*self.span)):
            yield stream.update(piece)
            advanced(len(piece))
        if self.rest:
            yield stream.update(self.rest)


def _digest(piece: bytes) -> bytes:
    return hashlib.blake2b(piece, digest_size=_DIGEST_SIZE).digest()
