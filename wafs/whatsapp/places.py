"""Places: where in a vault backups lie, told from the names of files.

A vault may hold several: of WhatsApp and WhatsApp Business, of Android phones and iPhones, and each of them from
several days, in folders of their own.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.layout import BackupKind, Category, category_of


class App(StrEnum):
    """Which of the two apps made a backup."""

    WHATSAPP = "whatsapp"
    BUSINESS = "business"


IOS_DOMAINS: Final = {
    App.WHATSAPP: "AppDomainGroup-group.net.whatsapp.WhatsApp.shared",
    App.BUSINESS: "AppDomainGroup-group.net.whatsapp.WhatsAppSMB.shared",
}
IOS_CHATS: Final = "ChatStorage.sqlite"
MANIFEST: Final = b"Manifest.db"

SENT_CATEGORIES: Final = frozenset(
    {
        *(Category.IMAGES, Category.VIDEO, Category.GIFS, Category.VIDEO_NOTES, Category.VOICE_NOTES),
        *(Category.AUDIO, Category.STICKERS, Category.DOCUMENTS),
    }
)
"""What people send each other, and messages name."""

_PARTS: Final = frozenset({b"media", b"databases", b"backups"})
_APP_FOLDERS: Final = frozenset({b"whatsapp", b"whatsapp business"})
_BUSINESS: Final = re.compile(rb"whatsapp business|com\.whatsapp\.w4b|whatsappsmb")
_DATABASE: Final = re.compile(rb"msgstore(-[^/]*)?\.db", re.IGNORECASE)
_IOS_ABOUT: Final = frozenset({b"Manifest.plist", b"Info.plist", b"Status.plist"})
_IOS_FILE: Final = re.compile(rb"(.*)/([0-9a-f]{2})/\2[0-9a-f]{38}")
_CRYPT: Final = re.compile(rb".*\.crypt[0-9]{1,2}", re.IGNORECASE)


@dataclass(slots=True)
class Place:
    """One backup: of one app, of one phone, from one day.

    `folder` is its path, without a slash at its end: of an Android backup the folder that holds `Media`, of an iOS
    backup that of Manifest.db, or of ChatStorage.sqlite if it was taken out of one. `files` has its files by their path
    below it; `databases`, `crypts` and `manifest` are numbers of files in the inventory. Of an iOS backup, `domain` is
    that of the app.
    """

    kind: BackupKind
    app: App
    folder: bytes
    files: dict[bytes, int] = field(default_factory=dict)
    databases: list[int] = field(default_factory=list)
    crypts: list[int] = field(default_factory=list)
    manifest: int | None = None
    domain: str | None = None

    def media(self, inventory: Sequence[VaultFile]) -> Iterator[tuple[bytes, int]]:
        """Yield what people sent each other in an Android backup: path below the folder, number in the inventory."""
        for path, number in self.files.items():
            name = path.rpartition(b"/")[2]
            if inventory[number].size and not name.startswith(b".") and category_of(path) in SENT_CATEGORIES:
                yield path, number


def find_places(inventory: Sequence[VaultFile]) -> list[Place]:
    """Return the backups among these files, in the order of their folders."""
    finder = _Finder(inventory)
    return sorted(finder.find(), key=lambda place: (place.folder, place.kind, place.app))


def ios_file_id(domain: str, path: bytes) -> bytes:
    """Return the name under which an iOS backup keeps a file."""
    digest = hashlib.sha1(domain.encode() + b"-" + path, usedforsecurity=False)
    return digest.hexdigest().encode()


def ios_place_of(file_id: bytes) -> bytes:
    """Return where in an iOS backup a file is."""
    return file_id[:2] + b"/" + file_id


class _Finder:
    def __init__(self, inventory: Sequence[VaultFile]) -> None:
        self._inventory = inventory
        self._places: dict[bytes, Place] = {}
        self._app_places: list[Place] = []
        self._more: list[Place] = []
        self._folders: dict[bytes, tuple[bytes, bytes] | None] = {}

    def find(self) -> list[Place]:
        taken = self._find_ios()
        left = [number for number, owner in enumerate(taken) if owner is None]
        loose: list[int] = []
        for number in left:
            path = self._inventory[number].path
            folder, _, name = path.rpartition(b"/")
            app = self._app_folder(folder)
            if app is not None:
                self._android(app[0]).files[app[1] + name] = number
            is_crypt = _CRYPT.fullmatch(name) is not None
            if is_crypt or _DATABASE.fullmatch(name) or name == IOS_CHATS.encode():
                loose.append(number)
        self._app_places = list(self._places.values())
        for number in loose:
            self._give(number)
        ios = [place for place in taken if place is not None]
        return [*self._places.values(), *{id(place): place for place in ios}.values(), *self._more]

    def _find_ios(self) -> list[Place | None]:
        """Give each file that lies in an iOS backup to it."""
        manifests: dict[bytes, int] = {}
        proven: set[bytes] = set()
        for number, file in enumerate(self._inventory):
            folder, _, name = file.path.rpartition(b"/")
            if name == MANIFEST:
                manifests[folder] = number
            elif name in _IOS_ABOUT:
                proven.add(folder)
            elif match := _IOS_FILE.fullmatch(file.path):
                proven.add(match[1])
        roots = {
            folder: Place(BackupKind.IOS, App.WHATSAPP, folder, manifest=number)
            for folder, number in manifests.items()
            if folder in proven
        }
        taken: list[Place | None] = []
        above: dict[bytes, Place | None] = {}
        for number, file in enumerate(self._inventory):
            folder = file.path.rpartition(b"/")[0]
            if folder not in above:
                above[folder] = next((roots[each] for each in _upwards(folder) if each in roots), None)
            place = above[folder]
            taken.append(place)
            if place is not None:
                place.files[file.path[len(place.folder) + 1 :]] = number
        for place in roots.values():
            self._set_apps(place)
        return taken

    def _set_apps(self, place: Place) -> None:
        """Find the chats of either app; an iOS backup with both counts as two."""
        found = []
        for app, domain in IOS_DOMAINS.items():
            number = place.files.get(ios_place_of(ios_file_id(domain, IOS_CHATS.encode())))
            if number is not None:
                found.append((app, domain, number))
        for app, domain, number in found[1:]:
            second = Place(BackupKind.IOS, app, place.folder, files=place.files, databases=[number], domain=domain)
            self._more.append(second)
        place.domain = IOS_DOMAINS[place.app]
        for app, domain, number in found[:1]:
            place.app, place.domain, place.databases = app, domain, [number]

    def _android(self, folder: bytes) -> Place:
        place = self._places.get(folder)
        if place is None:
            app = App.BUSINESS if _BUSINESS.search(folder.lower()) else App.WHATSAPP
            place = self._places[folder] = Place(BackupKind.ANDROID, app, folder)
        return place

    def _app_folder(self, folder: bytes) -> tuple[bytes, bytes] | None:
        """Return the folder of the app above a folder, and the path from there to it; None if there is none."""
        if folder not in self._folders:
            self._folders[folder] = _app_folder(folder)
        return self._folders[folder]

    def _give(self, number: int) -> None:
        """Give a database to its backup: the one it lies in, the only one beside it, or one of its own."""
        folder, _, name = self._inventory[number].path.rpartition(b"/")
        if name == IOS_CHATS.encode():
            self._give_taken_out(number, folder)
            return
        base = folder
        if folder.rpartition(b"/")[2].lower() in _PARTS:
            base = folder.rpartition(b"/")[0]
        place = self._places.get(base) or self._beside(base) or self._around(base) or self._android(base)
        (place.crypts if _CRYPT.fullmatch(name) else place.databases).append(number)

    def _give_taken_out(self, number: int, folder: bytes) -> None:
        app = App.BUSINESS if _BUSINESS.search(folder.lower()) else App.WHATSAPP
        place = Place(BackupKind.IOS, app, folder, databases=[number])
        inside = folder + b"/"
        for each, file in enumerate(self._inventory):
            if file.path.startswith(inside):
                place.files[file.path[len(inside) :]] = each
        self._more.append(place)

    def _around(self, base: bytes) -> Place | None:
        around = [place for place in self._app_places if base.startswith(place.folder + b"/")]
        return max(around, key=lambda place: len(place.folder), default=None)

    def _beside(self, base: bytes) -> Place | None:
        inside = [place for place in self._app_places if place.folder.startswith(base + b"/")]
        depth = min((place.folder.count(b"/") for place in inside), default=0)
        nearest = [place for place in inside if place.folder.count(b"/") == depth]
        # Where both apps lie beside it, the database of the business app is in its own folder.
        plain = [place for place in nearest if place.app is App.WHATSAPP]
        return nearest[0] if len(nearest) == 1 else plain[0] if len(plain) == 1 else None


def _upwards(folder: bytes) -> Iterator[bytes]:
    """Yield a folder and all above it."""
    yield folder
    while folder:
        folder = folder.rpartition(b"/")[0]
        yield folder


def _app_folder(folder: bytes) -> tuple[bytes, bytes] | None:
    names = folder.split(b"/")
    for place, name in enumerate(name.lower() for name in names):
        above = names[place - 1].lower() if place else b""
        if name in _PARTS and above in _APP_FOLDERS:
            return b"/".join(names[:place]), b"/".join([*names[place:], b""])
        if name.startswith(b"whatsapp ") and category_of(name + b"/file") is not Category.OTHER:
            start = place - (above == b"media")
            path = b"/".join([b"Media", *names[place:], b""])
            return b"/".join(names[:start]), path
    return None
