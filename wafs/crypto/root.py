"""Root: one value for all chunks of a file, kept up to date chunk by chunk (format.md F-27)."""

import hmac
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from wafs.crypto.aead import TAG_SIZE

# HKDF-Expand (RFC 5869) of one block: a file key is uniformly random and needs no extraction.
_EXPAND_INFO: Final = b"wafs1 root\x01"
_BITS: Final = 8 * TAG_SIZE


class RootHash:
    """XOR of a pseudo-random function of tags: the order in which chunks come and go does not matter.

    AES-256 under a key of its own is that function: every block it is given is a GCM tag, so it is no encryption of
    data and its mode hides nothing. A chunk's place needs no part in it, being bound by the chunk's own AAD.
    The key is derived at first use, since many files are opened and never read.
    Thread: the caller serialises.
    """

    __slots__ = ("_aes", "_file_key")

    def __init__(self, file_key: bytes) -> None:
        self._file_key = file_key
        self._aes: CipherContext | None = None

    def terms(self, tags: bytes) -> int:
        """Return the XOR of the terms of the tags, which stand one after the other; 0 for none.

        Sizes: a multiple of 16 bytes -> 128 bits.
        """
        if not tags:
            return 0
        aes = self._aes
        if aes is None:
            key = hmac.digest(self._file_key, _EXPAND_INFO, "sha256")
            aes = self._aes = Cipher(AES256(key), ECB()).encryptor()  # noqa: S305 - a PRF of single blocks, see above
        blocks = int.from_bytes(aes.update(tags))
        count = len(tags) // TAG_SIZE
        # Halves are folded onto each other: a few operations on long integers instead of one for each block.
        while count > 1:
            kept = (count + 1) // 2
            blocks = blocks >> kept * _BITS ^ blocks & (1 << kept * _BITS) - 1
            count = kept
        return blocks
