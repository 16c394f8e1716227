"""Database exam: opens one message database of a vault, asks whether it is whole, and reads what it tells."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from wafs.errors import WafsError
from wafs.fs.vfs import Vfs
from wafs.whatsapp.android_messages import android_reader
from wafs.whatsapp.contacts import NO_NAMES, Names, contact_names
from wafs.whatsapp.database import PROBLEMS_MOST, Database
from wafs.whatsapp.doctor_findings import Finding, Kind, sentence
from wafs.whatsapp.doctor_report import DatabaseReport, LackingWords
from wafs.whatsapp.doctor_watch import Share, Watch
from wafs.whatsapp.errors import DatabaseCostError, DatabaseError
from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.ios_messages import ios_reader
from wafs.whatsapp.layout import BackupKind
from wafs.whatsapp.media_matching import Lacking, MediaFinder, match
from wafs.whatsapp.messages import MessageCounts, MessageReader
from wafs.whatsapp.plain_source import PlainSource
from wafs.whatsapp.sqlite_vfs import JOURNAL, MAIN, WAL

READINGS: Final = 3
"""How often a database is read at most: for its structure, its messages and its media."""

_CHATS_NAMED: Final = 100
_TABLES_NAMED: Final = 8
_READERS: Final = {BackupKind.ANDROID: android_reader, BackupKind.IOS: ios_reader}

Files = Mapping[str, VaultFile]
"""The files of a database by their names in `sqlite_vfs`."""


@contextlib.contextmanager
def opened_database(vfs: Vfs, files: Files, watch: Watch, share: Share) -> Iterator[Database]:
    """Open a database of a vault; what is read of it counts as progress.

    Raises: as `Database` and `PlainSource`.
    """
    with contextlib.ExitStack() as stack:
        sources = {name: stack.enter_context(PlainSource(vfs, file.path)) for name, file in files.items()}
        told = 0

        def check() -> None:
            nonlocal told
            watch.check()
            read = sum(source.bytes_read for source in sources.values())
            share.advanced(read - told)
            told = read

        yield stack.enter_context(Database(sources, check))


def files_of(file: VaultFile, find: Callable[[bytes], VaultFile | None]) -> dict[str, VaultFile]:
    """Return the files of a database; `find` gives the one with a suffix behind its name."""
    files = {MAIN: file}
    for name, suffix in ((WAL, b"-wal"), (JOURNAL, b"-journal")):
        beside = find(suffix)
        if beside is not None and beside.size:
            files[name] = beside
    return files


def work_of(files: Files) -> int:
    """Return how many bytes are read at most."""
    return READINGS * sum(file.size for file in files.values())


class DatabaseExam:
    """Examines one message database; what is found goes to `report` and `findings`, step by step.

    `contacts` are the files of the database with the names of people, if there is one.
    Thread: that of the command.
    """

    def __init__(self, vfs: Vfs, files: Files, kind: BackupKind, watch: Watch, contacts: Files | None = None) -> None:
        self._vfs = vfs
        self._contacts = contacts
        self._files = files
        self._kind = kind
        self._watch = watch
        self.report = DatabaseReport(files[MAIN], has_wal=WAL in files)
        self.findings: list[Finding] = []

    def run(self, finder: MediaFinder, is_elsewhere: Callable[[bytes], bool], inventory: Sequence[VaultFile]) -> None:
        """Examine it: media are looked for with `finder`; what it does not find may be in another backup.

        Raises: what `watch` raises; everything else becomes a finding.
        """
        share = Share(self._watch, work_of(self._files))
        with self._troubles(), opened_database(self._vfs, self._files, self._watch, share) as db:
            with self._troubles():
                self._structure(db)
            with self._troubles():
                reader = _READERS[self._kind](db)
                if reader is None:
                    self._unknown(db)
                else:
                    self.report.schema = reader.schema
                    self.report.names_media = reader.names_media
                    self.report.counts = MessageCounts()
                    reader.count(self.report.counts)
                    matched = match(reader.media(), finder, is_elsewhere, inventory, self._watch.check)
                    self.report.matched = matched
                    self.report.missing = self._named(matched.missing, reader)
        share.finish()

    def _named(self, lacking: Lacking, reader: MessageReader) -> LackingWords:
        names = self._names() if lacking.chats else NO_NAMES
        most = lacking.chats.most_common(_CHATS_NAMED)
        return LackingWords(lacking, [(reader.chat_name(chat, names), count) for chat, count in most])

    def _names(self) -> Names:
        """Return the names of contacts; without them people are shown by number, which is no finding."""
        if self._contacts is None:
            return NO_NAMES
        share = Share(self._watch, 0)
        try:
            with opened_database(self._vfs, self._contacts, self._watch, share) as db:
                return contact_names(db)
        except (WafsError, OSError):
            return NO_NAMES

    def _structure(self, db: Database) -> None:
        problems = db.problems()
        self.report.whole = not problems
        if problems:
            most = "at least " if len(problems) >= PROBLEMS_MOST else ""
            count = f"{most}{len(problems)} {'fault' if len(problems) == 1 else 'faults'}"
            message = f"database is damaged: SQLite finds {count} in it"
            self._add(Kind.DATABASE_DAMAGED, message, count=len(problems), details=tuple(problems))

    def _unknown(self, db: Database) -> None:
        names = db.tables[:_TABLES_NAMED]
        more = f" and {len(db.tables) - len(names)} more" if len(db.tables) > len(names) else ""
        tables = ", ".join(names) + more if names else "none"
        self._add(
            Kind.DATABASE_UNKNOWN, "this is no message database that is known", details=(f"its tables: {tables}",)
        )

    def _add(self, kind: Kind, message: str, *, count: int | None = None, details: tuple[str, ...] = ()) -> None:
        found = Finding(kind, message, self.report.file.path, count=count, details=details)
        if found not in self.findings:
            self.findings.append(found)

    @contextlib.contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except DatabaseCostError as error:
            self._add(Kind.DATABASE_COSTLY, f"database was given up: {error}")
        except DatabaseError as error:
            self.report.whole = False
            # What follows from faults that were told of is told with them.
            if not any(found.kind is Kind.DATABASE_DAMAGED for found in self.findings):
                self._add(Kind.DATABASE_DAMAGED, f"database is damaged: {sentence(str(error))}")
        except (WafsError, OSError) as error:
            self.report.whole = False
            self._add(Kind.DATABASE_UNREADABLE, f"the database cannot be read: {sentence(str(error))}")
