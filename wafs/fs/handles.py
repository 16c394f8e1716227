"""Handles: what is open, and how it is being read."""

import os
from typing import Final

from wafs.fs.context import FsContext
from wafs.fs.inodes import Inode
from wafs.store.base import Handle
from wafs.units import MIB, Fh
from wafs.vault.directory import Listed

_WINDOW: Final = 8 * MIB
"""How far below a sequential reader the store is asked to read ahead, in bytes."""

_STEP: Final = MIB
"""How much of that is asked for at a time, so that the disk always has something to do."""

_STRIDE: Final = 4 * MIB
"""The same where it is in memory already: asking is all that it costs."""

_SMALL: Final = 256 * 1024


class FileHandle:
    """One open of a regular file.

    Thread: `fh`, `inode` and the rights never change; the reading pattern is a hint and needs no lock.
    """

    __slots__ = ("_advised", "_next", "_random", "fh", "has_asked", "inode", "readable", "writable")

    def __init__(self, fh: Fh, inode: Inode, flags: int) -> None:
        self.fh = fh
        self.inode = inode
        mode = flags & os.O_ACCMODE
        self.readable = mode != os.O_WRONLY
        self.writable = mode != os.O_RDONLY
        self._next = 0
        self._advised = 0
        self._random = False
        self.has_asked = False
        """Something was asked of `Prefetch`."""

    def note_read(self, fs: FsContext, handle: Handle, offset: int, size: int, length: int) -> None:
        """Tell the store what to expect after a read of `size` plain bytes at `offset`; `length` is that of the file.

        A sequential reader gets the next window prefetched; a random one has read-ahead below switched off, which
        would read what nobody asks for.
        """
        sequential = offset == self._next
        self._next = offset + size
        if length <= _SMALL:
            return
        if not sequential:
            if not self._random:
                self._random = True
                fs.store.advise(handle, 0, 0, os.POSIX_FADV_RANDOM)
            return
        if self._random:
            self._random = False
            fs.store.advise(handle, 0, 0, os.POSIX_FADV_NORMAL)
            self._advised = self._next
        start, stop = max(self._advised, self._next), self._next + _WINDOW
        if start < length and stop - start >= (_STEP if fs.prefetch.is_slow else _STRIDE):
            self.has_asked = True
            fs.prefetch.ask(handle, start, stop - start)
            self._advised = stop


class DirStream:
    """One open of a directory: a listing as of one moment, so that it stays right while entries come and go."""

    __slots__ = ("fh", "inode", "listed")

    def __init__(self, fh: Fh, inode: Inode) -> None:
        self.fh = fh
        self.inode = inode
        self.listed: list[Listed] | None = None
