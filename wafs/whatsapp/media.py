"""Media: .mcrypt1 files, one for each photo or video of an end-to-end encrypted cloud backup, and what they are called.

name of the file   HMAC-SHA256(end-to-end key, SHA-256(path) || MD5(plain)), in hexadecimal
key || nonce       HKDF(end-to-end key, info = name, 32 + 16 bytes)
contents           AES-256-GCM and a tag of 16 bytes; some tools keep them without the tag
.mcrypt1-metadata  base64: 16 | nonce 16 | 32 | HMAC 32 | AES-256-CBC of a JSON object with name and updateTime
"""

import base64
import binascii
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from wafs.crypto.cbc import cbc_open
from wafs.crypto.digest import equal, hmac_sha256, sha256
from wafs.crypto.gcm_stream import GcmStream
from wafs.errors import AuthenticationError, MalformedError
from wafs.whatsapp.errors import BackupDamageError, NotABackupError, WrongKeyError
from wafs.whatsapp.keys import BackupKey, KeyKind
from wafs.whatsapp.source import Advanced, Candidate, Source, tried_words
from wafs.whatsapp.verified import PieceDigests, Verified

MEDIA_SUFFIX: Final = ".mcrypt1"
METADATA_SUFFIX: Final = ".mcrypt1-metadata"
MAX_METADATA: Final = 65_536

_TAG_SIZE: Final = 16
_NAME: Final = re.compile(r"([0-9a-fA-F]{64})\.mcrypt1")
_NONCE_MARK, _MAC_MARK = 16, 32
_MAC_AT, _CIPHER_AT = 18, 50
_MAX_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class MediaMetadata:
    """What is told of a media file. `path` is relative and stays below its folder; `mtime_ns` is since 1970."""

    label: str
    path: str
    mtime_ns: int | None


def media_id(file_name: str) -> bytes:
    """Return the 32 bytes that the name of a .mcrypt1 says.

    Raises: NotABackupError.
    """
    match = _NAME.fullmatch(file_name)
    if match is None:
        msg = "a .mcrypt1 is named by 64 hexadecimal digits, from which its key is made, and this is not"
        raise NotABackupError(msg, hint="give it back the name that it had in the cloud")
    return bytes.fromhex(match[1])


def open_metadata(data: bytes, candidates: Sequence[Candidate]) -> MediaMetadata:
    """Open a .mcrypt1-metadata with the key whose MAC is right.

    Sizes: at most 65,536 bytes.
    Raises: WrongKeyError, BackupDamageError; MalformedError if what is genuine is not what it should be.
    """
    sealed = _decoded(data)
    nonce, mac, cipher = sealed[1 : 1 + _NONCE_MARK], sealed[_MAC_AT:_CIPHER_AT], sealed[_CIPHER_AT:]
    roots = [candidate for candidate in candidates if candidate.key.kind is KeyKind.END_TO_END]
    for candidate in roots:
        if equal(hmac_sha256(candidate.key.derive(b"metadata authentication", 32), nonce + cipher), mac):
            plain = cbc_open(candidate.key.derive(b"metadata encryption", 32), nonce, cipher)
            return _metadata(candidate.label, plain)
    msg = f"no key fits this metadata, or it is damaged ({tried_words(roots)})"
    raise WrongKeyError(msg)


def verify_media(
    source: Source,
    identity: bytes,
    candidates: Sequence[Candidate],
    path: str | None = None,
    advanced: Advanced = lambda _size: None,
) -> Verified:
    """Find the key that opens a .mcrypt1 with the id `identity`; the file is read once, or more often if none does.

    It is genuine if its tag is right, or, where it was kept without one, if its id follows from `path` and contents.
    Raises: WrongKeyError, BackupDamageError; what reading raises.
    """
    roots = [candidate for candidate in candidates if candidate.key.kind is KeyKind.END_TO_END]
    secrets = [candidate.key.derive(identity, 48) for candidate in roots]
    streams = [GcmStream(secret[:32], secret[32:]) for secret in secrets]
    digests = PieceDigests()
    tag_at = max(source.size - _TAG_SIZE, 0)
    for piece in source.pieces(0, tag_at):
        digests.note(piece)
        for stream in streams:
            stream.update(piece)
        advanced(len(piece))
    last = source.read_at(tag_at, source.size - tag_at)
    for candidate, secret, stream in zip(roots, secrets, streams, strict=True):

        def found(rest: bytes, candidate: Candidate = candidate, secret: bytes = secret) -> Verified:
            return Verified(
                label=candidate.label,
                source=source,
                span=(0, tag_at),
                rest=rest,
                digests=digests,
                cipher_key=secret[:32],
                nonce=secret[32:],
                is_packed=False,
            )

        if _verifies(stream, last):
            return found(b"")
        if path is not None and _is_named_after(candidate.key, identity, path, found(last)):
            return found(last)
    msg = f"no key fits this media file, or it is damaged ({tried_words(roots)})"
    raise WrongKeyError(msg)


def media_name(root: BackupKey, path: str, md5: bytes) -> bytes:
    """Return the id that a media file with this path and MD5 has."""
    return hmac_sha256(root.data, sha256(os.fsencode(path)) + md5)


def _verifies(stream: GcmStream, tag: bytes) -> bool:
    if len(tag) != _TAG_SIZE:
        return False
    try:
        stream.verify(tag)
    except AuthenticationError:
        return False
    return True


def _is_named_after(root: BackupKey, identity: bytes, path: str, unproven: Verified) -> bool:
    md5 = hashlib.md5(usedforsecurity=False)
    for piece in unproven.plain():
        md5.update(piece)
    return equal(media_name(root, path, md5.digest()), identity)


def _decoded(data: bytes) -> bytes:
    if len(data) > MAX_METADATA:
        msg = f"metadata of more than {MAX_METADATA} bytes"
        raise BackupDamageError(msg)
    try:
        sealed = base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        sealed = b""
    marks = sealed[:1], sealed[_MAC_AT - 1 : _MAC_AT]
    if marks != (bytes([_NONCE_MARK]), bytes([_MAC_MARK])):
        msg = "the metadata of a media file is damaged or cut off"
        raise BackupDamageError(msg, hint="get the .mcrypt1-metadata from the cloud again")
    return sealed


def _metadata(label: str, plain: bytes) -> MediaMetadata:
    try:
        value: Any = json.loads(plain)
    except (ValueError, RecursionError):
        value = None
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str) or not is_safe_path(name):
        msg = "the metadata of a media file has no name that a file below this folder can have"
        raise MalformedError(msg)
    return MediaMetadata(label, name, _time_ns(value.get("updateTime")))


def is_safe_path(path: str) -> bool:
    """Tell whether a path from somewhere else stays below the folder that it is put into."""
    try:
        parts = [os.fsencode(part) for part in path.split("/")]
    except UnicodeEncodeError:
        return False
    return all(0 < len(part) <= _MAX_NAME and part not in (b".", b"..") and b"\0" not in part for part in parts)


def _time_ns(text: object) -> int | None:
    """Return a time such as 2023-08-27T12:34:56.789Z, None for what is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return round(moment.timestamp() * 1_000_000) * 1000 if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
