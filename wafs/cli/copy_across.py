"""Copy across: from one open vault into another, with nothing in plain on a disk in between.

A file is first written under a temporary name; when some are complete all of them are made safe from a power cut, and
then renamed: under its own name there is at all times the old file or the new one.
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
from wafs.errors import IsADirError, NotADirError, NotFoundError, NotSupportedError, WafsError
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

    def folder(self, parent: Ino, name: bytes) -> Entry:
        """Return a folder of the target, pinned; it is made if there is none.

        Raises: NotADirError, WafsError, OSError.
        """
        try:
            entry = self._target.tree.lookup(parent, name)
        except NotFoundError:
            return self._target.tree.mkdir(parent, name, 0o700, self._caller)
        if not stat.S_ISDIR(entry.attrs.mode):
            self._target.tree.forget(entry.ino)
            msg = "a folder cannot replace the file of this name in the vault"
            raise NotADirError(msg)
        return entry

    def copy_one(self, path: bytes, entry: Entry, parent: Ino, name: bytes) -> None:
        """Copy a file or a symlink into a folder of the target; there is an old one of that name until `finish`.

        Raises: IsADirError, NotSupportedError for other kinds, WafsError, OSError; KeyboardInterrupt.
        """
        self._interrupts.check()
        self._refuse_folder(parent, name)
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
        self._queue.append(_Written(path, parent, temporary, name, entry.attrs.size))
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

    def finish(self) -> None:
        """Have everything safe from a power cut, and give every file its name.

        Raises: WafsError, OSError.
        """
        self._flush()

    def _refuse_folder(self, parent: Ino, name: bytes) -> None:
        with contextlib.suppress(NotFoundError):
            entry = self._target.tree.lookup(parent, name)
            self._target.tree.forget(entry.ino)
            if stat.S_ISDIR(entry.attrs.mode):
                msg = "a file cannot replace the folder of this name in the vault"
                raise IsADirError(msg)

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
            item = self._queue[0]
            try:
                self._target.renamer.rename(item.parent, item.temporary, item.parent, new_name=item.name)
            except (WafsError, OSError) as error:
                self._discard(item)
                self._failures.add(item.source, error)
            else:
                self._progress.done()
            del self._queue[0]

    def _discard(self, item: _Written) -> None:
        with contextlib.suppress(WafsError, OSError):
            self._target.tree.unlink(item.parent, item.temporary)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for item in self._queue:
            self._discard(item)
        self._queue.clear()
