"""Copy across: from one open vault into another, with nothing in plain on a disk in between.

A file is first written under a temporary name; when some are complete all of them are made safe from a power cut, and
then renamed: under its own name there is at all times the old file or the new one. The source may be a scratch over the
target, with an old file as all there is of one that was moved: so no file is replaced before everything was copied.
"""

import contextlib
import os
import stat
from types import TracebackType
from typing import Final, NamedTuple, Self

from wafs.cli.copy_rules import PIECE, kept_mode, temporary_name
from wafs.cli.failures import Failures
from wafs.cli.opening import Session
from wafs.cli.progress import Progress
from wafs.cli.vault_places import folder_to_fill
from wafs.errors import ExistsError, IsADirError, NotFoundError, NotSupportedError, WafsError
from wafs.fs.attrs import Caller, Entry, SetAttrs
from wafs.fs.vfs import Vfs
from wafs.units import MIB, Ino
from wafs.vault.scratch import Scratch

_BATCH_FILES: Final = 128
_BATCH_BYTES: Final = 64 * MIB


class _Written(NamedTuple):
    """A file that is complete under its temporary name."""

    source: bytes
    parent: Ino
    temporary: bytes
    name: bytes
    size: int
    replaces: bool


class CopyAcross:
    """Copies between two vaults; leave the `with` after `finish`, or what is not finished is undone.

    Thread: that of the command.
    """

    def __init__(self, source: Session, target: Vfs, failures: Failures, progress: Progress) -> None:
        self._source, self._interrupts = source
        self._target = target
        self._failures = failures
        self._progress = progress
        self._caller = Caller(os.geteuid(), os.getegid())
        self._reading, self._writing = Scratch(), Scratch()
        self._queue: list[_Written] = []
        self._replacing: list[_Written] = []

    def folder(self, parent: Ino, name: bytes) -> Entry:
        """Return a folder of the target, pinned; it is made if there is none.

        Raises: NotADirError, WafsError, OSError.
        """
        return folder_to_fill(self._target, parent, name, self._caller)

    def copy_one(self, path: bytes, entry: Entry, parent: Ino, name: bytes) -> None:
        """Copy a file or a symlink into a folder of the target; there is an old one of that name until `finish`.

        Raises: IsADirError, NotSupportedError for other kinds, WafsError, OSError; KeyboardInterrupt.
        """
        self._interrupts.check()
        replaces = self._replaces(parent, name)
        temporary = temporary_name("keep")
        self._progress.begin(name)
        if stat.S_ISREG(entry.attrs.mode):
            self._file(entry, parent, temporary)
        elif stat.S_ISLNK(entry.attrs.mode):
            made = self._target.tree.symlink(parent, temporary, self._source.tree.readlink(entry.ino), self._caller)
            self._target.tree.forget(made.ino)
        else:
            msg = "neither a file, a folder nor a symlink"
            raise NotSupportedError(msg)
        self._queue.append(_Written(path, parent, temporary, name, entry.attrs.size, replaces))
        if len(self._queue) >= _BATCH_FILES or sum(item.size for item in self._queue) >= _BATCH_BYTES:
            self._flush()

    def set_attributes(self, number: Ino, entry: Entry) -> None:
        """Give a copy the attributes of its original.

        Raises: WafsError, OSError.
        """
        xattrs = self._source.xattrs
        for name in xattrs.names(entry.ino):
            self._target.xattrs.set(number, name, xattrs.get(entry.ino, name), 0)
        attrs = entry.attrs
        mode = kept_mode(attrs.mode, attrs.uid)
        self._target.attributes.set(number, SetAttrs(mode=mode, atime=attrs.atime_ns, mtime=attrs.mtime_ns))

    def finish(self, *, replace: bool) -> None:
        """Have everything safe from a power cut, and give every file its name.

        Without `replace` those whose name is taken are not kept, which is a failure.
        Raises: WafsError, OSError.
        """
        self._flush()
        while self._replacing:
            if replace:
                self._publish(self._replacing[0])
            else:
                self._discard(self._replacing[0])
                msg = "the file of this name in the vault may be all there is of what was moved, and is not replaced"
                self._failures.add(self._replacing[0].source, ExistsError(msg))
            del self._replacing[0]

    def _replaces(self, parent: Ino, name: bytes) -> bool:
        """Tell whether the name is taken in the target, by what is no folder."""
        try:
            entry = self._target.tree.lookup(parent, name)
        except NotFoundError:
            return False
        self._target.tree.forget(entry.ino)
        if stat.S_ISDIR(entry.attrs.mode):
            msg = "a file cannot replace the folder of this name in the vault"
            raise IsADirError(msg)
        return True

    def _file(self, entry: Entry, parent: Ino, temporary: bytes) -> None:
        source, target = self._source, self._target
        reader = source.files.open(entry.ino, os.O_RDONLY).fh
        try:
            made, writer = target.files.create(parent, temporary, 0o600, flags=os.O_RDWR, caller=self._caller)
            try:
                try:
                    offset = 0
                    while piece := source.files.read(reader, offset, PIECE, self._reading):
                        self._interrupts.check()
                        target.files.write(writer, offset, piece, self._writing)
                        self._progress.advance(len(piece))
                        offset += len(piece)
                finally:
                    target.files.release(writer)
                self.set_attributes(made.ino, entry)
            except BaseException:
                with contextlib.suppress(WafsError, OSError):
                    target.tree.unlink(parent, temporary)
                raise
            finally:
                target.tree.forget(made.ino)
        finally:
            source.files.release(reader)

    def _flush(self) -> None:
        if self._queue:
            # A checkpoint syncs the whole storage: cheaper than each file for itself.
            self._target.commits.finish()
        while self._queue:
            if self._queue[0].replaces:
                self._replacing.append(self._queue[0])
            else:
                self._publish(self._queue[0])
            del self._queue[0]

    def _publish(self, item: _Written) -> None:
        try:
            self._target.renamer.rename(item.parent, item.temporary, item.parent, new_name=item.name)
        except (WafsError, OSError) as error:
            self._discard(item)
            self._failures.add(item.source, error)
        else:
            self._progress.done()

    def _discard(self, item: _Written) -> None:
        with contextlib.suppress(WafsError, OSError):
            self._target.tree.unlink(item.parent, item.temporary)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for item in (*self._queue, *self._replacing):
            self._discard(item)
