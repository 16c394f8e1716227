"""Attributes: what stat shows and chmod, chown, truncate and utimens change."""

import os
import stat

from wafs.errors import BadHandleError, IsADirError, NotFoundError
from wafs.fs.attrs import Attrs, SetAttrs
from wafs.fs.contents import Contents
from wafs.fs.context import FsContext
from wafs.fs.inodes import Inode, Stamp
from wafs.vault.content import Content
from wafs.vault.scratch import Scratch


class Attributes:
    """Attributes by inode number.

    Thread: any; holds the lock of the context.
    """

    def __init__(self, context: FsContext, contents: Contents) -> None:
        self._fs = context
        self._contents = contents
        self._scratch = Scratch(0)

    def get(self, number: int) -> Attrs:
        """Return the attributes of an inode.

        Raises: NotFoundError, DamageError, OSError.
        """
        with self._fs.lock:
            return self._fs.attrs(self._fs.inodes[number])

    def set(self, number: int, changes: SetAttrs) -> Attrs:
        """Change attributes and return the new ones: size first, then owner, mode and times, each all or nothing.

        Raises: NotFoundError, IsADirError, ReadOnlyError, FileTooLargeError, DamageError, OSError.
        """
        fs = self._fs
        fs.must_write()
        with fs.lock:
            inode = fs.inodes[number]
            if changes.size is not None:
                self._truncate(inode, changes.size, drop_setid=changes.drop_setid)
            stamp = self._valid_stamp(inode) if changes.mtime is not None else None
            if inode.content is not None:
                inode.content.seal()
                inode.content.note_change()
                self._set_open(inode.content, changes)
            elif inode.links or inode is fs.inodes.root:
                self._set_named(inode, changes)
            else:
                raise NotFoundError
            attrs = fs.attrs(inode)
            if stamp is not None:
                # Our own change of the times makes no cached page worse.
                inode.stamp = stamp._replace(mtime_ns=attrs.mtime_ns)
            return attrs

    def statvfs(self) -> os.statvfs_result:
        """Return the space of the storage."""
        return self._fs.store.statvfs()

    def _valid_stamp(self, inode: Inode) -> Stamp | None:
        """Return the stamp of a closed file that is still as it was when it was closed."""
        if inode.stamp is None or inode.content is not None or not inode.links:
            return None
        directory, entry = self._fs.entry_of(inode)
        found = self._fs.store.stat(directory, entry)
        return inode.stamp if inode.stamp == Stamp(found.st_mtime_ns, found.st_size) else None

    def _truncate(self, inode: Inode, size: int, *, drop_setid: bool) -> None:
        if inode.is_dir:
            raise IsADirError
        self._contents.hold(inode, writable=True, cut=size == 0)
        try:
            content = inode.content
            if content is None:
                raise BadHandleError
            content.truncate(size, self._scratch)
            # truncate(2) sets the times also when the size stays.
            self._fs.store.futimens(content.handle, None, "now")
            if drop_setid:
                self._fs.drop_setid(content)
        finally:
            self._contents.let_go(inode)

    def _set_open(self, content: Content, changes: SetAttrs) -> None:
        store, handle = self._fs.store, content.handle
        if changes.uid is not None or changes.gid is not None:
            store.fchown(handle, _or_keep(changes.uid), _or_keep(changes.gid))
        if changes.mode is not None:
            store.fchmod(handle, stat.S_IMODE(changes.mode))
        if changes.atime is not None or changes.mtime is not None:
            store.futimens(handle, changes.atime, changes.mtime)

    def _set_named(self, inode: Inode, changes: SetAttrs) -> None:
        store = self._fs.store
        directory, entry = self._fs.entry_of(inode)
        if changes.uid is not None or changes.gid is not None:
            store.chown(directory, entry, _or_keep(changes.uid), _or_keep(changes.gid))
        if changes.mode is not None:
            store.chmod(directory, entry, stat.S_IMODE(changes.mode))
        if changes.atime is not None or changes.mtime is not None:
            store.utimens(directory, entry, changes.atime, changes.mtime)


def _or_keep(number: int | None) -> int:
    return -1 if number is None else number
