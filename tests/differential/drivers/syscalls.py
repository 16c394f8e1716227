"""Syscalls: the part of Linux between a system call and a filesystem, as far as the programs need it.

It walks paths, keeps descriptors, and answers what Linux answers before it asks the filesystem. All the rest is left to
the filesystem, also what Linux would have noticed: the core is used without a kernel too.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from differential.drivers.port import Port, Stat
from differential.drivers.posix import check_seek, facts_of
from differential.program import NotOpenError, Value, pattern

ROOT = 1
READ_SIZE = 65_536
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16


@dataclass(frozen=True)
class Habits:
    """How this kernel behaves where it may.

    `looks`: a LOOKUP precedes each change of a name, as with Linux; who has no kernel need not.
    `forgets`: nodes are forgotten after each operation, as for want of memory, and not only at the unmount.
    """

    looks: bool = True
    forgets: bool = False


@dataclass(frozen=True)
class Descriptor:
    """An open file or directory; holds one lookup of its node."""

    node: int
    fh: int
    flags: int
    kind: int

    @property
    def readable(self) -> bool:
        return self.flags & os.O_ACCMODE != os.O_WRONLY

    @property
    def writable(self) -> bool:
        return self.flags & os.O_ACCMODE != os.O_RDONLY

    @property
    def is_dir(self) -> bool:
        return self.kind == stat.S_IFDIR


def fail(code: int) -> NoReturn:
    """Raise an errno."""
    raise OSError(code, os.strerror(code))


class Syscalls:
    """System calls on files over a port."""

    def __init__(self, port: Port, habits: Habits) -> None:
        self.port = port
        self._habits = habits
        self._held: Counter[int] = Counter()
        self._slots: dict[int, Descriptor] = {}

    # Nodes

    def hold(self, found: tuple[int, Stat]) -> tuple[int, Stat]:
        """Count a lookup."""
        self._held[found[0]] += 1
        return found

    def look(self, parent: int, name: bytes) -> tuple[int, Stat]:
        return self.hold(self.port.lookup(parent, name))

    def look_first(self, parent: int, name: bytes) -> None:
        """Ask for a name that is about to change, as Linux does."""
        if self._habits.looks:
            with suppress(FileNotFoundError):
                self.look(parent, name)

    def forget_all(self) -> None:
        """Forget what is not open."""
        keep = Counter(descriptor.node for descriptor in self._slots.values())
        forgets = list((self._held - keep).items())
        self._held &= keep
        if forgets:
            self.port.forget(forgets)

    def step_done(self) -> None:
        """Forget, if that is the habit."""
        if self._habits.forgets:
            self.forget_all()

    def walk(self, path: bytes) -> tuple[int, bytes]:
        """Return the parent's node and the last name."""
        *above, name = path.split(b"/")
        node = ROOT
        for part in above:
            node, found = self.look(node, part)
            if stat.S_ISLNK(found.mode):
                fail(errno.ENOENT)  # targets of programs never exist
            if not stat.S_ISDIR(found.mode):
                fail(errno.ENOTDIR)
        return node, name

    def find(self, path: bytes) -> tuple[int, Stat]:
        return self.look(*self.walk(path))

    # Descriptors

    def open(self, slot: int, path: bytes, flags: int, mode: int) -> Value:
        self.close(slot)
        parent, name = self.walk(path)
        try:
            node, found = self.look(parent, name)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            node, found, fh = self.port.create(parent, name, flags, mode)
            self.hold((node, found))
            self._slots[slot] = Descriptor(node, fh, flags, stat.S_IFREG)
            return None
        kind = stat.S_IFMT(found.mode)
        if kind == stat.S_IFIFO:
            return "fifo"
        changes = flags & os.O_ACCMODE != os.O_RDONLY or flags & (os.O_TRUNC | os.O_CREAT)
        if flags & os.O_CREAT and flags & os.O_EXCL:
            fail(errno.EEXIST)
        if kind == stat.S_IFLNK:
            fail(errno.ELOOP)
        if kind == stat.S_IFDIR and changes:
            fail(errno.EISDIR)
        fh = self.port.opendir(node) if kind == stat.S_IFDIR else self.port.open(node, flags)
        self._slots[slot] = Descriptor(node, fh, flags, kind)
        return None

    def close(self, slot: int) -> None:
        if slot in self._slots:
            file = self._slots.pop(slot)
            (self.port.releasedir if file.is_dir else self.port.release)(file.node, file.fh)

    def _file(self, slot: int) -> Descriptor:
        if slot not in self._slots:
            raise NotOpenError
        return self._slots[slot]

    def read(self, slot: int, offset: int, size: int) -> Value:
        file = self._file(slot)
        if not file.readable:
            fail(errno.EBADF)
        if file.is_dir:
            fail(errno.EISDIR)
        return self.port.read(file.node, file.fh, offset, size)

    def write(self, slot: int, offset: int, size: int, seed: int) -> Value:
        file = self._file(slot)
        if not file.writable:
            fail(errno.EBADF)
        if file.flags & os.O_APPEND:
            offset = self.port.getattr(file.node).size
        return self.port.write(file.node, file.fh, offset, pattern(seed, size))

    def ftruncate(self, slot: int, size: int) -> None:
        file = self._file(slot)
        if file.is_dir or not file.writable:
            fail(errno.EINVAL)
        self.port.truncate(file.node, size)

    def fsync(self, slot: int, data_only: int) -> None:
        file = self._file(slot)
        if file.is_dir:
            self.port.fsyncdir(file.node, file.fh)
        else:
            self.port.fsync(file.node, file.fh, data_only=bool(data_only))

    def fallocate(self, slot: int, mode: int, offset: int, size: int) -> None:
        file = self._file(slot)
        if size <= 0:
            fail(errno.EINVAL)
        if mode & ~KEEP_SIZE not in (0, PUNCH_HOLE, ZERO_RANGE) or mode == PUNCH_HOLE:
            fail(errno.EOPNOTSUPP)
        if not file.writable:
            fail(errno.EBADF)
        self.port.fallocate(file.node, file.fh, mode, offset, size)

    def seek_hole(self, slot: int, offset: int, whence: int) -> Value:
        file = self._file(slot)
        if file.is_dir:
            return "no file"
        size = self.port.getattr(file.node).size
        try:
            found = self.port.seek(file.node, file.fh, offset, whence)
        except OSError as error:
            if error.errno != errno.ENXIO or offset >= size:
                raise
            found = None
        if file.readable:
            check_seek(
                lambda at, length: self.port.read(file.node, file.fh, at, length),
                size, offset, whence=whence, found=found,
            )  # fmt: skip
        return None

    def copy(self, source: int, offset: int, target: int, new_offset: int, size: int) -> Value:
        old, new = self._file(source), self._file(target)
        if old.is_dir or new.is_dir:
            fail(errno.EISDIR)
        if not old.readable or not new.writable or new.flags & os.O_APPEND:
            fail(errno.EBADF)
        size = max(min(size, self.port.getattr(old.node).size - offset), 0)
        if old.node == new.node and offset < new_offset + size and new_offset < offset + size:
            fail(errno.EINVAL)
        if size == 0:
            return 0
        return self.port.copy((old.node, old.fh, offset), (new.node, new.fh, new_offset), size)

    def fstat(self, slot: int) -> Value:
        return _facts(self.port.getattr(self._file(slot).node))

    def list_open(self, slot: int) -> Value:
        file = self._file(slot)
        if not file.is_dir:
            fail(errno.ENOTDIR)
        return tuple(self._names(file.node, file.fh))

    # Names

    def stat(self, path: bytes) -> Value:
        return _facts(self.find(path)[1])

    def unlink(self, path: bytes) -> None:
        parent, name = self.walk(path)
        self.look_first(parent, name)
        self.port.unlink(parent, name)

    def rmdir(self, path: bytes) -> None:
        parent, name = self.walk(path)
        self.look_first(parent, name)
        self.port.rmdir(parent, name)

    def rename(self, old: bytes, new: bytes, flags: int) -> None:
        if flags == 3:
            fail(errno.EINVAL)
        parent, name = self.walk(old)
        new_parent, new_name = self.walk(new)
        self.look_first(parent, name)
        self.look_first(new_parent, new_name)
        self.port.rename(parent, name, new_parent, new_name, flags)

    def link(self, old: bytes, new: bytes) -> None:
        node, _ = self.find(old)
        parent, name = self.walk(new)
        with suppress(FileNotFoundError):
            self.look(parent, name)
            fail(errno.EEXIST)
        self.hold(self.port.link(node, parent, name))

    def symlink(self, target: bytes, path: bytes) -> None:
        self.hold(self.port.symlink(*self._new(path), target))

    def mkdir(self, path: bytes, mode: int) -> None:
        self.hold(self.port.mkdir(*self._new(path), mode & 0o1777))

    def mkfifo(self, path: bytes, mode: int) -> None:
        self.hold(self.port.mkfifo(*self._new(path), mode))

    def _new(self, path: bytes) -> tuple[int, bytes]:
        parent, name = self.walk(path)
        self.look_first(parent, name)
        return parent, name

    def readlink(self, path: bytes) -> Value:
        return self.port.readlink(self.find(path)[0])

    def names(self, node: int) -> list[bytes]:
        """List a directory by its node."""
        fh = self.port.opendir(node)
        try:
            return self._names(node, fh)
        finally:
            self.port.releasedir(node, fh)

    def _names(self, node: int, fh: int) -> list[bytes]:
        found = self.port.names(node, fh)
        assert found.count(b".") == found.count(b"..") == 1, found
        assert len(set(found)) == len(found), "a name twice"
        return sorted(set(found) - {b".", b".."})

    def listdir(self, path: bytes) -> Value:
        node, found = self.find(path)
        if stat.S_ISLNK(found.mode):
            fail(errno.ENOENT)
        if not stat.S_ISDIR(found.mode):
            fail(errno.ENOTDIR)
        return tuple(self.names(node))

    # Attributes

    def truncate(self, path: bytes, size: int) -> None:
        node, found = self.find(path)
        kind = stat.S_IFMT(found.mode)
        if kind != stat.S_IFREG:
            fail({stat.S_IFDIR: errno.EISDIR, stat.S_IFLNK: errno.ENOENT}.get(kind, errno.EINVAL))
        self.port.truncate(node, size)

    def chmod(self, path: bytes, mode: int) -> None:
        node, found = self.find(path)
        if stat.S_ISLNK(found.mode):
            fail(errno.ENOENT)
        self.port.chmod(node, mode)

    def utimens(self, path: bytes, atime_ns: int, mtime_ns: int) -> Value:
        found = self.port.utimens(self.find(path)[0], atime_ns, mtime_ns)
        return found.atime_ns, found.mtime_ns

    def setxattr(self, path: bytes, name: bytes, value: bytes, flags: int) -> None:
        self.port.setxattr(self.find(path)[0], name, value, flags)

    def getxattr(self, path: bytes, name: bytes) -> Value:
        return self.port.getxattr(self.find(path)[0], name)

    def listxattr(self, path: bytes) -> Value:
        return tuple(sorted(self.port.listxattr(self.find(path)[0])))

    def removexattr(self, path: bytes, name: bytes) -> None:
        self.port.removexattr(self.find(path)[0], name)

    def statvfs(self) -> Value:
        blocks, free, available, longest_name = self.port.statvfs()
        assert blocks >= free >= available > 0
        return longest_name

    def remount(self) -> None:
        """Close and forget everything, then unmount and mount again."""
        self.close_all()
        self.port.remount()

    def close_all(self) -> None:
        for slot in list(self._slots):
            self.close(slot)
        self.forget_all()


def _facts(found: Stat) -> Value:
    return facts_of(found.mode, found.size, found.nlink, found.mtime_ns)
