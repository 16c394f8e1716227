"""Restore: brings a folder of the vault onto this machine, and leaves alone what is newer there."""

import contextlib
import os
import stat
from collections.abc import Sequence
from typing import Final, NamedTuple

from wafs.cli.copy_rules import is_temporary, kept_mode
from wafs.cli.database_files import LOGS, local_logs
from wafs.cli.opening import Session
from wafs.cli.outcomes import Outcomes
from wafs.cli.outlet import Outlet
from wafs.cli.screen import tell
from wafs.cli.selection import Selection
from wafs.cli.storage_clock import StorageClock
from wafs.cli.tally import Outcome
from wafs.errors import IsADirError, NotFoundError, WafsError
from wafs.fs.attrs import Entry
from wafs.fs.walk import Step, walk

_BROUGHT: Final = (Outcome.NEW, Outcome.CHANGED)


class _Judgement(NamedTuple):
    """What is to become of an entry; where it comes, the logs in `stale` must go: they are of another database."""

    outcome: Outcome
    stale: Sequence[bytes] = ()


class _Level:
    """A folder that the walk is in: where it goes, whether it is there, and whether that is this run's doing."""

    __slots__ = ("entry", "is_new", "is_opened", "is_there", "target")

    def __init__(self, entry: Entry, target: bytes) -> None:
        self.entry = entry
        self.target = target
        self.is_there = False
        self.is_new = False
        self.is_opened = False

    def open_up(self) -> None:
        """Let the folder take files: it may be read-only, as it was brought here by an earlier run."""
        mode = stat.S_IMODE(os.lstat(self.target).st_mode)
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            # Who may not do that is told by what follows.
            with contextlib.suppress(OSError):
                os.chmod(self.target, mode | stat.S_IRWXU)
                self.is_opened = True


class Restore:
    """One run. Without an outlet nothing is changed, and what would be is counted all the same.

    `force` has files replaced that are newer than those in the vault.
    Thread: that of the command.
    """

    def __init__(
        self, session: Session, selection: Selection, outlet: Outlet | None, outcomes: Outcomes, *, force: bool
    ) -> None:
        self._vfs, self._interrupts = session
        self._selection = selection
        self._outlet = outlet
        self._outcomes = outcomes
        self._force = force
        self._levels: list[_Level] = []
        self._clock = StorageClock(b"")
        # Databases that stay as they are here: so do their logs.
        self._kept: set[bytes] = set()
        # Where the first name of each file with several is, by the number of the file.
        self._first: dict[int, bytes] = {}

    def run(self, source: Entry, dest: bytes) -> None:
        """Bring all that is in a folder into the folder `dest`, which gets its attributes if it is new.

        Raises: KeyboardInterrupt, WafsError, OSError; what fails for one file goes to the outcomes.
        """
        self._levels = [_Level(source, dest)]
        self._clock = StorageClock(dest)
        if self._selection.is_everything:
            self._make_folders()
        for step in walk(self._vfs, source.ino, b"", self._outcomes.fail):
            self._interrupts.check()
            try:
                if step.leaving:
                    self._leave()
                else:
                    self._meet(step)
            except (WafsError, OSError) as error:
                step.prune = True
                self._outcomes.fail(step.path, error)
        self._leave()

    def _meet(self, step: Step) -> None:
        kind = stat.S_IFMT(step.entry.attrs.mode)
        target = os.path.join(self._levels[-1].target, step.name)
        if kind == stat.S_IFDIR:
            if self._selection.leaves_out(step.path):
                step.prune = True
                return
            self._levels.append(_Level(step.entry, target))
            try:
                if self._selection.is_everything:
                    self._make_folders()
            except BaseException:
                self._levels.pop()
                raise
        elif is_temporary(step.name):
            # Of a run that was killed: the next backup removes it.
            return
        elif kind not in (stat.S_IFREG, stat.S_IFLNK):
            tell("note", f"left out, neither a file, a folder nor a symlink: {os.fsdecode(step.path)}")
        elif not self._selection.wants(step.path, self._outcomes.category_of(step.path)):
            self._outcomes.note(step.path, Outcome.SKIPPED, step.entry.attrs.size)
        else:
            outcome = self._judge(step, target).outcome
            if outcome in _BROUGHT:
                outcome = self._bring(step, target, outcome)
            elif outcome is Outcome.UNCHANGED and self._outlet is not None and kind == stat.S_IFREG:
                self._first.setdefault(step.entry.attrs.ino, target)
                _put_mode_right(step.entry, target)
            self._outcomes.note(step.path, outcome, step.entry.attrs.size if kind == stat.S_IFREG else 0)

    def _judge(self, step: Step, target: bytes) -> _Judgement:
        """Tell what is to become of an entry: a database and its logs are one, of which all comes or all stays."""
        outcome = self._verdict(step.entry, target)
        if not stat.S_ISREG(step.entry.attrs.mode):
            return _Judgement(outcome)
        if outcome in _BROUGHT and any(target.endswith(log) and target.removesuffix(log) in self._kept for log in LOGS):
            return _Judgement(Outcome.NEWER)
        stale = []
        if outcome in _BROUGHT:
            for suffix, changed_ns in local_logs(target):
                found = self._log_verdict(step, suffix, target)
                if found is None:
                    stale.append(target + suffix)
                is_newer = not self._force and changed_ns > step.entry.attrs.mtime_ns
                if found is Outcome.NEWER or (found is None and is_newer):
                    outcome = Outcome.NEWER
        if outcome is Outcome.NEWER:
            self._kept.add(target)
        return _Judgement(outcome, stale)

    def _log_verdict(self, step: Step, suffix: bytes, target: bytes) -> Outcome | None:
        """Tell the same of a log that is on this machine; None if the vault has none of that name."""
        try:
            entry = self._vfs.tree.lookup(step.parent, step.name + suffix)
        except NotFoundError:
            return None
        try:
            return self._verdict(entry, target + suffix)
        finally:
            self._vfs.tree.forget(entry.ino)

    def _verdict(self, entry: Entry, target: bytes) -> Outcome:
        """Tell what is to become of an entry, by what is at its place on this machine."""
        try:
            there = os.lstat(target)
        except (FileNotFoundError, NotADirectoryError):
            return Outcome.NEW
        if stat.S_ISDIR(there.st_mode):
            msg = f"a file cannot replace the folder {os.fsdecode(target)}"
            raise IsADirError(msg)
        attrs = entry.attrs
        if stat.S_IFMT(attrs.mode) == stat.S_IFMT(there.st_mode):
            if stat.S_ISLNK(attrs.mode):
                is_same = self._vfs.tree.readlink(entry.ino) == os.readlink(target)
            else:
                is_same = attrs.size == there.st_size
            if is_same and self._clock.is_same(there.st_mtime_ns, attrs.mtime_ns):
                return Outcome.UNCHANGED
        return Outcome.NEWER if there.st_mtime_ns > attrs.mtime_ns and not self._force else Outcome.CHANGED

    def _bring(self, step: Step, target: bytes, outcome: Outcome) -> Outcome:
        """Bring a file or a symlink, and tell what became of it: what is newer by the time it is complete stays."""
        outlet = self._outlet
        if outlet is None:
            return outcome
        self._make_folders()
        self._levels[-1].open_up()
        attrs = step.entry.attrs
        if stat.S_ISLNK(attrs.mode):
            outlet.symlink(step.entry, target)
            return outcome
        first = self._first.get(attrs.ino) if attrs.nlink > 1 else None
        if first is not None and not local_logs(target):
            with contextlib.suppress(OSError):
                outlet.link(first, target)
                return outcome
        if not outlet.file(step.name, step.entry, target, lambda: self._makes_room(step, target)):
            return self._judge(step, target).outcome
        if attrs.nlink > 1:
            self._first[attrs.ino] = target
        return outcome

    def _makes_room(self, step: Step, target: bytes) -> bool:
        """Tell whether a file may still come, and remove the log of the database that goes."""
        outcome, stale = self._judge(step, target)
        if outcome not in _BROUGHT:
            return False
        for log in stale:
            os.unlink(log)
        return True

    def _make_folders(self) -> None:
        if self._outlet is None:
            return
        above: _Level | None = None
        for level in self._levels:
            if not level.is_there:
                if above is not None and not os.path.lexists(level.target):
                    above.open_up()
                level.is_new = self._outlet.folder(level.target)
                level.is_there = True
            above = level

    def _leave(self) -> None:
        level = self._levels.pop()
        # The folder that a person named keeps its attributes, if it was there.
        if self._outlet is not None and level.is_there and (level.is_new or level.is_opened or self._levels):
            self._outlet.finish_folder(level.entry, level.target)


def _put_mode_right(entry: Entry, target: bytes) -> None:
    mode = kept_mode(entry.attrs.mode, entry.attrs.uid)
    if stat.S_IMODE(os.lstat(target).st_mode) != mode:
        os.chmod(target, mode)
