"""Xattr: extended attributes in the name space `user.` (format.md section 8)."""

from typing import Final

from wafs.crypto.aead import Gcm
from wafs.crypto.siv import Siv
from wafs.errors import MalformedError
from wafs.format.encoding import b64_decode, b64_encode
from wafs.format.name import pad, unpad

PLAIN_PREFIX: Final = b"user."
STORED_PREFIX: Final = b"user.wafs."
MAX_XATTR_NAME_SIZE: Final = 160
"""Without the prefix; a longer one would pass the 255 bytes that Linux allows for the stored name."""


def seal_xattr_name(key: Siv, object_id: bytes, name: bytes) -> bytes:
    """Seal the part of an attribute's name after `user.` (1 to 160 bytes); returns the stored name.

    Spec: F-62.
    """
    return STORED_PREFIX + b64_encode(key.seal(pad(name), object_id))


def open_xattr_name(key: Siv, object_id: bytes, stored: bytes) -> bytes:
    """Open a stored name; returns the part after `user.`.

    Raises: MalformedError, AuthenticationError.
    """
    if not stored.startswith(STORED_PREFIX):
        raise MalformedError
    name = unpad(key.open(b64_decode(stored[len(STORED_PREFIX) :]), object_id))
    if not 1 <= len(name) <= MAX_XATTR_NAME_SIZE or b"\0" in name:
        raise MalformedError
    return name


def seal_xattr_value(key: Gcm, object_id: bytes, stored: bytes, value: bytes) -> bytes:
    """Seal a value for the attribute with the stored name `stored`.

    Sizes: n bytes -> n + 28 bytes.
    Spec: F-63.
    """
    return key.seal(value, object_id + stored)


def open_xattr_value(key: Gcm, object_id: bytes, stored: bytes, sealed: bytes) -> bytes:
    """Open a value.

    Raises: AuthenticationError.
    """
    return key.open(sealed, object_id + stored)
