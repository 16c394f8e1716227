"""Outlet: brings files of a vault onto this machine, each of them whole or not at all.

A file is written under a temporary name and renamed when all of it was verified: a damaged one is never there in part.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator

from wafs.cli.copy_rules import PIECE, kept_mode, temporary_name
from wafs.cli.opening import Session
from wafs.cli.progress import Progress
from wafs.cli.screen import tell
from wafs.errors import IsADirError, NotADirError
from wafs.fs.attrs import Attrs, Entry
from wafs.units import Ino
from wafs.vault.scratch import Scratch


class Outlet:
    """Writes entries of an open vault to paths of this machine.

    Thread: that of the command.
    """

    def __init__(self, session: Session, progress: Progress, *, verb: str) -> None:
        self._vfs, self._interrupts = session
        self._progress = progress
        self._verb = verb
        self._scratch = Scratch()

    def folder(self, target: bytes) -> bool:
        """Make a folder if there is none, and tell whether it is new; `finish_folder` gives it its attributes.

        Raises: NotADirError, OSError.
        """
        try:
            os.mkdir(target, 0o700)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(target).st_mode):
                msg = f"a folder cannot replace the file {os.fsdecode(target)}"
                raise NotADirError(msg) from None
            return False
        return True

    def refuse_folder(self, target: bytes) -> None:
        """Refuse to let a file replace a folder.

        Raises: IsADirError, OSError.
        """
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(os.lstat(target).st_mode):
                msg = f"a file cannot replace the folder {os.fsdecode(target)}"
                raise IsADirError(msg)

    def file(self, name: bytes, entry: Entry, target: bytes, may_replace: Callable[[], bool] = lambda: True) -> bool:
        """Copy a file to a path, in place of the file that may be there, and tell whether it got there.

        `may_replace` is asked at the last moment: copying takes time, and what is there may be another file by then.
        Raises: DamageError, WafsError, OSError, KeyboardInterrupt.
        """
        self._progress.begin(name)
        temporary = self._temporary(target)
        fh = self._vfs.files.open(entry.ino, os.O_RDONLY).fh
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with _removing_if_it_fails(temporary):
                with open(fd, "wb", buffering=0) as file:
                    offset = 0
                    while piece := self._vfs.files.read(fh, offset, PIECE, self._scratch):
                        self._interrupts.check()
                        _write_all(file.fileno(), piece)
                        self._progress.advance(len(piece))
                        offset += len(piece)
                    self._set_attributes(entry, file.fileno())
                if not may_replace():
                    os.unlink(temporary)
                    return False
                os.rename(temporary, target)
        finally:
            self._vfs.files.release(fh)
        self._progress.done()
        return True

    def link(self, first: bytes, target: bytes) -> None:
        """Make a path one more name of a file on this machine, in place of the file that may be there.

        Raises: OSError.
        """
        temporary = self._temporary(target)
        os.link(first, temporary, follow_symlinks=False)
        with _removing_if_it_fails(temporary):
            os.rename(temporary, target)
        self._progress.done()

    def symlink(self, entry: Entry, target: bytes) -> None:
        """Make a symlink, in place of the file that may be there.

        Raises: DamageError, OSError.
        """
        temporary = self._temporary(target)
        os.symlink(self._vfs.tree.readlink(entry.ino), temporary)
        with _removing_if_it_fails(temporary):
            os.utime(temporary, ns=_times(entry.attrs), follow_symlinks=False)
            os.rename(temporary, target)
        self._progress.done()

    def finish_folder(self, entry: Entry, target: bytes) -> None:
        """Give a folder its attributes, when all is in it.

        Raises: WafsError, OSError.
        """
        fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._set_attributes(entry, fd)
        finally:
            os.close(fd)

    def _temporary(self, target: bytes) -> bytes:
        return os.path.join(os.path.dirname(target), temporary_name(self._verb))

    def _set_attributes(self, entry: Entry, fd: int) -> None:
        for name in self._vfs.xattrs.names(entry.ino):
            self._set_xattr(entry.ino, fd, name)
        os.fchmod(fd, kept_mode(entry.attrs.mode, entry.attrs.uid))
        os.utime(fd, ns=_times(entry.attrs))

    def _set_xattr(self, number: Ino, fd: int, name: bytes) -> None:
        try:
            os.setxattr(fd, name, self._vfs.xattrs.get(number, name))
        except OSError as error:
            tell("warning", f"the attribute {os.fsdecode(name)} of a file could not be kept: {error.strerror}")


def _times(attrs: Attrs) -> tuple[int, int]:
    return attrs.atime_ns, attrs.mtime_ns


def _write_all(fd: int, data: memoryview) -> None:
    done = 0
    while done < len(data):
        done += os.write(fd, data[done:])


@contextlib.contextmanager
def _removing_if_it_fails(path: bytes) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
