"""Symlink: sealed targets (format.md section 8)."""

from typing import Final

from wafs.crypto.siv import SIV_SIZE, Siv
from wafs.errors import MalformedError, NameTooLongError, NotFoundError
from wafs.format.encoding import b64_decode, b64_encode

SYMLINK_NONCE_SIZE: Final = 16
MAX_TARGET_SIZE: Final = 3039

_OVERHEAD: Final = SYMLINK_NONCE_SIZE + SIV_SIZE


def seal_target(key: Siv, target: bytes, nonce: bytes) -> bytes:
    """Seal a symlink target of 1 to 3,039 bytes.

    Sizes: n bytes -> ceil(4 (n + 32) / 3) characters.
    Raises: NotFoundError for an empty one, as symlink(2); NameTooLongError.
    Spec: F-60.
    """
    if not target:
        raise NotFoundError
    if len(target) > MAX_TARGET_SIZE:
        raise NameTooLongError
    return b64_encode(nonce + key.seal(target, nonce))


def open_target(key: Siv, text: bytes) -> bytes:
    """Open the target of a ciphertext symlink.

    Raises: MalformedError, AuthenticationError.
    """
    data = b64_decode(text)
    target = key.open(data[SYMLINK_NONCE_SIZE:], data[:SYMLINK_NONCE_SIZE])
    if not target or b"\0" in target or len(target) > MAX_TARGET_SIZE:
        msg = "authentic symlink target is not a valid one"
        raise MalformedError(msg)
    return target


def target_size(text_length: int) -> int:
    """Return the length of the plain target from that of the ciphertext target; 0 if it is too short to be one."""
    return max(text_length * 3 // 4 - _OVERHEAD, 0)
