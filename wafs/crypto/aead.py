"""AEAD: AES-256-GCM under one key, with the nonce in front of what it seals."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wafs.errors import AuthenticationError

NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
OVERHEAD: Final = NONCE_SIZE + TAG_SIZE
KEY_SIZE: Final = 32

Buffer = bytes | bytearray | memoryview


class Gcm:
    """One AES-256-GCM key, expanded once.

    Thread: the key is immutable; calls may run at the same time.
    Spec: format.md section 1, "sealed".
    """

    __slots__ = ("_aes", "decrypt_into", "encrypt_into")

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)
        # The chunk loop calls these two without a Python frame in between. `decrypt_into` raises `InvalidTag` below,
        # and nothing of its output buffer may be used then.
        self.encrypt_into = self._aes.encrypt_into
        self.decrypt_into = self._aes.decrypt_into

    def seal(self, plain: Buffer, aad: bytes, nonce: bytes | None = None) -> bytes:
        """Seal `plain` under a fresh nonce, or under `nonce` where a test pins it.

        Sizes: n bytes -> n + 28 bytes.
        """
        if nonce is None:
            nonce = os.urandom(NONCE_SIZE)
        return nonce + self._aes.encrypt(nonce, plain, aad)

    def seal_into(self, plain: Buffer, aad: bytes, out: memoryview, nonce: bytes | None = None) -> None:
        """Seal as `seal` does, into `out`, which is 28 bytes longer than `plain`."""
        if nonce is None:
            nonce = os.urandom(NONCE_SIZE)
        out[:NONCE_SIZE] = nonce
        self.encrypt_into(nonce, plain, aad, out[NONCE_SIZE:])

    def open(self, sealed: Buffer, aad: bytes) -> bytes:
        """Open what `seal` made.

        Sizes: n bytes -> n - 28 bytes.
        Raises: AuthenticationError if it is too short or the tag does not verify.
        """
        if len(sealed) < OVERHEAD:
            raise AuthenticationError
        try:
            return self._aes.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], aad)
        except InvalidTag:
            raise AuthenticationError from None


__all__ = ["KEY_SIZE", "NONCE_SIZE", "OVERHEAD", "TAG_SIZE", "Buffer", "Gcm", "InvalidTag"]
