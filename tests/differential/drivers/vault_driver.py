"""Vault driver: system calls over a port that serves a vault; reads the whole tree in the end."""

from __future__ import annotations

import os
import stat

from differential.drivers.posix import plain_time
from differential.drivers.syscalls import READ_SIZE, ROOT, Syscalls
from differential.program import Node, Tree


class VaultDriver(Syscalls):
    """Runs operations on a vault through a port."""

    def tree(self) -> Tree:
        """Close what is open, mount anew and read everything."""
        self.remount()
        found: Tree = {}
        self._collect(ROOT, b"", found, {})
        self.forget_all()
        return found

    def settle(self) -> None:
        """Close and forget everything, and see that it has arrived: FORGET has no answer of its own."""
        self.close_all()
        self.port.getattr(ROOT)

    def _collect(self, folder: int, prefix: bytes, found: Tree, first: dict[int, bytes]) -> None:
        for name in self.names(folder):
            path = prefix + name
            node, attributes = self.look(folder, name)
            kind = stat.S_IFMT(attributes.mode)
            content = b""
            if kind == stat.S_IFREG:
                content = self._content(node)
                assert len(content) == attributes.size
            elif kind == stat.S_IFLNK:
                content = self.port.readlink(node)
                assert len(content) == attributes.size
            found[path] = Node(
                kind=stat.filemode(attributes.mode)[0],
                mode=stat.S_IMODE(attributes.mode),
                mtime=plain_time(attributes.mtime_ns),
                nlink=attributes.nlink if kind != stat.S_IFDIR else 0,
                content=content,
                xattrs=tuple((name, self.port.getxattr(node, name)) for name in sorted(self.port.listxattr(node))),
                twin=first.setdefault(attributes.ino, path),
            )
            if kind == stat.S_IFDIR:
                self._collect(node, path + b"/", found, first)

    def _content(self, node: int) -> bytes:
        fh = self.port.open(node, os.O_RDONLY)
        content = bytearray()
        while part := self.port.read(node, fh, len(content), READ_SIZE):
            content += part
        self.port.release(node, fh)
        return bytes(content)
