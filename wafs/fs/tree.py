"""Tree: entries of directories: find, make, link and remove them."""

import contextlib
import os
import stat
from collections.abc import Callable

from wafs.errors import (
    InvalidArgumentError,
    IsADirError,
    NotFoundError,
    NotPermittedError,
)
from wafs.format.directory import EXPLICIT, Place
from wafs.format.name import SealedName
from wafs.format.symlink import SYMLINK_NONCE_SIZE, open_target, seal_target
from wafs.fs.attrs import Caller, Entry
from wafs.fs.contents import Contents
from wafs.fs.context import FsContext
from wafs.fs.dir_handles import opened_dir
from wafs.fs.inodes import Inode
from wafs.store.base import Handle

MakeEntry = Callable[[Handle, SealedName], None]


class Tree:
    """Operations on entries.

    Every method that returns an `Entry` pins its inode once; `forget` undoes that.
    Thread: any; each operation holds the lock of the context. Failures leave the tree as it was.
    """

    def __init__(self, context: FsContext, contents: Contents) -> None:
        self._fs = context
        self._contents = contents
        self._symlinks = context.vault.keyring.symlinks

    def lookup(self, parent: int, name: bytes) -> Entry:
        """Find an entry; `.` and `..` are names like others only to the kernel, and are refused.

        Raises: NotFoundError, NotADirError, NameTooLongError, DamageError, OSError.
        """
        fs = self._fs
        with fs.lock:
            directory, handle = fs.directory(parent)
            entry = fs.seal(directory, name).entry
            try:
                found = fs.store.stat(handle, entry)
            except FileNotFoundError:
                # The name that the kernel may still hold is gone, removed behind our back.
                if fs.inodes.known(directory, name) is not None:
                    fs.inodes.drop_link(directory, name, is_gone=True)
                raise NotFoundError from None
            return self.enter(directory, name, found)

    def enter(self, directory: Inode, name: bytes, found: os.stat_result) -> Entry:
        """Pin and return the entry that the store shows as `found`; the caller holds the lock."""
        inode = self._fs.inodes.find(directory, name, found)
        inode.pins += 1
        try:
            return tuple.__new__(Entry, (inode.number, self._fs.attrs(inode, found)))
        except BaseException:
            self._fs.inodes.unpin(inode)
            raise

    def forget(self, number: int, count: int = 1) -> None:
        """Undo `count` pins; a number that is not held is ignored, as the kernel may be ahead of us."""
        with self._fs.lock:
            try:
                inode = self._fs.inodes[number]
            except NotFoundError:
                return
            if inode is not self._fs.inodes.root:
                self._fs.inodes.unpin(inode, count)

    def readlink(self, number: int) -> bytes:
        """Return the target of a symlink.

        Raises: InvalidArgumentError if it is none, DamageError, OSError.
        """
        with self._fs.lock:
            inode = self._fs.inodes[number]
            if inode.kind != stat.S_IFLNK:
                raise InvalidArgumentError
            handle, entry = self._fs.entry_of(inode)
            return open_target(self._symlinks, self._fs.store.readlink(handle, entry))

    def mkdir(self, parent: int, name: bytes, mode: int, caller: Caller) -> Entry:
        """Make a directory.

        Raises: as `lookup`; OSError (EEXIST), ReadOnlyError.
        """
        fs = self._fs

        def make(handle: Handle, sealed: SealedName) -> None:
            fs.store.mkdir(handle, sealed.entry, stat.S_IMODE(mode))
            directory = fs.inodes[parent]
            if directory.record is not None and directory.record.flags & EXPLICIT:
                try:
                    place = Place(directory.dir_id, name)
                    with opened_dir(fs.store, handle, sealed.entry) as made:
                        fs.directories.write_record(made, fs.directories.new_explicit_record(), [place])
                except BaseException:
                    # Without a record it would have the id of the directory that was moved away.
                    with contextlib.suppress(OSError):
                        fs.directories.remove(handle, sealed.entry)
                    raise

        return self._make(parent, name, stat.S_IFDIR | mode, caller, make)

    def mknod(self, parent: int, name: bytes, mode: int, *, device: int, caller: Caller) -> Entry:
        """Make a regular file, FIFO, socket or device.

        Raises: as `mkdir`.
        """
        fs = self._fs

        def make(handle: Handle, sealed: SealedName) -> None:
            if stat.S_ISREG(mode):
                self._contents.create(handle, sealed.entry, mode).close()
            else:
                fs.store.mknod(handle, sealed.entry, mode, device)

        if stat.S_IFMT(mode) == 0:
            mode |= stat.S_IFREG
        return self._make(parent, name, mode, caller, make)

    def symlink(self, parent: int, name: bytes, target: bytes, caller: Caller) -> Entry:
        """Make a symlink.

        Raises: as `mkdir`; NameTooLongError.
        """
        sealed_target = seal_target(self._symlinks, target, os.urandom(SYMLINK_NONCE_SIZE))

        def make(handle: Handle, sealed: SealedName) -> None:
            self._fs.store.symlink(handle, sealed.entry, sealed_target)

        return self._make(parent, name, stat.S_IFLNK | 0o777, caller, make)

    def link(self, number: int, parent: int, name: bytes) -> Entry:
        """Give a file another name.

        Raises: as `mkdir`; NotPermittedError for a directory; NotFoundError for a file without a name.
        """
        store = self._fs.store
        with self._fs.lock:
            inode = self._fs.inodes[number]
            if inode.is_dir:
                raise NotPermittedError

            def make(handle: Handle, sealed: SealedName) -> None:
                if not inode.links and inode.content is not None:
                    store.link_open(inode.content.handle, handle, sealed.entry)
                else:
                    source, entry = self._fs.entry_of(inode)
                    store.link(source, entry, handle, sealed.entry)
                inode.note_change()

            return self._make(parent, name, inode.kind, None, make)

    def unlink(self, parent: int, name: bytes) -> None:
        """Remove a name that is not a directory's; an open file stays usable.

        Raises: as `lookup`; IsADirError, ReadOnlyError.
        """
        fs = self._fs
        fs.must_write()
        with fs.lock:
            directory, handle = fs.directory(parent)
            sealed = fs.seal(directory, name)
            is_gone = self.note_last_name(directory, name, handle, sealed)
            try:
                fs.store.unlink(handle, sealed.entry)
            except IsADirectoryError:
                raise IsADirError from None
            inode = fs.inodes.known(directory, name)
            fs.inodes.drop_link(directory, name, is_gone=is_gone)
            if inode is not None and is_gone:
                self.abandon(inode)
            fs.directories.remove_name(handle, sealed)

    def rmdir(self, parent: int, name: bytes) -> None:
        """Remove an empty directory.

        Raises: as `lookup`; OSError (ENOTEMPTY also if only foreign entries are in it, ENOTDIR), ReadOnlyError.
        """
        fs = self._fs
        fs.must_write()
        with fs.lock:
            directory, handle = fs.directory(parent)
            sealed = fs.seal(directory, name)
            self.note_last_name(directory, name, handle, sealed)
            fs.directories.remove(handle, sealed.entry)
            inode = fs.inodes.known(directory, name)
            if inode is not None:
                fs.dir_handles.drop(inode)
            fs.inodes.drop_link(directory, name, is_gone=True)
            fs.directories.remove_name(handle, sealed)

    def abandon(self, inode: Inode) -> None:
        """Give up what is kept of a file that has just lost its last name; the caller holds the lock."""
        self._contents.abandon(inode)

    def note_last_name(self, directory: Inode, name: bytes, handle: Handle, sealed: SealedName) -> bool:
        """Tell whether a name about to vanish is the last of its inode.

        Its attributes are remembered for whoever still holds the inode. The caller holds the lock.
        Raises: OSError.
        """
        inodes = self._fs.inodes
        found = self._fs.store.stat(handle, sealed.entry)
        inode = inodes.known(directory, name) or inodes.held(found)
        if inode is None or (not inode.is_dir and found.st_nlink > 1):
            return False
        inode.last_attrs = self._fs.attrs(inode, found)._replace(nlink=0)
        if not inode.links and inode.content is None:
            # Held by a name that went before this one: nobody tells the table when this one goes.
            inodes.forget_identity(inode)
        return True

    def _make(
        self,
        parent: int,
        name: bytes,
        mode: int,
        caller: Caller | None,
        make: MakeEntry,
    ) -> Entry:
        fs = self._fs
        fs.must_write()
        with fs.lock:
            directory, handle, sealed = fs.place(parent, name)
            try:
                make(handle, sealed)
            except BaseException:
                fs.directories.discard_name(handle, sealed)
                raise
            if caller is not None:
                fs.give(handle, sealed.entry, mode, caller)
            return self.enter(directory, name, fs.store.stat(handle, sealed.entry))
