"""Salvage: everything that can be read of a vault, copied into a folder; goes on after whatever is broken.

What has a name goes to its place. What has none goes to a folder of its own, under a name made of the ciphertext name,
or under its plain name if the folder that it was moved from still tells that.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from wafs.check.findings import Kind
from wafs.check.folders import Folder, FolderHandles, top
from wafs.check.journal import check_journal
from wafs.check.opening import Patient
from wafs.check.salvage_entries import Entry, EntrySaver, label_of, words_of
from wafs.check.salvage_names import Named, Names
from wafs.check.salvage_report import Item, Report, What
from wafs.check.salvage_target import Target
from wafs.check.watch import Watch
from wafs.format.directory import ROOT_PLACE, Place
from wafs.format.layout import plain_size
from wafs.format.name import LONG_SUFFIX, SHORT_SUFFIX
from wafs.units import DirId
from wafs.vault.journal import JOURNAL_NAMES

LOST_FOLDER: Final = b"wafs-lost+found"
_GUESSES: Final = 2_000_000
"""Names that are tried with ids of other folders in one run, some ten seconds."""
_ID_LOST: Final = "the record of this folder's id is damaged or missing, so the names in it are lost"
_NAME_LOST: Final = "its name does not open"
_MOVED: Final = "it was moved there by someone without a key"
_JOURNAL_LOST: Final = "the last changes before the vault was left are not in what was saved"
_FOREIGN: Final = "wafs did not make this folder"


class _Task(NamedTuple):
    """A folder to save, where it stands, and the folder to save it in."""

    source: Folder
    place: Place
    target: Folder


class _Nameless(NamedTuple):
    """An entry whose name did not open."""

    source: Folder
    entry: bytes


class Salvage:
    """One run over a vault; `report` grows while it runs and is right at any moment.

    It saves what is in the journal, too, and writes nothing to the vault.
    Thread: one.
    """

    def __init__(self, patient: Patient, target: Target, watch: Watch) -> None:
        self.report = Report(patient.path)
        self._store = patient.store
        self._chunk_size = patient.chunk_size
        self._target = target
        self._watch = watch
        self._names = Names(patient)
        self._handles = FolderHandles(patient.store, patient.tree)
        replay, findings = check_journal(patient)
        # A journal that is well is no finding here: what it tells goes into the copies.
        self.report.items += [
            Item(What.LOST, JOURNAL_NAMES[0], problems=(finding.message, _JOURNAL_LOST))
            for finding in findings
            if finding.kind is not Kind.JOURNAL_PENDING
        ]
        self._saver = EntrySaver(patient, replay, self._handles, target, watch, self.report)
        # In the order in which they were met, so that the same vault always gives the same result.
        self._known: dict[DirId, None] = {}
        self._nameless: deque[_Nameless] = deque()
        self._unidentified: deque[_Task] = deque()
        self._pathless: set[Folder] = set()
        self._lost: Folder | None = None
        self._lost_below: dict[Folder, Folder] = {}
        self._guesses = _GUESSES

    def run(self) -> None:
        """Save everything.

        Raises: OSError if the target takes nothing more; KeyboardInterrupt from the watch.
        """
        self._tree(_Task(top(), ROOT_PLACE, self._target.top))
        # By now all ids are known that names lead to; they may explain what did not open.
        while self._unidentified or self._nameless:
            if self._unidentified:
                self._tree(self._unidentified.popleft(), is_last=True)
            else:
                self._save_nameless(self._nameless.popleft())
        self.report.finished = True

    def total_size(self) -> int:
        """Add up the plain sizes of all files in the vault, whatever is wrong with them.

        Raises: KeyboardInterrupt from the watch.
        """
        total, waiting = 0, [top()]
        while waiting:
            folder = waiting.pop()
            for entry in self._entries(folder):
                self._watch.advanced(0)
                found = self._stat(folder, entry)
                if found is not None and stat.S_ISDIR(found.st_mode):
                    waiting.append(Folder(folder, entry, entry))
                elif found is not None and stat.S_ISREG(found.st_mode):
                    total += plain_size(found.st_size, self._chunk_size)
        return total

    def close(self) -> None:
        """Give all handles back."""
        self._handles.close()

    def _tree(self, first: _Task, *, is_last: bool = False) -> None:
        """Save a folder and all below it; it gets its attributes after all that is in it.

        `is_last`: without an id, it is not put off once more.
        """
        stack: list[tuple[_Task, Iterator[Entry]]] = []
        entered = self._enter(first, is_last=is_last)
        if entered is not None:
            stack.append((first, entered))
        while stack:
            task, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                self._finish(task)
                continue
            if not stat.S_ISDIR(entry.found.st_mode):
                self._saver.save(entry, task.target)
                continue
            below = self._make_folder(task, entry)
            entered = self._enter(below) if below is not None else None
            if below is not None and entered is not None:
                stack.append((below, entered))

    def _make_folder(self, task: _Task, entry: Entry) -> _Task | None:
        name, dir_id = entry.named.name, task.source.dir_id
        source = Folder(task.source, entry.named.entry, name)
        if dir_id is None:
            return None
        if task.source in self._pathless:
            self._pathless.add(source)
        try:
            target = self._target.make_folder(task.target, name, label_of(entry.named.entry), fresh=entry.named.is_copy)
        except OSError as error:
            self._saver.refused(entry.below, entry.path, error)
            return None
        return _Task(source, Place(dir_id, name), target)

    def _enter(self, task: _Task, *, is_last: bool = False) -> Iterator[Entry] | None:
        """Find out the id of a folder and what is in it; None if that has to wait, or cannot be read."""
        source = task.source
        try:
            source.dir_id = self._names.identify(self._handles.of(source), task.place, self._known if is_last else ())
            if source.dir_id is None and not is_last:
                self._unidentified.append(task)
                return None
            found = self._names.read(self._handles.of(source), source.dir_id)
        except OSError as error:
            self._add(What.LOST, source, f"the folder cannot be read: {words_of(error)}")
            return None
        self.report.folders += source.parent is not None
        if source.dir_id is None:
            self._add(What.UNNAMED, source, _ID_LOST, task.target)
        else:
            self._known[source.dir_id] = None
        self._nameless += [_Nameless(source, nameless) for nameless in found.nameless]
        return self._with_attributes(source, found.named)

    def _with_attributes(self, source: Folder, entries: list[Named]) -> Iterator[Entry]:
        for named in entries:
            try:
                found = self._store.stat(self._handles.of(source), named.entry)
            except FileNotFoundError:
                # Gone since the folder was read: the vault may be mounted.
                continue
            except OSError as error:
                self._add(What.LOST, Folder(source, named.entry, named.name), words_of(error))
            else:
                yield Entry(source, named, found, self._path(source, named.name))

    def _finish(self, task: _Task) -> None:
        source = task.source
        if source.parent is not None:
            found = self._stat(source.parent, source.entry)
            if found is not None:
                self._saver.attributes(source, found, task.target)

    def _save_nameless(self, nameless: _Nameless) -> None:
        """Save an entry whose name did not open, under the best name that there is."""
        source, entry = nameless
        found = self._stat(source, entry)
        if found is None:
            return
        place = self._guess(source, entry)
        name = label_of(entry) if place is None else place.name
        problem = _NAME_LOST if place is None else _MOVED
        if not stat.S_ISDIR(found.st_mode):
            lost = Entry(source, Named(name, entry), found, None, problem)
            try:
                self._saver.save(lost, self._lost_parent(source))
            except FileExistsError as error:
                self._saver.refused(lost.below, None, error)
            return
        folder = Folder(source, entry, name)
        self._pathless.add(folder)
        if place is not None:
            target = self._target.make_folder(self._lost_parent(source), name, label_of(entry), fresh=True)
            self._add(What.UNNAMED, folder, problem, target)
            self._tree(_Task(folder, place, target))
            return
        # No id without a name: what is in it has lost its names, too.
        suffixes = (SHORT_SUFFIX, LONG_SUFFIX)
        is_ours = entry.endswith(suffixes) or any(below.endswith(suffixes) for below in self._entries(folder))
        self._add(What.UNNAMED if is_ours else What.LEFT_OUT, folder, _NAME_LOST if is_ours else _FOREIGN)
        try:
            self._nameless += [_Nameless(folder, below) for below in self._names.read(self._of(folder), None).nameless]
        except OSError as error:
            self._add(What.LOST, folder, f"the folder cannot be read: {words_of(error)}")

    def _guess(self, source: Folder, entry: bytes) -> Place | None:
        """Try the ids of all other folders on a name; one opens if it was moved here by someone without a key."""
        if entry.endswith((SHORT_SUFFIX, LONG_SUFFIX)):
            for dir_id in self._known:
                self._guesses -= 1
                if self._guesses < 0:
                    break
                name = self._names.open_name(self._of(source), dir_id, entry)
                if name is not None:
                    return Place(dir_id, name)
        return None

    def _lost_parent(self, source: Folder) -> Folder:
        """Return where to save what has no name in `source`: what lay together stays together."""
        if self._lost is None:
            self._lost = self._target.make_folder(self._target.top, LOST_FOLDER, fresh=True)
        way = []
        folder: Folder | None = source
        while folder is not None and folder.dir_id is None and folder not in self._lost_below:
            way.append(folder)
            folder = folder.parent
        above = self._lost_below.get(folder, self._lost) if folder is not None else self._lost
        for folder in reversed(way):
            above = self._target.make_folder(above, folder.name, label_of(folder.entry), fresh=True)
            self._lost_below[folder] = above
        return above

    def _path(self, source: Folder, name: bytes | None = None) -> bytes | None:
        """Return a plain path; None below a folder that has lost its name."""
        if source in self._pathless:
            return None
        return source.path if name is None else source.path_of(name)

    def _add(self, what: What, source: Folder, problem: str, target: Folder | None = None) -> None:
        saved = target.path.lstrip(b"/") if target is not None else None
        self.report.items.append(Item(what, source.entry_path, self._path(source), saved, problems=(problem,)))

    def _of(self, folder: Folder) -> int:
        return self._handles.of(folder)

    def _entries(self, folder: Folder) -> list[bytes]:
        try:
            return [entry for entry, _, _ in self._store.entries(self._of(folder))]
        except OSError:
            return []

    def _stat(self, folder: Folder, entry: bytes) -> os.stat_result | None:
        try:
            return self._store.stat(self._of(folder), entry)
        except OSError:
            return None
