"""Name: plain names and the ciphertext names of entries (format.md section 6)."""

from typing import Final, NamedTuple

from wafs.crypto.digest import sha256
from wafs.crypto.siv import SIV_SIZE, Siv
from wafs.errors import InvalidArgumentError, LimitError, MalformedError, NameTooLongError
from wafs.format.encoding import b64_decode, b64_encode
from wafs.units import DirId

MAX_NAME_SIZE: Final = 255
SHORT_SUFFIX: Final = b".wafs"
LONG_SUFFIX: Final = b".wafl"
NAME_SUFFIX: Final = b".name"
DIR_RECORD: Final = b"wafs.dir"
TEMPORARY: Final = b"wafs.dir.tmp"
MIN_NAME_FILE_SIZE: Final = SIV_SIZE + 160
MAX_NAME_FILE_SIZE: Final = SIV_SIZE + 256

_STEP: Final = 16
_MAX_SHORT_SIZE: Final = 144
"""Longest plain name whose ciphertext name has at most 220 characters."""


class SealedName(NamedTuple):
    """How a name stands in the store: the entry, and for a long name the file beside it that holds `sealed`."""

    entry: bytes
    name_file: bytes | None = None
    sealed: bytes = b""


def check_name(name: bytes) -> None:
    """Accept 1 to 255 bytes without `/` and NUL that are not `.` or `..`.

    Raises: NameTooLongError, InvalidArgumentError.
    """
    if len(name) > MAX_NAME_SIZE:
        raise NameTooLongError
    if not name or b"/" in name or b"\0" in name or name in (b".", b".."):
        msg = "not a valid file name"
        raise InvalidArgumentError(msg)


def seal_name(key: Siv, directory: DirId, name: bytes) -> SealedName:
    """Seal a valid name; the same name in the same directory always gives the same result.

    Spec: F-40, F-41.
    """
    sealed = key.seal(pad(name), directory)
    if len(name) <= _MAX_SHORT_SIZE:
        return SealedName(b64_encode(sealed) + SHORT_SUFFIX)
    stem = sealed_name_stem(sealed)
    return SealedName(stem + LONG_SUFFIX, stem + NAME_SUFFIX, sealed)


def open_short_name(key: Siv, directory: DirId, entry: bytes) -> bytes:
    """Open a ciphertext name that ends in `.wafs`.

    Raises: MalformedError, AuthenticationError (F-42).
    """
    name = _open(key, directory, b64_decode(entry[: -len(SHORT_SUFFIX)]))
    if len(name) > _MAX_SHORT_SIZE:
        msg = "a long name stands in a short entry"
        raise MalformedError(msg)
    return name


def open_long_name(key: Siv, directory: DirId, entry: bytes, sealed: bytes) -> bytes:
    """Open the name of an entry that ends in `.wafl`; `sealed` is the content of its `.name` file.

    Raises: LimitError, MalformedError, AuthenticationError (F-42).
    """
    if not MIN_NAME_FILE_SIZE <= len(sealed) <= MAX_NAME_FILE_SIZE:
        msg = f"the file that holds a long name has {len(sealed)} bytes"
        raise LimitError(msg)
    if sealed_name_stem(sealed) + LONG_SUFFIX != entry:
        msg = "the file that holds a long name belongs to another entry"
        raise MalformedError(msg)
    # With the shortest padding, a name that belongs in `.wafs` is sealed in less than the least size.
    return _open(key, directory, sealed)


def sealed_name_stem(sealed: bytes) -> bytes:
    """Return the part that the entry of a long name and its `.name` file have in common."""
    return b64_encode(sha256(sealed))


def name_file_of(long_entry: bytes) -> bytes:
    """Return the name of the file that holds the sealed name of a `.wafl` entry."""
    return long_entry[: -len(LONG_SUFFIX)] + NAME_SUFFIX


def pad(name: bytes) -> bytes:
    """Pad with zeros to a multiple of 16; a name has no NUL, so this can be undone."""
    return name + bytes(-len(name) % _STEP)


def unpad(padded: bytes) -> bytes:
    """Undo `pad`.

    Raises: MalformedError if `pad` would not give `padded`.
    """
    plain = padded.rstrip(b"\0")
    if pad(plain) != padded:
        msg = "padding is not the shortest"
        raise MalformedError(msg)
    return plain


def _open(key: Siv, directory: DirId, sealed: bytes) -> bytes:
    name = unpad(key.open(sealed, directory))
    try:
        check_name(name)
    except (InvalidArgumentError, NameTooLongError):
        msg = "authentic name is not a valid file name"
        raise MalformedError(msg) from None
    return name
