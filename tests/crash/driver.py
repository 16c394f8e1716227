"""Driver: runs programs by path on a `Vfs` and keeps the truth beside it.

Files stay open from their first write to `close` or `remount`, as those of a program that goes on working. A crash
takes the handles with it.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, cast

from crash.truth import Truth
from differential.program import pattern
from fs.paths import ME, Paths
from wafs.fs.attrs import SetAttrs
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from crash.bench import Bench
    from differential.program import Driver, Op
    from store.disk import Disk

PUNCH = 3
"""FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE."""


class CrashDriver:
    """One vault on a disk; each method is one step and raises what the core raises."""

    def __init__(self, bench: Bench, disk: Disk) -> None:
        self._bench = bench
        self._disk = disk
        self._handles: dict[int, int] = {}
        self.truth = Truth()
        self.vfs = Vfs(bench.opened(disk))
        self._paths = Paths(self.vfs)

    def run(self, step: Op) -> None:
        """Do one step; what it answers is not looked at here, but what is left of the tree."""
        before = self.truth.step
        step.run(cast("Driver", self))
        if self.truth.step == before:
            # Refused: nothing may have changed.
            self.truth.done()

    def end(self) -> None:
        """Close the vault, as an unmount does."""
        self._handles.clear()
        self.vfs.close()
        self.truth.done()

    def remount(self) -> None:
        self._handles.clear()
        self.vfs.close()
        self.vfs = Vfs(self._bench.opened(self._disk))
        self._paths = Paths(self.vfs)
        self.truth.done()

    def checkpoint(self) -> None:
        """Bring what the journal holds to its place, as the timer does."""
        self.vfs.commits.run()
        self.truth.done()

    def mkdir(self, path: bytes) -> None:
        self._paths.mkdir(path)
        self._named(path, self.truth.make(stat.S_IFDIR, 0o700))

    def symlink(self, target: bytes, path: bytes) -> None:
        self._paths.symlink(path, target)
        self._named(path, self.truth.make(stat.S_IFLNK, 0o777, target))

    def link(self, path: bytes, new: bytes) -> None:
        self._paths.link(path, new)
        self._named(new, self.truth.tree[path])

    def unlink(self, path: bytes) -> None:
        self._paths.unlink(path)
        self.truth.done({other: number for other, number in self.truth.tree.items() if other != path})

    def rmdir(self, path: bytes) -> None:
        self._paths.rmdir(path)
        self.truth.done({other: number for other, number in self.truth.tree.items() if other != path})

    def rename(self, path: bytes, new: bytes, flags: int = 0) -> None:
        self._paths.rename(path, new, flags)
        tree = self.truth.tree
        if tree[path] != tree.get(new):
            self.truth.done(self.truth.moved(path, new, exchange=flags == 2))

    def write(self, path: bytes, offset: int, size: int, seed: int) -> None:
        """Write a pattern; the file is made if there is none. `offset` -1: at the end."""
        tree = self.truth.tree
        if path in tree:
            handle = self._open(path)
        else:
            handle = self._create(path)
            tree = {**tree, path: self.truth.newest}
        data = pattern(seed, size)
        content = bytearray(self.truth.things[tree[path]].now.content)
        at = len(content) if offset < 0 else offset
        content.extend(bytes(max(at + size - len(content), 0)))
        content[at : at + size] = data
        try:
            self.vfs.files.write(handle, at, memoryview(data), self._paths.scratch)
            self.truth.change(tree[path], content=bytes(content))
        finally:
            self.truth.done(tree)

    def truncate(self, path: bytes, size: int) -> None:
        with self._paths.held(path) as ino:
            self.vfs.attributes.set(ino, SetAttrs(size=size))
        number = self.truth.tree[path]
        content = self.truth.things[number].now.content
        self.truth.change(number, content=content[:size] + bytes(max(size - len(content), 0)))
        self.truth.done()

    def punch(self, path: bytes, offset: int, size: int) -> None:
        handle = self._open(path)
        self.vfs.files.fallocate(handle, PUNCH, offset, size=size, scratch=self._paths.scratch)
        number = self.truth.tree[path]
        content = bytearray(self.truth.things[number].now.content)
        end = min(offset + size, len(content))
        content[offset:end] = bytes(max(end - offset, 0))
        self.truth.change(number, content=bytes(content))
        self.truth.done()

    def fsync(self, path: bytes) -> None:
        self._sync(path, data_only=False)

    def fdatasync(self, path: bytes) -> None:
        self._sync(path, data_only=True)

    def syncdir(self, path: bytes) -> None:
        with self._paths.held(path) as ino:
            fh = self.vfs.streams.open(ino)
            try:
                self.vfs.streams.sync(fh)
            finally:
                self.vfs.streams.release(fh)
        self.truth.things[self.truth.tree[path]].synced.append(self.truth.step)
        self.truth.done()

    def close(self, path: bytes) -> None:
        handle = self._handles.pop(self.truth.tree[path], None) if path in self.truth.tree else None
        if handle is not None:
            self.vfs.files.release(handle)
        self.truth.done()

    def stat(self, path: bytes) -> None:
        self._paths.attrs(path)
        self.truth.done()

    def read(self, path: bytes) -> None:
        self._paths.read(path)
        self.truth.done()

    def setxattr(self, path: bytes, name: bytes, value: bytes) -> None:
        with self._paths.held(path) as ino:
            self.vfs.xattrs.set(ino, name, value, 0)
        self._xattrs(path, {name: value})

    def removexattr(self, path: bytes, name: bytes) -> None:
        with self._paths.held(path) as ino:
            self.vfs.xattrs.remove(ino, name)
        self._xattrs(path, {name: None})

    def chmod(self, path: bytes, mode: int) -> None:
        with self._paths.held(path) as ino:
            self.vfs.attributes.set(ino, SetAttrs(mode=mode))
        self.truth.change(self.truth.tree[path], mode=mode)
        self.truth.done()

    def utimens(self, path: bytes, mtime: int) -> None:
        with self._paths.held(path) as ino:
            self.vfs.attributes.set(ino, SetAttrs(mtime=mtime))
        self.truth.change(self.truth.tree[path], mtime=mtime)
        self.truth.done()

    def passwd(self, password: bytes) -> None:
        self._bench.change_password(self._disk, password)
        self.truth.passwords.append((self.truth.step, password))
        self.truth.done()

    def _sync(self, path: bytes, *, data_only: bool) -> None:
        handle = self._open(path)
        self.vfs.files.sync(handle, data_only=data_only)
        thing = self.truth.things[self.truth.tree[path]]
        thing.synced.append(self.truth.step)
        if not data_only:
            thing.fully_synced.append(self.truth.step)
        self.truth.done()

    def _open(self, path: bytes) -> int:
        number = self.truth.tree.get(path)
        if number is None or number not in self._handles:
            with self._paths.held(path) as ino:
                self._handles[self.truth.tree[path]] = self.vfs.files.open(ino, os.O_RDWR).fh
        return self._handles[self.truth.tree[path]]

    def _create(self, path: bytes) -> int:
        with self._paths.parent(path) as (parent, name):
            entry, handle = self.vfs.files.create(parent, name, 0o600, flags=os.O_RDWR, caller=ME)
            self.vfs.tree.forget(entry.ino)
        self._handles[self.truth.make(stat.S_IFREG, 0o600)] = handle
        return handle

    def _named(self, path: bytes, number: int) -> None:
        self.truth.done({**self.truth.tree, path: number})

    def _xattrs(self, path: bytes, changes: dict[bytes, bytes | None]) -> None:
        number = self.truth.tree[path]
        merged = {**dict(self.truth.things[number].now.xattrs), **changes}
        kept = tuple(sorted((name, value) for name, value in merged.items() if value is not None))
        self.truth.change(number, xattrs=kept)
        self.truth.done()
