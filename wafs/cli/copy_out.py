"""Copy out: files and folders of a vault onto this machine, as `wafs get` does it.

A file is written under a temporary name and renamed when all of it was verified: a damaged one is never there in part.
"""

import contextlib
import os
import stat

from wafs.cli.copy_rules import PIECE, kept_mode, temporary_name
from wafs.cli.failures import Failures
from wafs.cli.opening import Session
from wafs.cli.progress import Progress
from wafs.cli.screen import tell
from wafs.errors import IsADirError, NotADirError, WafsError
from wafs.fs.attrs import Attrs, Entry
from wafs.fs.walk import walk
from wafs.units import Ino
from wafs.vault.scratch import Scratch


class CopyOut:
    """Copies out of an open vault.

    Thread: that of the command.
    """

    def __init__(self, session: Session, failures: Failures, progress: Progress) -> None:
        self._vfs, self._interrupts = session
        self._failures = failures
        self._progress = progress
        self._scratch = Scratch()

    def copy(self, path: bytes, entry: Entry, target: bytes, *, contents: bool = False) -> None:
        """Copy an entry, and all below it, to `target`; `contents` leaves the attributes of a folder already there.

        Raises: KeyboardInterrupt; what fails goes to the failures.
        """
        self._interrupts.check()
        try:
            self.copy_one(path, entry, target)
        except (WafsError, OSError) as error:
            self._failures.add(path, error)
            return
        if not stat.S_ISDIR(entry.attrs.mode):
            return
        for step in walk(self._vfs, entry.ino, path, self._failures.add):
            self._interrupts.check()
            below = os.path.relpath(step.path, path or b"/") if path.strip(b"/") else step.path.lstrip(b"/")
            place = os.path.join(target, below)
            try:
                if step.leaving:
                    self.finish_folder(step.entry, place)
                else:
                    self.copy_one(step.path, step.entry, place)
            except (WafsError, OSError) as error:
                step.prune = True
                self._failures.add(step.path, error)
        if not contents:
            try:
                self.finish_folder(entry, target)
            except (WafsError, OSError) as error:
                self._failures.add(path, error)

    def copy_one(self, path: bytes, entry: Entry, target: bytes) -> None:
        """Copy one entry; a folder without its entries and attributes, which `finish_folder` brings.

        Raises: WafsError, OSError.
        """
        kind = stat.S_IFMT(entry.attrs.mode)
        if kind == stat.S_IFDIR:
            _make_folder(target)
        elif kind == stat.S_IFREG:
            _refuse_folder(target)
            self._progress.begin(os.path.basename(path))
            self._file(entry, target)
            self._progress.done()
        elif kind == stat.S_IFLNK:
            _refuse_folder(target)
            self._symlink(entry, target)
            self._progress.done()
        else:
            tell("note", f"left out, neither a file, a folder nor a symlink: {os.fsdecode(path)}")

    def _file(self, entry: Entry, target: bytes) -> None:
        temporary = os.path.join(os.path.dirname(target), temporary_name("get"))
        fh = self._vfs.files.open(entry.ino, os.O_RDONLY).fh
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with open(fd, "wb", buffering=0) as file:
                    offset = 0
                    while piece := self._vfs.files.read(fh, offset, PIECE, self._scratch):
                        self._interrupts.check()
                        _write_all(file.fileno(), piece)
                        self._progress.advance(len(piece))
                        offset += len(piece)
                    self._set_attributes(entry, file.fileno())
                os.rename(temporary, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        finally:
            self._vfs.files.release(fh)

    def _symlink(self, entry: Entry, target: bytes) -> None:
        temporary = os.path.join(os.path.dirname(target), temporary_name("get"))
        os.symlink(self._vfs.tree.readlink(entry.ino), temporary)
        try:
            os.utime(temporary, ns=_times(entry.attrs), follow_symlinks=False)
            os.rename(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def finish_folder(self, entry: Entry, target: bytes) -> None:
        """Give a copied folder the attributes of the original, when nothing more comes into it.

        Raises: OSError.
        """
        fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._set_attributes(entry, fd)
        finally:
            os.close(fd)

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


def _make_folder(target: bytes) -> None:
    try:
        os.mkdir(target, 0o700)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(target).st_mode):
            msg = f"a folder cannot replace the file {os.fsdecode(target)}"
            raise NotADirError(msg) from None


def _refuse_folder(target: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(target).st_mode):
            msg = f"a file cannot replace the folder {os.fsdecode(target)}"
            raise IsADirError(msg)


def _write_all(fd: int, data: memoryview) -> None:
    done = 0
    while done < len(data):
        done += os.write(fd, data[done:])
