"""Root: one value for all chunks of a file, kept up to date chunk by chunk (format.md F-27)."""

from threading import Lock
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from wafs.crypto.aead import TAG_SIZE

_BITS: Final = 8 * TAG_SIZE


class RootHash:
    """XOR of a pseudo-random function of tags: the order in which chunks come and go does not matter.

    AES-256 under a key of its own is that function: every block it is given is a GCM tag, so it is no encryption of
    data and its mode hides nothing. A chunk's place needs no part in it, being bound by the chunk's own AAD.
    One key serves all files of a vault, since the tags of different files are unrelated.
    Thread: any; a context of OpenSSL serves one caller at a time, so a lock guards it.
    """

    __slots__ = ("_lock", "_update")

    def __init__(self, key: bytes) -> None:
        self._update = Cipher(AES256(key), ECB()).encryptor().update  # noqa: S305 - a PRF of single blocks, see above
        self._lock = Lock()

    def terms(self, tags: bytes) -> int:
        """Return the XOR of the terms of the tags, which stand one after the other; 0 for none.

        Sizes: a multiple of 16 bytes -> 128 bits.
        """
        if not tags:
            return 0
        with self._lock:
            terms = self._update(tags)
        blocks = int.from_bytes(terms)
        count = len(tags) // TAG_SIZE
        # Halves are folded onto each other: a few operations on long integers instead of one for each block.
        while count > 1:
            kept = (count + 1) // 2
            blocks = blocks >> kept * _BITS ^ blocks & (1 << kept * _BITS) - 1
            count = kept
        return blocks
