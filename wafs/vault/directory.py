"""Directory: names and ids of directories in the store (format.md sections 6 and 7)."""

import contextlib
import errno
import logging
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from wafs.errors import DamageError, MalformedError
from wafs.format.directory import (
    DIR_ID_SIZE,
    RECORD_SIZE,
    DirectoryRecord,
    Place,
    implied_dir_id,
    open_directory_record,
    seal_directory_record,
)
from wafs.format.name import (
    DIR_RECORD,
    LONG_SUFFIX,
    MAX_NAME_FILE_SIZE,
    NAME_SUFFIX,
    SHORT_SUFFIX,
    TEMPORARY,
    SealedName,
    check_name,
    name_file_of,
    open_long_name,
    open_short_name,
    seal_name,
    sealed_name_stem,
)
from wafs.store.base import Handle, Store
from wafs.units import DirId
from wafs.vault.chunk_io import read_all, write_all
from wafs.vault.keyring import Keyring

_log = logging.getLogger(__name__)

_SEALED_NAMES: Final = 4096
"""Sealed names that are remembered; some 300 bytes each."""

_INTERNAL: Final = (DIR_RECORD, TEMPORARY)
_UNREADABLE: Final = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.EIO)
"""Failures that stay: another try would give the same."""

_NO_REGULAR_FILE: Final = (errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ESPIPE)
"""What opening and reading a directory, a symlink, a socket or a FIFO gives."""


class Listed(NamedTuple):
    """One entry of a directory: plain and ciphertext name, type (S_IFMT bits, 0 if unknown), inode number below."""

    name: bytes
    entry: bytes
    type: int
    ino: int


class Listing(NamedTuple):
    """What a directory holds; `foreign` are ciphertext names that are nobody's (F-43)."""

    entries: list[Listed]
    foreign: list[bytes]


class Directories:
    """Directory operations of one vault, below inodes: everything is a store handle and a directory id.

    Thread: no state of its own but a cache; the caller serialises changes to one directory.
    """

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keys = keyring
        # One name is sealed again and again: looked up, then opened, then removed. The same input always gives the
        # same result, so nothing can make an entry of this cache wrong.
        self._foreign: dict[DirId, int] = {}
        self.seal_name = lru_cache(_SEALED_NAMES)(self._seal_name)

    def _seal_name(self, directory: DirId, name: bytes) -> SealedName:
        """Seal a name.

        Raises: NameTooLongError, InvalidArgumentError.
        """
        check_name(name)
        return seal_name(self._keys.names, directory, name)

    def read_entries(self, handle: Handle, directory: DirId) -> Listing:
        """List a directory; what does not open goes to `foreign` and is logged without a plaintext name.

        Raises: OSError.
        """
        listing = Listing([], [])
        found = list(self._store.entries(handle))
        names = {entry for entry, _, _ in found}
        for entry, kind, ino in found:
            try:
                if entry.endswith(SHORT_SUFFIX):
                    name = open_short_name(self._keys.names, directory, entry)
                elif entry in _INTERNAL or self._is_name_file(handle, entry, names):
                    continue
                else:
                    name = self.open_name(handle, directory, entry)
            except DamageError:
                listing.foreign.append(entry)
            except OSError as error:
                # An entry that is left out may be missed by who copies or removes the folder: only if there is no way.
                if error.errno not in _UNREADABLE:
                    raise
                listing.foreign.append(entry)
            else:
                listing.entries.append(tuple.__new__(Listed, (name, entry, kind, ino)))
        # Said once, and again when it changes: a folder is listed often.
        known = self._foreign.pop(directory, 0)
        if listing.foreign:
            self._foreign[directory] = len(listing.foreign)
        if len(listing.foreign) not in (0, known):
            _log.warning(
                "%d foreign entries in a folder of the vault are not shown, the first is %r",
                len(listing.foreign),
                os.fsdecode(listing.foreign[0]),
            )
        return listing

    def open_name(self, handle: Handle, directory: DirId, entry: bytes) -> bytes:
        """Open a ciphertext name.

        Raises: DamageError if it is foreign; FileNotFoundError if its `.name` file is gone.
        """
        if entry.endswith(SHORT_SUFFIX):
            return open_short_name(self._keys.names, directory, entry)
        if entry.endswith(LONG_SUFFIX):
            sealed = self._read_small(handle, name_file_of(entry), MAX_NAME_FILE_SIZE)
            return open_long_name(self._keys.names, directory, entry, sealed)
        msg = "entry is no sealed name"
        raise MalformedError(msg)

    def place_name(self, handle: Handle, sealed: SealedName) -> None:
        """Write the `.name` file of a long name, before its entry is made; nothing for a short one (F-41)."""
        if sealed.name_file is None:
            return
        with contextlib.suppress(FileNotFoundError, MalformedError):
            # The entry may exist already, and then this file is its name.
            if self._read_small(handle, sealed.name_file, MAX_NAME_FILE_SIZE) == sealed.sealed:
                return
        self._replace(handle, sealed.name_file, sealed.sealed)

    def remove_name(self, handle: Handle, sealed: SealedName) -> None:
        """Remove the `.name` file of a long name, after its entry is gone (F-41)."""
        if sealed.name_file is not None:
            with contextlib.suppress(FileNotFoundError):
                self._store.unlink(handle, sealed.name_file)

    def discard_name(self, handle: Handle, sealed: SealedName) -> None:
        """Remove the `.name` file of an entry that was not made after all."""
        if sealed.name_file is None:
            return
        try:
            self._store.stat(handle, sealed.entry)
        except FileNotFoundError:
            self.remove_name(handle, sealed)

    def read_record(self, handle: Handle, place: Place) -> DirectoryRecord:
        """Return the id and flags of the directory at `place` (F-50, F-51).

        Raises: DamageError if its record does not fit.
        """
        try:
            data = self._read_small(handle, DIR_RECORD, 2 * RECORD_SIZE)
        except FileNotFoundError:
            return DirectoryRecord(implied_dir_id(self._keys.directory_ids, place))
        return open_directory_record(self._keys.directory_records, data, place)

    def write_record(self, handle: Handle, record: DirectoryRecord, places: Sequence[Place]) -> None:
        """Write `wafs.dir` atomically and durably (F-53).

        A record is no entry of its directory, whose modification time stays.
        Raises: OSError.
        """
        before = self._store.fstat(handle)
        data = seal_directory_record(self._keys.directory_records, record, places)
        self._replace(handle, DIR_RECORD, data)
        # Who may write in a directory of somebody else may not set its times.
        with contextlib.suppress(PermissionError):
            self._store.futimens(handle, None, before.st_mtime_ns)

    def new_explicit_record(self) -> DirectoryRecord:
        """Make a record with a random id, for a directory born in an EXPLICIT one (F-54)."""
        return DirectoryRecord(DirId(os.urandom(DIR_ID_SIZE)))

    def remove(self, parent: Handle, entry: bytes) -> None:
        """Remove an empty directory along with the internal files that may lie in it.

        Raises: OSError (ENOTEMPTY also for one that holds foreign entries only).
        """
        try:
            self._store.rmdir(parent, entry)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            handle = self._store.open_dir(parent, entry)
            try:
                with self.cleared(handle):
                    self._store.rmdir(parent, entry)
            finally:
                self._store.close(handle)

    @contextlib.contextmanager
    def cleared(self, handle: Handle) -> Iterator[None]:
        """Remove the internal files of a directory that has no other entries, for as long as it is being removed.

        If that fails its record is put back: what is still in use must keep its id.
        Raises: OSError (ENOTEMPTY).
        """
        names = {name for name, _, _ in self._store.entries(handle)}
        if not all(name in _INTERNAL or self._is_name_file(handle, name, names) for name in names):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        record = self._read_small(handle, DIR_RECORD, 2 * RECORD_SIZE) if DIR_RECORD in names else None
        # The record goes last: as long as anything is left, the directory keeps its id.
        for name in sorted(names, key=DIR_RECORD.__eq__):
            self._store.unlink(handle, name)
        try:
            yield
        except BaseException:
            if record is not None:
                # What failed may have happened all the same; there is then nothing that the record could be put into.
                with contextlib.suppress(FileNotFoundError):
                    self._replace(handle, DIR_RECORD, record)
            raise

    def _is_name_file(self, handle: Handle, entry: bytes, names: set[bytes]) -> bool:
        """Tell whether `entry` holds the name of another, or was left by a writer that was interrupted (F-43)."""
        if not entry.endswith(NAME_SUFFIX):
            return False
        stem = entry[: -len(NAME_SUFFIX)]
        if stem + LONG_SUFFIX in names:
            return True
        try:
            sealed = self._read_small(handle, entry, MAX_NAME_FILE_SIZE)
        except MalformedError:
            return False
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            return False
        return len(sealed) <= MAX_NAME_FILE_SIZE and sealed_name_stem(sealed) == stem

    def _replace(self, handle: Handle, name: bytes, data: bytes) -> None:
        """Write a small file atomically and durably; nothing is left of it if that fails.

        Names and records must be on the disk before what depends on them is, whatever the order in which the storage
        writes.
        """
        with contextlib.suppress(FileNotFoundError):
            self._store.unlink(handle, TEMPORARY)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        file = self._store.open(handle, TEMPORARY, flags, 0o644)
        try:
            try:
                write_all(self._store, file, data, 0)
                self._store.sync(file)
            finally:
                self._store.close(file)
            self._store.rename(handle, TEMPORARY, handle, name)
        except BaseException:
            with contextlib.suppress(OSError):
                self._store.unlink(handle, TEMPORARY)
            raise
        self._store.sync(handle)

    def _read_small(self, handle: Handle, name: bytes, most: int) -> bytes:
        try:
            file = self._store.open(handle, name, os.O_RDONLY | os.O_NONBLOCK)
            try:
                return read_all(self._store, file, most + 1, 0)
            finally:
                self._store.close(file)
        except OSError as error:
            if error.errno not in _NO_REGULAR_FILE:
                raise
            msg = f"{name!r} is not a regular file"
            raise MalformedError(msg) from None
