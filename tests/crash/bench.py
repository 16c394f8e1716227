"""Bench: opens the vault of a disk in memory, so that a crash state costs a millisecond and no file."""

from __future__ import annotations

import builtins
import contextlib
import io
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from store.disk import TOP, Disk
from store.memory import MemoryStore
from vault.making import CHUNK, RECOVERY_KEY, make_vault
from wafs.check.opening import opened as opened_to_check
from wafs.check.vault_check import VaultCheck, is_finding
from wafs.check.watch import Alone
from wafs.format.slot import RECOVERY
from wafs.vault.vault import Vault, change_password, open_vault

if TYPE_CHECKING:
    from wafs.vault.header_file import GetSecret


class _Messages(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


class Bench:
    """Opens vaults of disks, all with the keys of one vault made in advance.

    While it is entered, `LocalStore` of the vault is a store over `disk`, and the files of the vault header are those
    of `disk`; the lock is on the real folder. Warnings of wafs are collected in `messages` and go nowhere else.

    Thread: one bench at a time.
    """

    def __init__(self, chunk_size: int = CHUNK) -> None:
        self._chunk_size = chunk_size
        self._stack = contextlib.ExitStack()
        self._log = _Messages()
        self._file_system = _HeaderFiles(self)
        self.disk = Disk()
        self.folder = Path()

    def __enter__(self) -> Self:
        scratch = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.folder = make_vault(scratch / "vault", self._chunk_size).resolve()
        self._fresh = Disk.load(self.folder)
        for target, replacement in (
            ("wafs.vault.vault.LocalStore", lambda _: MemoryStore(self.disk)),
            ("wafs.check.opening.LocalStore", lambda _: MemoryStore(self.disk)),
            ("wafs.vault.header_file.os", self._file_system),
        ):
            self._stack.enter_context(mock.patch(target, replacement))
        fdopen = self._file_system.fdopen
        self._stack.enter_context(mock.patch("wafs.vault.header_file.open", fdopen, create=True))
        logger = logging.getLogger("wafs")
        self._stack.enter_context(mock.patch.object(logger, "handlers", [self._log]))
        self._stack.enter_context(mock.patch.object(logger, "propagate", new=False))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fresh_disk(self) -> Disk:
        """Return a disk with an empty vault."""
        return self._fresh.copy()

    def opened(self, disk: Disk, *, read_only: bool = False, get_secret: GetSecret | None = None) -> Vault:
        """Open the vault on a disk, with its recovery key."""
        self.disk = disk
        return open_vault(str(self.folder), get_secret or _recovery_only, read_only=read_only)

    def change_password(self, disk: Disk, password: bytes) -> None:
        """Change the password of the vault on a disk, with its recovery key."""
        self.disk = disk
        change_password(str(self.folder), _recovery_only, password)

    def findings(self, disk: Disk) -> list[str]:
        """Return what a check finds in the vault on a disk, notes left out; its headers are not looked at."""
        self.disk = disk
        with opened_to_check(str(self.folder), _recovery_only) as patient:
            found = VaultCheck(str(self.folder), [], patient, Alone(), quick=False).run()
            return [f"check: {finding.kind.value}: {finding.message}" for finding in found if is_finding(finding)]

    def messages(self) -> list[str]:
        """Return the warnings since the last call."""
        found, self._log.messages = self._log.messages, []
        return found


def _recovery_only(slot_type: str) -> bytes | None:
    return RECOVERY_KEY if slot_type == RECOVERY else None


class _HeaderFiles:
    """Stands for the module `os` where the vault header is read and written: its paths lead to the bench's disk."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._store = MemoryStore(Disk())

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        folder, name = self._split(path)
        if self._store.disk is not self._bench.disk:
            self._store = MemoryStore(self._bench.disk)
        if flags & os.O_DIRECTORY:
            return self._store.open_dir(None, name)
        return self._store.open_below(folder, name, flags, mode)

    def read(self, fd: int, size: int) -> bytes:
        return self._store.pread(fd, size, 0)

    def close(self, fd: int) -> None:
        self._store.close(fd)

    def fsync(self, fd: int) -> None:
        self._store.sync(fd)

    def rename(self, path: str, new: str) -> None:
        folder, name = self._split(path)
        new_folder, new_name = self._split(new)
        self._store.rename_below(folder, name, new_folder, new_name)

    def unlink(self, path: str) -> None:
        folder, name = self._split(path)
        top = self._store.open_dir(None, b".")
        try:
            assert folder == TOP
            self._store.unlink(top, name)
        finally:
            self._store.close(top)

    def fdopen(self, fd: int, mode: str) -> io.BufferedWriter:
        """As the builtin `open` of a descriptor."""
        if not self._store.holds(fd):
            return builtins.open(fd, mode)  # type: ignore[return-value]
        return io.BufferedWriter(_Raw(self._store, fd))

    def _split(self, path: str) -> tuple[int, bytes]:
        name = os.path.relpath(path, self._bench.folder)
        assert "/" not in name, path
        return TOP, os.fsencode(name)


class _Raw(io.RawIOBase):
    """A descriptor of a memory store as a Python file."""

    def __init__(self, store: MemoryStore, fd: int) -> None:
        self._store = store
        self._fd = fd
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        done = self._store.pwrite(self._fd, bytes(data), self._at)
        self._at += done
        return done

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._store.close(self._fd)
