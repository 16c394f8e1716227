"""Copy in: files and folders of this machine into a vault, as `wafs put` does it.

A file is first written under a temporary name, made safe from a power cut, and then renamed: under its own name
there is at all times the old file or the new one. Syncs are collected: a disk does many at once faster.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final, NamedTuple, Self

from wafs.cli.copy_rules import KEPT_XATTRS, PIECE, kept_mode, temporary_name
from wafs.cli.failures import Failures
from wafs.cli.local_walk import LocalStep, local_walk
from wafs.cli.opening import Session
from wafs.cli.progress import Progress
from wafs.cli.screen import tell
from wafs.errors import IsADirError, NotADirError, NotFoundError, WafsError
from wafs.fs.attrs import Caller, Entry, SetAttrs
from wafs.units import MIB, Fh, Ino
from wafs.vault.scratch import Scratch

_BATCH_FILES: Final = 64
_BATCH_BYTES: Final = 64 * MIB
_SYNC_THREADS: Final = 8


class _Written(NamedTuple):
    """A file that is complete under its temporary name, not yet safe and not yet renamed."""

    source: bytes
    fh: Fh
    number: Ino
    parent: Ino
    temporary: bytes
    name: bytes


class _Left(NamedTuple):
    """A folder whose entries are all before it in the queue. `attrs` are those it shall get."""

    source: bytes
    entry: Entry
    attrs: os.stat_result


class CopyIn:
    """Copies into an open vault; leave the `with` after `finish`, or what is not finished is undone.

    Thread: that of the command; only syncs run beside it.
    """

    def __init__(self, session: Session, failures: Failures, progress: Progress) -> None:
        self._vfs, self._interrupts = session
        self._failures = failures
        self._progress = progress
        self._caller = Caller(os.geteuid(), os.getegid())
        self._vault = os.stat(self._vfs.vault.path)
        self._buffer = memoryview(bytearray(PIECE))
        self._scratch = Scratch()
        self._queue: list[_Written | _Left] = []
        self._queued_bytes = 0
        self._pool = ThreadPoolExecutor(_SYNC_THREADS, "wafs-sync")

    def copy(self, source: bytes, parent: Ino, name: bytes | None) -> None:
        """Copy a file, or a folder with all below it, as `name` into a folder; the contents of a folder without a name.

        Raises: KeyboardInterrupt; what fails goes to the failures.
        """
        folders: list[Ino] = [parent]
        entries: list[Entry | None] = []
        for step in local_walk(source, self._failures.add):
            self._interrupts.check()
            if step.leaving:
                folders.pop()
                entry = entries.pop()
                if entry is not None:
                    self._enqueue(_Left(step.path, entry, step.attrs))
                continue
            is_top = len(folders) == 1
            if is_top and name is None:
                folders.append(parent)
                entries.append(None)
                continue
            try:
                made = self._copy_one(step, folders[-1], (name or b"") if is_top else step.name)
            except (WafsError, OSError) as error:
                step.prune = True
                self._failures.add(step.path, error)
                continue
            if made is not None:
                folders.append(made.ino)
                entries.append(made)

    def finish(self, folder: Ino) -> None:
        """Make everything safe from a power cut, `folder` included, and give every file its name."""
        self._flush()
        self._sync_folder(folder)

    def _copy_one(self, step: LocalStep, parent: Ino, name: bytes) -> Entry | None:
        """Copy one entry; a folder is returned pinned, without its entries."""
        kind = stat.S_IFMT(step.attrs.st_mode)
        if kind == stat.S_IFDIR:
            if (step.attrs.st_dev, step.attrs.st_ino) == (self._vault.st_dev, self._vault.st_ino):
                tell("note", f"left out, it is the vault itself: {os.fsdecode(step.path)}")
                step.prune = True
                return None
            return self._folder(parent, name)
        if kind == stat.S_IFREG:
            self._refuse_folder(parent, name)
            self._file(step, parent, name)
        elif kind == stat.S_IFLNK:
            self._refuse_folder(parent, name)
            self._symlink(step, parent, name)
        else:
            tell("note", f"left out, neither a file, a folder nor a symlink: {os.fsdecode(step.path)}")
        return None

    def _folder(self, parent: Ino, name: bytes) -> Entry:
        try:
            entry = self._vfs.tree.lookup(parent, name)
        except NotFoundError:
            return self._vfs.tree.mkdir(parent, name, 0o700, self._caller)
        if not stat.S_ISDIR(entry.attrs.mode):
            self._vfs.tree.forget(entry.ino)
            msg = "a folder cannot replace the file of this name in the vault"
            raise NotADirError(msg)
        return entry

    def _refuse_folder(self, parent: Ino, name: bytes) -> None:
        with contextlib.suppress(NotFoundError):
            entry = self._vfs.tree.lookup(parent, name)
            self._vfs.tree.forget(entry.ino)
            if stat.S_ISDIR(entry.attrs.mode):
                msg = "a file cannot replace the folder of this name in the vault"
                raise IsADirError(msg)

    def _file(self, step: LocalStep, parent: Ino, name: bytes) -> None:
        # Should it have become a FIFO since, opening it must not wait.
        fd = os.open(step.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, fd)
            # Taken before it is read, which changes one time; a change while it is read then shows as a newer file.
            attrs = os.fstat(fd)
            self._progress.begin(step.name)
            temporary = temporary_name("put")
            entry, fh = self._vfs.files.create(parent, temporary, 0o600, flags=os.O_RDWR, caller=self._caller)
            with _undoing(lambda: self._discard(_Written(step.path, fh, entry.ino, parent, temporary, name))):
                size = self._write(fd, fh)
                self._set_attributes(entry.ino, fd, attrs)
        self._enqueue(_Written(step.path, fh, entry.ino, parent, temporary, name), size)

    def _write(self, fd: int, fh: Fh) -> int:
        offset = 0
        while count := os.readv(fd, [self._buffer]):
            self._interrupts.check()
            self._vfs.files.write(fh, offset, self._buffer[:count], self._scratch)
            self._progress.advance(count)
            offset += count
        return offset

    def _symlink(self, step: LocalStep, parent: Ino, name: bytes) -> None:
        temporary = temporary_name("put")
        entry = self._vfs.tree.symlink(parent, temporary, os.readlink(step.path), self._caller)
        try:
            with _undoing(lambda: self._vfs.tree.unlink(parent, temporary)):
                times = SetAttrs(atime=step.attrs.st_atime_ns, mtime=step.attrs.st_mtime_ns)
                self._vfs.attributes.set(entry.ino, times)
                self._vfs.renamer.rename(parent, temporary, parent, new_name=name)
        finally:
            self._vfs.tree.forget(entry.ino)
        self._progress.done()

    def _set_attributes(self, number: Ino, source: int | bytes, attrs: os.stat_result) -> None:
        """Set attributes, then mode, then times: each may change what stands after it, or forbid what stands before."""
        with contextlib.suppress(OSError):  # storages of the source that know no attributes
            for name in map(os.fsencode, os.listxattr(source)):
                if name.startswith(KEPT_XATTRS):
                    self._set_xattr(number, source, name)
        mode = kept_mode(attrs.st_mode, attrs.st_uid)
        times = SetAttrs(mode=mode, atime=attrs.st_atime_ns, mtime=attrs.st_mtime_ns)
        self._vfs.attributes.set(number, times)

    def _set_xattr(self, number: Ino, source: int | bytes, name: bytes) -> None:
        try:
            self._vfs.xattrs.set(number, name, os.getxattr(source, name), 0)
        except (WafsError, OSError) as error:
            tell("warning", f"the attribute {os.fsdecode(name)} of a file could not be kept: {error}")

    def _enqueue(self, item: _Written | _Left, size: int = 0) -> None:
        self._queue.append(item)
        self._queued_bytes += size
        if len(self._queue) >= _BATCH_FILES or self._queued_bytes >= _BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Sync what is queued, several at a time; then, in the order of the queue, rename files and finish folders."""
        written = [item for item in self._queue if isinstance(item, _Written)]
        syncs = {item: self._pool.submit(self._vfs.files.sync, item.fh, data_only=False) for item in written}
        # All end before anything else happens, so that no handle is closed under a sync.
        problems = {item: sync.exception() for item, sync in syncs.items()}
        while self._queue:
            item = self._queue[0]
            try:
                if isinstance(item, _Left):
                    self._finish_folder(item)
                elif (problem := problems[item]) is not None:
                    raise problem
                else:
                    self._vfs.renamer.rename(item.parent, item.temporary, item.parent, new_name=item.name)
                    self._progress.done()
                    self._close(item)
            except (WafsError, OSError) as error:
                if isinstance(item, _Written):
                    self._discard(item)
                del self._queue[0]
                self._failures.add(item.source, error)
            else:
                del self._queue[0]
        self._queued_bytes = 0

    def _finish_folder(self, left: _Left) -> None:
        try:
            self._set_attributes(left.entry.ino, left.source, left.attrs)
            self._sync_folder(left.entry.ino)
        finally:
            self._vfs.tree.forget(left.entry.ino)

    def _sync_folder(self, number: Ino) -> None:
        fh = self._vfs.streams.open(number)
        try:
            self._vfs.streams.sync(fh)
        finally:
            self._vfs.streams.release(fh)

    def _close(self, item: _Written) -> None:
        self._vfs.files.release(item.fh)
        self._vfs.tree.forget(item.number)

    def _discard(self, item: _Written) -> None:
        """Take back a file that did not get its name; the first error counts, not one of clearing up."""
        with contextlib.suppress(WafsError, OSError):
            self._vfs.tree.unlink(item.parent, item.temporary)
        with contextlib.suppress(WafsError, OSError):
            self._close(item)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        for item in self._queue:
            if isinstance(item, _Written):
                self._discard(item)
        self._queue.clear()


@contextlib.contextmanager
def _undoing(undo: Callable[[], None]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        undo()
        raise
