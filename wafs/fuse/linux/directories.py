"""Directories: OPENDIR, READDIR, READDIRPLUS, FSYNCDIR and RELEASEDIR."""

import stat
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from wafs.errors import WafsError
from wafs.fs.attrs import DirEntry, Entry
from wafs.fs.vfs import Vfs
from wafs.fuse.linux.reply import TTL_NS, Handler, Held, Reply, entry_body
from wafs.fuse.wire import replies, requests
from wafs.fuse.wire.opcodes import Opcode
from wafs.fuse.wire.requests import InHeader

_NOT_LOOKED_UP = replies.no_entry_out(entry_ttl_ns=0)


_PAGE: Final = 64
"""Entries of one READDIRPLUS reply: while the client looks at them the next are prepared."""

_PAUSE: Final = 16
"""Pages that are not prepared after one that was for nothing."""

Moment = Callable[[], int | None]
"""Tells how many requests came so far that may change something; None while one is being worked at."""


class _Page(NamedTuple):
    """Entries from `offset` on up to `stop`, packed into at most `size` bytes and pinned.

    They are as of a moment, and nobody is to believe them after `until` (ns of the monotonic clock): what changes in
    the storage behind the mount becomes visible within the time that the kernel may believe attributes.
    """

    fh: int
    offset: int
    size: int
    body: bytes
    pinned: list[int]
    stop: int
    moment: int | None
    until: int


class DirectoryHandlers:
    """Requests by directory handle."""

    def __init__(self, vfs: Vfs, moment: Moment) -> None:
        self._streams = vfs.streams
        self._tree = vfs.tree
        self._chores = vfs.context.neighbours.chores
        self._moment = moment
        self._prepared: _Page | None = None
        self._pause = 0

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
        page = self._take(asked.fh, asked.offset, asked.size) or self._page(asked.fh, asked.offset, asked.size)
        if self._pause:
            self._pause -= 1
        elif page.stop > page.offset:
            self._chores.append(partial(self._prepare, asked.fh, page.stop, asked.size))
        return Held(page.body, partial(self._unpin, page.pinned))

    def _page(self, fh: int, offset: int, size: int) -> _Page:
        """Pin and pack the next entries."""
        room = size
        items: list[DirEntry] = []
        for item in islice(self._streams.read(fh, offset), _PAGE):
            room -= replies.direntplus_size(item[0])
            if room < 0:
                break
            items.append(item)
        entries = self._streams.enter(fh, offset, len(items))
        pinned: list[int] = [entry.ino for entry in entries if entry is not None]
        stop = offset + len(items)
        body = b"".join(map(_plus, items, entries))
        return _Page(fh, offset, size, body, pinned, stop, self._moment(), time.monotonic_ns() + TTL_NS)

    def _prepare(self, fh: int, offset: int, size: int) -> None:
        """Make the next page while the client looks at this one; a chore."""
        self._drop()
        if self._moment() is not None:
            with suppress(WafsError, OSError):
                self._prepared = self._page(fh, offset, size)

    def _take(self, fh: int, offset: int, size: int) -> _Page | None:
        """Return the page that was prepared, if it is the one that is asked for and still true."""
        page = self._prepared
        if page is None:
            return None
        if (page.fh, page.offset, page.size) == (fh, offset, size):
            if page.moment == self._moment() and page.until > time.monotonic_ns():
                self._prepared = None
                return page
            # Who changes what he lists, page by page, is not helped.
            self._pause = _PAUSE
        self._drop()
        return None

    def _drop(self) -> None:
        page, self._prepared = self._prepared, None
        if page is not None:
            self._unpin(page.pinned)

    def _unpin(self, pinned: Iterable[int]) -> None:
        for number in pinned:
            self._tree.forget(number)

    def _fsyncdir(self, header: InHeader, body: memoryview) -> Reply:
        del header
        self._streams.sync(requests.parse_fsync(body).fh)
        return b""

    def _releasedir(self, header: InHeader, body: memoryview) -> Reply:
        del header
        fh = requests.parse_release(body).fh
        if self._prepared is not None and self._prepared.fh == fh:
            self._drop()
        self._streams.release(fh)
        return b""


def _plus(item: DirEntry, entry: Entry | None) -> bytes:
    """Pack an entry; one that could not be looked up is listed all the same, and fails when it is used."""
    name, ino, kind, offset = item
    if entry is None:
        return replies.pack_direntplus(_NOT_LOOKED_UP, ino, offset, kind >> 12, name)
    attrs = entry.attrs
    return replies.pack_direntplus(entry_body(entry), attrs.ino, offset, attrs.mode >> 12, name)
