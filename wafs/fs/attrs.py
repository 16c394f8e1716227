"""Attrs: what the operations take and return."""

import os
import stat
from typing import Final, NamedTuple

from wafs.format.layout import plain_size
from wafs.format.symlink import target_size
from wafs.store.base import Time
from wafs.units import Fh, Ino


class Attrs(NamedTuple):
    """Attributes of an inode as a person sees them: sizes are plain, times in ns since 1970 (negative before)."""

    ino: int
    size: int
    blocks: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    nlink: int
    uid: int
    gid: int
    rdev: int
    blksize: int


class Entry(NamedTuple):
    """An inode found under a name. `ino` names it in this `Vfs`; `attrs.ino` is the stable number shown to people."""

    ino: Ino
    attrs: Attrs


class Opened(NamedTuple):
    """An open file.

    `keep_cache`: nobody changed the file since it was last open, what was cached of it is good. `is_size_new`: the
    verified size is another than the one that was shown before, and must be told again.
    """

    fh: Fh
    keep_cache: bool
    is_size_new: bool


class DirEntry(NamedTuple):
    """One entry of a directory listing. `type` has S_IFMT bits; `offset` is where the listing goes on after it."""

    name: bytes
    ino: int
    type: int
    offset: int


class SetAttrs(NamedTuple):
    """What to change; None leaves a thing as it is."""

    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    atime: Time = None
    mtime: Time = None
    drop_setid: bool = False


class Caller(NamedTuple):
    """On whose behalf an entry is made."""

    uid: int
    gid: int


BLKSIZE: Final = 128 * 1024
"""Preferred size of reads and writes that is told to programs, in bytes."""


def attrs_of(found: os.stat_result, chunk_size: int) -> Attrs:
    """Turn the attributes of a ciphertext entry into the plain ones."""
    mode = found.st_mode
    size = found.st_size
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFREG:
        size = plain_size(size, chunk_size)
    elif kind == stat.S_IFLNK:
        size = target_size(size)
    # As `Attrs(...)`, without the call into Python that the constructor of a NamedTuple is: a listing makes thousands.
    return tuple.__new__(
        Attrs,
        (
            found.st_ino,
            size,
            found.st_blocks,
            found.st_atime_ns,
            found.st_mtime_ns,
            found.st_ctime_ns,
            mode,
            found.st_nlink,
            found.st_uid,
            found.st_gid,
            found.st_rdev,
            BLKSIZE,
        ),
    )
