"""Database files: the last changes of an SQLite database lie in a log beside it, and neither is whole alone."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Final

from wafs.cli.intake import Intake, Written, is_same
from wafs.cli.local_walk import LocalStep
from wafs.errors import FileChangedError
from wafs.fs.attrs import Attrs
from wafs.units import Ino

LOGS: Final = (b"-journal", b"-wal")
_SIDE_FILES: Final = (*LOGS, b"-shm")
_DATABASES: Final = (b".db", b".db3", b".sqlite", b".sqlite3")
_MAGIC: Final = b"SQLite format 3\0"
_LOG_MAGICS: Final = (bytes.fromhex("d9d505f920a163d7"), bytes.fromhex("377f0682"), bytes.fromhex("377f0683"))


def members_of(step: LocalStep) -> list[LocalStep]:
    """Return a file, and the logs beside it if it is a database that has some.

    Raises: OSError.
    """
    names = [step.name + suffix for suffix in LOGS if step.name + suffix in step.siblings]
    return [step, *_regular(step, names)]


def stale_names(step: LocalStep, present: Mapping[bytes, Attrs]) -> tuple[bytes, ...]:
    """Return what an older copy of a database has beside it and the database has not any more.

    It must not stay: SQLite would take the changes in an old log for changes of the new database. What only has such a
    name, beside a file that is no database, is no log and stays.
    Raises: OSError.
    """
    beside = (step.name + suffix for suffix in _SIDE_FILES)
    names = [name for name in beside if name not in step.siblings and _is_regular(present.get(name))]
    return tuple(names) if names and _is_database(step) else ()


def local_logs(target: bytes) -> list[tuple[bytes, int]]:
    """Return the suffixes of the logs beside a path of this machine that SQLite would read, and when they were changed.

    Raises: OSError.
    """
    found = []
    for suffix in LOGS:
        try:
            attrs = os.lstat(target + suffix)
            if not stat.S_ISREG(attrs.st_mode) or not attrs.st_size:
                continue
            with open(target + suffix, "rb", buffering=0, opener=_without_waiting) as file:
                if file.read(8).startswith(_LOG_MAGICS):
                    found.append((suffix, attrs.st_mtime_ns))
        except OSError as error:
            # A name as long as names can be has no room for the suffix, and so no log.
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                raise
    return found


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


def _regular(step: LocalStep, names: list[bytes]) -> Iterator[LocalStep]:
    for name in names:
        path = os.path.join(os.path.dirname(step.path), name)
        # A log goes when its database is closed.
        with contextlib.suppress(FileNotFoundError):
            attrs = os.lstat(path)
            if stat.S_ISREG(attrs.st_mode):
                yield LocalStep(path, name, attrs, step.siblings)


def _is_regular(attrs: Attrs | None) -> bool:
    return attrs is not None and stat.S_ISREG(attrs.mode)


def _is_database(step: LocalStep) -> bool:
    """Tell by its name or its first bytes; an encrypted one has no bytes by which it is known."""
    if step.name.lower().endswith(_DATABASES):
        return True
    with open(step.path, "rb", buffering=0, opener=_without_waiting) as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; should it have become a FIFO since, that must not wait."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
