"""Frame: how an encrypted backup begins and ends (docs/whatsapp-encrypted.md). Pure: bytes in, values out.

    crypt12   0001 | key version | server salt 32 | account 16 | nonce 16 | body | tag 16 | MD5 16 | "--" and two digits
    crypt14   varint length | message with salt, account, nonce           | body | tag 16 | MD5 16
    crypt15   varint length | message with the nonce                      | body | tag 16 | MD5 16

A backup of several files (stickers, wallpapers) has no MD5: its last 16 bytes are the tag.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from wafs.errors import LimitError, MalformedError
from wafs.whatsapp.errors import BackupDamageError, NotABackupError
from wafs.whatsapp.keys import KeyKind
from wafs.whatsapp.protobuf import MAX_MESSAGE, Message, only_bytes, read_message, read_varint

NONCE_SIZE: Final = 16
TAG_SIZE: Final = 16
MD5_SIZE: Final = 16
MAX_HEAD: Final = MAX_MESSAGE + 16
"""As many bytes of a backup are enough for `parse_head`."""
MAX_TAIL: Final = TAG_SIZE + MD5_SIZE + 4

_CRYPT12: Final = b"\0\1"
_CRYPT12_HEAD: Final = 67
_SALT_SIZE, _ACCOUNT_SIZE = 32, 16
_ENDING: Final = re.compile(rb"--[0-9]{2}")
_VERSION: Final = re.compile(r"[0-9A-Za-z.\-]{1,32}")

# Fields of the message.
_CIPHER_14, _CIPHER_15, _INFO = 2, 3, 4
_SALT, _ACCOUNT, _NONCE_14, _NONCE_15 = 3, 4, 5, 1
_APP_VERSION, _NUMBER_ENDING = 1, 3


class BackupKind(Enum):
    """Kinds of backups; the values are words for scripts and stay as they are."""

    CRYPT12 = "crypt12"
    CRYPT14 = "crypt14"
    CRYPT15 = "crypt15"

    @property
    def key_kind(self) -> KeyKind:
        """Return the kind of key that opens it."""
        return KeyKind.END_TO_END if self is BackupKind.CRYPT15 else KeyKind.SERVER


@dataclass(frozen=True, slots=True)
class Head:
    """What the beginning of a backup says; nothing of it is authenticated.

    `body` is the offset of the encrypted bytes. `account` is what a server key must have in common with it (48 bytes).
    """

    kind: BackupKind
    nonce: bytes
    body: int
    account: bytes | None = None
    app_version: str | None = None
    number_ending: str | None = None


def parse_head(data: bytes) -> Head:
    """Tell what kind of backup begins with these bytes, of which `MAX_HEAD` are enough.

    Raises: NotABackupError.
    """
    if data[:2] == _CRYPT12:
        return _crypt12(data)
    try:
        return _from_message(data)
    except (MalformedError, LimitError) as error:
        raise _no_backup(data, str(error)) from None


def tail_size(kind: BackupKind) -> int:
    """Return how many bytes stand behind the MD5."""
    return 4 if kind is BackupKind.CRYPT12 else 0


def check_tail(kind: BackupKind, tail: bytes) -> None:
    """Look at what stands behind the MD5 of a crypt12.

    Raises: BackupDamageError.
    """
    if kind is BackupKind.CRYPT12 and not _ENDING.fullmatch(tail):
        msg = "the backup is cut off or damaged: a .crypt12 ends in two dashes and two digits"
        raise BackupDamageError(msg)


def _crypt12(data: bytes) -> Head:
    if len(data) < _CRYPT12_HEAD:
        raise _no_backup(data, "it is too short")
    if not 1 <= data[2] <= 3:
        raise _no_backup(data, f"its key version is {data[2]}")
    account = data[3 : 3 + _SALT_SIZE + _ACCOUNT_SIZE]
    return Head(BackupKind.CRYPT12, data[_CRYPT12_HEAD - NONCE_SIZE : _CRYPT12_HEAD], _CRYPT12_HEAD, account)


def _from_message(data: bytes) -> Head:
    size, begin = read_varint(data, 0)
    # Some tools write a 01 behind a length below 128 too. No message begins with it: there is no field 0.
    if begin == 1 and data[1:2] == b"\1":
        begin = 2
    if not 0 < size <= MAX_MESSAGE or begin + size > len(data):
        msg = "its first bytes are not the length of a head"
        raise MalformedError(msg)
    message = read_message(data[begin : begin + size])
    cipher_14, cipher_15 = only_bytes(message, _CIPHER_14), only_bytes(message, _CIPHER_15)
    info = read_message(only_bytes(message, _INFO) or b"")
    words = _text(info, _APP_VERSION), _text(info, _NUMBER_ENDING)
    body = begin + size
    if cipher_15 is not None and cipher_14 is None:
        nonce = _sized(read_message(cipher_15), _NONCE_15, NONCE_SIZE)
        return Head(BackupKind.CRYPT15, nonce, body, None, *words)
    if cipher_14 is not None and cipher_15 is None:
        cipher = read_message(cipher_14)
        account = _sized(cipher, _SALT, _SALT_SIZE) + _sized(cipher, _ACCOUNT, _ACCOUNT_SIZE)
        return Head(BackupKind.CRYPT14, _sized(cipher, _NONCE_14, NONCE_SIZE), body, account, *words)
    msg = "its head does not say how it is encrypted"
    raise MalformedError(msg)


def _sized(message: Message, number: int, size: int) -> bytes:
    value = only_bytes(message, number)
    if value is None or len(value) != size:
        msg = f"field {number} of its head has not the {size} bytes that it should have"
        raise MalformedError(msg)
    return value


def _text(message: Message, number: int) -> str | None:
    """Return a short word for people; what is no such word is of no account."""
    value = message.get(number, [b""])[0]
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else ""
    return text if _VERSION.fullmatch(text) else None


def _no_backup(data: bytes, reason: str) -> NotABackupError:
    if data.startswith(b"SQLite format 3\0"):
        return NotABackupError("this is a database that is not encrypted", hint="use it as it is")
    if data.startswith(b"PK\3\4"):
        return NotABackupError("this is a ZIP archive that is not encrypted", hint="use it as it is")
    msg = f"this is not an encrypted backup (crypt12, crypt14 or crypt15): {reason}"
    return NotABackupError(msg, hint="give a file whose name ends in .crypt12, .crypt14, .crypt15 or .mcrypt1")
