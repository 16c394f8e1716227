"""Intake: takes files of this machine into a vault, each of them whole or not at all.

A file is first written under a temporary name, made safe from a power cut, and then renamed: under its own name there
is at all times the old file or the new one. What was written waits in batches: one sync of the storage serves a whole
batch, and runs while the next one is written.
"""

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, NamedTuple, Self

from wafs.cli.copy_rules import KEPT_XATTRS, PIECE, kept_mode, temporary_name
from wafs.cli.local_walk import LocalStep
from wafs.cli.opening import Session
from wafs.cli.progress import Progress
from wafs.cli.screen import tell
from wafs.cli.vault_places import folder_to_fill
from wafs.errors import FileChangedError, IsADirError, NotFoundError, WafsError
from wafs.fs.attrs import Caller, Entry, SetAttrs
from wafs.units import MIB, Fh, Ino
from wafs.vault.scratch import Scratch

_BATCH_FILES: Final = 1024
_BATCH_BYTES: Final = 128 * MIB
_WRITE_BACK_BYTES: Final = 64 * MIB

Failed = Callable[[bytes, Exception], None]
"""Is told the path of what failed, and why."""


def _nothing() -> None:
    """Do nothing: nobody wants to know that a file got its name."""


class Written(NamedTuple):
    """A file that is complete under its temporary name, not yet safe and not yet renamed.

    `stale` are names in the same folder that go just before it gets its own. `landed` is called when it has it.
    """

    source: bytes
    parent: Ino
    temporary: bytes
    name: bytes
    size: int
    stale: tuple[bytes, ...] = ()
    landed: Callable[[], None] = _nothing


class _Left(NamedTuple):
    """A folder whose entries are all before it in the queue. `attrs` are those it shall get."""

    source: bytes
    entry: Entry
    attrs: os.stat_result
    takes_pin: bool


class Intake:
    """Takes files into an open vault; leave the `with` after `finish`.

    Where an error or an interrupt ends it before, what is complete by then gets its name, as far as that can be.
    Thread: that of the command; only syncs run beside it.
    """

    def __init__(self, session: Session, progress: Progress, failed: Failed, *, verb: str) -> None:
        self._vfs, self._interrupts = session
        self._progress = progress
        self._failed = failed
        self._verb = verb
        self._caller = Caller(os.geteuid(), os.getegid())
        self._buffer = memoryview(bytearray(PIECE))
        self._scratch = Scratch()
        self._queue: list[Written | _Left] = []
        self._queued_bytes = 0
        self._syncing: list[Written | _Left] = []
        self._sync: Future[None] | None = None
        self._unwritten = 0
        self._writing_back: Future[None] | None = None
        self._lost: OSError | None = None
        self._pool = ThreadPoolExecutor(1, "wafs-sync")

    def folder(self, parent: Ino, name: bytes) -> Entry:
        """Return the folder of this name, pinned: the one that is there or a new one; `leave` finishes it.

        Raises: NotADirError, WafsError, OSError.
        """
        return folder_to_fill(self._vfs, parent, name, self._caller)

    def refuse_folder(self, parent: Ino, name: bytes) -> None:
        """Refuse to let a file replace a folder.

        Raises: IsADirError, WafsError, OSError.
        """
        with contextlib.suppress(NotFoundError):
            entry = self._vfs.tree.lookup(parent, name)
            self._vfs.tree.forget(entry.ino)
            if stat.S_ISDIR(entry.attrs.mode):
                msg = "a file cannot replace the folder of this name in the vault"
                raise IsADirError(msg)

    def write(self, source: bytes, parent: Ino, name: bytes, *, careful: bool = False) -> Written:
        """Write a file under a temporary name; `add` then has it named, `discard` takes it back.

        `careful`: a file that changes while it is read is read once more, and refused if that happens again.
        Raises: FileChangedError, WafsError, OSError, KeyboardInterrupt.
        """
        # Should it have become a FIFO since, opening it must not wait.
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, fd)
            self._progress.begin(os.path.basename(source))
            for attempt in range(2):
                # Taken before it is read, which changes one time; a change while it is read then shows as a newer file.
                attrs = _settled(fd) if careful else os.fstat(fd)
                if not stat.S_ISREG(attrs.st_mode):
                    raise FileChangedError
                end = attrs.st_size if careful else None
                written = self._write_once(fd, attrs, Written(source, parent, temporary_name(self._verb), name, 0), end)
                if not careful or (written.size == attrs.st_size and is_same(attrs, os.fstat(fd))):
                    return written
                self.discard(written)
                self._progress.advance(-written.size)
                if attempt == 0:
                    os.lseek(fd, 0, os.SEEK_SET)
        raise FileChangedError

    def add(self, *written: Written) -> None:
        """Have files that were written get their names, together: no others come between them.

        Raises: what `failed` raises.
        """
        self._queue += written
        self._queued_bytes += sum(one.size for one in written)
        self._pass_on()

    def leave(self, source: bytes, entry: Entry, attrs: os.stat_result, *, takes_pin: bool = True) -> None:
        """Give a folder its attributes when all that was added before is in its place; `takes_pin` and drops it then.

        Raises: what `failed` raises.
        """
        self._queue.append(_Left(source, entry, attrs, takes_pin))
        self._pass_on()

    def symlink(self, step: LocalStep, parent: Ino, name: bytes) -> None:
        """Make a symlink, in place of the file that may be there.

        Raises: WafsError, OSError.
        """
        temporary = temporary_name(self._verb)
        entry = self._vfs.tree.symlink(parent, temporary, os.readlink(step.path), self._caller)
        try:
            with _undoing(lambda: self._vfs.tree.unlink(parent, temporary)):
                times = SetAttrs(atime=step.attrs.st_atime_ns, mtime=step.attrs.st_mtime_ns)
                self._vfs.attributes.set(entry.ino, times)
                self._vfs.renamer.rename(parent, temporary, parent, new_name=name)
        finally:
            self._vfs.tree.forget(entry.ino)
        self._progress.done()

    def finish(self) -> None:
        """Give every file its name and make everything safe from a power cut.

        Raises: OSError, DamageError; what `failed` raises.
        """
        self._flush()
        self._pool.submit(self._settle).result()

    def discard(self, written: Written) -> None:
        """Take back a file that did not get its name; the first error counts, not one of clearing up."""
        with contextlib.suppress(WafsError, OSError):
            self._vfs.tree.unlink(written.parent, written.temporary)

    def _write_once(self, fd: int, attrs: os.stat_result, written: Written, end: int | None) -> Written:
        files = self._vfs.files
        entry, fh = files.create(written.parent, written.temporary, 0o600, flags=os.O_RDWR, caller=self._caller)
        with _undoing(lambda: self.discard(written)):
            try:
                try:
                    size = self._copy(fd, fh, end)
                    self._set_attributes(entry.ino, fd, attrs)
                finally:
                    files.release(fh)
            finally:
                self._vfs.tree.forget(entry.ino)
        return written._replace(size=size)

    def _copy(self, fd: int, fh: Fh, end: int | None) -> int:
        """Copy all there is, or until it is known to be more than `end`: a file may grow as fast as it is read."""
        offset = 0
        while count := os.readv(fd, [self._buffer]):
            self._interrupts.check()
            self._vfs.files.write(fh, offset, self._buffer[:count], self._scratch)
            self._progress.advance(count)
            offset += count
            self._write_back(count)
            if end is not None and offset > end:
                break
        return offset

    def _write_back(self, size: int) -> None:
        """Have the disk begin with what was written of a large file: what is left for the end is then little."""
        self._unwritten += size
        if self._unwritten >= _WRITE_BACK_BYTES and (self._writing_back is None or self._writing_back.done()):
            self._unwritten = 0
            self._writing_back = self._pool.submit(self._begin_writing)

    def _begin_writing(self) -> None:
        # What comes of it is asked for by the next who settles.
        with contextlib.suppress(OSError):
            self._sync_with(self._vfs.vault.store.sync_all)

    def _settle(self) -> None:
        """Return when all that was written so far is safe; runs in the pool, behind what writes back.

        Raises: OSError, DamageError.
        """
        if self._lost is not None:
            raise OSError(self._lost.errno, self._lost.strerror)
        self._sync_with(self._vfs.commits.settle)

    def _sync_with(self, sync: Callable[[], None]) -> None:
        """Sync, and remember a failure: it may concern what is being written, and the system tells it only once."""
        try:
            sync()
        except OSError as error:
            self._lost = error
            raise

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

    def _pass_on(self) -> None:
        """Have a full batch synced, beside what is written meanwhile, when the one before it is in its place."""
        if len(self._queue) >= _BATCH_FILES or self._queued_bytes >= _BATCH_BYTES:
            self._land()
            self._begin_sync()

    def _flush(self) -> None:
        self._land()
        if self._queue:
            self._begin_sync()
            self._land()

    def _begin_sync(self) -> None:
        # At no moment is there a batch without its sync: an interrupt may strike anywhere.
        self._sync = self._pool.submit(self._settle)
        self._syncing, self._queue = self._queue, []
        self._queued_bytes = 0

    def _land(self) -> None:
        """Wait for the sync, then, in the order of the batch, rename files and finish folders.

        The sync stays with its batch: whoever lands what an error has left of it knows whether that is safe.
        """
        problem = self._sync.exception() if self._sync is not None else None
        while self._syncing:
            item = self._syncing.pop(0)
            try:
                if isinstance(item, _Left):
                    self._finish_folder(item)
                    continue
                if problem is not None:
                    raise problem
                for name in item.stale:
                    with contextlib.suppress(NotFoundError):
                        self._vfs.tree.unlink(item.parent, name)
                self._vfs.renamer.rename(item.parent, item.temporary, item.parent, new_name=item.name)
            except (WafsError, OSError) as error:
                if isinstance(item, Written):
                    self.discard(item)
                self._failed(item.source, error)
            else:
                self._progress.done()
                item.landed()
        self._sync = None

    def _finish_folder(self, left: _Left) -> None:
        try:
            self._set_attributes(left.entry.ino, left.source, left.attrs)
        finally:
            self._drop_pin(left)

    def _drop_pin(self, left: _Left) -> None:
        if left.takes_pin:
            self._vfs.tree.forget(left.entry.ino)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                # The first error counts; the storage may be full, and take no more than it has.
                with contextlib.suppress(Exception):
                    self._flush()
        finally:
            self._pool.shutdown()
            for item in (*self._syncing, *self._queue):
                if isinstance(item, Written):
                    self.discard(item)
                else:
                    self._drop_pin(item)
            self._syncing.clear()
            self._queue.clear()


def _settled(fd: int) -> os.stat_result:
    """Return the attributes of a file when a change to it would show: one in the same step of the clock does not."""
    attrs = os.fstat(fd)
    # FAT counts two seconds, others the ticks of the kernel.
    step = 2 * 10**9 if attrs.st_mtime_ns % 10**9 == 0 else 2 * 10**7
    left = attrs.st_mtime_ns + step - time.time_ns()
    if not 0 < left <= step:
        return attrs
    time.sleep(left / 1e9)
    return os.fstat(fd)


def is_same(before: os.stat_result, after: os.stat_result) -> bool:
    """Tell whether a file is taken for unchanged: by size and time."""
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


@contextlib.contextmanager
def _undoing(undo: Callable[[], None]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        undo()
        raise
