"""Symlink targets and extended attributes (format.md section 8)."""

from reader.keys import VaultKeys
from reader.primitives import b64_decode, gcm_open, siv_open, zero_padded
from reader.problem import demand, refuse

MAX_TARGET_SIZE = 3039
NONCE_SIZE = 16
STORED_PREFIX = b"user.wafs."
MAX_XATTR_NAME = 160


def open_symlink(text: bytes, keys: VaultKeys) -> bytes:
    """Open the target of a ciphertext symlink; 1 to 3,039 bytes.

    Raises:
        FormatProblem: *malformed* (F-01, F-60) or *auth* (F-60).
    """
    sealed = b64_decode(text)
    target = siv_open(keys.subkey("symlinks", 64), sealed[NONCE_SIZE:], sealed[:NONCE_SIZE])
    if target is None:
        refuse("auth", "F-60", "symlink target does not open")
    fits = 1 <= len(target) <= MAX_TARGET_SIZE and b"\0" not in target
    demand(fits, "malformed", "F-60", f"symlink target of {len(target)} bytes is not valid")
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
