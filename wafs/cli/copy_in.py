"""Copy in: files and folders of this machine into a vault, as `wafs put` does it."""

import os
import stat

from wafs.cli.failures import Failures
from wafs.cli.intake import Intake
from wafs.cli.local_walk import LocalStep, local_walk
from wafs.cli.opening import Session
from wafs.cli.screen import tell
from wafs.errors import WafsError
from wafs.fs.attrs import Entry
from wafs.units import Ino


class CopyIn:
    """Copies into an open vault through an intake.

    Thread: that of the command.
    """

    def __init__(self, session: Session, failures: Failures, intake: Intake) -> None:
        self._interrupts = session.interrupts
        self._failures = failures
        self._intake = intake
        self._vault = os.stat(session.vfs.vault.path)

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
                    self._intake.leave(step.path, entry, step.attrs)
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

    def _copy_one(self, step: LocalStep, parent: Ino, name: bytes) -> Entry | None:
        """Copy one entry; a folder is returned pinned, without its entries."""
        kind = stat.S_IFMT(step.attrs.st_mode)
        if kind == stat.S_IFDIR:
            if os.path.samestat(step.attrs, self._vault):
                tell("note", f"left out, it is the vault itself: {os.fsdecode(step.path)}")
                step.prune = True
                return None
            return self._intake.folder(parent, name)
        if kind == stat.S_IFREG:
            self._intake.refuse_folder(parent, name)
            self._intake.add(self._intake.write(step.path, parent, name))
        elif kind == stat.S_IFLNK:
            self._intake.refuse_folder(parent, name)
            self._intake.symlink(step, parent, name)
        else:
            tell("note", f"left out, neither a file, a folder nor a symlink: {os.fsdecode(step.path)}")
        return None
