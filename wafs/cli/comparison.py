"""Comparison: whether a file in the vault is the one on this machine."""

import os
import stat

from wafs.cli.copy_rules import PIECE, kept_mode
from wafs.cli.local_walk import LocalStep
from wafs.cli.opening import Session
from wafs.cli.storage_clock import StorageClock
from wafs.errors import DamageError
from wafs.fs.attrs import Attrs, SetAttrs
from wafs.units import Ino
from wafs.vault.scratch import Scratch


class Comparison:
    """Compares by size and time, or `by_content`.

    Thread: that of the command.
    """

    def __init__(self, session: Session, *, by_content: bool) -> None:
        self._vfs, self._interrupts = session
        self._by_content = by_content
        self._clock = StorageClock(self._vfs.vault.path)
        self._scratch = Scratch()

    def compare(self, step: LocalStep, found: Attrs, parent: Ino) -> SetAttrs | None:
        """Return what to set of a file in a folder of the vault to make it that of the step; None if contents differ.

        Raises: WafsError, OSError, KeyboardInterrupt.
        """
        if not stat.S_ISREG(found.mode) or found.size != step.attrs.st_size:
            return None
        changes = self.changes(step, found)
        if not self._by_content:
            return changes if changes.mtime is None else None
        entry = self._vfs.tree.lookup(parent, step.name)
        try:
            return changes if self.has_same_content(step, entry.ino) else None
        finally:
            self._vfs.tree.forget(entry.ino)

    def changes(self, step: LocalStep, found: Attrs) -> SetAttrs:
        """Return what to set of a file whose contents are those of the step."""
        attrs = step.attrs
        mode = kept_mode(attrs.st_mode, attrs.st_uid)
        return SetAttrs(
            mode=None if stat.S_IMODE(found.mode) == mode else mode,
            mtime=None if self._clock.is_same(found.mtime_ns, attrs.st_mtime_ns) else attrs.st_mtime_ns,
        )

    def is_same_link(self, step: LocalStep, found: Attrs, parent: Ino) -> bool:
        """Tell whether a symlink is the same.

        Raises: WafsError, OSError.
        """
        if not stat.S_ISLNK(found.mode) or not self._clock.is_same(found.mtime_ns, step.attrs.st_mtime_ns):
            return False
        entry = self._vfs.tree.lookup(parent, step.name)
        try:
            return self._vfs.tree.readlink(entry.ino) == os.readlink(step.path)
        except DamageError:
            return False
        finally:
            self._vfs.tree.forget(entry.ino)

    def has_same_content(self, step: LocalStep, number: Ino) -> bool:
        """Compare all bytes with a file of the vault; one that is damaged is another one.

        Raises: WafsError, OSError, KeyboardInterrupt.
        """
        files = self._vfs.files
        try:
            with open(step.path, "rb", buffering=0) as file:
                fh = files.open(number, os.O_RDONLY).fh
                try:
                    offset = 0
                    while piece := files.read(fh, offset, PIECE, self._scratch):
                        self._interrupts.check()
                        if file.read(len(piece)) != piece:
                            return False
                        offset += len(piece)
                    return not file.read(1)
                finally:
                    files.release(fh)
        except DamageError:
            return False
