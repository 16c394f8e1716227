"""Layout: what kind of backup a folder is, and to which category each file in it belongs, told from names alone.

Nothing here touches a disk: who calls brings the names, from a folder of the machine or from a vault. Paths are bytes,
relative to the folder that is asked about, without a slash at the front. Letter case does not count, as it does not on
the storage of a phone.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import pairwise
from typing import Final

LOOK_DEPTH: Final = 5
"""Names in the longest path that `kind_of` needs to see: `Android/media/com.whatsapp/WhatsApp/Databases`."""


class BackupKind(StrEnum):
    """How the files of a backup are laid out."""

    ANDROID = "android"
    IOS = "ios"
    PLAIN = "plain"


class Category(StrEnum):
    """What a file of a backup is, in the words of WhatsApp; the order is that of a report."""

    DATABASES = "databases"
    BACKUPS = "backups"
    IMAGES = "images"
    VIDEO = "video"
    GIFS = "gifs"
    VIDEO_NOTES = "video-notes"
    VOICE_NOTES = "voice-notes"
    AUDIO = "audio"
    STICKERS = "stickers"
    DOCUMENTS = "documents"
    PROFILE_PHOTOS = "profile-photos"
    WALLPAPER = "wallpaper"
    STATUSES = "statuses"
    LINKS = "links"
    OTHER = "other"


VIDEOS: Final = frozenset({Category.VIDEO, Category.VIDEO_NOTES})
"""What a backup without videos leaves out, as WhatsApp's own does."""

_APP_FOLDERS: Final = frozenset({b"whatsapp", b"whatsapp business"})
_PARTS: Final = {b"databases": Category.DATABASES, b"backups": Category.BACKUPS, b"media": Category.OTHER}
_MEDIA_FOLDER: Final = re.compile(rb"whatsapp(?: business)? (.+)")
_MEDIA: Final = {
    b"images": Category.IMAGES,
    b"video": Category.VIDEO,
    b"animated gifs": Category.GIFS,
    b"video notes": Category.VIDEO_NOTES,
    b"voice notes": Category.VOICE_NOTES,
    b"audio": Category.AUDIO,
    b"stickers": Category.STICKERS,
    b"backup excluded stickers": Category.STICKERS,
    b"documents": Category.DOCUMENTS,
    b"profile photos": Category.PROFILE_PHOTOS,
    b"wallpaper": Category.WALLPAPER,
}
_IN_MEDIA: Final = {
    b"wallpaper": Category.WALLPAPER,
    b".statuses": Category.STATUSES,
    b".links": Category.LINKS,
}
_DATABASE: Final = re.compile(rb"(msgstore|wa)(-[^/]*)?\.db(\.crypt\d+|-wal|-shm|-journal)?")

_MANIFEST: Final = b"manifest.db"
_IOS_ABOUT: Final = frozenset({_MANIFEST, b"manifest.plist", b"info.plist", b"status.plist"})
_IOS_FILE: Final = re.compile(rb"([0-9a-f]{2})(/\1[0-9a-f]{38})?")
_FILE_ID: Final = re.compile(r"[0-9a-f]{40}")
_IOS_APP: Final = "net.whatsapp."
_IOS_DATABASE: Final = re.compile(r".*\.sqlite(-wal|-shm|-journal)?")
_IOS_FOLDERS: Final = ((["media", "profile"], Category.PROFILE_PHOTOS), (["stickers"], Category.STICKERS))
_IOS_SUFFIXES: Final = {
    **dict.fromkeys(("jpg", "jpeg", "png", "heic", "thumb", "mmsthumb", "favicon"), Category.IMAGES),
    **dict.fromkeys(("mp4", "mov", "3gp", "m4v"), Category.VIDEO),
    "gif": Category.GIFS,
    "opus": Category.VOICE_NOTES,
    **dict.fromkeys(("mp3", "m4a", "aac", "amr", "ogg", "wav", "caf"), Category.AUDIO),
    "webp": Category.STICKERS,
}


def kind_of(paths: Iterable[bytes]) -> BackupKind:
    """Return what kind of backup a folder is that has these files and folders in it, down to `LOOK_DEPTH` names.

    More of them do no harm; it stops at the first that decides.
    """
    has_manifest = has_ios_file = False
    for path in paths:
        names = path.lower().split(b"/")
        has_manifest |= names == [_MANIFEST]
        has_ios_file |= names[0] in _IOS_ABOUT - {_MANIFEST} or _IOS_FILE.fullmatch(path.lower()) is not None
        if has_manifest and has_ios_file:
            return BackupKind.IOS
        if _is_android(names):
            return BackupKind.ANDROID
    return BackupKind.PLAIN


def category_of(path: bytes) -> Category:
    """Return the category of a file in an Android backup, or in a folder that has the names of one."""
    *folders, name = path.lower().split(b"/")
    above = b""
    found = Category.OTHER
    for folder in folders:
        if (media := _media_category(folder)) is not None:
            return media
        if above == b"media" and folder in _IN_MEDIA:
            return _IN_MEDIA[folder]
        if above in _APP_FOLDERS or not above:
            found = _PARTS.get(folder, found)
        above = folder
    if found is Category.OTHER and _DATABASE.fullmatch(name):
        return Category.DATABASES
    return found


def ios_category_of(domain: str, path: str) -> Category:
    """Return the category of a file by what the manifest of an iOS backup says of it."""
    if _IOS_APP not in domain:
        return Category.OTHER
    *folders, name = path.lower().split("/")
    if _IOS_DATABASE.fullmatch(name):
        return Category.DATABASES
    if "wallpaper" in name:
        return Category.WALLPAPER
    for marks, category in _IOS_FOLDERS:
        if folders[: len(marks)] == marks:
            return category
    if folders[:2] != ["message", "media"]:
        return Category.OTHER
    # What people send each other as a document keeps its suffix, whatever that is.
    return _IOS_SUFFIXES.get(name.rpartition(".")[2], Category.DOCUMENTS)


def ios_categories(rows: Iterable[tuple[str, str, str]]) -> Iterator[tuple[bytes, Category]]:
    """Return the path of each file of an iOS backup with its category; a row has fileID, domain and relativePath.

    Rows that name no file of a backup are passed over.
    """
    for file_id, domain, path in rows:
        if _FILE_ID.fullmatch(file_id):
            yield f"{file_id[:2]}/{file_id}".encode(), ios_category_of(domain, path)


def ios_fixed_category(path: bytes) -> Category:
    """Return the category of a file of an iOS backup that its manifest does not name."""
    return Category.DATABASES if path.lower() in _IOS_ABOUT else Category.OTHER


def _is_android(names: list[bytes]) -> bool:
    """Tell whether a path stands in an Android backup, or is the folder that proves one."""
    if _DATABASE.fullmatch(names[-1]) and (len(names) == 1 or names[-2] == b"databases"):
        return True
    if any(above in _APP_FOLDERS and name in _PARTS for above, name in pairwise(names)):
        return True
    return any(_media_category(name) is not None for name in names)


def _media_category(folder: bytes) -> Category | None:
    """Return the category of a folder such as `WhatsApp Images`, whose name alone tells it."""
    media = _MEDIA_FOLDER.fullmatch(folder)
    return None if media is None else _MEDIA.get(media[1])
