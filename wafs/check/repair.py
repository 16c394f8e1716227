"""Repair: does what is safe about the findings of a check. Nothing is deleted, and nothing that opens ceases to.

What must go out of the way is moved to a folder of its own in the vault's folder (`set_aside`). Files in flight are
sealed the way their next writer would do it: through the filesystem itself.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from wafs.check.findings import Finding, FinishJournal, Fix, PutBack, RestoreHeader, SealFile, SetAside, WriteRecord
from wafs.check.opening import Patient
from wafs.check.set_aside import SetAside as Aside
from wafs.check.set_aside import opened_folder
from wafs.check.small_files import read_small
from wafs.errors import MalformedError, WafsError
from wafs.format.name import DIR_RECORD
from wafs.format.vault_header import MAX_HEADER_SIZE
from wafs.fs.attrs import SetAttrs
from wafs.fs.vfs import Vfs
from wafs.fs.walk import found
from wafs.vault.header_file import write_durably
from wafs.vault.lock import header_lock

# Away with what lies in the way first: writing a record makes use of the name of a temporary file.
_ORDER: Final = (FinishJournal, RestoreHeader, SetAside, PutBack, WriteRecord, SealFile)


class Repaired(NamedTuple):
    """What became of a finding: `aside` is where something was moved or kept, `problem` why nothing was done."""

    finding: Finding
    aside: bytes | None = None
    problem: str | None = None


def plan(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings about which something can be done, in the order in which it is done."""
    repairable = (finding for finding in findings if finding.repairable)
    return sorted(repairable, key=lambda finding: _ORDER.index(type(finding.fix)))


def repair(patient: Patient, planned: Sequence[Finding], check_interrupt: Callable[[], None]) -> Iterator[Repaired]:
    """Carry out all of a plan but what a writer does when he opens a vault or a file; each comes out when it is done.

    The caller holds the lock of the vault. `check_interrupt` is asked between two of them and may end all.
    """
    work = _Work(patient)
    for finding in planned:
        if finding.fix is None or isinstance(finding.fix, SealFile | FinishJournal):
            continue
        check_interrupt()
        try:
            yield Repaired(finding, work.do(finding.entry or b"", finding.fix))
        except (WafsError, OSError) as error:
            yield Repaired(finding, None, _words(error))


def seal(vfs: Vfs, planned: Sequence[Finding], check_interrupt: Callable[[], None]) -> Iterator[Repaired]:
    """Seal the files of a plan that are in flight; their times stay. Takes a vault that is open for writing."""
    for finding in planned:
        if not isinstance(finding.fix, SealFile):
            continue
        check_interrupt()
        try:
            _seal(vfs, finding.path or b"")
        except (WafsError, OSError) as error:
            yield Repaired(finding, None, _words(error))
        else:
            yield Repaired(finding)


def _seal(vfs: Vfs, path: bytes) -> None:
    with found(vfs, path) as entry:
        before = entry.attrs.mtime_ns
        vfs.files.release(vfs.files.open(entry.ino, os.O_RDWR).fh)
        if vfs.attributes.get(entry.ino).mtime_ns != before:
            vfs.attributes.set(entry.ino, SetAttrs(mtime=before))


class _Work:
    """Does one thing after the other."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._store = patient.store
        self._aside = Aside(patient.store)

    def do(self, entry: bytes, fix: Fix) -> bytes | None:
        """Do one thing; returns where something was put aside.

        Raises: WafsError, OSError.
        """
        match fix:
            case RestoreHeader():
                return self._restore_header(entry, fix)
            case WriteRecord():
                return self._write_record(entry, fix)
            case SetAside():
                return self._aside.move(entry)
            case PutBack(target):
                self._put_back(entry, target)
        return None

    def _restore_header(self, entry: bytes, fix: RestoreHeader) -> bytes | None:
        with header_lock(self._patient.path), opened_folder(self._store, b"") as top:
            # The password may have been changed since the check.
            if read_small(self._store, top, fix.good.encode(), MAX_HEADER_SIZE) != fix.data:
                msg = "the vault header was changed meanwhile"
                raise MalformedError(msg)
            aside = self._move_if_there(entry)
            write_durably(self._patient.path, fix.name, fix.data)
        return aside

    def _write_record(self, entry: bytes, fix: WriteRecord) -> bytes | None:
        with opened_folder(self._store, entry) as folder:
            aside = self._move_if_there(os.path.join(entry, DIR_RECORD)) if fix.keep else None
            self._patient.directories.write_record(folder, fix.record, [fix.place])
        return aside

    def _put_back(self, entry: bytes, target: bytes) -> None:
        (here, name), (there, new_name) = os.path.split(entry), os.path.split(target)
        with opened_folder(self._store, here) as old, opened_folder(self._store, there) as new:
            with contextlib.suppress(FileNotFoundError):
                self._store.stat(new, new_name)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            # Nobody else writes: the lock of the vault is held.
            self._store.rename(old, name, new, new_name)
            self._store.sync(new)
            self._store.sync(old)

    def _move_if_there(self, entry: bytes) -> bytes | None:
        with contextlib.suppress(FileNotFoundError):
            return self._aside.move(entry)
        return None


def _words(error: WafsError | OSError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
