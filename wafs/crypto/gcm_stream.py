"""GCM stream: AES-256-GCM of data that does not fit into memory, with the tag at their end.

For formats of others only: wafs seals in chunks, so that nothing unverified is ever given on.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import GCM

from wafs.errors import AuthenticationError


class GcmStream:
    """Decrypts one message piece by piece; until `verify` has returned nothing of it may be believed.

    Sizes: the key has 32 bytes, the nonce 8 to 128, not only the usual 12.
    Thread: one at a time.
    """

    __slots__ = ("_decryptor", "update")

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._decryptor = Cipher(AES256(key), GCM(nonce)).decryptor()
        # Called for each piece without a Python frame in between.
        self.update = self._decryptor.update

    def verify(self, tag: bytes) -> None:
        """Verify the tag (16 bytes) over all that was given to `update`; once, at the end.

        Raises: AuthenticationError.
        """
        try:
            self._decryptor.finalize_with_tag(tag)
        except InvalidTag:
            raise AuthenticationError from None
