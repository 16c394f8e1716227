"""Decrypt sinks: where decrypted bytes go. Under its name a file appears when it is whole, never before."""

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from typing import Protocol

from wafs.cli.copy_rules import temporary_name
from wafs.cli.vault_places import make_folders
from wafs.errors import ExistsError, NotFoundError, WafsError
from wafs.fs.attrs import Caller, SetAttrs
from wafs.fs.rename import RENAME_NOREPLACE
from wafs.fs.vfs import Vfs
from wafs.fs.walk import found, found_parent
from wafs.units import Ino
from wafs.vault.scratch import Scratch

PLAIN_MODE = 0o600


class Sink(Protocol):
    """Takes the bytes of one file; `publish` gives it its name."""

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""

    def publish(self, mtime_ns: int | None) -> None:
        """Finish: the file is safe from a power cut and has its name and time."""


class _LocalSink:
    def __init__(self, fd: int, temporary: str, target: str, *, force: bool) -> None:
        self._fd = fd
        self._temporary = temporary
        self._target = target
        self._force = force

    def write(self, piece: bytes) -> None:
        left = memoryview(piece)
        while left:
            left = left[os.write(self._fd, left) :]

    def publish(self, mtime_ns: int | None) -> None:
        if mtime_ns is not None:
            os.utime(self._fd, ns=(mtime_ns, mtime_ns))
        os.fsync(self._fd)
        if self._force:
            os.rename(self._temporary, self._target)
            return
        try:
            # Unlike a rename a link never replaces what has come there meanwhile.
            os.link(self._temporary, self._target)
        except FileExistsError:
            raise exists_error(self._target) from None
        except OSError:
            # This filesystem knows no links.
            refuse_existing(self._target, force=False)
            os.rename(self._temporary, self._target)


@contextlib.contextmanager
def local_sink(target: str, *, force: bool, makes_folders: bool = False) -> Iterator[Sink]:
    """Write a file of this machine, which only its owner may read.

    Raises: ExistsError if there is one and `force` is not given; OSError.
    """
    refuse_existing(target, force=force)
    if makes_folders:
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    temporary = os.path.join(os.path.dirname(target), os.fsdecode(temporary_name("decrypt")))
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PLAIN_MODE)
    try:
        yield _LocalSink(fd, temporary, target, force=force)
    finally:
        os.close(fd)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


class _VaultSink:
    def __init__(self, vfs: Vfs, parent: Ino, name: bytes, *, mode: int, force: bool) -> None:
        self._vfs = vfs
        self._parent = parent
        self._name = name
        self._mode = mode
        self._force = force
        self._scratch = Scratch()
        self._offset = 0
        self.temporary = temporary_name("decrypt")
        caller = Caller(os.geteuid(), os.getegid())
        self.entry, self.fh = vfs.files.create(parent, self.temporary, PLAIN_MODE, flags=os.O_WRONLY, caller=caller)

    def write(self, piece: bytes) -> None:
        self._vfs.files.write(self.fh, self._offset, memoryview(piece), self._scratch)
        self._offset += len(piece)

    def publish(self, mtime_ns: int | None) -> None:
        self._vfs.attributes.set(self.entry.ino, SetAttrs(mode=self._mode, atime=mtime_ns, mtime=mtime_ns))
        self._vfs.files.sync(self.fh, data_only=False)
        flags = 0 if self._force else RENAME_NOREPLACE
        self._vfs.renamer.rename(self._parent, self.temporary, self._parent, new_name=self._name, flags=flags)


@contextlib.contextmanager
def vault_sink(vfs: Vfs, parent: Ino, name: bytes, *, force: bool, mode: int = PLAIN_MODE) -> Iterator[Sink]:
    """Write a file of a vault into a folder of it.

    Raises: ExistsError if there is one and `force` is not given; as `Files.create`, `write` and `Renamer.rename`.
    """
    sink = _VaultSink(vfs, parent, name, mode=mode, force=force)
    try:
        yield sink
    finally:
        vfs.files.release(sink.fh)
        # It is gone where it got its name.
        with contextlib.suppress(WafsError, OSError):
            vfs.tree.unlink(parent, sink.temporary)
        vfs.tree.forget(sink.entry.ino)


@contextlib.contextmanager
def vault_sink_at(vfs: Vfs, path: bytes, *, force: bool, makes_folders: bool = False) -> Iterator[Sink]:
    """Write a file of a vault at a path.

    Raises: as `vault_sink`, `found_parent` and `make_folders`.
    """
    if makes_folders:
        make_folders(vfs, os.path.dirname(path))
    with found_parent(vfs, path) as (parent, name), vault_sink(vfs, parent.ino, name, force=force) as sink:
        yield sink


class StandardOutput:
    """Writes to standard output, which cannot be taken back: nothing is given to it that may fail later."""

    def write(self, piece: bytes) -> None:
        """Write the next bytes."""
        sys.stdout.buffer.write(piece)

    def publish(self, mtime_ns: int | None) -> None:
        """Finish."""
        del mtime_ns
        sys.stdout.buffer.flush()


def refuse_existing(target: str, *, force: bool) -> None:
    """Refuse a place where something is.

    Raises: ExistsError.
    """
    if os.path.lexists(target) and (not force or os.path.isdir(target)):
        raise exists_error(target)


def refuse_existing_in_vault(vfs: Vfs, path: bytes, shown: str, *, force: bool) -> None:
    """Refuse a place of a vault where something is.

    Raises: ExistsError; as `found`.
    """
    try:
        with found(vfs, path) as entry:
            if not force or stat.S_ISDIR(entry.attrs.mode):
                raise exists_error(shown)
    except NotFoundError:
        pass


def exists_error(shown: str) -> ExistsError:
    """Return the error that says so."""
    return ExistsError(f"{shown} is there already", hint="give another name with -o, or --force to replace it")
