"""Doctor findings: what can be said of backups, as values; one table has the level, meaning and remedy of each kind."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple


class Level(StrEnum):
    """How bad a finding is, from the best to the worst."""

    OK = "ok"
    NOTE = "note"
    """Good to know."""
    WARNING = "warning"
    """Nothing is lost that is known of, but somebody should look."""
    PROBLEM = "problem"
    """Something is damaged or not there."""


class Kind(StrEnum):
    """Kinds of findings; the values are words for scripts and stay as they are."""

    DATABASE_WHOLE = "database-whole"
    DATABASE_DAMAGED = "database-damaged"
    DATABASE_UNREADABLE = "database-unreadable"
    DATABASE_COSTLY = "database-costly"
    DATABASE_UNKNOWN = "database-unknown"
    DATABASE_ABSENT = "database-absent"
    MEDIA_COMPLETE = "media-complete"
    MEDIA_MISSING = "media-missing"
    MEDIA_ELSEWHERE = "media-elsewhere"
    MEDIA_EMPTY = "media-empty"
    MEDIA_WITHOUT_FILE = "media-without-file"
    MEDIA_UNKNOWN = "media-unknown"
    MEDIA_UNNAMED = "media-unnamed"
    CRYPT_OPENS = "crypt-opens"
    CRYPT_NO_KEY = "crypt-no-key"
    CRYPT_DAMAGED = "crypt-damaged"
    CRYPT_UNKNOWN = "crypt-unknown"
    MANIFEST_COMPLETE = "manifest-complete"
    MANIFEST_MISSING_FILES = "manifest-missing-files"
    MANIFEST_WRONG_SIZES = "manifest-wrong-sizes"
    MANIFEST_OTHER_APPS = "manifest-other-apps"
    MANIFEST_DAMAGED = "manifest-damaged"
    MANIFEST_UNREADABLE = "manifest-unreadable"
    MANIFEST_ENCRYPTED = "manifest-encrypted"
    DUPLICATES = "duplicates"
    UNREADABLE = "unreadable"
    NOTHING_FOUND = "nothing-found"


class Facts(NamedTuple):
    """What is the same for all findings of a kind: how bad it is, what it means, what to do next (if anything)."""

    level: Level
    meaning: str = ""
    remedy: str = ""


_O, _N, _W, _P = Level.OK, Level.NOTE, Level.WARNING, Level.PROBLEM

_OTHER_COPY: Final = "bring this file from another backup, or from the phone; wafs check tells if the vault is damaged"
_VAULT: Final = "run wafs check: it tells what of the vault is damaged"

FACTS: Final[dict[Kind, Facts]] = {
    Kind.DATABASE_WHOLE: Facts(_O),
    Kind.DATABASE_DAMAGED: Facts(_P, "messages in it may be lost; what can be read of it was counted", _OTHER_COPY),
    Kind.DATABASE_UNREADABLE: Facts(_P, "the vault does not give all of this file", _VAULT),
    Kind.DATABASE_COSTLY: Facts(
        _W, "it was not read to its end: it is damaged, or made to keep its reader busy", _OTHER_COPY
    ),
    Kind.DATABASE_UNKNOWN: Facts(
        _W, "WhatsApp may have changed how it keeps messages; the file may well be whole", "look for a newer wafs"
    ),
    Kind.DATABASE_ABSENT: Facts(
        _W, "without its messages nobody knows who sent which file, or if one is missing", "add the message database"
    ),
    Kind.MEDIA_COMPLETE: Facts(_O),
    Kind.MEDIA_MISSING: Facts(
        _P,
        "messages name these files, and no backup in the vault has them; what was deleted on the phone looks the same",
        "look for them on the phone or in an older backup, and put them into the folder that is named",
    ),
    Kind.MEDIA_ELSEWHERE: Facts(_N, "they are in another backup in this vault, at the same place in it"),
    Kind.MEDIA_EMPTY: Facts(
        _P, "the message says that there is something in it: it was cut off while it was copied", _OTHER_COPY
    ),
    Kind.MEDIA_WITHOUT_FILE: Facts(_N, "they were never downloaded, or were deleted on the phone"),
    Kind.MEDIA_UNKNOWN: Facts(_N, "this kind of database does not say where media are"),
    Kind.MEDIA_UNNAMED: Facts(
        _N, "their messages were deleted, or are in another database; nothing is wrong with the files"
    ),
    Kind.CRYPT_OPENS: Facts(_O),
    Kind.CRYPT_NO_KEY: Facts(
        _W,
        "nobody can read it without the key of its time",
        "while the phone has it, note the 64-digit key or copy the key file; wafs whatsapp key add keeps it",
    ),
    Kind.CRYPT_DAMAGED: Facts(
        _P,
        "it cannot be decrypted as it is",
        "copy it from the phone or the cloud again, or use the one of another day",
    ),
    Kind.CRYPT_UNKNOWN: Facts(
        _W,
        "its name says encrypted backup, its contents do not",
        "copy it from the phone again, or look for a newer wafs",
    ),
    Kind.MANIFEST_COMPLETE: Facts(_O),
    Kind.MANIFEST_MISSING_FILES: Facts(
        _P, "the backup is not complete", "copy the backup folder from the computer that made it again"
    ),
    Kind.MANIFEST_WRONG_SIZES: Facts(
        _P, "these files were cut off or changed", "copy the backup folder from the computer that made it again"
    ),
    Kind.MANIFEST_OTHER_APPS: Facts(_N, "they belong to other apps; that is well if only WhatsApp was to be kept"),
    Kind.MANIFEST_DAMAGED: Facts(
        _P, "which files belong to this backup cannot be told", "copy Manifest.db from the computer again"
    ),
    Kind.MANIFEST_UNREADABLE: Facts(_P, "the vault does not give all of this file", _VAULT),
    Kind.MANIFEST_ENCRYPTED: Facts(
        _W,
        "Finder or iTunes encrypted it with a password of its own, which only their restore or a tool for such backups"
        " can use",
        "keep that password; or make a backup without encryption, which the vault encrypts",
    ),
    Kind.DUPLICATES: Facts(_N, "media that were forwarded, or kept twice, take their space each time"),
    Kind.UNREADABLE: Facts(_P, "the vault does not give it", _VAULT),
    Kind.NOTHING_FOUND: Facts(
        _P, "there is neither a message database nor a folder of media", "give the folder that holds the backup as PATH"
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    `message` is a sentence in which no name of the vault stands, `path` what it is about. `count` things were found,
    which have `size` bytes; `first` are the first of their names. `details` says more, such as the words of SQLite.
    """

    kind: Kind
    message: str
    path: bytes
    count: int | None = None
    size: int | None = None
    first: tuple[bytes, ...] = ()
    details: tuple[str, ...] = field(default=())

    @property
    def level(self) -> Level:
        """Return how bad it is."""
        return FACTS[self.kind].level

    @property
    def meaning(self) -> str:
        """Return what it means; nothing where the message says it."""
        return FACTS[self.kind].meaning

    @property
    def remedy(self) -> str:
        """Return what to do next; nothing where nothing is to be done."""
        return FACTS[self.kind].remedy


def sentence(text: str) -> str:
    """Return words of SQLite or of the system without what ends a sentence."""
    return text.strip().rstrip(".")


def count_of(count: int, one: str, many: str) -> str:
    """Return a number with its noun: `1 file`, `1,200 files`."""
    return f"{count:,} {one if count == 1 else many}"
