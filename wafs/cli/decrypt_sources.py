"""Decrypt sources: encrypted files on this machine and in a vault, read the same way."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from wafs.errors import UsageError
from wafs.fs.attrs import Entry
from wafs.fs.vfs import Vfs
from wafs.vault.scratch import Scratch
from wafs.whatsapp.source import Source


@contextmanager
def local_source(path: str) -> Iterator[Source]:
    """Open a file of this machine.

    Raises: UsageError for what can only be read from its beginning; OSError.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            msg = f"{path} is not a file: an encrypted backup is read twice"
            raise UsageError(msg)
        yield Source(lambda offset, size: os.pread(fd, size, offset), os.fstat(fd).st_size)
    finally:
        os.close(fd)


@contextmanager
def vault_source(vfs: Vfs, entry: Entry) -> Iterator[Source]:
    """Open a file of a vault; its size is the verified one.

    Raises: as `Files.open`.
    """
    scratch = Scratch()
    fh = vfs.files.open(entry.ino, os.O_RDONLY).fh

    def read_at(offset: int, size: int) -> bytes:
        data = bytes(vfs.files.read(fh, offset, size, scratch)) if size else b""
        while data and len(data) < size:
            more = bytes(vfs.files.read(fh, offset + len(data), size - len(data), scratch))
            if not more:
                break
            data += more
        return data

    try:
        yield Source(read_at, vfs.files.size(fh))
    finally:
        vfs.files.release(fh)
