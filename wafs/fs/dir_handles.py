"""Directory handles: open directories of the store, kept for a while."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final

from wafs.fs.inodes import Inode
from wafs.store.base import Handle, Store
from wafs.units import ROOT_INO
from wafs.vault.directory import Directories

AT_ONCE: Final = 4
"""Directories that an operation works with at a time: the two of a rename, that of another name of a file, one more."""


class DirHandles:
    """The most recently used directory handles, by inode.

    A handle is good while the caller holds the lock of `FsContext` and has asked for fewer than `AT_ONCE` others since.
    Who needs one for longer borrows it: `lend` and `give_back`.

    Thread: guarded by that lock, which those two take themselves.
    """

    def __init__(
        self,
        store: Store,
        tree: Handle,
        directories: Directories,
        lock: AbstractContextManager[object],
        capacity: int,
    ) -> None:
        if capacity < AT_ONCE:
            msg = f"an operation needs {AT_ONCE} directory handles, not {capacity}"
            raise ValueError(msg)
        self._store = store
        self._tree = tree
        self._directories = directories
        self._lock = lock
        self._capacity = capacity
        self._cache: OrderedDict[int, Handle] = OrderedDict()
        self._lent: dict[Handle, int] = {}
        """How often each is lent."""
        self._dropped: set[Handle] = set()
        """Handles that are lent and not in the cache any more: closed when they are given back."""

    def of(self, inode: Inode) -> Handle:
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
        # The steps of a long way are the first to go: `AT_ONCE` of them must not push out what an operation works with.
        is_long = len(way) > self._capacity // AT_ONCE
        handle = self._cache.get(way[-1].number)
        if handle is not None:
            start = way.pop()
            if not is_long:
                self._cache.move_to_end(start.number)
        # Downwards in a loop: a path may be deeper than Python's stack.
        for step in reversed(way):
            handle = self._open(step, handle)
            if is_long:
                self._cache.move_to_end(step.number, last=False)
        self._cache.move_to_end(inode.number)
        return self._cache[inode.number]

    def lend(self, inode: Inode) -> Handle:
        """Return the handle of a directory that is good until it is given back, also without the lock.

        Raises: as `of`.
        """
        with self._lock:
            handle = self.of(inode)
            self._lent[handle] = self._lent.get(handle, 0) + 1
            return handle

    def give_back(self, handle: Handle) -> None:
        """Undo one `lend`."""
        with self._lock:
            left = self._lent.pop(handle) - 1
            if left:
                self._lent[handle] = left
            elif handle in self._dropped:
                self._dropped.remove(handle)
                close_dir(self._store, handle)

    def drop(self, inode: Inode) -> None:
        """Forget the handle of a directory that was removed."""
        handle = self._cache.pop(inode.number, None)
        if handle is not None:
            self._give_up(handle)

    def clear(self) -> None:
        """Forget all handles."""
        while self._cache:
            self._give_up(self._cache.popitem()[1])

    def _open(self, inode: Inode, parent: Handle | None) -> Handle:
        if parent is None:
            handle = self._store.open_dir(self._tree, b".")
        else:
            link = inode.link()
            entry = self._directories.seal_name(link.parent.dir_id, link.name).entry
            handle = self._store.open_dir(parent, entry)
        try:
            if inode.record is None:
                inode.record = self._directories.read_record(handle, inode.place)
        except BaseException:
            close_dir(self._store, handle)
            raise
        # Before the new one is there, which is where the next step starts.
        if len(self._cache) >= self._capacity:
            self._give_up(self._cache.popitem(last=False)[1])
        self._cache[inode.number] = handle
        return handle

    def _give_up(self, handle: Handle) -> None:
        if handle in self._lent:
            self._dropped.add(handle)
        else:
            close_dir(self._store, handle)


@contextlib.contextmanager
def opened_dir(store: Store, parent: Handle, entry: bytes) -> Iterator[Handle]:
    """Open a directory that is not in the inode table, or not any more.

    Raises: OSError.
    """
    handle = store.open_dir(parent, entry)
    try:
        yield handle
    finally:
        close_dir(store, handle)


def close_dir(store: Store, handle: Handle) -> None:
    """Give the handle of a directory back; it is gone also when the store reports an error, and lost nothing."""
    with contextlib.suppress(OSError):
        store.close(handle)
