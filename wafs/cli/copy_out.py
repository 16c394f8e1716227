"""Copy out: files and folders of a vault onto this machine, as `wafs get` does it."""

import contextlib
import os
import stat
from collections.abc import Iterable

from wafs.cli.failures import Failures
from wafs.cli.opening import Session
from wafs.cli.outlet import Outlet
from wafs.cli.progress import Progress
from wafs.cli.screen import tell
from wafs.errors import WafsError
from wafs.fs.attrs import Entry
from wafs.fs.walk import found, walk


class CopyOut:
    """Copies out of an open vault.

    Thread: that of the command.
    """

    def __init__(self, session: Session, failures: Failures, progress: Progress) -> None:
        self._vfs, self._interrupts = session
        self._failures = failures
        self._outlet = Outlet(session, progress, verb="get")

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
            self._outlet.folder(target)
        elif kind == stat.S_IFREG:
            self._outlet.refuse_folder(target)
            self._outlet.file(os.path.basename(path), entry, target)
        elif kind == stat.S_IFLNK:
            self._outlet.refuse_folder(target)
            self._outlet.symlink(entry, target)
        else:
            tell("note", f"left out, neither a file, a folder nor a symlink: {os.fsdecode(path)}")

    def finish_folder(self, entry: Entry, target: bytes) -> None:
        """Give a copied folder the attributes of the original, when nothing more comes into it.

        Raises: WafsError, OSError.
        """
        self._outlet.finish_folder(entry, target)


def total_size(session: Session, paths: Iterable[bytes]) -> int:
    """Add up the sizes of files and of all below folders; what cannot be read is told when it is copied."""
    total = 0
    for path in paths:
        with contextlib.suppress(WafsError, OSError), found(session.vfs, path) as top:
            entries = [top.attrs] if stat.S_ISREG(top.attrs.mode) else []
            total += sum(attrs.size for attrs in entries)
            if not stat.S_ISDIR(top.attrs.mode):
                continue
            for step in walk(session.vfs, top.ino, path, lambda _path, _error: None):
                session.interrupts.check()
                if stat.S_ISREG(step.entry.attrs.mode):
                    total += step.entry.attrs.size
    return total
