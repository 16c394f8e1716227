"""KDF: from secrets to keys. Callers check the limits of the parameters first."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def hkdf(ikm: bytes, *, salt: bytes, info: bytes, size: int) -> bytes:
    """Derive `size` bytes with HKDF-SHA256 (RFC 5869) from a high-entropy key."""
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(ikm)


def argon2id(password: bytes, *, salt: bytes, memory_kib: int, passes: int, lanes: int) -> bytes:
    """Derive 32 bytes with Argon2id (RFC 9106) from a password.

    The cost is `memory_kib` of memory and about `memory_kib * passes` of work.
    Raises: MemoryError if the memory is not to be had.
    """
    kdf = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory_kib)
    return kdf.derive(password)
