"""Paths: the operations of a Vfs by plain path, for tests; every pin is given back at once."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from wafs.errors import NoSuchAttributeError
from wafs.fs.attrs import Attrs, Caller
from wafs.units import ROOT_INO, Ino
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wafs.fs.vfs import Vfs

ME = Caller(os.geteuid(), os.getegid())


class Node(NamedTuple):
    """What a person sees of one entry: bytes of a file, target of a symlink."""

    kind: int
    content: bytes
    xattrs: tuple[tuple[bytes, bytes], ...] = ()


class Paths:
    """One Vfs, by path; paths are relative to the top, without a leading slash."""

    def __init__(self, vfs: Vfs) -> None:
        self.vfs = vfs
        self.scratch = Scratch(0)

    @contextlib.contextmanager
    def held(self, path: bytes) -> Iterator[Ino]:
        """Look a path up and keep its pin."""
        pinned: list[Ino] = []
        here = ROOT_INO
        try:
            for name in filter(None, path.split(b"/")):
                here = self.vfs.tree.lookup(here, name).ino
                pinned.append(here)
            yield here
        finally:
            for number in pinned:
                self.vfs.tree.forget(number)

    @contextlib.contextmanager
    def parent(self, path: bytes) -> Iterator[tuple[Ino, bytes]]:
        """Look up the folder of a path; gives its number and the last name."""
        folder, _, name = path.rpartition(b"/")
        with self.held(folder) as number:
            yield number, name

    def mkdir(self, path: bytes) -> None:
        with self.parent(path) as (parent, name):
            self.vfs.tree.forget(self.vfs.tree.mkdir(parent, name, 0o700, ME).ino)

    def symlink(self, path: bytes, target: bytes) -> None:
        with self.parent(path) as (parent, name):
            self.vfs.tree.forget(self.vfs.tree.symlink(parent, name, target, ME).ino)

    def mknod(self, path: bytes, mode: int) -> None:
        with self.parent(path) as (parent, name):
            self.vfs.tree.forget(self.vfs.tree.mknod(parent, name, mode, device=0, caller=ME).ino)

    def link(self, path: bytes, new: bytes) -> None:
        with self.held(path) as number, self.parent(new) as (parent, name):
            self.vfs.tree.forget(self.vfs.tree.link(number, parent, name).ino)

    def write(self, path: bytes, data: bytes) -> None:
        """Make a new file with these bytes."""
        with self.parent(path) as (parent, name):
            entry, fh = self.vfs.files.create(parent, name, 0o600, flags=os.O_RDWR, caller=ME)
            try:
                self.vfs.files.write(fh, 0, memoryview(data), self.scratch)
            finally:
                self.vfs.files.release(fh)
                self.vfs.tree.forget(entry.ino)

    def read(self, path: bytes) -> bytes:
        with self.held(path) as number:
            return self.read_ino(number)

    def read_ino(self, number: int) -> bytes:
        fh = self.vfs.files.open(number, os.O_RDONLY).fh
        try:
            size = self.vfs.attributes.get(number).size
            return bytes(self.vfs.files.read(fh, 0, size + 1, self.scratch))
        finally:
            self.vfs.files.release(fh)

    def unlink(self, path: bytes) -> None:
        with self.parent(path) as (parent, name):
            self.vfs.tree.unlink(parent, name)

    def rmdir(self, path: bytes) -> None:
        with self.parent(path) as (parent, name):
            self.vfs.tree.rmdir(parent, name)

    def rename(self, path: bytes, new: bytes, flags: int = 0) -> None:
        with self.parent(path) as (parent, name), self.parent(new) as (new_parent, new_name):
            self.vfs.renamer.rename(parent, name, new_parent, new_name=new_name, flags=flags)

    def attrs(self, path: bytes) -> Attrs:
        with self.held(path) as number:
            return self.vfs.attributes.get(number)

    def names(self, path: bytes = b"") -> list[bytes]:
        with self.held(path) as number:
            fh = self.vfs.streams.open(number)
            try:
                return sorted(item.name for item in self.vfs.streams.read(fh, 0) if item.name not in (b".", b".."))
            finally:
                self.vfs.streams.release(fh)

    def node(self, path: bytes) -> Node:
        """Read all that is to be seen of one entry."""
        with self.held(path) as number:
            kind = stat.S_IFMT(self.vfs.attributes.get(number).mode)
            content = b""
            if kind == stat.S_IFREG:
                content = self.read_ino(number)
            elif kind == stat.S_IFLNK:
                content = self.vfs.tree.readlink(number)
            return Node(kind, content, tuple(sorted(self._xattrs(number))))

    def _xattrs(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        for name in self.vfs.xattrs.names(number):
            with contextlib.suppress(NoSuchAttributeError):
                yield name, self.vfs.xattrs.get(number, name)

    def walk(self, path: bytes = b"") -> dict[bytes, Node]:
        """Read the whole tree."""
        found: dict[bytes, Node] = {}
        for name in self.names(path):
            below = path + b"/" + name if path else name
            found[below] = self.node(below)
            if found[below].kind == stat.S_IFDIR:
                found |= self.walk(below)
        return found
