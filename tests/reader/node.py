"""Symlink targets and extended attributes (format.md section 8)."""

import zlib

from reader.keys import VaultKeys
from reader.primitives import b64_decode, b85_blocks, gcm_open, siv_open, zero_padded
from reader.problem import demand, refuse

MAX_TARGET_SIZE = 4095
MAX_PLAIN_FORM = 3039
MAX_DEFLATED_TEXT = 4080
NONCE_SIZE = 16
STORED_PREFIX = b"user.wafs."
MAX_XATTR_NAME = 160


def open_symlink(text: bytes, keys: VaultKeys) -> bytes:
    """Open the target of a ciphertext symlink; 1 to 4,095 bytes, those above 3,039 deflated.

    Raises:
        FormatProblem: *malformed* (F-01, F-60, F-64), *auth* (F-60, F-64) or *limits* (F-64).
    """
    is_deflated = text[:1] == b","
    rule = "F-64" if is_deflated else "F-60"
    sealed = _deflated_text(text[1:]) if is_deflated else b64_decode(text)
    opened = siv_open(keys.subkey("symlinks", 64), sealed[NONCE_SIZE:], sealed[:NONCE_SIZE])
    if opened is None:
        refuse("auth", rule, "symlink target does not open")
    target = _inflated(opened) if is_deflated else opened
    least, most = (MAX_PLAIN_FORM + 1, MAX_TARGET_SIZE) if is_deflated else (1, MAX_PLAIN_FORM)
    fits = least <= len(target) <= most and b"\0" not in target
    demand(fits, "malformed", rule, f"symlink target of {len(target)} bytes is not valid")
    return target


def _deflated_text(text: bytes) -> bytes:
    demand(len(text) <= MAX_DEFLATED_TEXT, "malformed", "F-64", f"deflated symlink target of {len(text)} characters")
    return b85_blocks(text)


def _inflated(packed: bytes) -> bytes:
    """Inflate up to one byte more than a target may have; the stream and its padding must fill whole blocks."""
    stream = zlib.decompressobj(wbits=-15)
    try:
        target = stream.decompress(packed, MAX_TARGET_SIZE + 1)
    except zlib.error as error:
        refuse("malformed", "F-64", f"symlink target: {error}")
    demand(len(target) <= MAX_TARGET_SIZE, "limits", "F-64", "symlink target inflates to more than 4,095 bytes")
    demand(stream.eof, "malformed", "F-64", "deflated symlink target has no end")
    used = packed[: len(packed) - len(stream.unused_data)]
    demand(zero_padded(used) == packed, "malformed", "F-64", "something follows a deflated symlink target")
    return target


def open_xattr(stored_name: bytes, stored_value: bytes, object_id: bytes, keys: VaultKeys) -> tuple[bytes, bytes]:
    """Open a stored extended attribute: ``user.NAME`` and its value.

    Raises:
        FormatProblem: *malformed* (F-01, F-62) or *auth* (F-62 for the name, F-63 the value).
    """
    is_ours = stored_name.startswith(STORED_PREFIX)
    demand(is_ours, "malformed", "F-62", "attribute is not one of the vault's")
    sealed = b64_decode(stored_name.removeprefix(STORED_PREFIX))
    padded = siv_open(keys.subkey("xattr names", 64), sealed, object_id)
    if padded is None:
        refuse("auth", "F-62", "name of an attribute does not open")
    name = padded.rstrip(b"\0")
    fits = 1 <= len(name) <= MAX_XATTR_NAME and b"\0" not in name and zero_padded(name) == padded
    demand(fits, "malformed", "F-62", "name of an attribute is not valid")
    value = gcm_open(keys.subkey("xattr values", 32), stored_value, object_id + stored_name)
    if value is None:
        refuse("auth", "F-63", "value of an attribute does not open")
    return b"user." + name, value
