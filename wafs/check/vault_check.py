"""Vault check: all of a vault looked at, from its headers to the last chunk, with nothing written."""

import dataclasses
import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from wafs.check.attributes import check_xattrs
from wafs.check.file_check import FileCheck, Verdict
from wafs.check.findings import Finding, Kind, PutBack, SetAside, Severity
from wafs.check.folder_check import CONFLICT, FolderCheck, Listed
from wafs.check.folders import Folder, FolderHandles, top
from wafs.check.headers import NAMES, HeaderCopy, check_copies
from wafs.check.journal import NAMES as JOURNAL_NAMES
from wafs.check.journal import check_journal
from wafs.check.key_store import check_key_store
from wafs.check.opening import Patient
from wafs.check.origins import Origins
from wafs.check.set_aside import ASIDE_PREFIX
from wafs.check.tally import Tally
from wafs.check.watch import Watch
from wafs.errors import DamageError
from wafs.format.name import SHORT_SUFFIX
from wafs.format.symlink import open_target
from wafs.store.base import Handle
from wafs.vault.key_store_file import KEY_STORE_NAME
from wafs.vault.lock import TREE_NAME
from wafs.vault.readme import README_NAME
from wafs.vault.replay import Replay

_KNOWN: Final = frozenset({*NAMES, *JOURNAL_NAMES, TREE_NAME, README_NAME, KEY_STORE_NAME})
_LEFT_BY_WRITER: Final = re.compile(r"(wafs\.vault|wafs\.vault\.copy|wafs\.keys|README-wafs\.txt)\.[0-9a-f]{8}\.tmp")
_JOURNAL_ASIDE: Final = re.compile(r"wafs\.journal(\.next)?\.aside(-[0-9]+)?")
_NAMELESS: Final = frozenset({Kind.NAME_DAMAGED, Kind.LONG_NAME_LOST, Kind.LONG_NAME_DAMAGED})


class VaultCheck:
    """One look at a vault; `run` once. `tally` is right at any time, also when the run is stopped.

    `patient` is None for a vault that no header opens: then only what needs no key is looked at.
    """

    def __init__(
        self, path: str, copies: list[HeaderCopy], patient: Patient | None, watch: Watch, *, quick: bool
    ) -> None:
        self._path = path
        self._copies = copies
        self._patient = patient
        self._watch = watch
        self._quick = quick
        self.tally = Tally()

    def run(self) -> Iterator[Finding]:
        """Look at everything; what is wrong comes out while the check goes on.

        Raises: OSError if the vault's own folder cannot be read; what the watch raises.
        """
        patient = self._patient
        yield from check_copies(self._copies, patient.key if patient is not None else None)
        yield from self._check_strays()
        if patient is not None:
            yield from check_key_store(patient)
            replay, findings = check_journal(patient)
            yield from findings
            yield from _TreeCheck(patient, replay, self._watch, self.tally, quick=self._quick).run()

    def _check_strays(self) -> Iterator[Finding]:
        """Look at what else lies in the vault's folder; what hides behind a dot belongs to sync programs."""
        for name in sorted(os.listdir(self._path)):
            if name in _KNOWN or name.startswith((".", ASIDE_PREFIX)):
                continue
            entry = os.fsencode(name)
            if CONFLICT.search(entry):
                message = "a second version that a sync program left, since two devices changed the same thing"
                yield Finding(Kind.CONFLICT_COPY, message, entry=entry)
            elif _LEFT_BY_WRITER.fullmatch(name):
                message = "a file of the vault that was never written to its end"
                yield Finding(Kind.LEFTOVER, message, entry=entry, fix=SetAside())
            elif _JOURNAL_ASIDE.fullmatch(name):
                message = (
                    "a journal with changes of a file that was damaged when the vault was made whole after a crash"
                )
                yield Finding(Kind.LEFTOVER, message, entry=entry, fix=SetAside())
            else:
                yield Finding(Kind.STRAY, "something beside the encrypted files that is not encrypted", entry=entry)


class _TreeCheck:
    """Goes through the tree, folder by folder, without recursion: a path may be deeper than Python's stack."""

    def __init__(self, patient: Patient, replay: Replay | None, watch: Watch, tally: Tally, *, quick: bool) -> None:
        self._patient = patient
        self._store = patient.store
        self._watch = watch
        self._tally = tally
        self._folders = FolderCheck(patient)
        self._files = FileCheck(patient.store, patient.keyring, patient.chunk_size, replay, quick=quick)
        self._handles = FolderHandles(patient.store, patient.tree)
        self._linked: dict[tuple[int, int], Verdict] = {}
        self._origins = Origins(patient)
        self._unidentified: deque[Folder] = deque()
        self._nameless: list[tuple[Folder, Finding]] = []

    def run(self) -> Iterator[Finding]:
        waiting = [top()]
        try:
            # The ids of all other folders may tell that of one which has lost its own.
            while waiting or self._unidentified:
                is_last = not waiting
                folder = self._unidentified.popleft() if is_last else waiting.pop()
                found: list[Folder] = []
                try:
                    yield from self._folder(folder, found, is_last=is_last)
                except FileNotFoundError:
                    # Somebody removed it while we were elsewhere.
                    continue
                except OSError as error:
                    message = f"the storage does not give this folder: {error.strerror}"
                    yield Finding(Kind.UNREADABLE, message, folder.path, folder.entry_path)
                waiting += found[::-1]
            for folder, finding in self._nameless:
                yield self._with_origin(folder, finding)
        finally:
            self._handles.close()

    def _with_origin(self, folder: Folder, finding: Finding) -> Finding:
        """Say of an entry that lies at a wrong place which one is right, if nothing is there."""
        entry = os.path.basename(finding.entry or b"")
        try:
            origin = self._origins.of_entry(self._handles.of(folder), entry)
            if origin is None or origin.folder is folder:
                return finding
            try:
                self._store.stat(self._handles.of(origin.folder), entry)
            except FileNotFoundError:
                message = "it was moved to another place outside of wafs, where it does not open"
                target = os.path.join(origin.folder.entry_path, entry)
                path = origin.folder.path_of(origin.name)
                return Finding(Kind.MISPLACED, message, path, finding.entry, fix=PutBack(target))
        except OSError:
            pass
        return finding

    def _folder(self, folder: Folder, below: list[Folder], *, is_last: bool) -> Iterator[Finding]:
        handle = self._handles.of(folder)
        listing = self._folders.check(folder, handle, self._origins if is_last else None)
        if folder.dir_id is None and not is_last:
            self._unidentified.append(folder)
            return
        self._origins.note(folder)
        self._tally.folders += folder.parent is not None
        self._tally.nameless += sum(finding.kind in _NAMELESS for finding in listing.findings) + listing.unreached
        for finding in listing.findings:
            if finding.kind is Kind.NAME_DAMAGED and (finding.entry or b"").endswith(SHORT_SUFFIX):
                self._nameless.append((folder, finding))
            else:
                yield finding
        if folder.dir_id is None:
            return
        findings = check_xattrs(self._patient, handle, b".", folder.dir_id)
        yield from (_placed(finding, folder.path, folder.entry_path) for finding in findings)
        for listed in listing.entries:
            kind = listed.type
            if kind == stat.S_IFDIR:
                below.append(Folder(folder, listed.entry, listed.name))
                continue
            findings = self._entry(folder, handle, listed)
            if findings:
                path, entry = folder.path_of(listed.name), os.path.join(folder.entry_path, listed.entry)
                yield from (_placed(finding, path, entry) for finding in findings)

    def _entry(self, folder: Folder, handle: Handle, listed: Listed) -> list[Finding]:
        try:
            if listed.type == stat.S_IFREG:
                self._watch.entering(folder.path_of(listed.name))
                return self._file(handle, listed.entry)
            if listed.type == stat.S_IFLNK:
                self._tally.symlinks += 1
                return self._symlink(handle, listed.entry)
        except FileNotFoundError:
            return []
        except OSError as error:
            self._tally.files += listed.type == stat.S_IFREG
            self._tally.damaged_files += listed.type == stat.S_IFREG
            return [Finding(Kind.UNREADABLE, f"the storage does not give it: {error.strerror}")]
        self._tally.others += 1
        return []

    def _file(self, folder: Handle, entry: bytes) -> list[Finding]:
        handle = self._store.open(folder, entry, os.O_RDONLY | os.O_NONBLOCK)
        try:
            found = self._store.fstat(handle)
            identity = found.st_dev, found.st_ino
            if identity in self._linked:
                return self._linked[identity].findings
            read = 0

            def advanced(size: int) -> None:
                nonlocal read
                read += size
                self._watch.advanced(size)

            verdict = self._files.check(handle, advanced)
            if verdict.file_id is not None:
                verdict.findings.extend(check_xattrs(self._patient, folder, entry, verdict.file_id))
        finally:
            self._store.close(handle)
        # The header, or all of it if the chunks were not read.
        self._watch.advanced(max(found.st_size - read, 0))
        self._tally.files += 1
        self._tally.damaged_files += verdict.is_damaged
        self._tally.sealed_bytes += found.st_size
        if found.st_nlink > 1:
            self._linked[identity] = verdict
        return verdict.findings

    def _symlink(self, folder: Handle, entry: bytes) -> list[Finding]:
        try:
            open_target(self._patient.keyring.symlinks, self._store.readlink(folder, entry))
        except DamageError as error:
            return [Finding(Kind.SYMLINK_DAMAGED, f"where this symlink leads does not open: {error}")]
        return []


def _placed(finding: Finding, path: bytes, entry: bytes) -> Finding:
    return dataclasses.replace(finding, path=path, entry=entry)


def is_finding(finding: Finding) -> bool:
    """Tell whether a finding counts for the exit code; notes do not."""
    return finding.severity is not Severity.NOTE


def total_size(patient: Patient, check_interrupt: Callable[[], None]) -> int:
    """Add up the ciphertext of all files, for whoever wants to know how long a check will take.

    What cannot be read counts nothing. `check_interrupt` is asked between two folders and may end all.
    """
    total = 0
    handles = FolderHandles(patient.store, patient.tree)
    waiting = [top()]
    try:
        while waiting:
            folder = waiting.pop()
            check_interrupt()
            try:
                handle = handles.of(folder)
                for entry, kind, _ in patient.store.entries(handle):
                    if kind == stat.S_IFDIR:
                        waiting.append(Folder(folder, entry, entry))
                    elif kind == stat.S_IFREG:
                        total += patient.store.stat(handle, entry).st_size
            except OSError:
                continue
    finally:
        handles.close()
    return total
