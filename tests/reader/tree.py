"""Tree: walks ``tree/``, opening names, directories, files, symlinks and attributes."""

import contextlib
import dataclasses
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from reader.directory import RECORD_FILE, ROOT_PLACE, implied_id, open_directory_record
from reader.file import open_file, parse_file_header
from reader.journal import Replay
from reader.keys import VaultKeys
from reader.name import (
    LONG_SUFFIX,
    MAX_NAME_FILE,
    SEALED_SUFFIX,
    long_entry_of,
    name_file_of,
    open_name,
)
from reader.node import STORED_PREFIX, open_symlink, open_xattr
from reader.primitives import ZERO_ID
from reader.problem import FormatProblem, demand
from reader.unfinished import has_header, open_as_left

NOT_ENTRIES = {RECORD_FILE, RECORD_FILE + b".tmp"}


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ``content`` is a file's bytes, a symlink's target, and empty for the rest."""

    kind: Literal["file", "dir", "symlink", "other"]
    content: bytes
    mode: int
    mtime_ns: int
    nlink: int
    xattrs: dict[bytes, bytes]


@dataclasses.dataclass(frozen=True, slots=True)
class Foreign:
    """Something in ``tree/`` that is not of the vault, by its path below it, and why."""

    path: bytes
    problem: FormatProblem


class TreeReader:
    """Collects the entries and the foreign things of one tree."""

    def __init__(self, keys: VaultKeys, chunk_size: int, replay: Replay | None = None) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.foreign: list[Foreign] = []
        self._keys = keys
        self._chunk_size = chunk_size
        self._replay = replay
        self._top = b""

    def read(self, top: bytes) -> None:
        """Read the folder ``tree/`` and all below it.

        Raises:
            FormatProblem: its message names the plain path.
        """
        self._top = top
        with _named(b""):
            root_id = self._directory_id(top, *ROOT_PLACE)
            demand(root_id == ZERO_ID, "malformed", "section 7", "id of the root is not zero")
        self._read_directory(top, b"", root_id)

    def _read_directory(self, folder: bytes, plain_folder: bytes, directory_id: bytes) -> None:
        sealed_names = sorted(os.listdir(folder))
        for sealed_name in sealed_names:
            if sealed_name in NOT_ENTRIES or self._is_name_file(folder, sealed_name, sealed_names):
                continue
            sealed_path = os.path.join(folder, sealed_name)
            try:
                name = self._open_name(folder, sealed_name, directory_id)
            except FormatProblem as problem:
                self.foreign.append(Foreign(os.path.relpath(sealed_path, self._top), problem))
                continue
            path = os.path.join(plain_folder, name)
            with _named(path):
                child_id = self._read_entry(sealed_path, path, directory_id, name)
            if child_id is not None:
                self._read_directory(sealed_path, path, child_id)

    def _is_name_file(self, folder: bytes, sealed_name: bytes, sealed_names: list[bytes]) -> bool:
        """Say whether a file holds the name of another entry, or is what an interrupted writer leaves (F-43)."""
        if not sealed_name.endswith(SEALED_SUFFIX):
            return False
        entry = sealed_name.removesuffix(SEALED_SUFFIX) + LONG_SUFFIX
        path = os.path.join(folder, sealed_name)
        if entry in sealed_names or not os.path.isfile(path):
            return entry in sealed_names
        return long_entry_of(_read(path, MAX_NAME_FILE)) == entry

    def _open_name(self, folder: bytes, sealed_name: bytes, directory_id: bytes) -> bytes:
        name_file = None
        if sealed_name.endswith(LONG_SUFFIX):
            with contextlib.suppress(FileNotFoundError):
                name_file = _read(os.path.join(folder, name_file_of(sealed_name)), MAX_NAME_FILE)
        return open_name(sealed_name, name_file, directory_id, self._keys)

    def _open_file(self, sealed: bytes) -> bytes:
        if self._replay is None:
            return open_file(sealed, self._keys, self._chunk_size)
        return open_as_left(sealed, self._keys, self._chunk_size, self._replay)

    def _read_entry(self, sealed_path: bytes, path: bytes, directory_id: bytes, name: bytes) -> bytes | None:
        """Read one entry; the directory id if it is a directory."""
        status = os.lstat(sealed_path)
        kind: Literal["file", "dir", "symlink", "other"] = "other"
        content = b""
        object_id: bytes | None = None
        child_id: bytes | None = None
        if stat.S_ISDIR(status.st_mode):
            kind = "dir"
            object_id = child_id = self._directory_id(sealed_path, directory_id, name)
        elif stat.S_ISREG(status.st_mode):
            kind = "file"
            sealed = _read(sealed_path)
            content = self._open_file(sealed)
            if self._replay is None or has_header(sealed):
                object_id = parse_file_header(sealed, self._keys).file_id
        elif stat.S_ISLNK(status.st_mode):
            kind = "symlink"
            content = open_symlink(os.readlink(sealed_path), self._keys)
        xattrs = {} if object_id is None else self._read_xattrs(sealed_path, object_id)
        self.entries[path] = Entry(kind, content, status.st_mode, status.st_mtime_ns, status.st_nlink, xattrs)
        return child_id

    def _directory_id(self, folder: bytes, parent_id: bytes, name: bytes) -> bytes:
        try:
            data = _read(os.path.join(folder, RECORD_FILE))
        except FileNotFoundError:
            at_root = (parent_id, name) == ROOT_PLACE
            return ZERO_ID if at_root else implied_id(parent_id, name, self._keys)
        return open_directory_record(data, parent_id, name, self._keys).directory_id

    def _read_xattrs(self, sealed_path: bytes, object_id: bytes) -> dict[bytes, bytes]:
        xattrs = {}
        for stored in map(os.fsencode, os.listxattr(sealed_path, follow_symlinks=False)):
            if stored.startswith(STORED_PREFIX):
                value = os.getxattr(sealed_path, stored, follow_symlinks=False)
                name, plain = open_xattr(stored, value, object_id, self._keys)
                xattrs[name] = plain
        return xattrs


def _read(path: bytes, most: int | None = None) -> bytes:
    """Read a file; no more than one byte beyond the most that may be there."""
    with Path(os.fsdecode(path)).open("rb") as file:
        return file.read(-1 if most is None else most + 1)


@contextlib.contextmanager
def _named(path: bytes) -> Iterator[None]:
    """Name the plain path in every problem from inside."""
    try:
        yield
    except FormatProblem as problem:
        message = f"{os.fsdecode(path)!r}: {problem.message}"
        raise FormatProblem(problem.result_class, problem.rule, message) from problem
