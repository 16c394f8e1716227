"""Manifest: the list in an iOS backup of all that is in it, compared with what is there."""

import plistlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from wafs.units import KIB
from wafs.whatsapp.database import Database, as_bytes
from wafs.whatsapp.errors import DatabaseError
from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.media_matching import FIRST_MOST
from wafs.whatsapp.places import IOS_DOMAINS, ios_place_of

_FLAG_FILE: Final = 1
_ABOUT_MOST: Final = 64 * KIB
_MEDIA: Final = b"Message/Media/"
_PREVIEWS: Final = (b".thumb", b".mmsthumb", b".favicon")
_OURS: Final = frozenset(domain.encode() for domain in IOS_DOMAINS.values())
_MEDIA_MOST: Final = 2_000_000


class Listed(NamedTuple):
    """A file that a manifest names; `size` in bytes, None if it does not say."""

    file_id: bytes
    domain: bytes
    path: bytes
    size: int | None


@dataclass(slots=True)
class Differing:
    """Files about which the manifest and the vault differ."""

    count: int = 0
    size: int = 0
    first: list[bytes] = field(default_factory=list)

    def add(self, listed: Listed) -> None:
        """Count one."""
        self.count += 1
        self.size += listed.size or 0
        if len(self.first) < FIRST_MOST:
            self.first.append(listed.domain + b"-" + listed.path)


@dataclass(slots=True)
class ManifestFacts:
    """What came of comparing; files of other apps count apart. `media` are files by domain that may be named."""

    files: int = 0
    app_files: int = 0
    missing: Differing = field(default_factory=Differing)
    missing_of_others: Differing = field(default_factory=Differing)
    wrong_size: Differing = field(default_factory=Differing)
    media: dict[bytes, list[int]] = field(default_factory=dict)


def compare(db: Database, files: dict[bytes, int], inventory: Sequence[VaultFile]) -> ManifestFacts:
    """Compare what a manifest lists with the files of its backup.

    Raises: DatabaseError, also if it is no manifest; as `Database`.
    """
    facts = ManifestFacts()
    for listed in _listed(db):
        is_ours = listed.domain in _OURS
        facts.files += 1
        facts.app_files += is_ours
        number = files.get(ios_place_of(listed.file_id))
        if number is None:
            (facts.missing if is_ours else facts.missing_of_others).add(listed)
            continue
        if listed.size is not None and listed.size != inventory[number].size:
            facts.wrong_size.add(listed)
        if is_ours and listed.path.startswith(_MEDIA) and not listed.path.lower().endswith(_PREVIEWS):
            media = facts.media.setdefault(listed.domain, [])
            if len(media) < _MEDIA_MOST:
                media.append(number)
    return facts


def _listed(db: Database) -> Iterator[Listed]:
    columns = db.columns("Files")
    if not columns >= {"fileid", "domain", "relativepath", "flags"}:
        msg = "it has no list of files"
        raise DatabaseError(msg)
    about = f"CASE WHEN length(file) <= {_ABOUT_MOST} THEN file END" if "file" in columns else "NULL"
    names = ", ".join(as_bytes(column) for column in ("fileID", "domain", "relativePath"))
    for file_id, domain, path, blob in db.rows(f"SELECT {names}, {about} FROM Files WHERE flags = {_FLAG_FILE}"):
        size = _size_in(blob) if isinstance(blob, bytes) else None
        yield Listed(db.text(file_id) or b"", db.text(domain) or b"", db.text(path) or b"", size)


def _size_in(blob: bytes) -> int | None:
    """Return the size that the archived attributes of a file give it; None if they do not say."""
    try:
        archive = plistlib.loads(blob, fmt=plistlib.FMT_BINARY)
        attributes = archive["$objects"][archive["$top"]["root"].data]
        size = attributes["Size"]
    except Exception:  # noqa: BLE001  a blob that is none of Apple's makes plistlib and the look-up fail in any way
        return None
    return size if isinstance(size, int) and not isinstance(size, bool) else None
