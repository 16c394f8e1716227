"""Exportable: the backups below a folder of this machine that an export tool can read.

The folder is as a rule a mounted vault. Only names are looked at, no file is opened.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Phone(StrEnum):
    """Which kind of phone a backup is of."""

    ANDROID = "Android"
    IOS = "iOS"


@dataclass(frozen=True, slots=True)
class Exportable:
    """One backup; all paths are relative to the folder that was searched.

    `place` is the folder that it was found in. Android: `database` is msgstore.db, `contacts` wa.db, `media` the
    folder that the paths in the database start from, each if it is there. iOS: `database` is the folder itself.
    """

    phone: Phone
    place: str
    database: str
    contacts: str | None = None
    media: str | None = None
    business: bool = False

    @property
    def file(self) -> str:
        """Return the file by which this backup can be told from all others."""
        return self.database if self.phone is Phone.ANDROID else os.path.join(self.database, _MANIFEST)


MESSAGES: Final = "msgstore.db"
_CONTACTS: Final = "wa.db"
_MANIFEST: Final = "Manifest.db"
_APP_FOLDERS: Final = ("WhatsApp", "WhatsApp Business")
_MEDIA: Final = "Media"
_ENCRYPTED: Final = re.compile(r"\.crypt[0-9]+$")
_DATABASE: Final = re.compile(r"msgstore.*\.db")

# SHA-1 of the domain of the app and of ChatStorage.sqlite: names that iOS gives, the same on every phone.
_IOS_MESSAGES: Final = "7c7fba66680ef796b916b067077cc246adacf01d"
_IOS_BUSINESS_MESSAGES: Final = "724bd3b98b18518b455a87c1f3ac3a0d189c4466"


def find_exportable(top: str, path: str = "") -> list[Exportable]:
    """Return the backups at or below the folder `path` of `top`, in the order of their places.

    `path` may also be the manifest of an iOS backup, or a message database, one with a date in its name included.
    Raises: OSError if the folder cannot be read; what cannot be read below it is passed over.
    """
    start = os.path.join(top, path)
    if not os.path.isdir(start):
        os.stat(start)
        folder, name = os.path.split(os.path.normpath(path))
        return [_android(top, folder, name)] if _DATABASE.fullmatch(name) else list(_in_folder(top, folder, [name]))
    return [backup for folder, names in _folders(top, path) for backup in _in_folder(top, folder, names)]


def plain_path(path: str) -> str:
    """Return the path that an encrypted database has when it is decrypted; any other as it is."""
    return _ENCRYPTED.sub("", path)


def find_encrypted(top: str, path: str = "") -> list[str]:
    """Return the message databases at or below `path` that WhatsApp has encrypted, but for dated ones."""
    return [
        os.path.join(folder, name)
        for folder, names in _folders(top, path)
        for name in names
        if name != MESSAGES and plain_path(name) == MESSAGES
    ]


def _folders(top: str, path: str) -> Iterator[tuple[str, list[str]]]:
    """Walk the folders that can hold a backup, with the names of the files in each."""
    # The first is listed here, so that one that cannot be read is told.
    os.listdir(os.path.join(top, path))
    for folder, folders, names in os.walk(os.path.join(top, path)):
        if _MANIFEST in names:
            folders.clear()
        folders[:] = sorted(name for name in folders if name != _MEDIA)
        relative = os.path.relpath(folder, top)
        yield "" if relative == "." else relative, sorted(names)


def _in_folder(top: str, folder: str, names: list[str]) -> Iterator[Exportable]:
    if MESSAGES in names:
        yield _android(top, folder, MESSAGES)
    if _MANIFEST in names:
        for database in (_IOS_MESSAGES, _IOS_BUSINESS_MESSAGES):
            if os.path.isfile(os.path.join(top, folder, database[:2], database)):
                business = database == _IOS_BUSINESS_MESSAGES
                yield Exportable(Phone.IOS, folder, folder, business=business)


def _android(top: str, folder: str, name: str) -> Exportable:
    above = os.path.dirname(folder)
    contacts = [folder, os.path.join(above, "Backups"), above]
    media = [*(os.path.join(folder, app) for app in _APP_FOLDERS), folder, above]
    media += [os.path.join(above, app) for app in _APP_FOLDERS]
    return Exportable(
        Phone.ANDROID,
        folder,
        os.path.join(folder, name),
        next((path for place in contacts if os.path.isfile(os.path.join(top, path := _contacts(place)))), None),
        next((place for place in media if os.path.isdir(os.path.join(top, place, _MEDIA))), None),
    )


def _contacts(folder: str) -> str:
    return os.path.join(folder, _CONTACTS)
