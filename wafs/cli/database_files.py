"""Database files: the last changes of an SQLite database lie in a log beside it, and neither is whole alone."""

import os
from collections.abc import Container
from typing import Final

from wafs.cli.intake import Intake, Written, is_same
from wafs.cli.local_walk import LocalStep
from wafs.errors import FileChangedError
from wafs.units import Ino

_LOGS: Final = (b"-journal", b"-wal")
_SIDE_FILES: Final = (*_LOGS, b"-shm")


def members_of(step: LocalStep) -> list[LocalStep]:
    """Return a file, and the logs beside it if it is a database that has some."""
    names = [step.name + suffix for suffix in _LOGS if step.name + suffix in step.siblings]
    return [step, *(_sibling(step, name) for name in names)]


def stale_names(step: LocalStep, present: Container[bytes]) -> tuple[bytes, ...]:
    """Return what an older copy of a database has beside it and the database has not any more.

    It must not stay: SQLite would take the changes in an old log for changes of the new database.
    """
    names = (step.name + suffix for suffix in _SIDE_FILES)
    return tuple(name for name in names if name in present and name not in step.siblings)


def write_together(intake: Intake, members: list[LocalStep], parent: Ino) -> list[Written]:
    """Write a database and its logs as they are at one moment; once more if they change meanwhile.

    Raises: FileChangedError, WafsError, OSError, KeyboardInterrupt.
    """
    for _ in range(2):
        there = [member for member in members if member is members[0] or os.path.lexists(member.path)]
        written: list[Written] = []
        try:
            before = [os.lstat(member.path) for member in there]
            for member in there:
                written.append(intake.write(member.path, parent, member.name, careful=True))
            if all(map(is_same, before, [os.lstat(member.path) for member in there])):
                return written
        except FileNotFoundError as error:
            _discard(intake, written)
            if not os.path.lexists(members[0].path):
                raise
            del error
            continue
        except BaseException:
            _discard(intake, written)
            raise
        _discard(intake, written)
    raise FileChangedError


def _discard(intake: Intake, written: list[Written]) -> None:
    for one in written:
        intake.discard(one)


def _sibling(step: LocalStep, name: bytes) -> LocalStep:
    path = os.path.join(os.path.dirname(step.path), name)
    return LocalStep(path, name, os.lstat(path), step.siblings)
