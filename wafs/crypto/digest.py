"""Digest: hashes and MACs."""

import hashlib
import hmac


def sha256(data: bytes) -> bytes:
    """Return SHA-256 of `data`, 32 bytes."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SHA256, 32 bytes."""
    return hmac.digest(key, data, "sha256")


def keyed_blake2b(key: bytes, data: bytes, *, size: int) -> bytes:
    """Return keyed BLAKE2b (RFC 7693) of `size` bytes; the key has at most 64."""
    return hashlib.blake2b(data, key=key, digest_size=size).digest()


def equal(left: bytes, right: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left, right)
