"""Streams: open directories and their listings."""

import stat
from collections.abc import Iterator

from wafs.errors import BadHandleError, WafsError
from wafs.fs.attrs import DirEntry, Entry
from wafs.fs.context import FsContext
from wafs.fs.handles import DirStream
from wafs.fs.tree import Tree
from wafs.units import ROOT_INO, Fh
from wafs.vault.directory import Listed

_DOTS = 2
"""Offset after `.` and `..`."""


class Streams:
    """Operations on open directories.

    Thread: any; one handle is used by one thread at a time, as the kernel does.
    """

    def __init__(self, context: FsContext, tree: Tree) -> None:
        self._fs = context
        self._tree = tree
        self._streams: dict[int, DirStream] = {}

    def open(self, number: int) -> Fh:
        """Open a directory.

        Raises: NotFoundError, NotADirError, DamageError, OSError.
        """
        with self._fs.lock:
            inode = self._fs.inodes[number]
            if inode.links or inode is self._fs.inodes.root:
                _, handle = self._fs.directory(number)
                # A cloud client may have brought the record later than the folder.
                inode.record = self._fs.directories.read_record(handle, inode.place)
            fh = self._fs.new_fh()
            self._streams[fh] = DirStream(fh, inode)
            inode.pins += 1
            return fh

    def read(self, fh: int, offset: int) -> Iterator[DirEntry]:
        """Return the entries from `offset` on, `.` and `..` first; offset 0 reads the directory anew.

        Raises: BadHandleError, DamageError, OSError.
        """
        return _entries(self._listed(self._stream(fh), anew=offset == 0), offset)

    def enter(self, fh: int, offset: int, count: int) -> list[Entry | None]:
        """Pin and return `count` entries from `offset` on; None for `.`, `..` and what has vanished or does not open.

        Raises: BadHandleError.
        """
        stream = self._stream(fh)
        fs, directory, enter = self._fs, stream.inode, self._tree.enter
        entries: list[Entry | None] = [None] * min(count, max(_DOTS - offset, 0))
        items = self._listed(stream, anew=False)[offset + len(entries) : offset + count]
        with fs.lock:
            try:
                handle = fs.dir_handles.lend(directory)
            except (WafsError, OSError):
                return [None] * count
            try:
                stat = fs.store.stat
                for item in items:
                    try:
                        entries.append(enter(directory, item.name, stat(handle, item.entry)))
                    except (WafsError, OSError):
                        entries.append(None)
            finally:
                fs.dir_handles.give_back(handle)
        return entries

    def sync(self, fh: int) -> None:
        """Return when the entries of the directory are safe from a power cut.

        Raises: BadHandleError, OSError.
        """
        with self._fs.lock:
            inode = self._stream(fh).inode
            if self._fs.read_only or (not inode.links and inode.number != ROOT_INO):
                return
            handle = self._fs.dir_handles.lend(inode)
        try:
            self._fs.store.sync(handle)
        finally:
            self._fs.dir_handles.give_back(handle)

    def release(self, fh: int) -> None:
        """Close a directory.

        Raises: BadHandleError.
        """
        with self._fs.lock:
            stream = self._streams.pop(fh, None)
            if stream is None:
                raise BadHandleError
            self._fs.inodes.unpin(stream.inode)

    def is_idle(self) -> bool:
        """Tell whether nothing is open."""
        return not self._streams

    def release_all(self) -> None:
        """Close every open directory."""
        for fh in list(self._streams):
            self.release(fh)

    def _stream(self, fh: int) -> DirStream:
        stream = self._streams.get(fh)
        if stream is None:
            raise BadHandleError
        return stream

    def _listed(self, stream: DirStream, *, anew: bool) -> list[Listed]:
        if stream.listed is None or anew:
            with self._fs.lock:
                inode = stream.inode
                above = inode.links[-1].parent if inode.links else inode
                dots = [
                    Listed(b".", b"", stat.S_IFDIR, inode.identity[1]),
                    Listed(b"..", b"", stat.S_IFDIR, above.identity[1]),
                ]
                if inode.links or inode.number == ROOT_INO:
                    handle = self._fs.dir_handles.of(inode)
                    listing = self._fs.directories.read_entries(handle, inode.dir_id)
                    self._fs.neighbours.note_listed(inode, listing.entries)
                    dots += listing.entries
            stream.listed = dots
        return stream.listed


def _entries(listed: list[Listed], offset: int) -> Iterator[DirEntry]:
    for index in range(offset, len(listed)):
        item = listed[index]
        yield tuple.__new__(DirEntry, (item.name, item.ino, item.type, index + 1))
