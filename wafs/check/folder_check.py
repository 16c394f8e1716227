"""Folder check: the record of a folder and the names in it (format.md sections 6 and 7)."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from wafs.check.findings import Finding, Fix, Kind, SetAside, WriteRecord
from wafs.check.folders import Folder
from wafs.check.opening import Patient
from wafs.check.origins import Origins
from wafs.check.small_files import read_small
from wafs.errors import AuthenticationError, DamageError, MalformedError, WafsError
from wafs.format.directory import (
    EXPLICIT,
    RECORD_SIZE,
    DirectoryRecord,
    implied_dir_id,
    open_directory_record,
)
from wafs.format.file_header import open_file_header
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.format.name import (
    DIR_RECORD,
    LONG_SUFFIX,
    MAX_NAME_FILE_SIZE,
    NAME_SUFFIX,
    SHORT_SUFFIX,
    TEMPORARY,
    sealed_name_stem,
)
from wafs.store.base import Handle
from wafs.units import DirId
from wafs.vault.chunk_io import read_all

CONFLICT: Final = re.compile(rb"conflicted copy|\.sync-conflict-|[~(-]conflict|^[A-Za-z0-9_-]{22,} \([0-9]+\)\.")
"""What Dropbox, Nextcloud, Syncthing, MEGA and Google Drive put into the name of the second version of a file."""
_ORIGINAL: Final = re.compile(rb"([A-Za-z0-9_-]{22,})[ .~(-].*(\.waf[sl])")
_LEFT_OVER: Final = re.compile(rb"\.wafs-(?:put|backup|keep|decrypt)-[0-9a-f]{16}")
"""Plain names under which files lie that are being put into the vault (wafs.cli.copy_rules)."""
_WORDS: Final = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a symlink", stat.S_IFREG: "a file"}


class Listed(NamedTuple):
    """An entry whose name opened; the type is S_IFMT bits, 0 if unknown."""

    entry: bytes
    name: bytes
    type: int


@dataclass(slots=True)
class Listing:
    """What a folder holds, and what is wrong with its record and names; `unreached` entries without its id."""

    entries: list[Listed] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unreached: int = 0


class FolderCheck:
    """Checks folders one by one; gives each the id with which its names open."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._directories = patient.directories
        self._keys = patient.keyring

    def check(self, folder: Folder, handle: Handle, origins: Origins | None = None) -> Listing:
        """List a folder and set its id; without one nothing in it is listed.

        `origins` are asked for an id that neither the folder nor its place tells.
        Raises: OSError.
        """
        types = {entry: kind for entry, kind, _ in self._patient.store.entries(handle)}
        listing = Listing()
        listing.findings += self._identify(folder, handle, types, origins)
        if folder.dir_id is None:
            listing.unreached = sum(entry.endswith((SHORT_SUFFIX, LONG_SUFFIX)) for entry in types)
            return listing
        for entry in sorted(types):
            if entry != DIR_RECORD and not self._is_name_of_another(entry, types):
                self._look(folder, handle, Listed(entry, b"", types[entry]), listing)
        listing.entries.sort(key=lambda listed: listed.name)
        return listing

    def _identify(
        self, folder: Folder, handle: Handle, types: dict[bytes, int], origins: Origins | None
    ) -> Iterator[Finding]:
        implied = implied_dir_id(self._keys.directory_ids, folder.place)
        sealed = [entry for entry in types if entry.endswith((SHORT_SUFFIX, LONG_SUFFIX))]
        data = self._read_record(handle, types)
        if data is None:
            folder.dir_id = implied
            if sealed and not self._proves(handle, implied, sealed):
                yield from self._without_record(folder, handle, sealed, origins)
            return
        records, is_forged = self._open_records(folder, data)
        if records:
            folder.dir_id = records[0].dir_id
            if len(data) > RECORD_SIZE:
                rewrite = WriteRecord(records[0], folder.place, keep=False)
                message = "the record of this folder still holds a place where it no longer is"
                yield self._of(folder, Kind.FOLDER_RECORD_STALE, message, rewrite)
            return
        fix = None
        if not is_forged and self._proves(handle, implied, sealed):
            # Whether a folder was moved away from here is not known any more; to say so harms nothing.
            folder.dir_id = implied
            fix = WriteRecord(DirectoryRecord(implied, EXPLICIT), folder.place, keep=True)
        elif not is_forged and not sealed and folder.parent is not None:
            record = self._directories.new_explicit_record()
            folder.dir_id = record.dir_id
            fix = WriteRecord(record, folder.place, keep=True)
        elif not is_forged:
            fix = self._found_again(folder, handle, sealed, origins)
        message = "the record of this folder is damaged, or the folder was moved by someone without a key"
        if fix is None:
            message += f"; the {len(sealed)} entries in it cannot be reached"
        yield self._of(folder, Kind.FOLDER_RECORD_DAMAGED, message, fix)

    def _without_record(
        self, folder: Folder, handle: Handle, sealed: list[bytes], origins: Origins | None
    ) -> Iterator[Finding]:
        """Tell of a folder that has no record, and in which no name opens under the id of its place."""
        if origins is not None and all(origins.of_entry(handle, entry) for entry in sealed):
            # All of it was moved here from elsewhere, and says nothing about this folder.
            return
        message = f"no name in this folder opens ({len(sealed)} in all): the record of its id is missing"
        fix = self._found_again(folder, handle, sealed, origins)
        if fix is not None:
            message = "the record of this folder's id is missing; the id was found again"
        yield self._of(folder, Kind.FOLDER_ID_LOST, message, fix)

    def _found_again(
        self, folder: Folder, handle: Handle, sealed: list[bytes], origins: Origins | None
    ) -> WriteRecord | None:
        """Set the id of a folder that has it from the place where it was made, if one opens a name in it."""
        folder.dir_id = None
        if origins is None or folder.parent is None:
            return None
        folder.dir_id = origins.id_of(folder, lambda dir_id: self._proves(handle, dir_id, sealed))
        if folder.dir_id is None:
            return None
        return WriteRecord(DirectoryRecord(folder.dir_id, EXPLICIT), folder.place, keep=True)

    def _read_record(self, handle: Handle, types: dict[bytes, int]) -> bytes | None:
        """Return the content of `wafs.dir`, None without one, nothing if it is no file."""
        if DIR_RECORD not in types:
            return None
        try:
            return read_small(self._patient.store, handle, DIR_RECORD, 2 * RECORD_SIZE)
        except MalformedError:
            return b""
        except FileNotFoundError:
            return None

    def _open_records(self, folder: Folder, data: bytes) -> tuple[list[DirectoryRecord], bool]:
        """Open the records that belong to the place of a folder; tell whether one is authentic and makes no sense."""
        records: list[DirectoryRecord] = []
        if len(data) not in (RECORD_SIZE, 2 * RECORD_SIZE):
            return records, False
        for start in range(0, len(data), RECORD_SIZE):
            part = data[start : start + RECORD_SIZE]
            try:
                records.append(open_directory_record(self._keys.directory_records, part, folder.place))
            except AuthenticationError:
                continue
            except MalformedError:
                return [], True
        return records, False

    def _proves(self, handle: Handle, dir_id: DirId, sealed: list[bytes]) -> bool:
        """Tell whether at least one name opens under an id, which no wrong id does.

        Raises: OSError if that cannot be known.
        """
        problem: OSError | None = None
        # Short names first: nothing needs to be read for them.
        for entry in sorted(sealed, key=lambda entry: entry.endswith(LONG_SUFFIX)):
            try:
                self._directories.open_name(handle, dir_id, entry)
            except (DamageError, FileNotFoundError):
                continue
            except OSError as error:
                problem = error
            else:
                return True
        if problem is not None:
            raise problem
        return False

    def _open(self, handle: Handle, dir_id: DirId, entry: bytes) -> bytes | None:
        try:
            return self._directories.open_name(handle, dir_id, entry)
        except (DamageError, OSError):
            return None

    def _is_name_of_another(self, entry: bytes, types: dict[bytes, int]) -> bool:
        return entry.endswith(NAME_SUFFIX) and entry[: -len(NAME_SUFFIX)] + LONG_SUFFIX in types

    def _look(self, folder: Folder, handle: Handle, found: Listed, listing: Listing) -> None:
        """Put an entry among those whose names open, or among the findings."""
        entry = found.entry
        if folder.dir_id is None:
            return
        try:
            name = self._directories.open_name(handle, folder.dir_id, entry)
        except FileNotFoundError:
            if self._is_there(handle, entry):
                message = f"the long name of {_words(found)} is lost: the file beside it that holds the name is missing"
                listing.findings.append(self._of(folder, Kind.LONG_NAME_LOST, message, entry=entry))
        except (DamageError, OSError) as error:
            listing.findings.append(self._nameless(folder, handle, found, error))
        else:
            if _LEFT_OVER.fullmatch(name) and not stat.S_ISDIR(found.type):
                message = "a file that was being put into the vault, and never was complete"
                left = self._of(folder, Kind.LEFTOVER, message, SetAside(), entry=entry, name=name)
                listing.findings.append(left)
            else:
                listing.entries.append(found._replace(name=name))

    def _nameless(self, folder: Folder, handle: Handle, found: Listed, error: Exception) -> Finding:
        """Tell what an entry is whose name does not open."""
        entry = found.entry
        if isinstance(error, OSError):
            message = f"the storage does not give its name: {error.strerror}"
            return self._of(folder, Kind.UNREADABLE, message, entry=entry)
        if CONFLICT.search(entry):
            original = _ORIGINAL.fullmatch(entry)
            name = self._open(handle, folder.dir_id or DirId(b""), b"".join(original.groups())) if original else None
            message = "a second version that a sync program left, since two devices changed the same thing"
            return self._of(folder, Kind.CONFLICT_COPY, message, entry=entry, name=name)
        if entry.endswith(NAME_SUFFIX):
            return self._orphan(folder, handle, entry)
        fix: Fix | None = None
        kind, message = Kind.FOREIGN, f"{_words(found)} that wafs did not make"
        if entry == TEMPORARY:
            kind, message, fix = Kind.LEFTOVER, "a record of a folder that was never written to its end", SetAside()
        elif entry.endswith(LONG_SUFFIX):
            kind = Kind.LONG_NAME_DAMAGED
            message = f"the long name of {_words(found)} is damaged: the file beside it does not hold its name"
        elif entry.endswith(SHORT_SUFFIX):
            kind = Kind.NAME_DAMAGED
            message = f"the name of {_words(found)} does not open: it was renamed or moved outside of wafs, or damaged"
        elif self._is_ours(handle, found):
            kind, message = Kind.NAME_DAMAGED, f"{_words(found)} of this vault was renamed outside of wafs"
        return self._of(folder, kind, message, fix, entry=entry)

    def _orphan(self, folder: Folder, handle: Handle, entry: bytes) -> Finding:
        """Tell what an interrupted writer left from what is nobody's (F-43)."""
        try:
            sealed = read_small(self._patient.store, handle, entry, MAX_NAME_FILE_SIZE)
        except (MalformedError, OSError):
            sealed = b""
        if len(sealed) <= MAX_NAME_FILE_SIZE and sealed_name_stem(sealed) == entry[: -len(NAME_SUFFIX)]:
            message = "a long name without its file, as an interrupted change leaves it"
            return self._of(folder, Kind.LONG_NAME_LEFT, message, SetAside(), entry=entry)
        message = "a file that should hold a long name, and holds something else"
        return self._of(folder, Kind.LONG_NAME_FOREIGN, message, SetAside(), entry=entry)

    def _is_ours(self, handle: Handle, found: Listed) -> bool:
        """Tell whether something with a name that wafs never gives has what only wafs makes in it."""
        store = self._patient.store
        try:
            if found.type == stat.S_IFDIR:
                folder = store.open_dir(handle, found.entry)
                try:
                    suffixes = (SHORT_SUFFIX, LONG_SUFFIX)
                    return any(name == DIR_RECORD or name.endswith(suffixes) for name, _, _ in store.entries(folder))
                finally:
                    store.close(folder)
            if found.type == stat.S_IFREG:
                file = store.open(handle, found.entry, os.O_RDONLY | os.O_NONBLOCK)
                try:
                    open_file_header(self._keys.file_keys, read_all(store, file, FILE_HEADER_SIZE, 0))
                finally:
                    store.close(file)
                return True
        except (WafsError, OSError):
            pass
        return False

    def _is_there(self, handle: Handle, entry: bytes) -> bool:
        try:
            self._patient.store.stat(handle, entry)
        except FileNotFoundError:
            return False
        return True

    def _of(
        self,
        folder: Folder,
        kind: Kind,
        message: str,
        fix: Fix | None = None,
        *,
        entry: bytes | None = None,
        name: bytes | None = None,
    ) -> Finding:
        path = folder.path if name is None else folder.path_of(name)
        below = folder.entry_path if entry is None else os.path.join(folder.entry_path, entry)
        return Finding(kind, message, path, below, fix=fix)


def _words(found: Listed) -> str:
    return _WORDS.get(found.type, "an entry")
