"""Rename: give an entry another name or place; directories take their id along (format.md F-53, F-54)."""

import contextlib
import errno
import stat
from collections.abc import Iterator
from typing import Final

from wafs.errors import ExistsError, InvalidArgumentError, NotFoundError
from wafs.format.directory import EXPLICIT, DirectoryRecord, Place, implied_dir_id
from wafs.format.name import SealedName
from wafs.fs.context import FsContext
from wafs.fs.dir_handles import DirHandle
from wafs.fs.inodes import Inode
from wafs.fs.tree import Tree

RENAME_NOREPLACE: Final = 1
RENAME_EXCHANGE: Final = 2


class _Spot:
    """One end of a rename: a directory, a name in it, and what is there now."""

    __slots__ = ("directory", "handle", "is_dir", "name", "sealed")

    def __init__(self, fs: FsContext, parent: int, name: bytes) -> None:
        self.directory, self.handle = fs.directory(parent)
        self.name = name
        self.sealed: SealedName = fs.seal(self.directory, name)
        self.is_dir: bool | None = None
        with contextlib.suppress(FileNotFoundError):
            found = fs.store.stat(self.handle.fd, self.sealed.entry)
            self.is_dir = stat.S_ISDIR(found.st_mode)

    @property
    def place(self) -> Place:
        return Place(self.directory.dir_id, self.name)


class Renamer:
    """The operation rename, in its three forms.

    Thread: any; holds the lock of the context. The entry is at all times under the old name or under the new one.
    """

    def __init__(self, context: FsContext, tree: Tree) -> None:
        self._fs = context
        self._tree = tree

    def rename(self, parent: int, name: bytes, new_parent: int, *, new_name: bytes, flags: int = 0) -> None:
        """Rename as renameat2(2) with flags 0, RENAME_NOREPLACE or RENAME_EXCHANGE.

        Raises: NotFoundError, ExistsError, InvalidArgumentError for other flags, NameTooLongError, ReadOnlyError,
        DamageError, OSError.
        """
        if flags not in (0, RENAME_NOREPLACE, RENAME_EXCHANGE):
            raise InvalidArgumentError
        self._fs.must_write()
        with self._fs.lock:
            old, new = _Spot(self._fs, parent, name), _Spot(self._fs, new_parent, new_name)
            if old.is_dir is None or (flags == RENAME_EXCHANGE and new.is_dir is None):
                raise NotFoundError
            if flags == RENAME_NOREPLACE and new.is_dir is not None:
                raise ExistsError
            if (old.directory, old.name) == (new.directory, new.name):
                return
            exchange = flags == RENAME_EXCHANGE
            if _lies_in(new.directory, old) or (exchange and _lies_in(old.directory, new)):
                msg = "a directory cannot be moved into itself"
                raise InvalidArgumentError(msg)
            with contextlib.ExitStack() as moves:
                if old.is_dir:
                    moves.enter_context(self._moving(old, new))
                if exchange and new.is_dir:
                    moves.enter_context(self._moving(new, old))
                self._move(old, new, flags)

    def _move(self, old: _Spot, new: _Spot, flags: int) -> None:
        """Rename in the store, and in the inode table."""
        fs = self._fs
        is_gone = False
        if flags != RENAME_EXCHANGE:
            fs.directories.place_name(new.handle.fd, new.sealed)
            if new.is_dir is not None:
                is_gone = self._tree.note_last_name(new.directory, new.name, new.handle, new.sealed)
        try:
            self._rename_in_store(old, new, flags)
        except BaseException:
            fs.directories.discard_name(new.handle.fd, new.sealed)
            raise
        self._note_move(old, new, is_gone=is_gone, exchange=flags == RENAME_EXCHANGE)
        fs.directories.discard_name(old.handle.fd, old.sealed)

    def _note_move(self, old: _Spot, new: _Spot, *, is_gone: bool, exchange: bool) -> None:
        inodes = self._fs.inodes
        moved = inodes.known(old.directory, old.name)
        other = inodes.known(new.directory, new.name)
        if moved is other and moved is not None:
            # Two names of one file: rename(2) leaves both.
            return
        # Held while they have no name, or the table would let them go.
        for inode in (moved, other):
            if inode is not None:
                inode.pins += 1
        inodes.drop_link(old.directory, old.name, is_gone=False)
        inodes.drop_link(new.directory, new.name, is_gone=is_gone)
        if moved is not None:
            inodes.add_link(moved, new.directory, new.name)
            inodes.unpin(moved)
        if other is not None:
            if exchange:
                inodes.add_link(other, old.directory, old.name)
            elif other.is_dir:
                self._fs.dir_handles.drop(other)
            inodes.unpin(other)

    def _rename_in_store(self, old: _Spot, new: _Spot, flags: int) -> None:
        fs = self._fs
        ends = (old.handle.fd, old.sealed.entry, new.handle.fd, new.sealed.entry)
        try:
            fs.store.rename(*ends, flags)
        except OSError as error:
            is_full = error.errno in (errno.ENOTEMPTY, errno.EEXIST)
            if not (is_full and old.is_dir and new.is_dir) or flags:
                raise
            # A directory that is empty for a person may still hold its record.
            target = DirHandle(fs.store, fs.store.open_dir(new.handle.fd, new.sealed.entry))
            fs.directories.clear(target.fd)
            fs.store.rename(*ends, flags)

    @contextlib.contextmanager
    def _moving(self, old: _Spot, new: _Spot) -> Iterator[None]:
        """Make a directory readable at both places while it moves, and at one afterwards."""
        fs = self._fs
        handle = DirHandle(fs.store, fs.store.open_dir(old.handle.fd, old.sealed.entry))
        inode = fs.inodes.known(old.directory, old.name)
        record = inode.record if inode is not None else None
        if record is None:
            record = fs.directories.read_record(handle.fd, old.place)
        implied = implied_dir_id(fs.vault.keyring.directory_ids, old.place)
        if record.dir_id == implied:
            self._mark_explicit(old.directory, old.handle)
        fs.directories.write_record(handle.fd, record, [old.place, new.place])
        try:
            yield
        except BaseException:
            fs.directories.write_record(handle.fd, record, [old.place])
            raise
        fs.directories.write_record(handle.fd, record, [new.place])
        if inode is not None:
            inode.record = record

    def _mark_explicit(self, directory: Inode, handle: DirHandle) -> None:
        record = directory.record
        if record is None or record.flags & EXPLICIT:
            return
        marked = DirectoryRecord(record.dir_id, record.flags | EXPLICIT)
        self._fs.directories.write_record(handle.fd, marked, [directory.place])
        directory.record = marked


def _lies_in(directory: Inode, spot: _Spot) -> bool:
    """Tell whether a directory is the one at `spot` or below it; asked before anything is written for the move."""
    while directory.links:
        link = directory.link()
        if (link.parent, link.name) == (spot.directory, spot.name):
            return True
        directory = link.parent
    return False
