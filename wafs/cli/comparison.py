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
        attrs = step.attrs
        if not stat.S_ISREG(found.mode) or found.size != attrs.st_size:
            return None
        is_time_same = self._clock.is_same(found.mtime_ns, attrs.st_mtime_ns)
        if not (self._has_same_content(step, parent) if self._by_content else is_time_same):
            return None
        mode = kept_mode(attrs.st_mode, attrs.st_uid)
        return SetAttrs(
            mode=None if stat.S_IMODE(found.mode) == mode else mode,
            mtime=None if is_time_same else attrs.st_mtime_ns,
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

    def _has_same_content(self, step: LocalStep, parent: Ino) -> bool:
        """Compare all bytes; a copy that is damaged is another one."""
        files = self._vfs.files
        entry = self._vfs.tree.lookup(parent, step.name)
        try:
            with open(step.path, "rb", buffering=0) as file:
                fh = files.open(entry.ino, os.O_RDONLY).fh
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
        finally:
            self._vfs.tree.forget(entry.ino)
