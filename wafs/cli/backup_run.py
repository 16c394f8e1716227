"""Backup run: opens the vault, finds or makes the place for a backup, and has it made there."""

import contextlib
import os
import stat
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from wafs.cli.backup import Backup, Means
from wafs.cli.backup_source import KIND_WORDS, BackupSource
from wafs.cli.comparison import Comparison
from wafs.cli.failures import Failures
from wafs.cli.intake import Intake
from wafs.cli.local_walk import local_walk
from wafs.cli.moved_files import MovedFiles
from wafs.cli.opening import Session, opened
from wafs.cli.outcomes import Outcomes
from wafs.cli.parameters import VaultPath
from wafs.cli.progress import Progress
from wafs.cli.screen import tell
from wafs.cli.selection import Selection
from wafs.cli.snapshot_marks import Mark
from wafs.cli.snapshot_store import SnapshotStore
from wafs.cli.tally import Outcome
from wafs.cli.unlock_options import SecretSource
from wafs.cli.vault_places import make_folders, refuse_source_in
from wafs.errors import NotADirError, NotFoundError
from wafs.fs.attrs import Caller, Entry
from wafs.fs.walk import found
from wafs.units import Ino
from wafs.whatsapp.layout import BackupKind

_OUTCOMES: Final = (Outcome.NEW, Outcome.CHANGED, Outcome.UNCHANGED, Outcome.SKIPPED, Outcome.FAILED)


class Request(NamedTuple):
    """What is asked for."""

    src: str
    target: VaultPath
    selection: Selection
    snapshot: bool = False
    name: str | None = None
    checksum: bool = False
    dry_run: bool = False


class BackupResult(NamedTuple):
    """What came of it. `snapshot` is the name of the one that was made, or would have been."""

    kind: BackupKind
    path: bytes
    snapshot: bytes | None
    outcomes: Outcomes


def run_backup(request: Request, secret: SecretSource, failures: Failures) -> BackupResult:
    """Make a backup; what fails for one file goes to the failures.

    Raises: UsageError, WafsError, OSError, KeyboardInterrupt.
    """
    refuse_source_in(request.target.vault, request.src)
    source = BackupSource(request.src)
    with opened(request.target.vault, secret, read_only=request.dry_run) as session, Progress("backup") as progress:
        tell("", f"{request.src} is {KIND_WORDS[source.kind]}")
        outcomes = Outcomes(source.path, source.category_of, failures, progress, _OUTCOMES)
        if progress.watched:
            progress.expect(_total_size(session, source))
        name = _Run(session, request, source, outcomes, progress).run()
    progress.summarise()
    return BackupResult(source.kind, request.target.path, name, outcomes)


class _Run:
    """One run in an open vault."""

    def __init__(
        self, session: Session, request: Request, source: BackupSource, outcomes: Outcomes, progress: Progress
    ) -> None:
        self._session = session
        self._request = request
        self._source = source
        self._outcomes = outcomes
        self._progress = progress
        self._caller = Caller(os.geteuid(), os.getegid())

    def run(self) -> bytes | None:
        """Make the backup, and return the name of the snapshot if it is one."""
        if self._request.dry_run:
            return self._try()
        with self._folder() as (target, is_new):
            if self._request.snapshot:
                return self._snapshot(target.ino)
            self._copy(target, Means(None, self._comparison()), is_new=is_new)
        return None

    def _try(self) -> bytes | None:
        """Count what would be done."""
        try:
            with found(self._session.vfs, self._request.target.path, follow=True) as target:
                _must_be_folder(target, self._request.target.path)
                if not self._request.snapshot:
                    self._work(target, Means(None, self._comparison()), is_new=False)
                    return None
                store = SnapshotStore(self._session, target.ino)
                with self._means(store) as means:
                    self._work(None, means, is_new=False)
                return self._name(store)
        except NotFoundError:
            self._work(None, Means(None, self._comparison()), is_new=False)
        return None

    def _snapshot(self, number: Ino) -> bytes:
        store = SnapshotStore(self._session, number)
        name = self._name(store)
        left = [snapshot.name for snapshot in store.all() if not snapshot.is_complete]
        if left:
            tell("note", "an earlier snapshot was interrupted: what it has copied is used")
        with self._means(store) as means:
            partial, entry = store.begin(self._caller)
            try:
                self._copy(entry, means, is_new=False)
            except BaseException:
                tell("note", "the snapshot is not complete: the same command goes on from here")
                raise
            finally:
                self._session.vfs.tree.forget(entry.ino)
        made = datetime.now().astimezone().replace(tzinfo=None)
        mark = Mark(made, self._outcomes.tally.total(Outcome.FAILED))
        store.complete(partial, name, mark, os.stat(self._source.path))
        self._session.vfs.commits.settle()
        if left:
            store.remove(left, self._outcomes.fail)
        return name

    def _name(self, store: SnapshotStore) -> bytes:
        if self._request.name is None:
            return store.new_name(datetime.now().astimezone())
        name = os.fsencode(self._request.name)
        store.refuse(name)
        return name

    @contextlib.contextmanager
    def _means(self, store: SnapshotStore) -> Iterator[Means]:
        """Pin what may be linked from: the newest complete snapshot, and what was never completed."""
        tree = self._session.vfs.tree
        snapshots = store.all()
        newest = [snapshot for snapshot in snapshots if snapshot.is_complete][-1:]
        left = [snapshot for snapshot in snapshots if not snapshot.is_complete]
        pins = [tree.lookup(store.number, snapshot.name).ino for snapshot in (*newest, *left)]
        comparison = self._comparison()
        moved = [
            MovedFiles(
                self._session, comparison, os.path.join(self._request.target.path, snapshot.name), self._source.path
            )
            for snapshot in newest
        ]
        try:
            yield Means(None, comparison, pins, *moved)
        finally:
            for number in pins:
                tree.forget(number)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[tuple[Entry, bool]]:
        """Find the folder for the backup, or make it and those above it; tells whether it is new."""
        vfs = self._session.vfs
        path = self._request.target.path
        with contextlib.ExitStack() as stack:
            try:
                target, is_new = stack.enter_context(found(vfs, path, follow=True)), False
            except NotFoundError:
                make_folders(vfs, path)
                target, is_new = stack.enter_context(found(vfs, path, follow=True)), True
            _must_be_folder(target, path)
            yield target, is_new

    def _copy(self, target: Entry, means: Means, *, is_new: bool) -> None:
        with Intake(self._session, self._progress, self._outcomes.fail, verb="backup") as intake:
            self._work(target, means._replace(intake=intake), is_new=is_new)
            intake.finish()

    def _work(self, target: Entry | None, means: Means, *, is_new: bool) -> None:
        work = Backup(self._session, self._source, self._request.selection, means, self._outcomes)
        work.run(target, is_new=is_new)

    def _comparison(self) -> Comparison:
        return Comparison(self._session, by_content=self._request.checksum)


def _must_be_folder(entry: Entry, path: bytes) -> None:
    if not stat.S_ISDIR(entry.attrs.mode):
        msg = f"{os.fsdecode(path)}: not a folder"
        raise NotADirError(msg)


def _total_size(session: Session, source: BackupSource) -> int:
    total = 0
    for step in local_walk(source.path, lambda _path, _error: None):
        session.interrupts.check()
        if stat.S_ISREG(step.attrs.st_mode):
            total += step.attrs.st_size
    return total
