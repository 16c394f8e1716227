"""Snapshot marks: the file in a folder of the vault that says which of the folders in it are snapshots."""

import json
import os
from datetime import datetime
from typing import Final, NamedTuple

from wafs.cli.copy_rules import temporary_name
from wafs.cli.opening import Session
from wafs.errors import MalformedError, NotFoundError
from wafs.fs.attrs import Caller
from wafs.fs.walk import listing
from wafs.units import MIB, Ino
from wafs.vault.scratch import Scratch

MARKS: Final = b".wafs-snapshots"
_CAP: Final = 16 * MIB


class Mark(NamedTuple):
    """When a snapshot was made, in the time of that place, and how many files could not be read then."""

    made: datetime
    failed: int = 0


class SnapshotMarks:
    """The names of the snapshots in the folder `number`, and what is known of each.

    Thread: that of the command.
    """

    def __init__(self, session: Session, number: Ino) -> None:
        self._vfs = session.vfs
        self._number = number

    def read(self) -> dict[bytes, Mark]:
        """Return what is marked; a folder of the name need not be there.

        Raises: MalformedError, DamageError, OSError.
        """
        try:
            entry = self._vfs.tree.lookup(self._number, MARKS)
        except NotFoundError:
            return {}
        try:
            fh = self._vfs.files.open(entry.ino, os.O_RDONLY).fh
            try:
                data = bytes(self._vfs.files.read(fh, 0, _CAP, Scratch()))
            finally:
                self._vfs.files.release(fh)
        finally:
            self._vfs.tree.forget(entry.ino)
        return _decoded(data)

    def add(self, name: bytes, mark: Mark) -> None:
        """Mark a snapshot that is about to get its name.

        Raises: as `write`.
        """
        self.write({**self.read(), name: mark}, coming=name)

    def write(self, marks: dict[bytes, Mark], *, coming: bytes | None = None) -> None:
        """Write these marks, without those whose folders are not there, but for the one that is `coming`.

        Raises: MalformedError, WafsError, OSError.
        """
        present = {*listing(self._vfs, self._number), coming}
        data = _encoded({name: mark for name, mark in marks.items() if name in present})
        temporary = temporary_name("backup")
        caller = Caller(os.geteuid(), os.getegid())
        entry, fh = self._vfs.files.create(self._number, temporary, 0o600, flags=os.O_RDWR, caller=caller)
        try:
            self._vfs.files.write(fh, 0, memoryview(data), Scratch())
        finally:
            self._vfs.files.release(fh)
            self._vfs.tree.forget(entry.ino)
        self._vfs.commits.settle()
        self._vfs.renamer.rename(self._number, temporary, self._number, new_name=MARKS)


def _encoded(marks: dict[bytes, Mark]) -> bytes:
    facts = {os.fsdecode(name): {"made": made.isoformat(), "failed": failed} for name, (made, failed) in marks.items()}
    return json.dumps(facts, indent=2, sort_keys=True).encode()


def _decoded(data: bytes) -> dict[bytes, Mark]:
    try:
        return {
            os.fsencode(name): Mark(datetime.fromisoformat(facts["made"]).replace(tzinfo=None), int(facts["failed"]))
            for name, facts in json.loads(data).items()
        }
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        msg = f"the list of snapshots, {MARKS.decode()}, is not of the shape that wafs writes"
        raise MalformedError(msg, hint="remove it, and the snapshots are plain folders") from None
