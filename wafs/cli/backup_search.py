"""Backup search: encrypted backups in a vault, and which of its keys opens them."""

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from wafs.cli.decrypt_sources import vault_source
from wafs.cli.opening import Session
from wafs.errors import WafsError
from wafs.fs.vfs import Vfs
from wafs.fs.walk import found, top, walk
from wafs.whatsapp.backup import Backup
from wafs.whatsapp.source import Candidate

BACKUP_SUFFIXES: Final = (b".crypt12", b".crypt14", b".crypt15")
_SKIPPED: Final = b"Media"
"""Tens of thousands of files, of which none is a backup."""


class BackupInVault(NamedTuple):
    """A backup, and the label of the key that opens its beginning; None if there is none."""

    path: bytes
    label: str | None

    @property
    def shown(self) -> str:
        """Return its path, for people."""
        return os.fsdecode(self.path)


def backup_paths(session: Session) -> list[bytes]:
    """Return the paths of what is called as a backup is, in the order of names; folders named Media are left out."""
    vfs, interrupts = session
    paths = []
    for step in walk(vfs, top(vfs).ino, b"/", lambda _path, _error: None):
        interrupts.check()
        if step.is_dir:
            step.prune = step.name == _SKIPPED
        elif stat.S_ISREG(step.entry.attrs.mode) and step.name.endswith(BACKUP_SUFFIXES):
            paths.append(step.path)
    return paths


def backups_in(session: Session, candidates: Sequence[Candidate]) -> Iterator[BackupInVault]:
    """Look at the beginning of all backups in a vault. Nothing of them is verified."""
    for path in backup_paths(session):
        session.interrupts.check()
        yield BackupInVault(path, _fitting(session.vfs, path, candidates))


def _fitting(vfs: Vfs, path: bytes, candidates: Sequence[Candidate]) -> str | None:
    try:
        with found(vfs, path) as entry, vault_source(vfs, entry) as source:
            backup = Backup.of(source)
            return next((c.label for c in candidates if backup.content(c) is not None), None)
    except (WafsError, OSError):
        return None
