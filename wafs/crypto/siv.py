"""SIV: deterministic AEAD (AES-SIV, RFC 5297) for names and other small values."""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from wafs.errors import AuthenticationError

SIV_SIZE: Final = 16
KEY_SIZE: Final = 64


class Siv:
    """One AES-256-SIV key, expanded once.

    Thread: the key is immutable; calls may run at the same time.
    """

    __slots__ = ("_aes",)

    def __init__(self, key: bytes) -> None:
        self._aes = AESSIV(key)

    def seal(self, plain: bytes, *aad: bytes) -> bytes:
        """Seal `plain` (at least one byte); the same input gives the same output.

        Sizes: n bytes -> n + 16 bytes.
        """
        return self._aes.encrypt(plain, list(aad))

    def open(self, sealed: bytes, *aad: bytes) -> bytes:
        """Open what `seal` made.

        Raises: AuthenticationError if it is too short or does not verify.
        """
        if len(sealed) < SIV_SIZE:
            raise AuthenticationError
        try:
            return self._aes.decrypt(sealed, list(aad))
        except InvalidTag:
            raise AuthenticationError from None
