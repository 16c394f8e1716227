"""Export choice: which of the backups in a vault is meant."""

import os
from typing import Final

from wafs.cli.decrypt_view import ALL, LATEST
from wafs.cli.exporter import MEDIA
from wafs.errors import NotFoundError, UsageError
from wafs.whatsapp.exportable import MESSAGES, Exportable, Phone, find_encrypted, find_exportable, plain_path

_SHOWN: Final = 10


class OnlyEncryptedError(NotFoundError):
    """The backups that are there are encrypted by WhatsApp."""


def choose_backup(top: str, path: str, *, ios: bool, business: bool) -> Exportable:
    """Return the one backup at or below `path` of the mounted vault `top`.

    `ios`: of an iPhone. `business`: WhatsApp Business, where an iPhone backup has both.
    One that is decrypted for the mount may be named by its encrypted name.
    Raises: OnlyEncryptedError, NotFoundError, UsageError if there are several, OSError.
    """
    encrypted, where = path.strip("/"), plain_path(path.strip("/"))
    if os.path.exists(os.path.join(top, encrypted)) and not os.path.exists(os.path.join(top, where)):
        raise _only_encrypted(encrypted)
    try:
        everything = find_exportable(top, where)
    except FileNotFoundError:
        msg = f"{path}: no such file or folder in the vault"
        raise NotFoundError(msg) from None
    found = _without_twins([backup for backup in everything if backup.phone is Phone.IOS or not ios], business=business)
    if not found:
        raise _nothing(top, where, ios=ios)
    if len(found) > 1:
        # The last first: snapshots are named after their days.
        files = [f"/{backup.file}" for backup in reversed(found)]
        more = ", ..." if len(files) > _SHOWN else ""
        msg = f"there are {len(found)} backups: {', '.join(files[:_SHOWN])}{more}"
        raise UsageError(msg, hint=f"say which one, by its folder or its file: VAULT:{files[0]}")
    _must_be_inside(top, found[0])
    return found[0]


def _must_be_inside(top: str, backup: Exportable) -> None:
    """Refuse symlinks to other places of this machine, which a tool would read, and write, as if they were the backup.

    Raises: UsageError.
    """
    real = os.path.realpath(top)
    media = None if backup.media is None else os.path.join(backup.media, MEDIA)
    for path in (backup.file, backup.contacts, media):
        if path is not None and os.path.commonpath([real, os.path.realpath(os.path.join(top, path))]) != real:
            msg = f"/{path} is, or lies behind, a symlink that leads out of the vault"
            raise UsageError(msg, hint="no phone makes such a backup: somebody may have made it to do harm")


def backups_to_decrypt(path: str) -> str:
    """Return which encrypted backups have to be decrypted to export `path`: those with a date only if it is one."""
    name = os.path.basename(path)
    return LATEST if name == plain_path(name) or plain_path(name) == MESSAGES else ALL


def _without_twins(found: list[Exportable], *, business: bool) -> list[Exportable]:
    """Leave out one of two that are in the same place."""
    places = [backup.place for backup in found]
    return [backup for backup in found if places.count(backup.place) == 1 or backup.business is business]


def _nothing(top: str, where: str, *, ios: bool) -> NotFoundError:
    encrypted = [] if ios else find_encrypted(top, where)
    if encrypted:
        return _only_encrypted(encrypted[0])
    msg = f"there is no {'iPhone ' if ios else ''}backup in /{where} that can be exported"
    return NotFoundError(msg, hint="wanted: a folder with msgstore.db, or an iPhone backup with WhatsApp in it")


def _only_encrypted(path: str) -> OnlyEncryptedError:
    msg = f"/{path} is encrypted by WhatsApp"
    return OnlyEncryptedError(msg, hint="wafs whatsapp key add gives the vault the key that opens it")
