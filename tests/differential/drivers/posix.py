"""Posix: operations through the operating system, on a real directory or a mount."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import time
from collections.abc import Callable

from differential.program import NOW, Node, NotOpenError, Tree, Value, pattern

DAY_NS = 86_400_000_000_000
_libc = ctypes.CDLL(None, use_errno=True)


def plain_time(time_ns: int) -> int | str:
    """Return a time that a program set as it is, one of the clock as NOW."""
    return NOW if abs(time_ns - time.time_ns()) < DAY_NS else time_ns


def facts_of(mode: int, size: int, nlink: int, mtime_ns: int) -> tuple[Value, ...]:
    """Return what can be compared of the attributes of a node."""
    kind = stat.S_IFMT(mode)
    is_sized = kind in (stat.S_IFREG, stat.S_IFLNK)
    return (kind, mode & 0o7777, size if is_sized else 0, nlink if kind != stat.S_IFDIR else 0, plain_time(mtime_ns))


def check_seek(read: Callable[[int, int], bytes], size: int, offset: int, *, whence: int, found: int | None) -> None:
    """Check what must hold of SEEK_DATA and SEEK_HOLE: what is called a hole is zero, and `found` is not before it.

    `found` is None for ENXIO.
    """
    if whence == os.SEEK_DATA:
        end = size if found is None else found
        assert offset <= end <= size, f"data at {found}"
        assert not any(read(offset, end - offset)), "data in what SEEK_DATA skipped"
    else:
        assert found is not None, "no hole before the end of the file"
        assert offset <= found <= size, f"hole at {found}"
        assert found == size or read(found, 1) == b"\0", "SEEK_HOLE found data"


class PosixDriver:
    """Runs operations below a directory that it expects empty."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._slots: dict[int, int] = {}

    def step_done(self) -> None:
        """Leave the kernel alone."""

    def open(self, slot: int, path: bytes, flags: int, mode: int) -> Value:
        self.close(slot)
        full = self._full(path)
        if _is_fifo(full):
            return "fifo"
        self._slots[slot] = os.open(full, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        return None

    def close(self, slot: int) -> None:
        if slot in self._slots:
            os.close(self._slots.pop(slot))

    def read(self, slot: int, offset: int, size: int) -> Value:
        return os.pread(self._fd(slot), size, offset)

    def write(self, slot: int, offset: int, size: int, seed: int) -> Value:
        return os.pwrite(self._fd(slot), pattern(seed, size), offset)

    def ftruncate(self, slot: int, size: int) -> None:
        os.ftruncate(self._fd(slot), size)

    def fsync(self, slot: int, data_only: int) -> None:
        (os.fdatasync if data_only else os.fsync)(self._fd(slot))

    def fallocate(self, slot: int, mode: int, offset: int, size: int) -> None:
        _check(_libc.fallocate(self._fd(slot), mode, ctypes.c_int64(offset), ctypes.c_int64(size)))

    def seek_hole(self, slot: int, offset: int, whence: int) -> Value:
        fd = self._fd(slot)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "no file"
        size = os.fstat(fd).st_size
        try:
            found = os.lseek(fd, offset, whence)
        except OSError as error:
            if error.errno != errno.ENXIO or offset >= size:
                raise
            found = None
        if _is_readable(fd):
            check_seek(lambda at, length: os.pread(fd, length, at), size, offset, whence=whence, found=found)
        return None

    def copy(self, source: int, offset: int, target: int, new_offset: int, size: int) -> Value:
        return os.copy_file_range(self._fd(source), self._fd(target), size, offset, new_offset)

    def fstat(self, slot: int) -> Value:
        return _facts(os.fstat(self._fd(slot)))

    def list_open(self, slot: int) -> Value:
        return tuple(sorted(os.fsencode(name) for name in os.listdir(self._fd(slot))))

    def stat(self, path: bytes) -> Value:
        return _facts(os.lstat(self._full(path)))

    def truncate(self, path: bytes, size: int) -> None:
        os.truncate(self._full(path), size)

    def unlink(self, path: bytes) -> None:
        os.unlink(self._full(path))

    def rename(self, old: bytes, new: bytes, flags: int) -> None:
        _check(_libc.renameat2(-100, self._full(old), -100, self._full(new), flags))

    def link(self, old: bytes, new: bytes) -> None:
        os.link(self._full(old), self._full(new), follow_symlinks=False)

    def symlink(self, target: bytes, path: bytes) -> None:
        os.symlink(target, self._full(path))

    def readlink(self, path: bytes) -> Value:
        return os.readlink(self._full(path))

    def mkdir(self, path: bytes, mode: int) -> None:
        os.mkdir(self._full(path), mode & 0o1777)

    def rmdir(self, path: bytes) -> None:
        os.rmdir(self._full(path))

    def mkfifo(self, path: bytes, mode: int) -> None:
        os.mkfifo(self._full(path), mode)

    def listdir(self, path: bytes) -> Value:
        return tuple(sorted(os.listdir(self._full(path))))

    def chmod(self, path: bytes, mode: int) -> None:
        os.chmod(self._full(path), mode)

    def utimens(self, path: bytes, atime_ns: int, mtime_ns: int) -> Value:
        full = self._full(path)
        os.utime(full, ns=(atime_ns, mtime_ns), follow_symlinks=False)
        found = os.lstat(full)
        return found.st_atime_ns, found.st_mtime_ns

    def setxattr(self, path: bytes, name: bytes, value: bytes, flags: int) -> None:
        os.setxattr(self._full(path), name, value, flags, follow_symlinks=False)

    def getxattr(self, path: bytes, name: bytes) -> Value:
        return os.getxattr(self._full(path), name, follow_symlinks=False)

    def listxattr(self, path: bytes) -> Value:
        return tuple(name for name, _ in self._xattrs(self._full(path)))

    def removexattr(self, path: bytes, name: bytes) -> None:
        os.removexattr(self._full(path), name, follow_symlinks=False)

    def statvfs(self) -> Value:
        found = os.statvfs(self._root)
        assert found.f_blocks >= found.f_bfree >= found.f_bavail > 0
        return found.f_namemax

    def remount(self) -> None:
        """Close everything, as an unmount does; a mount that serves many programs stays."""
        for slot in list(self._slots):
            self.close(slot)

    def tree(self) -> Tree:
        """Close what is open and read everything."""
        self.remount()
        found: Tree = {}
        first: dict[int, bytes] = {}
        self._collect(b"", found, first)
        return found

    def _collect(self, folder: bytes, found: Tree, first: dict[int, bytes]) -> None:
        for name in sorted(os.listdir(self._full(folder))):
            path = folder + name
            full = self._full(path)
            attributes = os.lstat(full)
            kind = stat.S_IFMT(attributes.st_mode)
            content = b""
            if kind == stat.S_IFREG:
                with open(full, "rb") as file:
                    content = file.read()
                assert len(content) == attributes.st_size
            elif kind == stat.S_IFLNK:
                content = os.readlink(full)
            found[path] = Node(
                kind=stat.filemode(attributes.st_mode)[0],
                mode=stat.S_IMODE(attributes.st_mode),
                mtime=plain_time(attributes.st_mtime_ns),
                nlink=attributes.st_nlink if kind != stat.S_IFDIR else 0,
                content=content,
                xattrs=self._xattrs(full),
                twin=first.setdefault(attributes.st_ino, path),
            )
            if kind == stat.S_IFDIR:
                self._collect(path + b"/", found, first)

    def _xattrs(self, full: bytes) -> tuple[tuple[bytes, bytes], ...]:
        names = sorted(os.fsencode(name) for name in os.listxattr(full, follow_symlinks=False))
        return tuple((name, os.getxattr(full, name, follow_symlinks=False)) for name in names)

    def _fd(self, slot: int) -> int:
        if slot not in self._slots:
            raise NotOpenError
        return self._slots[slot]

    def _full(self, path: bytes) -> bytes:
        return self._root + b"/" + path


def _facts(found: os.stat_result) -> Value:
    return facts_of(found.st_mode, found.st_size, found.st_nlink, found.st_mtime_ns)


def _is_fifo(full: bytes) -> bool:
    try:
        return stat.S_ISFIFO(os.lstat(full).st_mode)
    except OSError:
        return False


def _is_readable(fd: int) -> bool:
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
        flags = next(line for line in file if line.startswith("flags:"))
    return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_WRONLY


def _check(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
