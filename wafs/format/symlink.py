"""Symlink: sealed targets (format.md section 8).

A target whose plain form would make the ciphertext too long for a symlink is deflated first. The two forms are told
apart by the first character, and by the length alone: that of base64 is never 1 more than a multiple of 4, that of the
deflated form always is.
"""

import base64
import zlib
from typing import Final

from wafs.crypto.siv import SIV_SIZE, Siv
from wafs.errors import LimitError, MalformedError, NameTooLongError, NotFoundError
from wafs.format.encoding import b64_decode, b64_encode

SYMLINK_NONCE_SIZE: Final = 16
MAX_TARGET_SIZE: Final = 4095
MAX_PLAIN_TARGET_SIZE: Final = 3039

_OVERHEAD: Final = SYMLINK_NONCE_SIZE + SIV_SIZE
_MARK: Final = b","
_BLOCK: Final = 16
_BLOCK_TEXT: Final = 20
"""Characters of base85 for one block."""
_MAX_DEFLATED_SIZE: Final = (MAX_TARGET_SIZE - len(_MARK)) // _BLOCK_TEXT * _BLOCK - _OVERHEAD


def seal_target(key: Siv, target: bytes, nonce: bytes) -> bytes:
    """Seal a symlink target of 1 to 4,095 bytes; above 3,039 it must deflate to at most 3,232.

    Sizes: n bytes -> ceil(4 (n + 32) / 3) characters; deflated to d, with p = 16 ceil(d / 16) -> 1 + 5 (p + 32) / 4.
    Raises: NotFoundError for an empty one, as symlink(2); NameTooLongError.
    Spec: F-60, F-64.
    """
    if not target:
        raise NotFoundError
    if len(target) <= MAX_PLAIN_TARGET_SIZE:
        return b64_encode(nonce + key.seal(target, nonce))
    if len(target) > MAX_TARGET_SIZE:
        raise NameTooLongError
    deflated = _deflate(target)
    if len(deflated) > _MAX_DEFLATED_SIZE:
        raise NameTooLongError
    return _MARK + base64.b85encode(nonce + key.seal(deflated, nonce))


def open_target(key: Siv, text: bytes) -> bytes:
    """Open the target of a ciphertext symlink.

    Raises: MalformedError, LimitError, AuthenticationError.
    """
    deflated = text.startswith(_MARK)
    data = _b85_decode(text[len(_MARK) :]) if deflated else b64_decode(text)
    target = key.open(data[SYMLINK_NONCE_SIZE:], data[:SYMLINK_NONCE_SIZE])
    if deflated:
        target = _inflate(target)
    fits = len(target) > MAX_PLAIN_TARGET_SIZE if deflated else 0 < len(target) <= MAX_PLAIN_TARGET_SIZE
    if not fits or b"\0" in target:
        msg = "authentic symlink target is not a valid one"
        raise MalformedError(msg)
    return target


def target_size(text_length: int) -> int:
    """Return the length of the plain target from that of the ciphertext target.

    0 if that does not tell it: the target is a deflated one, or none at all.
    """
    if text_length & 3 == 1:
        return 0
    return max(text_length * 3 // 4 - _OVERHEAD, 0)


def _deflate(target: bytes) -> bytes:
    """Deflate, and fill up with zeros to whole blocks."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL)
    data = packer.compress(target) + packer.flush()
    return data + bytes(-len(data) % _BLOCK)


def _inflate(data: bytes) -> bytes:
    """Undo `_deflate`; one byte beyond the longest target is the most that is ever unpacked.

    Raises: MalformedError; LimitError for more than a target may have.
    """
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        target = unpacker.decompress(data, MAX_TARGET_SIZE + 1)
    except zlib.error as error:
        msg = "authentic symlink target is not deflated"
        raise MalformedError(msg) from error
    if len(target) > MAX_TARGET_SIZE:
        msg = f"symlink target inflates to more than {MAX_TARGET_SIZE} bytes"
        raise LimitError(msg)
    behind = unpacker.unused_data
    if not unpacker.eof or len(behind) >= _BLOCK or behind.strip(b"\0"):
        msg = "authentic symlink target does not end with its deflated data"
        raise MalformedError(msg)
    return target


def _b85_decode(text: bytes) -> bytes:
    """Decode whole blocks of base85 (RFC 1924), of which each has one form only.

    Raises: MalformedError.
    """
    try:
        if len(text) % _BLOCK_TEXT == 0 and len(text) < MAX_TARGET_SIZE:
            return base64.b85decode(text)
    except ValueError:
        pass
    msg = "text of a deflated symlink target is not base85"
    raise MalformedError(msg)
