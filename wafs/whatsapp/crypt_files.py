"""Crypt files: tells of a .cryptNN in a vault whether it is whole, and which of the known keys opens it."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from wafs.errors import WafsError
from wafs.fs.vfs import Vfs
from wafs.whatsapp.backup import Backup
from wafs.whatsapp.errors import BackupDamageError, NotABackupError, WrongKeyError
from wafs.whatsapp.frame import MD5_SIZE, BackupKind
from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.keys import MAX_KEY_FILE, BackupKey, parse_key_file
from wafs.whatsapp.plain_source import PlainSource
from wafs.whatsapp.source import Candidate, Source

_KEY_NAMES: Final = (b"key", b"encrypted_backup.key")


class CryptState(StrEnum):
    """What is known of an encrypted backup; the values are words for scripts and stay as they are."""

    OPENS = "opens"
    """A key fits, and all of it was verified with that key."""
    NO_KEY = "no-key"
    """No known key fits; its checksum is right, so it is whole."""
    NO_KEY_UNSURE = "no-key-unsure"
    """No known key fits, and it has no checksum: of several files in one, or damaged."""
    DAMAGED = "damaged"
    NOT_A_BACKUP = "not-a-backup"


class CryptFacts(NamedTuple):
    """What was found; `kind` is None for what is no backup, `key` the name of the key that opens it."""

    state: CryptState
    kind: str | None = None
    key: str | None = None
    reason: str = ""


def examine_crypt(
    source: Source, candidates: Sequence[Candidate], advanced: Callable[[int], None], *, has_checksum: bool
) -> CryptFacts:
    """Look at an encrypted backup; `has_checksum` if one with its name always has.

    Raises: OSError, DamageError if the vault cannot be read; what `advanced` raises.
    """
    try:
        backup = Backup.of(source)
    except NotABackupError as error:
        return CryptFacts(CryptState.NOT_A_BACKUP, reason=str(error))
    except BackupDamageError as error:
        return CryptFacts(CryptState.DAMAGED, reason=str(error))
    kind = backup.head.kind.value
    try:
        return CryptFacts(CryptState.OPENS, kind, backup.verify(candidates, advanced).label)
    except BackupDamageError as error:
        return CryptFacts(CryptState.DAMAGED, kind, reason=str(error))
    except WrongKeyError:
        return _without_key(backup, advanced, has_checksum=has_checksum)


def _without_key(backup: Backup, advanced: Callable[[int], None], *, has_checksum: bool) -> CryptFacts:
    kind = backup.head.kind.value
    if _checksum_is_right(backup, advanced):
        return CryptFacts(CryptState.NO_KEY, kind)
    if has_checksum and backup.head.kind is not BackupKind.CRYPT12:
        return CryptFacts(CryptState.DAMAGED, kind, reason="its checksum is wrong: it is cut off or was changed")
    return CryptFacts(CryptState.NO_KEY_UNSURE, kind)


def keys_lying_about(vfs: Vfs, files: Iterable[VaultFile]) -> list[Candidate]:
    """Return the keys that lie in the vault as files, under the names that WhatsApp gives them."""
    found: dict[BackupKey, Candidate] = {}
    for file in files:
        if file.path.rpartition(b"/")[2] not in _KEY_NAMES or not 0 < file.size <= MAX_KEY_FILE:
            continue
        try:
            with PlainSource(vfs, file.path) as source:
                key = parse_key_file(source.read(0, MAX_KEY_FILE))
        except (WafsError, OSError):
            continue
        found.setdefault(key, Candidate(file.path.decode("utf-8", "surrogateescape"), key))
    return list(found.values())


def _checksum_is_right(backup: Backup, advanced: Callable[[int], None]) -> bool:
    digest = hashlib.md5(usedforsecurity=False)
    stop = backup.stop - MD5_SIZE
    for piece in backup.source.pieces(0, stop):
        digest.update(piece)
        advanced(len(piece))
    return digest.digest() == backup.source.read_at(stop, MD5_SIZE)
