"""Backup: brings into a folder of the vault what is new or changed in a source."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from wafs.cli.backup_source import BackupSource
from wafs.cli.comparison import Comparison
from wafs.cli.copy_rules import is_temporary, kept_mode
from wafs.cli.database_files import members_of, stale_names, write_together
from wafs.cli.intake import Intake, Written
from wafs.cli.local_walk import LocalStep, local_walk
from wafs.cli.moved_files import MovedFiles
from wafs.cli.opening import Session
from wafs.cli.outcomes import Outcomes
from wafs.cli.removing import open_up
from wafs.cli.screen import tell
from wafs.cli.selection import Selection
from wafs.cli.tally import Outcome
from wafs.errors import IsADirError, NotADirError, NotFoundError, WafsError
from wafs.fs.attrs import Attrs, Entry, SetAttrs
from wafs.fs.walk import listing
from wafs.units import Ino

_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV)
_MANY_LINKS: Final = errno.EMLINK


class Base(NamedTuple):
    """A folder of an earlier snapshot, pinned, and what is in it."""

    number: Ino
    present: dict[bytes, Attrs]


class Means(NamedTuple):
    """What a run works with. Without an intake nothing is changed, and what would be is counted all the same.

    `bases` are the folders of earlier snapshots, newest first: files that are the same there become links to those.
    So do those that are `moved` there, under another name.
    """

    intake: Intake | None
    comparison: Comparison
    bases: Sequence[Ino] = ()
    moved: MovedFiles | None = None


class _Level:
    """A folder that the walk is in: its path below the source, and its place in the vault once that is needed."""

    __slots__ = ("bases", "below", "done", "entry", "opened", "present", "step", "touched")

    def __init__(self, step: LocalStep, below: bytes, entry: Entry | None) -> None:
        self.step = step
        self.below = below
        self.entry = entry
        self.present: dict[bytes, Attrs] = {}
        self.bases: list[Base] = []
        self.done: set[bytes] = set()
        self.touched = False
        self.opened = False


class Backup:
    """One run.

    Thread: that of the command.
    """

    def __init__(
        self, session: Session, source: BackupSource, selection: Selection, means: Means, outcomes: Outcomes
    ) -> None:
        self._vfs, self._interrupts = session
        self._source = source
        self._selection = selection
        self._intake, self._comparison, self._bases, self._moved = means
        self._outcomes = outcomes
        self._links = True
        self._vault = os.stat(self._vfs.vault.path)
        self._levels: list[_Level] = []

    def run(self, target: Entry | None, *, is_new: bool) -> None:
        """Bring all of the source into the folder `target`, which gets its attributes if it `is_new`.

        Raises: KeyboardInterrupt, OSError, DamageError; what fails for one file goes to the outcomes.
        """
        for step in local_walk(self._source.path, self._outcomes.fail):
            self._interrupts.check()
            if step.leaving:
                self._leave(is_new=is_new)
            elif not self._levels:
                top = _Level(step, b"", target)
                self._list(top)
                top.bases = [Base(number, listing(self._vfs, number)) for number in self._bases]
                self._levels.append(top)
            else:
                try:
                    self._meet(step)
                except (WafsError, OSError) as error:
                    step.prune = True
                    self._outcomes.fail(step.path, error)

    def _meet(self, step: LocalStep) -> None:
        level = self._levels[-1]
        below = os.path.join(level.below, step.name)
        kind = stat.S_IFMT(step.attrs.st_mode)
        if kind == stat.S_IFDIR:
            if os.path.samestat(step.attrs, self._vault):
                tell("note", f"left out, it is the vault itself: {os.fsdecode(step.path)}")
                step.prune = True
            elif self._selection.leaves_out(below):
                step.prune = True
            else:
                self._enter(step, level, below)
        elif kind not in (stat.S_IFREG, stat.S_IFLNK):
            tell("note", f"left out, neither a file, a folder nor a symlink: {os.fsdecode(step.path)}")
        elif step.name not in level.done:
            category = self._source.category_of(below)
            if not self._selection.wants(below, category):
                self._outcomes.note(step.path, Outcome.SKIPPED, step.attrs.st_size)
                return
            present = level.present.get(step.name)
            if present is not None and stat.S_ISDIR(present.mode):
                msg = "a file cannot replace the folder of this name in the vault"
                raise IsADirError(msg)
            if kind == stat.S_IFLNK:
                self._symlink(step, level)
            else:
                self._file(step, level)

    def _enter(self, step: LocalStep, level: _Level, below: bytes) -> None:
        entry = None
        found = level.present.get(step.name)
        if found is not None:
            if not stat.S_ISDIR(found.mode):
                msg = "a folder cannot replace the file of this name in the vault"
                raise NotADirError(msg)
            entry = self._vfs.tree.lookup(_number(level), step.name)
        entered = _Level(step, below, entry)
        self._list(entered)
        for base in level.bases:
            inside = base.present.get(step.name)
            if inside is not None and stat.S_ISDIR(inside.mode):
                number = self._vfs.tree.lookup(base.number, step.name).ino
                entered.bases.append(Base(number, listing(self._vfs, number)))
        self._levels.append(entered)
        try:
            if self._selection.is_everything and self._intake is not None:
                # An empty folder is part of a backup; where files are left out it would only be in the way.
                self._place(self._intake)
        except BaseException:
            self._levels.pop()
            raise

    def _leave(self, *, is_new: bool) -> None:
        level = self._levels.pop()
        is_top = not self._levels
        if not is_top:
            for base in level.bases:
                self._vfs.tree.forget(base.number)
        entry, attrs = level.entry, level.step.attrs
        if entry is None or (is_top and not is_new and not level.opened):
            return
        mode = kept_mode(attrs.st_mode, attrs.st_uid)
        is_right = entry.attrs.mtime_ns == attrs.st_mtime_ns and stat.S_IMODE(entry.attrs.mode) == mode
        if self._intake is not None and (level.touched or not is_right):
            self._intake.leave(level.step.path, entry, attrs, takes_pin=not is_top)
        elif not is_top:
            self._vfs.tree.forget(entry.ino)

    def _file(self, step: LocalStep, level: _Level) -> None:
        """Bring a file; with a database goes the log of its last changes."""
        members = members_of(step)
        stale = stale_names(step, level.present)
        level.done.update(member.name for member in members[1:])
        if (not stale and all(self._is_here(member, level) for member in members)) or (
            self._bases and all(self._linked(member, level) for member in members)
        ):
            self._outcomes.note_all(members, Outcome.UNCHANGED)
        elif self._intake is None:
            for member in members:
                self._outcomes.note(member.path, self._outcome(member.name, level), member.attrs.st_size)
        else:
            self._copy(self._intake, members, level, stale)

    def _copy(self, intake: Intake, members: list[LocalStep], level: _Level, stale: tuple[bytes, ...]) -> None:
        parent = self._open_place(intake)
        level.touched = True
        if len(members) == 1:
            written = [intake.write(members[0].path, parent, members[0].name, careful=True)]
        else:
            tell("note", f"copied together, as one database: {', '.join(os.fsdecode(m.path) for m in members)}")
            written = write_together(intake, members, parent)
        written[0] = written[0]._replace(stale=stale)
        intake.add(*(one._replace(landed=self._landed(one, level)) for one in written))

    def _landed(self, written: Written, level: _Level) -> Callable[[], None]:
        outcome = self._outcome(written.name, level)
        return lambda: self._outcomes.note(written.source, outcome, written.size)

    def _outcome(self, name: bytes, level: _Level) -> Outcome:
        is_known = name in level.present or any(name in base.present for base in level.bases)
        return Outcome.CHANGED if is_known else Outcome.NEW

    def _is_here(self, step: LocalStep, level: _Level) -> bool:
        """Tell whether the vault has a file as it is; its mode is put right on the way."""
        found = level.present.get(step.name)
        if found is None:
            return False
        verdict = self._comparison.compare(step, found, _number(level))
        if verdict is None:
            return False
        if self._intake is not None and verdict != SetAttrs():
            entry = self._vfs.tree.lookup(_number(level), step.name)
            try:
                self._vfs.attributes.set(entry.ino, verdict)
            finally:
                self._vfs.tree.forget(entry.ino)
        return True

    def _linked(self, step: LocalStep, level: _Level) -> bool:
        """Tell whether an earlier snapshot has a file in every respect as it is; it is linked then."""
        if not self._links:
            return False
        for base in level.bases:
            found = base.present.get(step.name)
            if found is not None and self._comparison.compare(step, found, base.number) == SetAttrs():
                entry = self._vfs.tree.lookup(base.number, step.name)
                try:
                    return self._link(entry, step.name, level)
                finally:
                    self._vfs.tree.forget(entry.ino)
        if self._moved is None:
            return False
        with self._moved.same(step) as moved:
            return moved is not None and self._link(moved, step.name, level)

    def _link(self, entry: Entry, name: bytes, level: _Level) -> bool:
        """Give a file one more name, and tell whether the storage can do that."""
        if self._intake is None:
            return True
        parent = self._open_place(self._intake)
        try:
            self._vfs.tree.forget(self._vfs.tree.link(entry.ino, parent, name).ino)
        except OSError as error:
            if error.errno in _NO_LINKS:
                self._links = False
                tell("warning", "this storage has no hard links: what did not change is stored once more")
            elif error.errno != _MANY_LINKS:
                raise
            return False
        level.touched = True
        return True

    def _symlink(self, step: LocalStep, level: _Level) -> None:
        outcome = self._outcome(step.name, level)
        for number, present in [(level.entry and level.entry.ino, level.present), *level.bases]:
            found = present.get(step.name)
            if found is not None and number is not None and self._comparison.is_same_link(step, found, number):
                outcome = Outcome.UNCHANGED
                if present is level.present:
                    self._outcomes.note(step.path, outcome, 0)
                    return
        if self._intake is not None:
            self._intake.symlink(step, self._open_place(self._intake), step.name)
            level.touched = True
        self._outcomes.note(step.path, outcome, 0)

    def _place(self, intake: Intake) -> Ino:
        """Return the folder in the vault that the walk is in; it is made if it is not there yet."""
        for above, level in pairwise(self._levels):
            if level.entry is None:
                self._open(above)
                level.entry = intake.folder(_number(above), level.step.name)
                level.touched = above.touched = True
        return _number(self._levels[-1])

    def _open_place(self, intake: Intake) -> Ino:
        """Return the same, and let it take files: it has the mode of its source, which may be read-only."""
        number = self._place(intake)
        self._open(self._levels[-1])
        return number

    def _open(self, level: _Level) -> None:
        if level.entry is not None and not level.opened:
            level.opened = open_up(self._vfs, level.entry)
            level.touched |= level.opened

    def _list(self, level: _Level) -> None:
        """Learn what is in a folder of the vault, and remove what an interrupted run left there."""
        if level.entry is None:
            return
        number = level.entry.ino
        level.present = listing(self._vfs, number)
        for name in [name for name in level.present if is_temporary(name)]:
            del level.present[name]
            if self._intake is not None:
                level.touched = True
                self._open(level)
                self._vfs.tree.unlink(number, name)


def _number(level: _Level) -> Ino:
    if level.entry is None:
        raise NotFoundError
    return level.entry.ino
