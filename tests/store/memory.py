"""Memory store: a store over a disk in memory, with the meaning and the errnos of `LocalStore`."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple, NoReturn, cast

from store.disk import EVERYTHING, TOP, Added, Attr, Disk, Gone, Moved, Node, Punch, Resize, Sync, Write

if TYPE_CHECKING:
    from wafs.store.base import Handle, Store, Time

_FIRST_HANDLE = 1 << 20
"""Above all descriptors of the process, so that one is never taken for the other."""

_NO_ACCESS = -1
"""No way to open a file: none is forbidden."""

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_NOREPLACE, _EXCHANGE = 1, 2


class _Open(NamedTuple):
    ino: int
    flags: int


class MemoryStore:
    """A store over the top folder of a disk; records on it (`Disk.log`). All of a file is data, it has no holes.

    Thread: one at a time.
    """

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._open: dict[Handle, _Open] = {}
        self._next = _FIRST_HANDLE

    @property
    def store(self) -> Store:
        """This store, for whoever takes one."""
        return cast("Store", self)

    @property
    def open_handles(self) -> int:
        """How many handles were not given back."""
        return len(self._open)

    def shut(self) -> None:
        """Nothing is held."""

    def holds(self, handle: Handle) -> bool:
        """Tell whether a handle is one of this store."""
        return handle in self._open

    def open_dir(self, parent: Handle | None, name: bytes) -> Handle:
        ino = self._find(TOP if parent is None else self._dir(parent), name)
        if self.disk.nodes[ino].kind != stat.S_IFDIR:
            _fail(errno.ENOTDIR)
        return self._new(ino, os.O_RDONLY)

    def open(self, parent: Handle, name: bytes, flags: int, mode: int = 0o600) -> Handle:
        return self.open_below(self._dir(parent), name, flags, mode)

    def open_below(self, folder: int, name: bytes, flags: int, mode: int) -> Handle:
        """Open a file in the directory with this inode number."""
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            return self._new(self.disk.make(stat.S_IFREG, mode), flags)
        ino = self._entries(folder).get(name) if name != b"." else folder
        if ino is None:
            if not flags & os.O_CREAT:
                _fail(errno.ENOENT)
            ino = self._add(folder, name, stat.S_IFREG, mode)
            return self._new(ino, flags)
        if flags & os.O_CREAT and flags & os.O_EXCL:
            _fail(errno.EEXIST)
        kind = self.disk.nodes[ino].kind
        if kind == stat.S_IFLNK:
            _fail(errno.ELOOP)
        if kind == stat.S_IFDIR and flags & os.O_ACCMODE != os.O_RDONLY:
            _fail(errno.EISDIR)
        if kind == stat.S_IFSOCK:
            _fail(errno.ENXIO)
        if flags & os.O_TRUNC:
            self._resize(ino, 0)
        return self._new(ino, flags)

    def close(self, handle: Handle) -> None:
        self._of(handle)
        del self._open[handle]

    def entries(self, directory: Handle) -> list[tuple[bytes, int, int]]:
        shown = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
        found = [(name, self.disk.nodes[ino].kind, ino) for name, ino in self._entries(self._dir(directory)).items()]
        return [(name, kind if kind in shown else 0, ino) for name, kind, ino in found]

    def stat(self, parent: Handle, name: bytes) -> os.stat_result:
        return self._stat(self._find(self._dir(parent), name))

    def fstat(self, handle: Handle) -> os.stat_result:
        return self._stat(self._of(handle).ino)

    def statvfs(self) -> os.statvfs_result:
        return os.statvfs("/")

    def pread(self, handle: Handle, size: int, offset: int) -> bytes:
        return bytes(self._data(handle, os.O_WRONLY)[offset : offset + size])

    def preadv(self, handle: Handle, buffers: list[memoryview], offset: int) -> int:
        data, done = self._data(handle, os.O_WRONLY), 0
        for buffer in buffers:
            piece = data[offset + done : offset + done + len(buffer)]
            buffer[: len(piece)] = piece
            done += len(piece)
        return done

    def pwrite(self, handle: Handle, data: bytes | memoryview, offset: int) -> int:
        self._data(handle, os.O_RDONLY)
        if len(data):
            self.disk.record(Write(self._of(handle).ino, offset, bytes(data)))
        return len(data)

    def truncate(self, handle: Handle, size: int) -> None:
        is_file = self._file(handle).kind == stat.S_IFREG
        if not is_file or self._of(handle).flags & os.O_ACCMODE == os.O_RDONLY:
            _fail(errno.EINVAL)
        self._resize(self._of(handle).ino, size)

    def fallocate(self, handle: Handle, mode: int, offset: int, size: int) -> None:
        ino = self._of(handle).ino
        if offset < 0 or size <= 0:
            _fail(errno.EINVAL)
        length = len(self._data(handle, os.O_RDONLY))
        if mode == _PUNCH_HOLE | _KEEP_SIZE:
            self.disk.record(Punch(ino, offset, size))
        elif mode == 0 and offset + size > length:
            self.disk.record(Resize(ino, length, offset + size))
        elif mode not in (0, _KEEP_SIZE):
            _fail(errno.EOPNOTSUPP)

    def seek(self, handle: Handle, offset: int, whence: int) -> int:
        length = len(self._data(handle, _NO_ACCESS))
        if not 0 <= offset < length:
            _fail(errno.ENXIO)
        return offset if whence == os.SEEK_DATA else length

    def advise(self, handle: Handle, offset: int, size: int, advice: int) -> None:
        self._of(handle)

    def fetch(self, handle: Handle, size: int) -> bool:
        self._of(handle)
        return True

    def sync(self, handle: Handle, *, data_only: bool = False) -> None:
        self.disk.record(Sync(self._of(handle).ino, data_only))

    def sync_all(self) -> None:
        """Return when everything is safe from a power cut."""
        self.disk.record(Sync(EVERYTHING, data_only=False))

    def mkdir(self, parent: Handle, name: bytes, mode: int) -> None:
        self._add(self._dir(parent), name, stat.S_IFDIR, mode)

    def mknod(self, parent: Handle, name: bytes, mode: int, device: int) -> None:
        self._add(self._dir(parent), name, stat.S_IFMT(mode), stat.S_IMODE(mode), rdev=device)

    def symlink(self, parent: Handle, name: bytes, target: bytes) -> None:
        self._add(self._dir(parent), name, stat.S_IFLNK, 0o777, target=target)

    def readlink(self, parent: Handle, name: bytes) -> bytes:
        node = self.disk.nodes[self._find(self._dir(parent), name)]
        if node.kind != stat.S_IFLNK:
            _fail(errno.EINVAL)
        return node.target

    def link(self, parent: Handle, name: bytes, new_parent: Handle, new_name: bytes) -> None:
        ino = self._find(self._dir(parent), name)
        folder = self._absent(self._dir(new_parent), new_name)
        if self.disk.nodes[ino].kind == stat.S_IFDIR:
            _fail(errno.EPERM)
        self.disk.record(Added(folder, new_name, ino))

    def link_open(self, handle: Handle, parent: Handle, name: bytes) -> None:
        opened = self._of(handle)
        if not self.disk.nodes[opened.ino].nlink and opened.flags & os.O_TMPFILE != os.O_TMPFILE:
            _fail(errno.ENOENT)
        self.disk.record(Added(self._absent(self._dir(parent), name), name, opened.ino))

    def unlink(self, parent: Handle, name: bytes) -> None:
        folder = self._dir(parent)
        ino = self._find(folder, name)
        if self.disk.nodes[ino].kind == stat.S_IFDIR:
            _fail(errno.EISDIR)
        self.disk.record(Gone(folder, name, ino))

    def rmdir(self, parent: Handle, name: bytes) -> None:
        folder = self._dir(parent)
        ino = self._find(folder, name)
        if self.disk.nodes[ino].kind != stat.S_IFDIR:
            _fail(errno.ENOTDIR)
        if self.disk.nodes[ino].entries:
            _fail(errno.ENOTEMPTY)
        self.disk.record(Gone(folder, name, ino))

    def rename(self, parent: Handle, name: bytes, new_parent: Handle, new_name: bytes, flags: int = 0) -> None:
        old, new = self._dir(parent), self._dir(new_parent)
        self.rename_below(old, name, new, new_name, flags)

    def rename_below(self, old: int, name: bytes, new: int, new_name: bytes, flags: int = 0) -> None:
        """Rename between the directories with these inode numbers."""
        ino = self._find(old, name)
        other = self._entries(new).get(new_name, 0)
        if flags & _EXCHANGE and not other:
            _fail(errno.ENOENT)
        if flags & _NOREPLACE and other:
            _fail(errno.EEXIST)
        if other == ino:
            return
        if other and not flags:
            node, there = self.disk.nodes[ino], self.disk.nodes[other]
            if node.kind != stat.S_IFDIR and there.kind == stat.S_IFDIR:
                _fail(errno.EISDIR)
            if node.kind == stat.S_IFDIR and there.kind != stat.S_IFDIR:
                _fail(errno.ENOTDIR)
            if there.entries:
                _fail(errno.ENOTEMPTY)
        self.disk.record(Moved(old, name, new, new_name, ino, other, bool(flags & _EXCHANGE)))

    def chmod(self, parent: Handle, name: bytes, mode: int) -> None:
        ino = self._find(self._dir(parent), name)
        if self.disk.nodes[ino].kind == stat.S_IFLNK:
            _fail(errno.EOPNOTSUPP)
        self.disk.record(Attr(ino, "mode", mode))

    def fchmod(self, handle: Handle, mode: int) -> None:
        self.disk.record(Attr(self._of(handle).ino, "mode", mode))

    def chown(self, parent: Handle, name: bytes, uid: int, gid: int) -> None:
        self._chown(self._find(self._dir(parent), name), uid, gid)

    def fchown(self, handle: Handle, uid: int, gid: int) -> None:
        self._chown(self._of(handle).ino, uid, gid)

    def utimens(self, parent: Handle, name: bytes, atime: Time, mtime: Time) -> None:
        self._utimens(self._find(self._dir(parent), name), atime, mtime)

    def futimens(self, handle: Handle, atime: Time, mtime: Time) -> None:
        self._utimens(self._of(handle).ino, atime, mtime)

    def getxattr(self, parent: Handle, name: bytes, attribute: bytes) -> bytes:
        found = self.disk.nodes[self._find(self._dir(parent), name)].xattrs.get(attribute)
        return _fail(errno.ENODATA) if found is None else found

    def setxattr(self, parent: Handle, name: bytes, attribute: bytes, value: bytes, flags: int) -> None:
        ino = self._find(self._dir(parent), name)
        node = self.disk.nodes[ino]
        if node.kind not in (stat.S_IFREG, stat.S_IFDIR):
            _fail(errno.EPERM)
        if flags & os.XATTR_CREATE and attribute in node.xattrs:
            _fail(errno.EEXIST)
        if flags & os.XATTR_REPLACE and attribute not in node.xattrs:
            _fail(errno.ENODATA)
        self.disk.record(Attr(ino, attribute, value))

    def listxattr(self, parent: Handle, name: bytes) -> list[bytes]:
        return list(self.disk.nodes[self._find(self._dir(parent), name)].xattrs)

    def removexattr(self, parent: Handle, name: bytes, attribute: bytes) -> None:
        ino = self._find(self._dir(parent), name)
        if attribute not in self.disk.nodes[ino].xattrs:
            _fail(errno.ENODATA)
        self.disk.record(Attr(ino, attribute, None))

    def _of(self, handle: Handle) -> _Open:
        return self._open.get(handle) or _fail(errno.EBADF)

    def _new(self, ino: int, flags: int) -> Handle:
        self._next += 1
        self._open[self._next] = _Open(ino, flags)
        return self._next

    def _file(self, handle: Handle) -> Node:
        return self.disk.nodes[self._of(handle).ino]

    def _data(self, handle: Handle, forbidden: int) -> bytearray:
        """The bytes of an open file that may be read, or written."""
        opened = self._of(handle)
        node = self.disk.nodes[opened.ino]
        if opened.flags & os.O_ACCMODE == forbidden:
            _fail(errno.EBADF)
        if node.kind != stat.S_IFREG:
            _fail(errno.EISDIR if node.kind == stat.S_IFDIR else errno.ESPIPE)
        return node.data

    def _dir(self, handle: Handle) -> int:
        return self._of(handle).ino

    def _entries(self, folder: int) -> dict[bytes, int]:
        node = self.disk.nodes[folder]
        if node.kind != stat.S_IFDIR:
            _fail(errno.ENOTDIR)
        return node.entries

    def _find(self, folder: int, name: bytes) -> int:
        entries = self._entries(folder)
        if name == b".":
            return folder
        return entries.get(name) or _fail(errno.ENOENT)

    def _absent(self, folder: int, name: bytes) -> int:
        if name in self._entries(folder):
            _fail(errno.EEXIST)
        if folder != TOP and not self.disk.nodes[folder].nlink:
            _fail(errno.ENOENT)
        return folder

    def _add(self, folder: int, name: bytes, kind: int, mode: int, *, rdev: int = 0, target: bytes = b"") -> int:
        self._absent(folder, name)
        ino = self.disk.make(kind, mode, rdev=rdev, target=target)
        self.disk.record(Added(folder, name, ino))
        return ino

    def _resize(self, ino: int, size: int) -> None:
        self.disk.record(Resize(ino, len(self.disk.nodes[ino].data), size))

    def _chown(self, ino: int, uid: int, gid: int) -> None:
        node = self.disk.nodes[ino]
        self.disk.record(Attr(ino, "owner", (node.uid if uid == -1 else uid, node.gid if gid == -1 else gid)))

    def _utimens(self, ino: int, atime: Time, mtime: Time) -> None:
        for key, when in (("atime", atime), ("mtime", mtime)):
            if when is not None:
                self.disk.record(Attr(ino, key, self.disk.tick() if isinstance(when, str) else when))

    def _stat(self, ino: int) -> os.stat_result:
        node = self.disk.nodes[ino]
        size = len(node.target) if node.kind == stat.S_IFLNK else len(node.data)
        times = (node.atime, node.mtime, node.ctime)
        seconds = [when // 1_000_000_000 for when in times]
        return os.stat_result(
            (node.kind | node.mode, ino, 1, node.nlink, node.uid, node.gid, size, *seconds),
            {
                **dict(zip(("st_atime_ns", "st_mtime_ns", "st_ctime_ns"), times, strict=True)),
                "st_blocks": -(-size // 512),
                "st_rdev": node.rdev,
            },
        )


def _fail(code: int) -> NoReturn:
    raise OSError(code, os.strerror(code))
