"""Salvage entries: one file or symlink saved, with its attributes, and what is to be told about it."""

import os
import stat
from typing import Final, NamedTuple

from wafs.check.folders import Folder, FolderHandles
from wafs.check.opening import Patient
from wafs.check.salvage_files import FileCopier, Outcome
from wafs.check.salvage_names import Named
from wafs.check.salvage_report import Gap, Item, Report, What
from wafs.check.salvage_target import Target, is_fatal
from wafs.check.settling import was_being_made
from wafs.check.watch import Watch
from wafs.errors import DamageError, MalformedError, TruncatedError, UnsupportedFormatError
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.format.name import LONG_SUFFIX, SHORT_SUFFIX
from wafs.format.symlink import open_target
from wafs.format.xattr import PLAIN_PREFIX, STORED_PREFIX, open_xattr_name, open_xattr_value
from wafs.vault.replay import Replay

_COPY: Final = "a second version, as a sync program leaves it when two devices change one file"
_FOREIGN: Final = "wafs did not make it"
_BEING_MADE: Final = "it was being made when its writer ended, and holds nothing yet"


class Entry(NamedTuple):
    """What to save: an entry of `source`, and its attributes.

    `path` is the plain path in the vault; without one, `problem` says why it has not its name.
    """

    source: Folder
    named: Named
    found: os.stat_result
    path: bytes | None
    problem: str | None = None

    @property
    def below(self) -> bytes:
        """Return the path of the ciphertext below the vault's folder."""
        return os.path.join(self.source.entry_path, self.named.entry)

    @property
    def is_foreign(self) -> bool:
        """Tell whether the entry has a name that wafs never gives."""
        return not self.named.entry.endswith((SHORT_SUFFIX, LONG_SUFFIX))


def label_of(entry: bytes) -> bytes:
    """Return the name for an entry whose own is not known."""
    return entry.removesuffix(SHORT_SUFFIX).removesuffix(LONG_SUFFIX) or entry


class EntrySaver:
    """Saves what is no folder, and attributes.

    Thread: one. Raises of all methods: OSError if the target takes nothing more; KeyboardInterrupt from the watch.
    """

    def __init__(
        self,
        patient: Patient,
        replay: Replay | None,
        handles: FolderHandles,
        target: Target,
        watch: Watch,
        report: Report,
    ) -> None:
        self._replay = replay
        self._store = patient.store
        self._keys = patient.keyring
        self._handles = handles
        self._target = target
        self._watch = watch
        self._report = report
        self._copier = FileCopier(patient, replay, watch)

    def save(self, entry: Entry, parent: Folder) -> None:
        """Save a file or symlink into a folder of the target."""
        self._watch.entering(entry.named.name)
        kind = stat.S_IFMT(entry.found.st_mode)
        try:
            if kind == stat.S_IFREG:
                self._save_file(entry, parent)
            elif kind == stat.S_IFLNK:
                self._save_symlink(entry, parent)
            else:
                self._tell(entry, What.LEFT_OUT, ["neither a file, a folder nor a symlink"])
        except OSError as error:
            self.refused(entry.below, entry.path, error)

    def refused(self, entry: bytes, path: bytes | None, error: OSError) -> None:
        """Note that the target did not take something.

        Raises: the error itself if it takes nothing more.
        """
        if is_fatal(error):
            raise error
        problem = f"the place to save in did not take it: {words_of(error)}"
        self._report.items.append(Item(What.REFUSED, entry, path, problems=(problem,)))

    def attributes(self, source: Folder, found: os.stat_result, target: Folder) -> None:
        """Give a folder that was saved the attributes it has in the vault."""
        if target.parent is None or source.parent is None:
            return
        path = None if source.dir_id is None else source.path
        entry = Entry(source.parent, Named(source.name, source.entry), found, path)
        problems = self._xattrs(entry, source.dir_id or b"", target.parent, target.entry)
        try:
            self._target.set_attributes(target.parent, target.entry, found)
        except OSError as error:
            self.refused(entry.below, path, error)
        if problems:
            self._tell(entry, What.ATTRIBUTES, problems, self._target.path_of(target.parent, target.entry))

    def _save_file(self, entry: Entry, parent: Folder) -> None:
        try:
            handle, facts = self._copier.open(self._handles.of(entry.source), entry.named.entry)
        except (DamageError, UnsupportedFormatError, OSError) as error:
            if entry.is_foreign and not isinstance(error, OSError):
                self._tell(entry, What.LEFT_OUT, [_FOREIGN])
                return
            if isinstance(error, TruncatedError | MalformedError) and self._was_being_made(entry):
                self._tell(entry, What.LEFT_OUT, [_BEING_MADE])
                return
            self._report.files_lost += 1
            self._tell(entry, What.LOST, [_words_about(error)])
            return
        try:
            with self._target.new_file(parent) as (temporary, copy):
                outcome = self._copier.copy(handle, facts, self._target.store, copy)
                self._report.bytes_lost += sum(gap.stop - gap.start for gap in outcome.gaps)
                if outcome.is_lost:
                    self._report.files_lost += 1
                    self._tell(entry, What.LOST, list(outcome.problems), outcome=outcome)
                    return
                hidden = self._xattrs(entry, facts.file_id, parent, temporary)
                saved = self._place(entry, parent, temporary)
        finally:
            self._store.close(handle)
        self._report.bytes_saved += outcome.good
        if outcome.is_whole:
            self._report.files_whole += 1
        else:
            self._report.files_damaged += 1
        self._tell_saved(entry, saved, hidden, outcome)

    def _was_being_made(self, entry: Entry) -> bool:
        """Tell whether a file without a header is one that a crash kept from getting it."""
        try:
            handle = self._store.open(self._handles.of(entry.source), entry.named.entry, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            header = self._store.pread(handle, FILE_HEADER_SIZE, 0)
        except OSError:
            return False
        finally:
            self._store.close(handle)
        is_blank = len(header) < FILE_HEADER_SIZE or not any(header)
        return is_blank and was_being_made(self._replay, entry.found.st_ctime_ns)

    def _save_symlink(self, entry: Entry, parent: Folder) -> None:
        try:
            text = self._store.readlink(self._handles.of(entry.source), entry.named.entry)
            target = open_target(self._keys.symlinks, text)
        except (DamageError, OSError) as error:
            if entry.is_foreign and not isinstance(error, OSError):
                self._tell(entry, What.LEFT_OUT, [_FOREIGN])
            else:
                self._tell(entry, What.LOST, [_words_about(error)])
            return
        saved = self._place(entry, parent, self._target.symlink(parent, target))
        self._report.symlinks += 1
        self._tell_saved(entry, saved, [])

    def _place(self, entry: Entry, parent: Folder, temporary: bytes) -> bytes:
        """Give what was saved attributes and its name; returns its path below the target."""
        try:
            self._target.set_attributes(parent, temporary, entry.found)
        except OSError as error:
            self.refused(entry.below, entry.path, error)
        name = self._target.place(parent, temporary, entry.named.name, label_of(entry.named.entry))
        return self._target.path_of(parent, name)

    def _xattrs(self, entry: Entry, object_id: bytes, parent: Folder, name: bytes) -> list[str]:
        """Copy extended attributes; returns what could not be had of them."""
        directory, lost = self._handles.of(entry.source), 0
        try:
            stored = [a for a in self._store.listxattr(directory, entry.named.entry) if a.startswith(STORED_PREFIX)]
        except OSError:
            return []
        for attribute in stored:
            try:
                plain = PLAIN_PREFIX + open_xattr_name(self._keys.xattr_names, object_id, attribute)
                sealed = self._store.getxattr(self._handles.of(entry.source), entry.named.entry, attribute)
                value = open_xattr_value(self._keys.xattr_values, object_id, attribute, sealed)
            except (DamageError, OSError):
                lost += 1
                continue
            try:
                self._target.set_xattr(parent, name, plain, value)
            except OSError as error:
                self.refused(entry.below, entry.path, error)
        return [f"{lost} of {len(stored)} extended attributes could not be read"] if lost else []

    def _tell_saved(self, entry: Entry, saved: bytes, hidden: list[str], outcome: Outcome | None = None) -> None:
        """Add an item for what was saved, unless it is simply whole."""
        problems = [*(outcome.problems if outcome is not None else ()), *hidden]
        what = What.ATTRIBUTES if hidden else None
        if entry.named.is_copy:
            what = what or What.CONFLICT
            problems.append(_COPY)
        if entry.problem is not None:
            what = What.UNNAMED
            problems.insert(0, entry.problem)
        if outcome is not None and not outcome.is_whole:
            what = What.DAMAGED
        if what is not None:
            self._tell(entry, what, problems, saved, outcome)

    def _tell(
        self,
        entry: Entry,
        what: What,
        problems: list[str],
        saved: bytes | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        gaps: tuple[Gap, ...] = () if outcome is None else outcome.gaps
        size = None if outcome is None else outcome.size
        item = Item(what, entry.below, entry.path, saved, size=size, gaps=gaps, problems=tuple(problems))
        self._report.items.append(item)


def words_of(error: OSError) -> str:
    """Return what the operating system says."""
    return (error.strerror or os.strerror(error.errno or 0)).lower()


def _words_about(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"the storage does not give it: {words_of(error)}"
    if isinstance(error, TruncatedError):
        return "not even the header of this file is left on the disk"
    return str(error)
