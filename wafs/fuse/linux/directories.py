"""Directories: OPENDIR, READDIR, READDIRPLUS, FSYNCDIR and RELEASEDIR."""

import stat
from collections.abc import Iterable
from functools import partial

from wafs.fs.attrs import DirEntry, Entry
from wafs.fs.vfs import Vfs
from wafs.fuse.linux.reply import Handler, Held, Reply, entry_body
from wafs.fuse.wire import replies, requests
from wafs.fuse.wire.opcodes import Opcode
from wafs.fuse.wire.requests import InHeader

_NOT_LOOKED_UP = replies.no_entry_out(entry_ttl_ns=0)


class DirectoryHandlers:
    """Requests by directory handle."""

    def __init__(self, vfs: Vfs) -> None:
        self._streams = vfs.streams
        self._tree = vfs.tree

    def table(self) -> dict[int, Handler]:
        """Return the handlers by opcode."""
        return {
            Opcode.OPENDIR: self._opendir,
            Opcode.READDIR: self._readdir,
            Opcode.READDIRPLUS: self._readdirplus,
            Opcode.FSYNCDIR: self._fsyncdir,
            Opcode.RELEASEDIR: self._releasedir,
        }

    def _opendir(self, header: InHeader, body: memoryview) -> Reply:
        del body
        fh = self._streams.open(header.nodeid)
        return Held(replies.open_out(fh, 0), partial(self._streams.release, fh))

    def _readdir(self, header: InHeader, body: memoryview) -> Reply:
        del header
        asked = requests.parse_read(body)
        parts: list[bytes] = []
        room = asked.size
        for name, ino, kind, offset in self._streams.read(asked.fh, asked.offset):
            room -= replies.dirent_size(name)
            if room < 0:
                break
            parts.append(replies.pack_dirent(ino, offset, stat.S_IFMT(kind) >> 12, name))
        return b"".join(parts)

    def _readdirplus(self, header: InHeader, body: memoryview) -> Reply:
        del header
        asked = requests.parse_read(body)
        room = asked.size
        items: list[DirEntry] = []
        for item in self._streams.read(asked.fh, asked.offset):
            room -= replies.direntplus_size(item[0])
            if room < 0:
                break
            items.append(item)
        entries = self._streams.enter(asked.fh, asked.offset, len(items))
        pinned = [entry.ino for entry in entries if entry is not None]
        return Held(b"".join(map(_plus, items, entries)), partial(self._unpin, pinned))

    def _unpin(self, pinned: Iterable[int]) -> None:
        for number in pinned:
            self._tree.forget(number)

    def _fsyncdir(self, header: InHeader, body: memoryview) -> Reply:
        del header
        self._streams.sync(requests.parse_fsync(body).fh)
        return b""

    def _releasedir(self, header: InHeader, body: memoryview) -> Reply:
        del header
        self._streams.release(requests.parse_release(body).fh)
        return b""


def _plus(item: DirEntry, entry: Entry | None) -> bytes:
    """Pack an entry; one that could not be looked up is listed all the same, and fails when it is used."""
    name, ino, kind, offset = item
    if entry is None:
        return replies.pack_direntplus(_NOT_LOOKED_UP, ino, offset, kind >> 12, name)
    attrs = entry.attrs
    return replies.pack_direntplus(entry_body(entry), attrs.ino, offset, attrs.mode >> 12, name)
