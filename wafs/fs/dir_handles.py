"""Directory handles: open directories of the store, kept for a while."""

import contextlib
from collections import OrderedDict

from wafs.fs.inodes import Inode
from wafs.store.base import Handle, Store
from wafs.units import ROOT_INO
from wafs.vault.directory import Directories


class DirHandle:
    """An open directory of the store, given back when nobody refers to it any more.

    An operation keeps the reference while it uses `fd`, so that eviction from the cache cannot close it under its feet.
    """

    __slots__ = ("_store", "fd")

    def __init__(self, store: Store, fd: Handle) -> None:
        self._store = store
        self.fd = fd

    def __del__(self) -> None:
        # The handle is gone also when this fails, and nothing was written through it.
        with contextlib.suppress(OSError):
            self._store.close(self.fd)


class DirHandles:
    """The most recently used directory handles, by inode.

    Thread: guarded by the lock of `FsContext`.
    """

    def __init__(self, store: Store, tree: Handle, directories: Directories, capacity: int) -> None:
        self._store = store
        self._tree = tree
        self._directories = directories
        self._capacity = capacity
        self._cache: OrderedDict[int, DirHandle] = OrderedDict()

    def of(self, inode: Inode) -> DirHandle:
        """Return the handle of a directory; its record is known afterwards.

        Costs one open for each directory on the way to one that is cached.
        Raises: NotFoundError if it was removed, DamageError if its record does not fit its place, OSError.
        """
        handle = self._cache.get(inode.number)
        if handle is not None:
            self._cache.move_to_end(inode.number)
            return handle
        way = [inode]
        while way[-1].number != ROOT_INO and way[-1].number not in self._cache:
            way.append(way[-1].link().parent)
        # Downwards in a loop: a path may be deeper than Python's stack.
        handle = self._cache.get(way[-1].number) or self._open(way[-1], None)
        for step in reversed(way[:-1]):
            handle = self._open(step, handle)
        return handle

    def _open(self, inode: Inode, parent: DirHandle | None) -> DirHandle:
        if parent is None:
            fd = self._store.open_dir(self._tree, b".")
        else:
            link = inode.link()
            entry = self._directories.seal_name(link.parent.dir_id, link.name).entry
            fd = self._store.open_dir(parent.fd, entry)
        handle = DirHandle(self._store, fd)
        if inode.record is None:
            inode.record = self._directories.read_record(fd, inode.place)
        self._cache[inode.number] = handle
        if len(self._cache) > self._capacity:
            self._cache.popitem(last=False)
        return handle

    def drop(self, inode: Inode) -> None:
        """Forget the handle of a directory that was removed."""
        self._cache.pop(inode.number, None)

    def clear(self) -> None:
        """Forget all handles."""
        self._cache.clear()
