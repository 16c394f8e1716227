"""Encrypted files: what is to be decrypted, found on this machine or in a vault."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

from wafs.cli.decrypt_sources import local_source, vault_source
from wafs.cli.local_walk import local_walk
from wafs.cli.opening import Session
from wafs.fs.walk import found, walk
from wafs.whatsapp.media import MEDIA_SUFFIX
from wafs.whatsapp.source import Source

SUFFIXES: Final = (".crypt12", ".crypt14", ".crypt15", MEDIA_SUFFIX)
_METADATA: Final = "-metadata"

OnError = Callable[[bytes, Exception], None]
OpenSource = Callable[[], AbstractContextManager[Source]]


@dataclass(frozen=True, slots=True)
class EncryptedFile:
    """A file that can be opened, by its path below what the person named. `size` counts what will be read once."""

    shown: str
    relative: str
    size: int
    mtime_ns: int
    open: OpenSource
    open_metadata: OpenSource | None

    @property
    def is_media(self) -> bool:
        """Tell whether it is a .mcrypt1."""
        return self.relative.endswith(MEDIA_SUFFIX)

    @property
    def plain_path(self) -> str:
        """Return its path without the last suffix."""
        for suffix in SUFFIXES:
            if self.relative.endswith(suffix) and len(os.path.basename(self.relative)) > len(suffix):
                return self.relative.removesuffix(suffix)
        return f"{self.relative}.decrypted"


def local_file(path: str, relative: str) -> EncryptedFile:
    """Return a file of this machine.

    Raises: OSError.
    """
    attrs = os.stat(path)
    metadata = path + _METADATA
    return EncryptedFile(
        path,
        relative,
        attrs.st_size,
        attrs.st_mtime_ns,
        lambda: local_source(path),
        (lambda: local_source(metadata)) if os.path.isfile(metadata) else None,
    )


def local_files(folder: str, on_error: OnError) -> Iterator[EncryptedFile]:
    """Return all encrypted files below a folder, in the order of names."""
    for step in local_walk(os.fsencode(folder), on_error):
        path = os.fsdecode(step.path)
        if stat.S_ISREG(step.attrs.st_mode) and path.endswith(SUFFIXES):
            yield local_file(path, os.path.relpath(path, folder))


def vault_file(session: Session, path: bytes, relative: str) -> EncryptedFile:
    """Return a file of a vault.

    Raises: as `found`.
    """
    vfs = session.vfs

    @contextmanager
    def source(place: bytes) -> Iterator[Source]:
        with found(vfs, place, follow=True) as entry, vault_source(vfs, entry) as opened:
            yield opened

    metadata = path + os.fsencode(_METADATA)
    with found(vfs, path, follow=True) as entry:
        attrs = entry.attrs
    return EncryptedFile(
        os.fsdecode(path),
        relative,
        attrs.size,
        attrs.mtime_ns,
        lambda: source(path),
        (lambda: source(metadata)) if _is_there(session, metadata) else None,
    )


def vault_files(session: Session, folder: bytes, on_error: OnError) -> Iterator[EncryptedFile]:
    """Return all encrypted files below a folder of a vault, in the order of names."""
    paths = []
    with found(session.vfs, folder, follow=True) as entry:
        for step in walk(session.vfs, entry.ino, folder, on_error):
            session.interrupts.check()
            if stat.S_ISREG(step.entry.attrs.mode) and os.fsdecode(step.name).endswith(SUFFIXES):
                paths.append(step.path)
    for path in paths:
        yield vault_file(session, path, os.path.relpath(os.fsdecode(path), os.fsdecode(folder)))


def _is_there(session: Session, path: bytes) -> bool:
    from wafs.errors import FsError

    try:
        with found(session.vfs, path, follow=True) as entry:
            return stat.S_ISREG(entry.attrs.mode)
    except FsError:
        return False
