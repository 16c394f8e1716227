"""Moved files: what an earlier snapshot has under another name. WhatsApp renames its database backup every night."""

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from wafs.cli.comparison import Comparison
from wafs.cli.intake import is_same
from wafs.cli.local_walk import LocalStep
from wafs.cli.opening import Session
from wafs.fs.attrs import Entry, SetAttrs
from wafs.fs.walk import found, walk
from wafs.units import KIB

WORTH_IT: Final = 256 * KIB
"""Bytes from which on a file is looked for: there are few such files, and they take most of the space."""


class MovedFiles:
    """The larger files of the snapshot at a path of the vault, by size and time. It is read when it is first asked.

    A file counts as moved once, and only if it is not under its old name in the folder `source` of this machine any
    more: a copy beside its original is another file, and would come back as the same one.
    Thread: that of the command.
    """

    def __init__(self, session: Session, comparison: Comparison, snapshot: bytes, source: bytes) -> None:
        self._session = session
        self._comparison = comparison
        self._snapshot = snapshot
        self._source = source
        self._paths: dict[tuple[int, int], list[bytes]] | None = None

    @contextmanager
    def same(self, step: LocalStep) -> Iterator[Entry | None]:
        """Find and hold a file that is in every respect, byte by byte, that of the step; None if there is none.

        Raises: WafsError, OSError, KeyboardInterrupt.
        """
        if step.attrs.st_size >= WORTH_IT:
            if self._paths is None:
                self._paths = self._read()
            paths = self._paths.get((step.attrs.st_size, step.attrs.st_mtime_ns), [])
            for path in [path for path in paths if not self._is_there(path, step.attrs)]:
                with found(self._session.vfs, path) as entry:
                    if self._comparison.changes(step, entry.attrs) == SetAttrs() and self._comparison.has_same_content(
                        step, entry.ino
                    ):
                        paths.remove(path)
                        yield entry
                        return
        yield None

    def _is_there(self, path: bytes, attrs: os.stat_result) -> bool:
        with contextlib.suppress(OSError):
            return is_same(os.lstat(self._source + path[len(self._snapshot) :]), attrs)
        return False

    def _read(self) -> dict[tuple[int, int], list[bytes]]:
        paths: dict[tuple[int, int], list[bytes]] = {}
        with found(self._session.vfs, self._snapshot) as top:
            for step in walk(self._session.vfs, top.ino, self._snapshot, _ignore):
                self._session.interrupts.check()
                attrs = step.entry.attrs
                if stat.S_ISREG(attrs.mode) and attrs.size >= WORTH_IT:
                    paths.setdefault((attrs.size, attrs.mtime_ns), []).append(step.path)
        return paths


def _ignore(path: bytes, error: Exception) -> None:
    """Pass over what cannot be read of a snapshot: it is not linked from."""
    del path, error
