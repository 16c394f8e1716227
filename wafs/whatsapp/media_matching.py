"""Media matching: which files of a vault the messages of a database name, and which of those are not there."""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from wafs.whatsapp.database import Value
from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.layout import BackupKind, Category, category_of
from wafs.whatsapp.messages import MediaRef
from wafs.whatsapp.months import Month
from wafs.whatsapp.places import IOS_DOMAINS, Place, ios_file_id, ios_place_of

FIRST_MOST: Final = 20
"""Names that are kept of what is missing; the rest is counted."""

_DISTINCT_MOST: Final = 2_000_000
_CHATS_MOST: Final = 10_000
_CHECKED_EVERY: Final = 4096
_MEDIA: Final = re.compile(rb"(?:.*/)?(Media/.+)", re.IGNORECASE | re.DOTALL)


class MediaFinder(Protocol):
    """Finds the file of a medium."""

    def find(self, path: bytes) -> int | None:
        """Return the number of the file that a database names, None if it is not there."""


class FolderFinder:
    """Finds media by their path below a folder, as Android has them."""

    def __init__(self, files: dict[bytes, int], above: bytes = b"") -> None:
        self._files = files
        self._above = above
        self._folded: dict[str, int] | None = None

    def find(self, path: bytes) -> int | None:
        """Return the number of the file that a database names, None if it is not there.

        Neither letter case nor the Unicode form counts, which a copy through another system may have changed.
        """
        match = _MEDIA.fullmatch(path)
        path = self._above + (path.lstrip(b"/") if match is None else match[1])
        number = self._files.get(path)
        if number is not None:
            return number
        if self._folded is None:
            self._folded = {_fold(each): number for each, number in self._files.items()}
        return self._folded.get(_fold(path))


class IosFinder:
    """Finds media by the names that an iOS backup gives them."""

    def __init__(self, files: dict[bytes, int], domain: str) -> None:
        self._files = files
        self._domain = domain

    def find(self, path: bytes) -> int | None:
        """Return the number of the file that a database names, None if it is not there."""
        file_id = ios_file_id(self._domain, b"Message/" + path.lstrip(b"/"))
        return self._files.get(ios_place_of(file_id))


def finder_of(place: Place) -> MediaFinder:
    """Return what finds the media of a backup."""
    if place.kind is not BackupKind.IOS:
        return FolderFinder(place.files)
    if place.domain is not None:
        return IosFinder(place.files, place.domain)
    return FolderFinder(place.files, b"Message/")


class Elsewhere:
    """Tells whether any backup of a kind has a medium. The paths of all of them are put together when first asked."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._finders: dict[BackupKind, list[MediaFinder]] = {}

    def has(self, kind: BackupKind, path: bytes) -> bool:
        """Tell whether some backup has the medium that a database names."""
        if kind not in self._finders:
            self._finders[kind] = self._ios() if kind is BackupKind.IOS else self._android()
        return any(finder.find(path) is not None for finder in self._finders[kind])

    def _android(self) -> list[MediaFinder]:
        return [FolderFinder(self._together(place for place in self._places if place.kind is BackupKind.ANDROID))]

    def _ios(self) -> list[MediaFinder]:
        places = [place for place in self._places if place.kind is BackupKind.IOS]
        backups = self._together(place for place in places if place.domain is not None)
        taken_out = self._together(place for place in places if place.domain is None)
        finders: list[MediaFinder] = [IosFinder(backups, domain) for domain in IOS_DOMAINS.values()]
        return [*finders, FolderFinder(taken_out, b"Message/")]

    @staticmethod
    def _together(places: Iterable[Place]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for place in places:
            found |= place.files
        return found


class Lacking:
    """Media that are named and not there: counted, and the first of them by name. Each path counts once."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self.chats: Counter[Value] = Counter()
        self.months: Counter[Month | None] = Counter()
        self.first: list[MediaRef] = []
        self._seen: set[bytes] = set()

    def add(self, ref: MediaRef, path: bytes) -> None:
        """Count one, unless it was counted."""
        key = hashlib.blake2b(path, digest_size=12).digest()
        if key in self._seen:
            return
        if len(self._seen) < _DISTINCT_MOST:
            self._seen.add(key)
        self.count += 1
        self.size += max(0, ref.size or 0)
        if ref.chat in self.chats or len(self.chats) < _CHATS_MOST:
            self.chats[ref.chat] += 1
        self.months[ref.month] += 1
        if len(self.first) < FIRST_MOST:
            self.first.append(ref)


@dataclass(slots=True)
class Matched:
    """What came of matching the media of one database.

    `media` counts all of them, `without_file` those whose file the phone never had or had deleted. `named` are the
    numbers of the files that messages name, with the month of the first that does.
    """

    media: int = 0
    without_file: int = 0
    named: dict[int, Month | None] = field(default_factory=dict)
    missing: Lacking = field(default_factory=Lacking)
    elsewhere: Lacking = field(default_factory=Lacking)
    empty: Lacking = field(default_factory=Lacking)


def match(
    media: Iterable[MediaRef],
    finder: MediaFinder,
    is_elsewhere: Callable[[bytes], bool],
    inventory: Sequence[VaultFile],
    check: Callable[[], None],
) -> Matched:
    """Look for each medium in its own backup, and ask for what is not there if another one has it.

    Raises: what `media` and `check` raise.
    """
    found = Matched()
    for ref in media:
        found.media += 1
        if found.media % _CHECKED_EVERY == 0:
            check()
        if ref.path is None:
            found.without_file += 1
            continue
        number = finder.find(ref.path)
        if number is None and category_of(ref.path) is Category.STATUSES:
            # What is shown for a day is gone from every phone.
            found.without_file += 1
            continue
        if number is None:
            (found.elsewhere if is_elsewhere(ref.path) else found.missing).add(ref, ref.path)
            continue
        found.named.setdefault(number, ref.month)
        if not inventory[number].size and (ref.size or 0) > 0:
            found.empty.add(ref, ref.path)
    return found


def _fold(path: bytes) -> str:
    return unicodedata.normalize("NFC", os.fsdecode(path)).casefold()
