"""Snapshot store: the dated copies of a source in one folder of the vault, each a folder of its own.

A snapshot is made under a name that begins with `.partial-` and gets its own when it is complete. What did not change
since an earlier one is a hard link to the file there, so it is stored once. Which folders are snapshots is written in a
file beside them: a folder that somebody named after a day is none, and is never pruned.
"""

import contextlib
import os
import re
import secrets
import stat
from datetime import date, datetime, time
from typing import Final, NamedTuple

from wafs.cli.copy_rules import kept_mode
from wafs.cli.opening import Session
from wafs.cli.removing import Failed, open_up, remove_below
from wafs.cli.snapshot_marks import Mark, SnapshotMarks
from wafs.errors import ExistsError, NotFoundError
from wafs.fs.attrs import Caller, Entry, SetAttrs
from wafs.fs.rename import RENAME_NOREPLACE
from wafs.fs.walk import listing
from wafs.units import Ino

PARTIAL: Final = b".partial-"
_DATED: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.([1-9]\d*))?")


class Snapshot(NamedTuple):
    """One snapshot. Of two the later one is the greater; `second` counts from the beginning of the day.

    `is_dated`: named after its day, as prune wants it. One that is not complete has no day.
    `failed` files could not be read when it was made.
    """

    day: date
    second: float
    serial: int
    name: bytes
    is_dated: bool = True
    is_complete: bool = True
    failed: int = 0


class SnapshotStore:
    """The snapshots in the folder `number`, which the caller holds.

    Thread: that of the command.
    """

    def __init__(self, session: Session, number: Ino) -> None:
        self._session = session
        self._vfs = session.vfs
        self._marks = SnapshotMarks(session, number)
        self.number = number

    def all(self) -> list[Snapshot]:
        """Return what is there, the oldest first, those that were never completed before all others.

        Raises: WafsError, OSError.
        """
        folders = [name for name, attrs in listing(self._vfs, self.number).items() if stat.S_ISDIR(attrs.mode)]
        marks = self._marks.read()
        partial = [
            Snapshot(date.min, 0, 0, name, is_dated=False, is_complete=False)
            for name in folders
            if name.startswith(PARTIAL)
        ]
        return sorted(partial) + sorted(_snapshot(name, marks[name]) for name in folders if name in marks)

    def find(self, name: str) -> Snapshot:
        """Return the snapshot of a name, or the newest complete one for `latest`.

        Raises: NotFoundError, WafsError, OSError.
        """
        complete = [snapshot for snapshot in self.all() if snapshot.is_complete]
        if name == "latest" and complete:
            return complete[-1]
        for snapshot in complete:
            if os.fsdecode(snapshot.name) == name:
                return snapshot
        msg = f"there is no snapshot {name}"
        raise NotFoundError(msg, hint="see: wafs snapshots list")

    def new_name(self, now: datetime) -> bytes:
        """Return the name of a snapshot made now: the day, with a number if the day has one already.

        Raises: WafsError, OSError.
        """
        present = listing(self._vfs, self.number)
        day = f"{now:%Y-%m-%d}"
        if day.encode() not in present:
            return day.encode()
        return next(name for count in range(2, len(present) + 3) if (name := f"{day}.{count}".encode()) not in present)

    def begin(self, caller: Caller) -> tuple[bytes, Entry]:
        """Make the folder of a snapshot that is not complete, and pin it.

        Raises: WafsError, OSError.
        """
        name = PARTIAL + secrets.token_hex(4).encode()
        return name, self._vfs.tree.mkdir(self.number, name, 0o700, caller)

    def refuse(self, name: bytes) -> None:
        """Refuse a name that is taken.

        Raises: ExistsError, WafsError, OSError.
        """
        if name in listing(self._vfs, self.number):
            msg = f"there is a snapshot or a folder {os.fsdecode(name)} already"
            raise ExistsError(msg)

    def complete(self, partial: bytes, name: bytes, mark: Mark, attrs: os.stat_result) -> None:
        """Give a snapshot its name, and the attributes of its source; all in it is safe from a power cut before that.

        Raises: ExistsError, WafsError, OSError.
        """
        # First the mark: one without its folder says nothing, and a folder without a mark would be no snapshot.
        self._marks.add(name, mark)
        entry = self._vfs.tree.lookup(self.number, partial)
        try:
            self._vfs.renamer.rename(self.number, partial, self.number, new_name=name, flags=RENAME_NOREPLACE)
            mode = kept_mode(attrs.st_mode, attrs.st_uid)
            self._vfs.attributes.set(entry.ino, SetAttrs(mode, atime=attrs.st_atime_ns, mtime=attrs.st_mtime_ns))
        finally:
            self._vfs.tree.forget(entry.ino)

    def remove(self, names: list[bytes], failed: Failed) -> None:
        """Remove snapshots; from its first moment on each is one that is not complete, until nothing of it is left.

        Raises: KeyboardInterrupt, WafsError, OSError; what `failed` raises.
        """
        for name in names:
            self._session.interrupts.check()
            self._remove(name, failed)
        self._marks.write(self._marks.read())
        self._vfs.commits.settle()

    def _remove(self, name: bytes, failed: Failed) -> None:
        entry = self._vfs.tree.lookup(self.number, name)
        try:
            # Its folders have the modes of those in the source, where some may be read-only.
            open_up(self._vfs, entry)
            if not name.startswith(PARTIAL):
                partial = PARTIAL + secrets.token_hex(4).encode()
                self._vfs.renamer.rename(self.number, name, self.number, new_name=partial)
                name = partial
            is_empty = remove_below(self._session, entry.ino, name, failed, opening=True)
        finally:
            self._vfs.tree.forget(entry.ino)
        if is_empty:
            self._vfs.tree.rmdir(self.number, name)


def _snapshot(name: bytes, mark: Mark) -> Snapshot:
    made, failed = mark
    dated = _DATED.fullmatch(name.decode("utf-8", "replace"))
    if dated is not None:
        with contextlib.suppress(ValueError):
            day = date.fromisoformat(dated[1])
            return Snapshot(day, _second(made, day), int(dated[2] or 1), name, failed=failed)
    day = made.date()
    return Snapshot(day, _second(made, day), 0, name, is_dated=False, failed=failed)


def _second(made: datetime, day: date) -> float:
    """Return when it was made, from the beginning of its day on: one that was begun before midnight may end after."""
    return (made - datetime.combine(day, time.min)).total_seconds()
