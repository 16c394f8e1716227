"""Salvage names: what a folder of a damaged vault holds, as far as its id and its names can still be had."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from wafs.check.opening import Patient
from wafs.check.small_files import read_small
from wafs.errors import DamageError
from wafs.format.directory import (
    RECORD_SIZE,
    DirectoryRecord,
    Place,
    implied_dir_id,
    open_directory_record,
)
from wafs.format.name import (
    DIR_RECORD,
    LONG_SUFFIX,
    MAX_NAME_FILE_SIZE,
    NAME_SUFFIX,
    SHORT_SUFFIX,
    TEMPORARY,
    name_file_of,
    sealed_name_stem,
)
from wafs.store.base import Handle
from wafs.units import DirId

_SHORT_STEMS: Final = tuple(-(-4 * (16 + padded) // 3) for padded in range(16, 145, 16))
_LONG_STEM: Final = 43
_PROOFS: Final = 8
"""Names that are tried with an id before it is given up; one that opens proves it."""


class Named(NamedTuple):
    """An entry whose name opened; `is_copy`: a program put something into its ciphertext name."""

    name: bytes
    entry: bytes
    is_copy: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds besides the files of wafs itself."""

    named: list[Named] = field(default_factory=list)
    nameless: list[bytes] = field(default_factory=list)


class Names:
    """Lists folders and finds out names. Reads only.

    Thread: one.
    """

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._store = patient.store
        self._directories = patient.directories
        self._keys = patient.keyring

    def identify(self, handle: Handle, place: Place | None, others: Iterable[DirId] = ()) -> DirId | None:
        """Return the id of a folder; None if none is known with which a name in it opens.

        `place`: where it stands, None if that is not known; `others` are further parents that it may have been born
        in, under the name that it has.
        Raises: OSError.
        """
        entries = {entry for entry, _, _ in self._store.entries(handle)}
        # A long name without its file speaks neither for an id nor against it.
        sealed = [
            entry
            for entry in sorted(entries)
            if entry.endswith(SHORT_SUFFIX) or (entry.endswith(LONG_SUFFIX) and name_file_of(entry) in entries)
        ][:_PROOFS]
        if place is None:
            return None
        record = self._record(handle, DIR_RECORD, place)
        if record is not None:
            return record.dir_id
        implied = implied_dir_id(self._keys.directory_ids, place)
        if not sealed:
            return implied
        for dir_id in self._guesses(handle, place, implied, others):
            if any(self.open_name(handle, dir_id, entry) is not None for entry in sealed):
                return dir_id
        return None

    def read(self, handle: Handle, dir_id: DirId | None) -> Found:
        """List a folder; without its id nothing in it has a name.

        Raises: OSError.
        """
        found = Found()
        entries = sorted(entry for entry, _, _ in self._store.entries(handle))
        present = set(entries)
        for entry in entries:
            if entry in (DIR_RECORD, TEMPORARY) or self._is_name_file(handle, entry, present):
                continue
            named = self._named(handle, dir_id, entry) if dir_id is not None else None
            if named is None:
                found.nameless.append(entry)
            else:
                found.named.append(named)
        # The first version of a file takes its name before the second one does.
        found.named.sort(key=lambda named: (named.name, named.is_copy))
        return found

    def open_name(self, handle: Handle, dir_id: DirId, entry: bytes) -> bytes | None:
        """Open a name with an id, if it is one of that folder."""
        try:
            return self._directories.open_name(handle, dir_id, entry)
        except (DamageError, OSError):
            return None

    def _named(self, handle: Handle, dir_id: DirId, entry: bytes) -> Named | None:
        name = self.open_name(handle, dir_id, entry)
        if name is not None:
            return Named(name, entry)
        for original in _originals(entry):
            name = self.open_name(handle, dir_id, original)
            if name is not None:
                return Named(name, entry, is_copy=True)
        return None

    def _guesses(self, handle: Handle, place: Place, implied: DirId, others: Iterable[DirId]) -> Iterator[DirId]:
        yield implied
        # A record that was never put in its place, by a wafs that was killed.
        record = self._record(handle, TEMPORARY, place)
        if record is not None:
            yield record.dir_id
        for parent in others:
            yield implied_dir_id(self._keys.directory_ids, Place(parent, place.name))

    def _record(self, handle: Handle, name: bytes, place: Place) -> DirectoryRecord | None:
        try:
            data = read_small(self._store, handle, name, 2 * RECORD_SIZE)
        except (DamageError, OSError):
            return None
        # One of two records is enough, and a tail that is no record costs nothing.
        for start in range(0, min(len(data), 2 * RECORD_SIZE) - RECORD_SIZE + 1, RECORD_SIZE):
            try:
                part = data[start : start + RECORD_SIZE]
                return open_directory_record(self._keys.directory_records, part, place)
            except DamageError:
                continue
        return None

    def _is_name_file(self, handle: Handle, entry: bytes, present: set[bytes]) -> bool:
        if not entry.endswith(NAME_SUFFIX):
            return False
        stem = entry[: -len(NAME_SUFFIX)]
        if stem + LONG_SUFFIX in present:
            return True
        try:
            sealed = read_small(self._store, handle, entry, MAX_NAME_FILE_SIZE)
        except (DamageError, OSError):
            return False
        return sealed_name_stem(sealed) == stem


def _originals(entry: bytes) -> Iterator[bytes]:
    """Yield the ciphertext names that an entry may have had before a program put something into or behind it."""
    for suffix, stems in ((SHORT_SUFFIX, _SHORT_STEMS), (LONG_SUFFIX, (_LONG_STEM,))):
        if suffix in entry:
            for length in stems:
                if len(suffix) + length < len(entry):
                    yield entry[:length] + suffix
