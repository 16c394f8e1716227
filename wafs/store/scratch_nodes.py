"""Scratch nodes: what is known in memory of files and folders that were changed."""

import itertools
import os
import stat
import time
from typing import Final, NamedTuple, Optional

from wafs.store.base import Handle, Time
from wafs.store.scratch_bytes import ScratchBytes

Identity = tuple[int, int]
"""Device and inode number."""

_OWN_DEVICE: Final = 0
"""No filesystem has this one, so that nothing below can have the identity of what is made here."""

_FIRST_INO: Final = 1 << 52
"""Beyond the inode numbers of the filesystems in use, as a mount shows numbers and not devices; fits into a double."""

_CLOCK_REALTIME_COARSE: Final = 5
"""Source: linux/time.h; the clock that files are stamped with."""

_DIR_SIZE: Final = 4096
_BLKSIZE: Final = 4096
_NS: Final = 1_000_000_000

_numbers: Final = itertools.count(_FIRST_INO)


def new_identity() -> Identity:
    """Return an identity that nothing else has."""
    return _OWN_DEVICE, next(_numbers)


def identity_of(found: os.stat_result) -> Identity:
    """Return the identity of what has these attributes."""
    return found.st_dev, found.st_ino


def now() -> int:
    """Return the time that a change gets, in ns since 1970."""
    return time.clock_gettime_ns(_CLOCK_REALTIME_COARSE)


class LowerPlace(NamedTuple):
    """Where something lies below: the names of the folders from the top, and its own."""

    folders: tuple[bytes, ...]
    name: bytes


class Node:
    """Attributes of one object that was changed or made.

    `data` is set for regular files. `xattrs` is None as long as they are those at `place`, where the object lies below;
    what was made here has no place. `is_up`: the attributes are those here. `is_changed`: since the store was settled.
    `found_in`: the folder in which it was changed first; while that is known, so is that something was changed there.
    Guarded by the lock of the store, but for the times, which a write sets as well.
    """

    __slots__ = (
        "__weakref__",
        "atime",
        "ctime",
        "data",
        "found_in",
        "gid",
        "has_new_xattrs",
        "identity",
        "is_changed",
        "is_up",
        "mode",
        "mtime",
        "nlink",
        "place",
        "rdev",
        "size",
        "target",
        "uid",
        "xattrs",
    )

    def __init__(self, identity: Identity, mode: int, *, uid: int = 0, gid: int = 0) -> None:
        self.identity = identity
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.nlink = 1
        self.rdev = 0
        self.size = 0
        self.target = b""
        self.data: ScratchBytes | None = None
        self.place: LowerPlace | None = None
        self.found_in: DirNode | None = None
        self.xattrs: dict[bytes, bytes] | None = {}
        self.is_up = True
        self.is_changed = True
        self.has_new_xattrs = False
        self.atime = self.mtime = self.ctime = now()

    def copy(self, found: os.stat_result, place: LowerPlace) -> None:
        """Take over the attributes of what lies below."""
        self.mode, self.uid, self.gid = found.st_mode, found.st_uid, found.st_gid
        self.nlink, self.rdev, self.size = found.st_nlink, found.st_rdev, found.st_size
        self.atime, self.mtime, self.ctime = found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns
        self.place = place
        self.xattrs = None

    @property
    def kind(self) -> int:
        """Return the S_IFMT bits."""
        return stat.S_IFMT(self.mode)

    def stat(self) -> os.stat_result:
        """Return the attributes as the system call does.

        Raises: OSError.
        """
        size = self.size if self.data is None else self.data.size
        blocks = 0 if self.data is None else self.data.blocks()
        times = self.atime, self.mtime, self.ctime
        device, ino = self.identity
        return os.stat_result(
            (
                *(self.mode, ino, device, self.nlink, self.uid, self.gid, size),
                *(when // _NS for when in times),
                *(when / _NS for when in times),
                *times,
                *(_BLKSIZE, blocks, self.rdev),
            )
        )

    def touch(self) -> None:
        """Note that attributes were changed."""
        self.ctime = now()
        self.is_changed = True

    def touch_content(self) -> None:
        """Note that bytes or entries were changed."""
        self.mtime = self.ctime = now()
        self.is_changed = True

    def chmod(self, mode: int) -> None:
        """Set the permission bits."""
        self.mode = self.kind | stat.S_IMODE(mode)
        self.touch()

    def chown(self, uid: int, gid: int) -> None:
        """Set owner and group; -1 leaves one as it is. Drops set-id bits, as Linux does."""
        self.uid = self.uid if uid == -1 else uid
        self.gid = self.gid if gid == -1 else gid
        if self.kind != stat.S_IFDIR:
            self.mode &= ~stat.S_ISUID
            if self.mode & stat.S_IXGRP:
                self.mode &= ~stat.S_ISGID
        self.touch()

    def utimens(self, atime: Time, mtime: Time) -> None:
        """Set times."""
        self.touch()
        if atime is not None:
            self.atime = now() if isinstance(atime, str) else atime
        if mtime is not None:
            self.mtime = now() if isinstance(mtime, str) else mtime


class DirNode(Node):
    """One folder that somebody has open, or that was changed.

    `lower`: the names by which it is found below, from the top; None if it has nothing below. `changed`: by name what
    is here now; None for what is below and is gone here. All other names are those below.
    `is_touched`: something was changed in it or below it.
    """

    __slots__ = ("changed", "is_removed", "is_touched", "lower", "parent")

    def __init__(self, identity: Identity, parent: Optional["DirNode"], lower: tuple[bytes, ...] | None) -> None:
        super().__init__(identity, stat.S_IFDIR)
        self.is_changed = lower is None
        self.parent = parent
        self.lower = lower
        self.changed: dict[bytes, Node | None] = {}
        self.nlink = 2
        self.size = _DIR_SIZE
        self.is_up = lower is None
        self.is_touched = False
        self.is_removed = False

    def lift(self, found: os.stat_result) -> None:
        """Have the attributes here; `found` are those below."""
        if not self.is_up and self.lower is not None:
            self.copy(found, LowerPlace(self.lower, b"."))
            self.is_changed = False
            self.is_up = True

    def mark(self) -> None:
        """Note that something was changed in it."""
        node: DirNode | None = self
        while node is not None and not node.is_touched:
            node.is_touched = True
            node = node.parent

    def is_in(self, identity: Identity) -> bool:
        """Tell whether it is the folder with that identity, or lies below it."""
        node: DirNode | None = self
        while node is not None:
            if node.identity == identity:
                return True
            node = node.parent
        return False

    def count_folder(self, count: int) -> None:
        """Note that so many folders more are in it; some filesystems do not count them."""
        if self.nlink > 1:
            self.nlink += count


class OpenDir:
    """One open folder, with the handle of what lies below, if anything does."""

    __slots__ = ("lower", "node")

    def __init__(self, node: DirNode, lower: Handle | None) -> None:
        self.node = node
        self.lower = lower


class OpenFile:
    """One open file. `node` is None as long as nobody changed it; `folder` and `name` are where it was found."""

    __slots__ = ("flags", "folder", "identity", "lower", "name", "node")

    def __init__(self, flags: int, folder: DirNode, name: bytes, lower: Handle | None, node: Node | None) -> None:
        self.flags = flags
        self.folder = folder
        self.name = name
        self.lower = lower
        self.node = node
        self.identity: Identity | None = None

    @property
    def readable(self) -> bool:
        """Tell whether it may be read."""
        return self.flags & os.O_ACCMODE != os.O_WRONLY

    @property
    def writable(self) -> bool:
        """Tell whether it may be written."""
        return self.flags & os.O_ACCMODE != os.O_RDONLY
