"""CBC: AES-256-CBC with the padding of PKCS#7, for formats of others that authenticate by a MAC of their own."""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from wafs.errors import MalformedError

BLOCK_SIZE: Final = 16


def cbc_open(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    """Decrypt what a MAC has proven to be genuine; without that a caller would tell strangers about paddings.

    Sizes: the key has 32 bytes, the nonce 16; n bytes -> n - 16 to n - 1.
    Raises: MalformedError if these are no whole blocks or the padding is not as PKCS#7 wants it.
    """
    if not sealed or len(sealed) % BLOCK_SIZE:
        msg = f"{len(sealed)} bytes are not one or more blocks of {BLOCK_SIZE}"
        raise MalformedError(msg)
    decryptor = Cipher(AES256(key), CBC(nonce)).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    unpadder = PKCS7(8 * BLOCK_SIZE).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        msg = "the padding of a decrypted text is wrong"
        raise MalformedError(msg) from None
