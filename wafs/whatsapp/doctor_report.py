"""Doctor report: what an examination found out about the backups in a vault."""

from collections import Counter
from dataclasses import dataclass, field

from wafs.whatsapp.crypt_files import CryptFacts
from wafs.whatsapp.doctor_findings import Finding, Level
from wafs.whatsapp.duplicates import Duplicates
from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.layout import BackupKind
from wafs.whatsapp.manifest import ManifestFacts
from wafs.whatsapp.media_matching import Lacking, Matched
from wafs.whatsapp.messages import MessageCounts
from wafs.whatsapp.months import Month
from wafs.whatsapp.places import App


@dataclass(slots=True)
class LackingWords:
    """Media that are not there, with the names of their chats: the chats with most of them come first."""

    lacking: Lacking
    chats: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class DatabaseReport:
    """One message database.

    `whole` is None if that could not be told. `names_media`: it says where media are. `counts` and `matched` are None
    if they could not be read.
    """

    file: VaultFile
    has_wal: bool = False
    whole: bool | None = None
    schema: str | None = None
    names_media: bool = False
    counts: MessageCounts | None = None
    matched: Matched | None = None
    missing: LackingWords | None = None


@dataclass(slots=True)
class CryptReport:
    """One encrypted backup; `facts` is None if it could not be read."""

    file: VaultFile
    facts: CryptFacts | None = None


@dataclass(slots=True)
class BackupReport:
    """One backup. Media are those that people sent each other; a file with several names counts once.

    `unnamed` are media that no message in the vault names: how many, and their bytes; None if no database says so.
    """

    kind: BackupKind
    app: App
    folder: bytes
    databases: list[DatabaseReport] = field(default_factory=list)
    crypts: list[CryptReport] = field(default_factory=list)
    manifest: ManifestFacts | None = None
    media_files: int = 0
    media_bytes: int = 0
    media_by_month: Counter[Month] = field(default_factory=Counter)
    unnamed: tuple[int, int] | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def main(self) -> DatabaseReport | None:
        """Return the database with the newest message; None if none could be read."""
        read = [database for database in self.databases if database.counts is not None]
        return max(read, key=_newest, default=None)


@dataclass(slots=True)
class Report:
    """All that was found; `findings` are those that belong to no backup. `complete` is false until it is done."""

    files: int = 0
    size: int = 0
    backups: list[BackupReport] = field(default_factory=list)
    duplicates: Duplicates | None = None
    findings: list[Finding] = field(default_factory=list)
    complete: bool = False

    @property
    def all_findings(self) -> list[Finding]:
        """Return the findings of all backups, and those that belong to none."""
        return [*(finding for backup in self.backups for finding in backup.findings), *self.findings]

    @property
    def worst(self) -> Level:
        """Return the level of the worst finding."""
        order = list(Level)
        return max((finding.level for finding in self.all_findings), key=order.index, default=Level.OK)


def _newest(database: DatabaseReport) -> tuple[float, int, int]:
    counts = database.counts or MessageCounts()
    return counts.newest_s or 0, counts.messages, -len(database.file.path)
