"""Findings: what can be wrong with a vault, as values; one table has the rule, weight and remedy of every kind."""

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final, NamedTuple

from wafs.format.directory import DirectoryRecord, Place


class Severity(Enum):
    """How bad a finding is."""

    DAMAGE = "damage"
    """Something cannot be read, or is not what was written."""
    TROUBLE = "trouble"
    """Everything can be read, but somebody should look."""
    NOTE = "note"
    """Good to know; no reason to worry, and no finding for the exit code."""


class Kind(Enum):
    """Kinds of findings; the values are words for scripts and stay as they are."""

    HEADER_MISSING = "header-missing"
    HEADER_DAMAGED = "header-damaged"
    HEADER_FORGED = "header-forged"
    HEADERS_DIFFER = "headers-differ"
    SLOT_UNKNOWN = "slot-unknown"
    JOURNAL_PENDING = "journal-pending"
    JOURNAL_DAMAGED = "journal-damaged"
    KEY_STORE_DAMAGED = "key-store-damaged"
    KEY_STORE_NEWER = "key-store-newer"
    STRAY = "stray"
    MISPLACED = "misplaced"
    NAME_DAMAGED = "name-damaged"
    LONG_NAME_LOST = "long-name-lost"
    LONG_NAME_DAMAGED = "long-name-damaged"
    LONG_NAME_LEFT = "long-name-left"
    LONG_NAME_FOREIGN = "long-name-foreign"
    FOREIGN = "foreign"
    CONFLICT_COPY = "conflict-copy"
    LEFTOVER = "leftover"
    FOLDER_RECORD_DAMAGED = "folder-record-damaged"
    FOLDER_RECORD_STALE = "folder-record-stale"
    FOLDER_ID_LOST = "folder-id-lost"
    FILE_CUT = "file-cut"
    FILE_NEWER = "file-newer"
    FILE_HEADER_DAMAGED = "file-header-damaged"
    STATE_DAMAGED = "state-damaged"
    LENGTH_WRONG = "length-wrong"
    CHUNK_DAMAGED = "chunk-damaged"
    HOLE_FORBIDDEN = "hole-forbidden"
    ROOT_WRONG = "root-wrong"
    UNSEALED = "unsealed"
    CHANGING = "changing"
    SYMLINK_DAMAGED = "symlink-damaged"
    XATTR_DAMAGED = "xattr-damaged"
    UNREADABLE = "unreadable"


class Facts(NamedTuple):
    """What is the same for all findings of a kind: the rule of docs/format.md (or invariant) and what to do next."""

    rule: str
    severity: Severity
    remedy: str


_D, _T, _N = Severity.DAMAGE, Severity.TROUBLE, Severity.NOTE

_BACKUP: Final = "restore this file from a backup; wafs salvage copies out what is left of it"
_REPAIR: Final = "wafs check --repair mends it"
_JOURNAL: Final = (
    "copy the vault's folder to be safe, then wafs check --repair moves the journal aside: what was written in the last"
    " seconds before the vault was left is lost with it, all else stays"
)
_ASIDE: Final = "wafs check --repair moves it aside; nothing is deleted"
_HEADER: Final = "wafs check --repair restores it from the good copy"
_NO_HEADER: Final = "bring an older wafs.vault back from a backup; it opens with the password of its time"

FACTS: Final[dict[Kind, Facts]] = {
    Kind.HEADER_MISSING: Facts("F-04", _T, _HEADER),
    Kind.HEADER_DAMAGED: Facts("F-11", _T, _HEADER),
    Kind.HEADER_FORGED: Facts("F-17", _T, _HEADER),
    Kind.HEADERS_DIFFER: Facts("F-04", _T, "wafs passwd sets a password and makes both the same"),
    Kind.SLOT_UNKNOWN: Facts("F-14", _N, "nothing; a newer wafs may use it"),
    Kind.JOURNAL_PENDING: Facts("I-2", _N, "nothing; the next mount finishes them, and so does wafs check --repair"),
    Kind.JOURNAL_DAMAGED: Facts("F-80", _D, _JOURNAL),
    Kind.KEY_STORE_DAMAGED: Facts(
        "F-93", _D, "bring wafs.keys back from a backup of the vault's folder; the files of the vault are not concerned"
    ),
    Kind.KEY_STORE_NEWER: Facts("F-91", _T, "install a newer wafs"),
    Kind.STRAY: Facts("section 2", _N, "if it is yours, put it into the vault with wafs put: here it is not encrypted"),
    Kind.MISPLACED: Facts("F-42", _D, "wafs check --repair moves it back; use a mounted vault to move what is in it"),
    Kind.NAME_DAMAGED: Facts(
        "F-42", _D, "give it the name back that it has in a backup of the vault's folder; wafs salvage copies it out"
    ),
    Kind.LONG_NAME_LOST: Facts(
        "F-41", _D, "bring back the file that ends in .name from a backup; wafs salvage copies the contents out"
    ),
    Kind.LONG_NAME_DAMAGED: Facts(
        "F-42", _D, "restore the file that ends in .name from a backup; wafs salvage copies the contents out"
    ),
    Kind.LONG_NAME_LEFT: Facts("F-43", _N, _ASIDE),
    Kind.LONG_NAME_FOREIGN: Facts("F-43", _T, _ASIDE),
    Kind.FOREIGN: Facts("F-43", _T, "find out who put it there; wafs never shows or changes it"),
    Kind.CONFLICT_COPY: Facts(
        "F-43", _T, "two devices changed it; wafs salvage copies out both, then remove the one you do not want"
    ),
    Kind.LEFTOVER: Facts("F-43", _N, _ASIDE),
    Kind.FOLDER_RECORD_DAMAGED: Facts("F-52", _D, "restore its wafs.dir from a backup of the vault's folder"),
    Kind.FOLDER_RECORD_STALE: Facts("F-53", _N, _REPAIR),
    Kind.FOLDER_ID_LOST: Facts("F-50", _D, "bring back its wafs.dir from a backup of the vault's folder"),
    Kind.FILE_CUT: Facts("F-20", _D, "restore this file from a backup"),
    Kind.FILE_NEWER: Facts("F-20", _T, "install a newer wafs"),
    Kind.FILE_HEADER_DAMAGED: Facts("F-21", _D, "restore this file from a backup"),
    Kind.STATE_DAMAGED: Facts("F-23", _D, _BACKUP),
    Kind.LENGTH_WRONG: Facts("F-24", _D, _BACKUP),
    Kind.CHUNK_DAMAGED: Facts("F-30", _D, _BACKUP),
    Kind.HOLE_FORBIDDEN: Facts("F-31", _D, _BACKUP),
    Kind.ROOT_WRONG: Facts("F-27", _D, _BACKUP),
    Kind.UNSEALED: Facts("F-25", _N, "nothing; the next change seals it, and so does wafs check --repair"),
    Kind.CHANGING: Facts("I-2", _N, "check again when nobody writes to it"),
    Kind.SYMLINK_DAMAGED: Facts("F-60", _D, "make this symlink again"),
    Kind.XATTR_DAMAGED: Facts("F-63", _D, "set this attribute again; the contents are not concerned"),
    Kind.UNREADABLE: Facts(
        "I-5", _D, "look at the disk and at who may read it; copy the vault's folder to a good disk, then check again"
    ),
}


class Span(NamedTuple):
    """Plain bytes from `start` to before `stop`."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class RestoreHeader:
    """Write a copy of the vault header anew from the good one, `data`."""

    name: str
    data: bytes
    good: str

    @property
    def words(self) -> str:
        """Return what is done, for people."""
        return f"write it anew, as {self.good} has it"


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Write the record of a folder anew; `keep`: the old one is moved aside first."""

    record: DirectoryRecord
    place: Place
    keep: bool

    @property
    def words(self) -> str:
        """Return what is done, for people."""
        return "write its record anew" if self.keep else "take the stale place out of its record"


@dataclass(frozen=True, slots=True)
class SealFile:
    """End the flight of a file, as its next writer would."""

    words: ClassVar[str] = "seal it as it is"


@dataclass(frozen=True, slots=True)
class SetAside:
    """Move an entry out of the way."""

    words: ClassVar[str] = "move it aside"


@dataclass(frozen=True, slots=True)
class PutBack:
    """Move an entry back to where its name opens; `target` is its path below the vault's folder."""

    target: bytes
    words: ClassVar[str] = "move it back to its place"


@dataclass(frozen=True, slots=True)
class FinishJournal:
    """Bring the changes in the journal into place, as the next writer would."""

    words: ClassVar[str] = "bring its changes into place"


Fix = RestoreHeader | WriteRecord | SealFile | SetAside | PutBack | FinishJournal
"""What `repair` does about a finding; none of them deletes anything or makes anything unreadable."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    `message` is a sentence without a name in it. `path` is the plaintext path from the top of the vault, None where
    there is none; `entry` the path of the ciphertext below the vault's folder. `span` are the plain bytes concerned of
    `size` in the file.
    """

    kind: Kind
    message: str
    path: bytes | None = None
    entry: bytes | None = None
    span: Span | None = None
    size: int | None = None
    fix: Fix | None = None

    @property
    def _is_last_header(self) -> bool:
        """Tell whether it is about a copy of the vault header, and no other copy opens."""
        return self.kind in _HEADER_KINDS and self.fix is None

    @property
    def rule(self) -> str:
        """Return the rule of docs/format.md, or the invariant, that is broken."""
        return FACTS[self.kind].rule

    @property
    def severity(self) -> Severity:
        """Return how bad it is."""
        if self._is_last_header:
            return Severity.DAMAGE
        return FACTS[self.kind].severity

    @property
    def remedy(self) -> str:
        """Return what a person can do next."""
        if self._is_last_header:
            return _NO_HEADER
        if self.kind in (Kind.FOLDER_RECORD_DAMAGED, Kind.FOLDER_ID_LOST) and self.fix is not None:
            return _REPAIR
        if self.kind is Kind.JOURNAL_DAMAGED and self.fix is None:
            return "keep a copy of the vault's folder, then restore it from a backup"
        return FACTS[self.kind].remedy

    @property
    def repairable(self) -> bool:
        """Tell whether `repair` does something about it."""
        return self.fix is not None


_HEADER_KINDS: Final = frozenset({Kind.HEADER_MISSING, Kind.HEADER_DAMAGED, Kind.HEADER_FORGED})
