"""Keys: the secrets that open WhatsApp's encrypted backups, as people have them (docs/whatsapp-encrypted.md)."""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from wafs.crypto.digest import equal, sha256
from wafs.crypto.kdf import hkdf
from wafs.whatsapp.errors import KeyFormatError

END_TO_END_KEY_SIZE: Final = 32
SERVER_KEY_SIZE: Final = 131
MAX_KEY_FILE: Final = 4096

_SALT: Final = slice(3, 35)
_ACCOUNT: Final = slice(35, 51)
_ACCOUNT_HASH: Final = slice(51, 83)
_CIPHER_KEY: Final = slice(99, 131)
# The head of a byte[] in the serialization of Java; the length of the array (u32) and its bytes follow.
_JAVA_BYTES: Final = bytes.fromhex("aced0005757200025b42acf317f8060854e00200007870")
_SEPARATORS: Final = re.compile(r"[\s\-:.,_]+")
_NO_SALT: Final = bytes(32)

_HINT: Final = (
    "a key is 64 digits (0 to 9, a to f), the file encrypted_backup.key (59 bytes) or the file key (158 bytes);"
    " the password of an end-to-end encrypted backup is none, it only lets WhatsApp fetch the key from its servers"
)


class KeyKind(Enum):
    """Kinds of keys; the values are words for scripts and stay as they are."""

    END_TO_END = "64-digit"
    """32 bytes of end-to-end encrypted backups: .crypt15 and .mcrypt1."""
    SERVER = "key-file"
    """The 131 bytes of the file `key`, which WhatsApp's servers give to a phone: .crypt12 and .crypt14."""


@dataclass(frozen=True, slots=True)
class BackupKey:
    """A key of one kind. It does not show itself.

    Sizes: `data` has 32 bytes for an end-to-end key, 131 for a server key.
    """

    kind: KeyKind
    data: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that tell keys apart and tell nothing about them."""
        return sha256(b"wafs backup key " + self.data)[:8].hex()

    @property
    def digits(self) -> str:
        """Return the key as digits in groups, as WhatsApp shows it: 64, or 262 for a server key."""
        text = self.data.hex()
        return " ".join(text[place : place + 4] for place in range(0, len(text), 4))

    @property
    def account(self) -> bytes | None:
        """Return what a server key has in common with its backups: server salt and account, 48 bytes."""
        return self.data[_SALT] + self.data[_ACCOUNT] if self.kind is KeyKind.SERVER else None

    def cipher_key(self) -> bytes:
        """Return the AES-256 key of backups."""
        if self.kind is KeyKind.SERVER:
            return self.data[_CIPHER_KEY]
        return self.derive(b"backup encryption", END_TO_END_KEY_SIZE)

    def derive(self, purpose: bytes, size: int) -> bytes:
        """Derive `size` bytes from an end-to-end key."""
        return hkdf(self.data, salt=_NO_SALT, info=purpose, size=size)


def key_of_digits(text: str) -> BackupKey:
    """Read a key as people copy it: groups, spaces, line ends and dashes mean nothing, nor does case.

    Raises: KeyFormatError; its message has nothing of the text in it.
    """
    digits = _SEPARATORS.sub("", text)
    if not re.fullmatch(r"[0-9a-fA-F]*", digits):
        msg = f"a key has hexadecimal digits only, this is {len(digits)} characters with others among them"
        raise KeyFormatError(msg, hint=_HINT)
    if len(digits) not in (2 * END_TO_END_KEY_SIZE, 2 * SERVER_KEY_SIZE):
        msg = f"a key has 64 digits, this has {len(digits)}"
        raise KeyFormatError(msg, hint=_HINT)
    return key_of_bytes(bytes.fromhex(digits))


def parse_key_file(data: bytes) -> BackupKey:
    """Read a key file: `key`, `encrypted_backup.key`, 32 raw bytes or a text with 64 digits.

    Raises: KeyFormatError; its message has nothing of the contents in it.
    """
    if data.startswith(_JAVA_BYTES):
        return _serialized(data[len(_JAVA_BYTES) :])
    if len(data) == END_TO_END_KEY_SIZE:
        return BackupKey(KeyKind.END_TO_END, data)
    if len(data) <= MAX_KEY_FILE:
        try:
            text = data.removeprefix(b"\xef\xbb\xbf").decode("ascii")
        except UnicodeDecodeError:
            pass
        else:
            return key_of_digits(text)
    msg = (
        f"a file of {len(data)} bytes that is no key" if len(data) <= MAX_KEY_FILE else "the file is too long for a key"
    )
    raise KeyFormatError(msg, hint=_HINT)


def serialize(data: bytes) -> bytes:
    """Return the bytes of a key as WhatsApp keeps it: a byte[] in the serialization of Java.

    Sizes: n bytes -> n + 27.
    """
    return _JAVA_BYTES + len(data).to_bytes(4) + data


def key_of_bytes(data: bytes) -> BackupKey:
    """Make the key of 32 or 131 bytes.

    Raises: KeyFormatError for other sizes, or if the parts of a server key do not fit together.
    """
    if len(data) == END_TO_END_KEY_SIZE:
        return BackupKey(KeyKind.END_TO_END, data)
    if len(data) != SERVER_KEY_SIZE:
        msg = f"a key has {END_TO_END_KEY_SIZE} or {SERVER_KEY_SIZE} bytes, this has {len(data)}"
        raise KeyFormatError(msg, hint=_HINT)
    if data[:2] != b"\0\1":
        msg = f"the key is of the cipher version {data[:2].hex()}, wanted 0001"
        raise KeyFormatError(msg)
    if not equal(sha256(data[_ACCOUNT]), data[_ACCOUNT_HASH]):
        msg = "the file key is damaged: the hash in it is wrong"
        raise KeyFormatError(msg, hint="get it from the phone again")
    return BackupKey(KeyKind.SERVER, data)


def _serialized(rest: bytes) -> BackupKey:
    size = int.from_bytes(rest[:4])
    if len(rest) < 4 or len(rest) - 4 != size:
        msg = f"the key file is cut off or too long: it has {max(len(rest) - 4, 0)} of {size} bytes"
        raise KeyFormatError(msg, hint="get it from the phone again")
    return key_of_bytes(rest[4:])
