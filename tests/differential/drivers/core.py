"""Core port: asks the `Vfs` directly, as the commands without a mount do."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from itertools import islice
from typing import ParamSpec, TypeVar

from differential.drivers.port import Stat
from differential.vaults import Place
from wafs.errors import WafsError
from wafs.fs.attrs import Attrs, Caller, Entry, SetAttrs
from wafs.fuse.errno import errno_of
from wafs.vault.scratch import Scratch

P = ParamSpec("P")
R = TypeVar("R")


def _posix(method: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors of wafs into the OSError that a program would get."""

    @wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except WafsError as error:
            code = errno_of(error)
            raise OSError(code, os.strerror(code)) from error

    return wrapped


class CorePort:
    """A `Vfs` over the vault at a place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._scratch = Scratch()
        self._caller = Caller(os.geteuid(), os.getegid())
        self.vfs = place.vfs()

    def remount(self) -> None:
        self.vfs.close()
        self.vfs = self._place.vfs()

    @_posix
    def lookup(self, parent: int, name: bytes) -> tuple[int, Stat]:
        return _found(self.vfs.tree.lookup(parent, name))

    def forget(self, forgets: list[tuple[int, int]]) -> None:
        for node, count in forgets:
            self.vfs.tree.forget(node, count)

    @_posix
    def getattr(self, node: int) -> Stat:
        return _stat(self.vfs.attributes.get(node))

    @_posix
    def chmod(self, node: int, mode: int) -> None:
        self.vfs.attributes.set(node, SetAttrs(mode=mode))

    @_posix
    def utimens(self, node: int, atime_ns: int, mtime_ns: int) -> Stat:
        return _stat(self.vfs.attributes.set(node, SetAttrs(atime=atime_ns, mtime=mtime_ns)))

    @_posix
    def truncate(self, node: int, size: int) -> None:
        self.vfs.attributes.set(node, SetAttrs(size=size))

    @_posix
    def readlink(self, node: int) -> bytes:
        return self.vfs.tree.readlink(node)

    @_posix
    def mkdir(self, parent: int, name: bytes, mode: int) -> tuple[int, Stat]:
        return _found(self.vfs.tree.mkdir(parent, name, mode, self._caller))

    @_posix
    def mkfifo(self, parent: int, name: bytes, mode: int) -> tuple[int, Stat]:
        return _found(self.vfs.tree.mknod(parent, name, 0o010000 | mode, device=0, caller=self._caller))

    @_posix
    def symlink(self, parent: int, name: bytes, target: bytes) -> tuple[int, Stat]:
        return _found(self.vfs.tree.symlink(parent, name, target, self._caller))

    @_posix
    def link(self, node: int, parent: int, name: bytes) -> tuple[int, Stat]:
        return _found(self.vfs.tree.link(node, parent, name))

    @_posix
    def unlink(self, parent: int, name: bytes) -> None:
        self.vfs.tree.unlink(parent, name)

    @_posix
    def rmdir(self, parent: int, name: bytes) -> None:
        self.vfs.tree.rmdir(parent, name)

    @_posix
    def rename(self, parent: int, name: bytes, new_parent: int, new_name: bytes, flags: int) -> None:
        self.vfs.renamer.rename(parent, name, new_parent, new_name=new_name, flags=flags)

    @_posix
    def open(self, node: int, flags: int) -> int:
        return self.vfs.files.open(node, flags).fh

    @_posix
    def create(self, parent: int, name: bytes, flags: int, mode: int) -> tuple[int, Stat, int]:
        entry, fh = self.vfs.files.create(parent, name, mode, flags=flags, caller=self._caller)
        return *_found(entry), fh

    @_posix
    def read(self, node: int, fh: int, offset: int, size: int) -> bytes:
        return bytes(self.vfs.files.read(fh, offset, size, self._scratch))

    @_posix
    def write(self, node: int, fh: int, offset: int, data: bytes) -> int:
        return self.vfs.files.write(fh, offset, memoryview(data), self._scratch)

    @_posix
    def release(self, node: int, fh: int) -> None:
        self.vfs.files.release(fh)

    @_posix
    def fsync(self, node: int, fh: int, *, data_only: bool) -> None:
        self.vfs.files.sync(fh, data_only=data_only)

    @_posix
    def fallocate(self, node: int, fh: int, mode: int, offset: int, size: int) -> None:
        self.vfs.files.fallocate(fh, mode, offset, size=size, scratch=self._scratch)

    @_posix
    def seek(self, node: int, fh: int, offset: int, whence: int) -> int:
        return self.vfs.files.seek(fh, offset, whence)

    @_posix
    def copy(self, source: tuple[int, int, int], target: tuple[int, int, int], size: int) -> int:
        return self.vfs.files.copy_range(source[1], source[2], target[1], new_offset=target[2], size=size)

    @_posix
    def opendir(self, node: int) -> int:
        return self.vfs.streams.open(node)

    @_posix
    def names(self, node: int, fh: int) -> list[bytes]:
        names: list[bytes] = []
        # Two at a time, so that every listing goes on from an offset.
        while found := list(islice(self.vfs.streams.read(fh, len(names)), 2)):
            names += [entry.name for entry in found]
        return names

    @_posix
    def fsyncdir(self, node: int, fh: int) -> None:
        self.vfs.streams.sync(fh)

    @_posix
    def releasedir(self, node: int, fh: int) -> None:
        self.vfs.streams.release(fh)

    @_posix
    def setxattr(self, node: int, name: bytes, value: bytes, flags: int) -> None:
        self.vfs.xattrs.set(node, name, value, flags)

    @_posix
    def getxattr(self, node: int, name: bytes) -> bytes:
        return self.vfs.xattrs.get(node, name)

    @_posix
    def listxattr(self, node: int) -> list[bytes]:
        return self.vfs.xattrs.names(node)

    @_posix
    def removexattr(self, node: int, name: bytes) -> None:
        self.vfs.xattrs.remove(node, name)

    def statvfs(self) -> tuple[int, int, int, int]:
        found = self.vfs.attributes.statvfs()
        return found.f_blocks, found.f_bfree, found.f_bavail, 255


def _stat(attrs: Attrs) -> Stat:
    return Stat(attrs.ino, attrs.mode, attrs.size, attrs.nlink, attrs.atime_ns, attrs.mtime_ns)


def _found(entry: Entry) -> tuple[int, Stat]:
    return entry.ino, _stat(entry.attrs)
