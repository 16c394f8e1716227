"""Seal: the primitives of a writer, and randomness that a vector's name decides.

Nothing here is shared with the reader, so that a slip on one side shows on the other.
"""

import base64
import dataclasses
from typing import Any

import msgpack
from Crypto.Cipher import AES
from Crypto.Hash import SHA256, SHAKE256, BLAKE2b
from Crypto.Protocol.KDF import HKDF


@dataclasses.dataclass(frozen=True, slots=True)
class Dice:
    """Bytes that look random and follow from a vector's name and a label."""

    name: str

    def roll(self, label: str, size: int) -> bytes:
        """Give size bytes for a label; the same label gives the same bytes."""
        return SHAKE256.new(f"wafs vector {self.name} {label}".encode()).read(size)


def hkdf(ikm: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """HKDF-SHA256."""
    return HKDF(ikm, size, salt, SHA256, context=info)


def gcm(key: bytes, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
    """AES-256-GCM: ciphertext || tag, without the nonce."""
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce)
    cipher.update(aad)
    ciphertext, tag = cipher.encrypt_and_digest(plain)
    return ciphertext + tag


def siv(key: bytes, plain: bytes, *aad: bytes) -> bytes:
    """AES-SIV: synthetic IV || ciphertext."""
    cipher = AES.new(key, AES.MODE_SIV)
    for item in aad:
        cipher.update(item)
    ciphertext, synthetic_iv = cipher.encrypt_and_digest(plain)
    return synthetic_iv + ciphertext


def blake2b(key: bytes, size: int, data: bytes) -> bytes:
    """Keyed BLAKE2b."""
    return BLAKE2b.new(data=data, key=key, digest_bytes=size).digest()


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return SHA256.new(data).digest()


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def pad16(data: bytes) -> bytes:
    """Zeros up to a multiple of 16."""
    while len(data) % 16:
        data += b"\0"
    return data


def pack(value: Any) -> bytes:
    """Canonical msgpack; maps are put in order at every depth."""
    return msgpack.packb(_sorted(value), use_bin_type=True)  # type: ignore[no-any-return]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in sorted(value.items())}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
