"""Neighbours: has the store fetch the files that will be opened next, as those before them in their folder were.

Who copies, sums or packs a folder opens its files one after the other, in the order in which a listing shows them or
in which they were made. Each open of a small file that is not in memory waits for the disk, and the disk for the next
open; asked a few files ahead, both have something to do.
"""

import contextlib
import os
import stat
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from wafs.errors import WafsError
from wafs.format.name import LONG_SUFFIX, SHORT_SUFFIX
from wafs.fs.dir_handles import DirHandles
from wafs.fs.inodes import Inode
from wafs.store.base import Store
from wafs.units import KIB
from wafs.vault.directory import Listed

Chore = Callable[[], None]
"""What is done behind an answer; nobody waits for it but who asks just then."""

_MOST_CHORES: Final = 16
"""So many wait at most; the oldest are left out then, for they would come too late."""

_MOST_ENTRIES: Final = 32_768
"""Files of the folders whose order is remembered, all together; some 300 bytes each."""

_MOST_FOLDERS: Final = 8

_MOST_OPENED: Final = 4
"""Files of a folder that was not listed yet of which is remembered that they were opened."""

_MOST_BYTES: Final = 512 * KIB
"""Size of a folder in the storage, where that tells the number of entries, above which it is not listed for this."""

_LONG_S: Final = 0.02
"""After a listing that took so long there is none for this any more: everybody waited."""

_SKIPPED: Final = 3
"""As far as this from the last file that was opened one is its neighbour."""

_SURE: Final = 2
"""After so many neighbours in succession the next are expected; at once, if it was so in the last folder, too."""

_AHEAD: Final = 4
"""Files that are asked for ahead."""

_LENGTH: Final = 256 * KIB
"""Bytes of each that are asked for; for who reads on there is the store's own read-ahead."""

_SLOW_S: Final = 0.0005
"""A store that takes so long to open a file is far away, or its disk is slow: to ask it twice helps nobody."""

_WASTED: Final = 8
"""After so many questions in succession that were no use there are none for `_PAUSE` opens."""

_PAUSE: Final = 256


class _Order:
    """The files of a folder in one order.

    `_last` is the place of the one that was opened last, `_streak` how many in succession were neighbours, `_asked` the
    place up to which was asked.
    """

    __slots__ = ("_asked", "_last", "_place", "_streak", "entries")

    def __init__(self, files: Iterable[tuple[bytes, int]]) -> None:
        self.entries: list[bytes] = []
        self._place: dict[int, int] = {}
        for place, (entry, ino) in enumerate(files):
            self.entries.append(entry)
            self._place[ino] = place
        self._last: int | None = None
        self._streak = self._asked = 0

    def note(self, ino: int, *, is_trusted: bool) -> bool:
        """Note that a file was opened, and tell whether the next are expected.

        They are at the first one if the order is trusted.
        """
        here, last = self._place.get(ino), self._last
        if here is not None:
            if last is None:
                self._streak = _SURE if is_trusted else 0
            elif last < here <= last + _SKIPPED:
                self._streak += 1
            else:
                self._streak, self._asked = 0, 0
            self._last = here
        return self._streak >= _SURE

    def wanted(self) -> list[bytes]:
        """Return those that are to be asked for now, once each, while the next are expected."""
        next_one = 0 if self._last is None else self._last + 1
        start, self._asked = max(next_one, self._asked), next_one + _AHEAD
        return self.entries[start : self._asked]


class _Folder:
    """What is known of a folder: its files as (ciphertext name, inode number), once it was listed, or in both orders.

    `opened` are the last files that were opened before its order was known.
    """

    __slots__ = ("files", "opened", "orders")

    def __init__(self, files: list[tuple[bytes, int]] | None = None) -> None:
        self.files = files
        self.orders: tuple[_Order, ...] = ()
        self.opened: list[int] = []

    @property
    def size(self) -> int:
        """Return how many files are remembered."""
        return len(self.orders[0].entries) if self.orders else len(self.files or ())

    def put_in_order(self) -> bool:
        """Put the files in both orders, if they are known; tell whether they are."""
        if self.files is not None:
            # As a listing shows them, and as they were made: the storage counts up.
            self.orders = (_Order(self.files), _Order(sorted(self.files, key=lambda file: file[1])))
            self.files = None
        return bool(self.orders)


class Neighbours:
    """Leaves in `chores` what to ask of the store.

    Thread: `note_listed` and `note_open` hold the lock of `FsContext`; a chore takes it for what it has found out.
    """

    def __init__(self, store: Store, dir_handles: DirHandles, lock: AbstractContextManager[object]) -> None:
        self.chores: deque[Chore] = deque(maxlen=_MOST_CHORES)
        self._lock = lock
        self._may_list = True
        self._store = store
        self._dir_handles = dir_handles
        self._folders: OrderedDict[int, _Folder] = OrderedDict()
        self._followed: int | None = None
        """Which of the two orders of a folder was the right one, as far as there was one."""
        self._wasted = self._pause = 0

    def note_listed(self, directory: Inode, listed: list[Listed]) -> None:
        """Note what a listing shows, in its order."""
        files = [(item.entry, item.ino) for item in listed if item.type == stat.S_IFREG]
        self._remember(directory, _Folder(files if len(files) <= _MOST_ENTRIES else []))

    def note_open(self, inode: Inode) -> None:
        """Note that a file was opened to be read."""
        if self._pause:
            self._pause -= 1
            return
        if not inode.links:
            return
        parent = inode.links[-1].parent
        folder = self._folders.get(parent.number)
        if folder is None:
            folder = self._remember(parent, _Folder())
        if folder.put_in_order():
            entries = self._follow(folder, inode.identity[1])
            self.chores.extend([partial(self._fetch, parent, entry) for entry in entries])
            return
        folder.opened = [*folder.opened[1 - _MOST_OPENED :], inode.identity[1]]
        if self._may_list and len(folder.opened) >= (_SURE if self._followed is None else 1) and not self.chores:
            self.chores.append(partial(self._list, folder, parent))

    def clear(self) -> None:
        """Give up what is not asked yet."""
        self.chores.clear()

    def _follow(self, folder: _Folder, ino: int) -> list[bytes]:
        """Note that a file was opened, and return those that are to be asked for now."""
        before, folder.opened = folder.opened, []
        for number in before:
            for kind, order in enumerate(folder.orders):
                order.note(number, is_trusted=kind == self._followed)
        expects = [order.note(ino, is_trusted=kind == self._followed) for kind, order in enumerate(folder.orders)]
        # The order that was followed so far before one that looks like it by chance.
        for kind in (1, 0) if self._followed == 1 else (0, 1):
            if expects[kind]:
                self._followed = kind
                return folder.orders[kind].wanted()
        self._followed = None
        return []

    def _remember(self, directory: Inode, folder: _Folder) -> _Folder:
        self._folders[directory.number] = folder
        self._folders.move_to_end(directory.number)
        self._trim()
        return folder

    def _trim(self) -> None:
        folders = self._folders
        while len(folders) > _MOST_FOLDERS or sum(known.size for known in folders.values()) > _MOST_ENTRIES:
            folders.popitem(last=False)

    def _list(self, folder: _Folder, directory: Inode) -> None:
        """Learn the order of a folder that nobody has listed."""
        try:
            handle = self._dir_handles.lend(directory)
        except (WafsError, OSError):
            # Who opens a file in this folder is told.
            return
        files = []
        began = time.perf_counter()
        try:
            if self._store.fstat(handle).st_size <= _MOST_BYTES:
                for entry, kind, ino in self._store.entries(handle):
                    if kind == stat.S_IFREG and entry.endswith((SHORT_SUFFIX, LONG_SUFFIX)):
                        files.append((entry, ino))
        except OSError:
            files.clear()
        finally:
            self._dir_handles.give_back(handle)
        with self._lock:
            folder.files = files if len(files) <= _MOST_ENTRIES else []
            self._may_list = time.perf_counter() - began < _LONG_S
            self._trim()

    def _fetch(self, directory: Inode, entry: bytes) -> None:
        store = self._store
        # Whatever goes wrong, nobody has asked for the file yet.
        with contextlib.suppress(WafsError, OSError):
            folder = self._dir_handles.lend(directory)
            began = time.perf_counter()
            try:
                # Nobody is to see that it was looked at who asks when it was read last; another's file is left alone.
                handle = store.open(folder, entry, os.O_RDONLY | os.O_NONBLOCK | os.O_NOATIME)
            finally:
                self._dir_handles.give_back(folder)
            try:
                is_far = time.perf_counter() - began > _SLOW_S
                was_there = store.fetch(handle, _LENGTH)
            finally:
                store.close(handle)
            self._wasted = self._wasted + (4 if is_far else 1) if is_far or was_there else 0
            if self._wasted >= _WASTED:
                self._wasted, self._pause = 0, _PAUSE
