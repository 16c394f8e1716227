"""Encrypted backups as WhatsApp writes them: .crypt12, .crypt14, .crypt15 and .mcrypt1, with the keys to them.

Written after the formats, not after `wafs.whatsapp`: the two share nothing but the cryptography library, so one can
be tested with the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC, GCM

APP_VERSION: Final = "2.26.41.77"
_JAVA_ARRAY: Final = bytes.fromhex("aced0005757200025b42acf317f8060854e00200007870")
_FEATURES: Final = (*range(5, 38), 39)


class ServerKey(NamedTuple):
    """What WhatsApp's servers give to a phone for backups that are not end-to-end encrypted."""

    salt: bytes
    account: bytes
    cipher_key: bytes
    version: int = 2

    def file(self) -> bytes:
        """Return the contents of the file `key`, 158 bytes."""
        head = b"\0\1" + bytes([self.version]) + self.salt + self.account
        array = head + hashlib.sha256(self.account).digest() + bytes(16) + self.cipher_key
        return _JAVA_ARRAY + len(array).to_bytes(4) + array


class MediaFiles(NamedTuple):
    """A media file as it lies in the cloud: its name there, its bytes, and the text of its metadata."""

    name: str
    data: bytes
    metadata: str


def server_key(seed: str) -> ServerKey:
    """Make the server key of a seed."""
    return ServerKey(_drawn(seed, "salt"), _drawn(seed, "account")[:16], _drawn(seed, "cipher key"))


def root_key(seed: str) -> bytes:
    """Make the root key of a seed: 32 bytes, which a person sees as 64 digits."""
    return _drawn(seed, "root key")


def root_key_file(root: bytes) -> bytes:
    """Return the contents of `encrypted_backup.key`, 59 bytes."""
    return _JAVA_ARRAY + len(root).to_bytes(4) + root


def crypt12(plain: bytes, key: ServerKey, *, nonce: bytes) -> bytes:
    """Encrypt a database as .crypt12."""
    head = b"\0\1" + bytes([key.version]) + key.salt + key.account + nonce
    return _with_md5(head + _gcm(key.cipher_key, nonce, _packed(plain))) + b"--42"


def crypt14(plain: bytes, key: ServerKey, *, nonce: bytes, features: bool = True, several: bool = False) -> bytes:
    """Encrypt as .crypt14; `features` are in the head of message databases only, `several` is a ZIP of files."""
    cipher = _bytes(1, b"\0\1") + _bytes(2, b"%d" % key.version) + _bytes(3, key.salt) + _bytes(4, key.account)
    head = _number(1, 0) + _bytes(2, cipher + _bytes(5, nonce)) + _bytes(4, _info(features=features))
    return _framed(head, _gcm(key.cipher_key, nonce, plain if several else _packed(plain)), several=several)


def crypt15(plain: bytes, root: bytes, *, nonce: bytes, features: bool = True, several: bool = False) -> bytes:
    """Encrypt as .crypt15; `features` are in the head of message databases only, `several` is a ZIP of files."""
    head = _number(1, 1) + _bytes(3, _bytes(1, nonce)) + _bytes(4, _info(features=features))
    key = _hkdf(root, b"backup encryption", 32)
    return _framed(head, _gcm(key, nonce, plain if several else _packed(plain)), several=several)


def mcrypt1(plain: bytes, path: str, root: bytes, *, updated: str = "2026-10-01T12:00:00Z") -> MediaFiles:
    """Encrypt a media file, and its path below the backup's folder as its metadata."""
    md5 = hashlib.md5(plain).digest()
    identity = hmac.digest(root, hashlib.sha256(path.encode()).digest() + md5, "sha256")
    secret = _hkdf(root, identity, 48)
    facts = {"name": path, "size": len(plain), "md5Hash": base64.b64encode(md5).decode(), "updateTime": updated}
    text = json.dumps(facts).encode()
    text += bytes([16 - len(text) % 16]) * (16 - len(text) % 16)
    nonce = hashlib.sha256(identity).digest()[:16]
    encryptor = Cipher(AES256(_hkdf(root, b"metadata encryption", 32)), CBC(nonce)).encryptor()
    sealed = encryptor.update(text) + encryptor.finalize()
    mac = hmac.digest(_hkdf(root, b"metadata authentication", 32), nonce + sealed, "sha256")
    metadata = base64.b64encode(b"\x10" + nonce + b"\x20" + mac + sealed).decode()
    return MediaFiles(f"{identity.hex().upper()}.mcrypt1", _gcm(secret[:32], secret[32:], plain), metadata)


def nonce_of(name: str) -> bytes:
    """Make the nonce of a sample, the same every time; a real one is random."""
    return _drawn(name, "nonce")[:16]


def _drawn(seed: str, purpose: str) -> bytes:
    return hashlib.sha256(f"sample backup: {purpose}: {seed}".encode()).digest()


def _framed(head: bytes, sealed: bytes, *, several: bool) -> bytes:
    data = _varint(len(head)) + head + sealed
    return data if several else _with_md5(data)


def _with_md5(data: bytes) -> bytes:
    return data + hashlib.md5(data).digest()


def _packed(plain: bytes) -> bytes:
    return zlib.compress(plain, 1)


def _gcm(key: bytes, nonce: bytes, plain: bytes) -> bytes:
    encryptor = Cipher(AES256(key), GCM(nonce)).encryptor()
    return encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def _hkdf(root: bytes, info: bytes, size: int) -> bytes:
    pseudo_random_key = hmac.digest(bytes(32), root, "sha256")
    output = block = b""
    while len(output) < size:
        block = hmac.digest(pseudo_random_key, block + info + bytes([len(output) // 32 + 1]), "sha256")
        output += block
    return output[:size]


def _info(*, features: bool) -> bytes:
    words = _bytes(1, APP_VERSION.encode()) + _bytes(3, b"42")
    return words + b"".join(_number(feature, 1) for feature in _FEATURES) if features else words


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    output = b""
    while value > 0x7F:
        output += bytes([value & 0x7F | 0x80])
        value >>= 7
    return output + bytes([value])
