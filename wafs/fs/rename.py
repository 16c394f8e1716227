"""Rename: give an entry another name or place; directories take their id along (format.md F-53, F-54)."""

import contextlib
import errno
import logging
import stat
from typing import Final

from wafs.errors import ExistsError, InvalidArgumentError, NotFoundError
from wafs.format.directory import EXPLICIT, DirectoryRecord, Place, implied_dir_id
from wafs.format.name import SealedName
from wafs.fs.contents import Contents
from wafs.fs.context import FsContext
from wafs.fs.dir_handles import opened_dir
from wafs.fs.inodes import Inode
from wafs.fs.tree import Tree
from wafs.store.base import Handle

_log = logging.getLogger(__name__)

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
            found = fs.store.stat(self.handle, self.sealed.entry)
            self.is_dir = stat.S_ISDIR(found.st_mode)

    @property
    def place(self) -> Place:
        return Place(self.directory.dir_id, self.name)


class _Move:
    """One directory on its way: readable at both places while it moves, and at one afterwards (F-53).

    `handle` is that of the directory.
    """

    __slots__ = ("_fs", "_handle", "_inode", "_new", "_old", "_record")

    def __init__(self, fs: FsContext, handle: Handle, old: _Spot, new: _Spot) -> None:
        self._fs = fs
        self._handle = handle
        self._old = old
        self._new = new
        self._inode = fs.inodes.known(old.directory, old.name)
        record = self._inode.record if self._inode is not None else None
        self._record = record or fs.directories.read_record(self._handle, old.place)

    def prepare(self) -> None:
        """Write down the id for both places, and in the old parent that its implied id is taken (F-54)."""
        fs = self._fs
        if self._record.dir_id == implied_dir_id(fs.vault.keyring.directory_ids, self._old.place):
            _mark_explicit(fs, self._old.directory, self._old.handle)
        self._write(self._old.place, self._new.place)

    def cancel(self) -> None:
        """Forget the new place, unless the store moved the directory and failed to say so."""
        with contextlib.suppress(OSError):
            there = self._fs.store.stat(self._old.handle, self._old.sealed.entry)
            if there.st_ino == self._fs.store.fstat(self._handle).st_ino:
                self._write(self._old.place)

    def finish(self) -> None:
        """Forget the old place; the move is done, also where this fails."""
        if self._inode is not None:
            self._inode.record = self._record
        try:
            self._write(self._new.place)
        except OSError as error:
            _log.warning("the record of a moved folder keeps its old place as well: %s", error.strerror)

    def _write(self, *places: Place) -> None:
        self._fs.directories.write_record(self._handle, self._record, places)


class Renamer:
    """The operation rename, in its three forms.

    Thread: any; holds the lock of the context. The entry is at all times under the old name or under the new one.
    """

    def __init__(self, context: FsContext, tree: Tree, contents: Contents) -> None:
        self._fs = context
        self._tree = tree
        self._contents = contents

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
            self._move_with_ids(old, new, flags)

    def _move_with_ids(self, old: _Spot, new: _Spot, flags: int) -> None:
        with contextlib.ExitStack() as stack:
            moves = []
            for spot, other in ((old, new), (new, old)) if flags == RENAME_EXCHANGE else ((old, new),):
                if spot.is_dir:
                    handle = stack.enter_context(opened_dir(self._fs.store, spot.handle, spot.sealed.entry))
                    moves.append(_Move(self._fs, handle, spot, other))
            self._move_all(old, new, flags, moves)

    def _move_all(self, old: _Spot, new: _Spot, flags: int, moves: list[_Move]) -> None:
        try:
            for move in moves:
                move.prepare()
            self._move(old, new, flags)
        except BaseException:
            for move in moves:
                move.cancel()
            raise
        for move in moves:
            move.finish()

    def _move(self, old: _Spot, new: _Spot, flags: int) -> None:
        """Rename in the store, and in the inode table."""
        fs = self._fs
        is_gone = False
        if flags != RENAME_EXCHANGE:
            fs.directories.place_name(new.handle, new.sealed)
            if new.is_dir is not None:
                is_gone = self._tree.note_last_name(new.directory, new.name, new.handle, new.sealed)
        replaced = fs.inodes.known(new.directory, new.name) if is_gone else None
        if replaced is not None:
            self._contents.keep(replaced, new.handle, new.sealed.entry)
        try:
            self._rename_in_store(old, new, flags)
        except BaseException:
            if replaced is not None:
                replaced.kept = None
            fs.directories.discard_name(new.handle, new.sealed)
            raise
        self._note_move(old, new, is_gone=is_gone, exchange=flags == RENAME_EXCHANGE)
        fs.directories.discard_name(old.handle, old.sealed)

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
                inode.note_change()
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
            elif is_gone:
                self._tree.abandon(other)
            inodes.unpin(other)

    def _rename_in_store(self, old: _Spot, new: _Spot, flags: int) -> None:
        fs = self._fs
        ends = (old.handle, old.sealed.entry, new.handle, new.sealed.entry)
        try:
            fs.store.rename(*ends, flags)
        except OSError as error:
            is_full = error.errno in (errno.ENOTEMPTY, errno.EEXIST)
            if not (is_full and old.is_dir and new.is_dir) or flags:
                raise
            # A directory that is empty for a person may still hold its record.
            with opened_dir(fs.store, new.handle, new.sealed.entry) as target, fs.directories.cleared(target):
                fs.store.rename(*ends, flags)


def _mark_explicit(fs: FsContext, directory: Inode, handle: Handle) -> None:
    record = directory.record
    if record is None or record.flags & EXPLICIT:
        return
    marked = DirectoryRecord(record.dir_id, record.flags | EXPLICIT)
    fs.directories.write_record(handle, marked, [directory.place])
    directory.record = marked


def _lies_in(directory: Inode, spot: _Spot) -> bool:
    """Tell whether a directory is the one at `spot` or below it; asked before anything is written for the move."""
    while directory.links:
        link = directory.link()
        if (link.parent, link.name) == (spot.directory, spot.name):
            return True
        directory = link.parent
    return False
