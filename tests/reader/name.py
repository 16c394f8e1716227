"""Names (format.md section 6): .wafs for short ones, .wafl with a .name file for long ones."""

import hashlib

from reader.keys import VaultKeys
from reader.primitives import b64_decode, b64_encode, siv_open, siv_seal, zero_padded
from reader.problem import demand, refuse

SHORT_SUFFIX = b".wafs"
LONG_SUFFIX = b".wafl"
SEALED_SUFFIX = b".name"
MAX_SHORT_TEXT = 220
MIN_NAME_FILE, MAX_NAME_FILE = 176, 272
MAX_NAME_SIZE = 255


def is_valid_name(name: bytes) -> bool:
    """Say whether a plain name may stand in a directory."""
    if name in {b".", b".."} or b"/" in name or b"\0" in name:
        return False
    return 1 <= len(name) <= MAX_NAME_SIZE


def seal_name(name: bytes, directory_id: bytes, keys: VaultKeys) -> tuple[bytes, bytes | None]:
    """Seal a plain name: the ciphertext name, and the content of its .name file or None."""
    sealed = siv_seal(keys.subkey("names", 64), zero_padded(name), directory_id)
    short = b64_encode(sealed) + SHORT_SUFFIX
    if len(short) <= MAX_SHORT_TEXT:
        return short, None
    return long_entry_of(sealed), sealed


def long_entry_of(sealed: bytes) -> bytes:
    """Give the entry that belongs to the content of a .name file."""
    return b64_encode(hashlib.sha256(sealed).digest()) + LONG_SUFFIX


def name_file_of(entry: bytes) -> bytes:
    """Give the name of the .name file that belongs to a .wafl entry."""
    return entry.removesuffix(LONG_SUFFIX) + SEALED_SUFFIX


def open_name(entry: bytes, name_file: bytes | None, directory_id: bytes, keys: VaultKeys) -> bytes:
    """Open the ciphertext name of an entry.

    Args:
        entry: name of the ciphertext entry.
        name_file: content of the .name file of a .wafl entry; not looked at for others.
        directory_id: id of the directory that holds the entry.
        keys: of the vault.

    Raises:
        FormatProblem: *auth* if it does not open, *limits* for the size of the .name file,
            *malformed* for everything else (F-01, F-42, F-43).
    """
    if entry.endswith(SHORT_SUFFIX):
        sealed = b64_decode(entry.removesuffix(SHORT_SUFFIX))
    else:
        sealed = _check_name_file(entry, name_file)
    padded = siv_open(keys.subkey("names", 64), sealed, directory_id)
    if padded is None:
        refuse("auth", "F-42", "name does not open in this directory")
    name = padded.rstrip(b"\0")
    demand(is_valid_name(name), "malformed", "F-42", "plain name is not valid")
    wanted, _ = seal_name(name, directory_id, keys)
    demand(wanted == entry, "malformed", "F-42", "name is not sealed the one right way")
    return name


def _check_name_file(entry: bytes, name_file: bytes | None) -> bytes:
    demand(entry.endswith(LONG_SUFFIX), "malformed", "F-43", "entry is no sealed name")
    if name_file is None:
        refuse("malformed", "F-42", "a .wafl entry has no .name file")
    size = len(name_file)
    fits = MIN_NAME_FILE <= size <= MAX_NAME_FILE
    demand(fits, "limits", "F-70", f".name file of {size} bytes")
    demand(long_entry_of(name_file) == entry, "malformed", "F-42", "hash of the .name file is not the entry's")
    return name_file
