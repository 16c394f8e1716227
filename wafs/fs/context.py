"""Context: what the parts of one `Vfs` share."""

import contextlib
import errno
import os
import resource
import stat
import sys
import threading
from typing import Final

from wafs.errors import DamageError, NotADirError, NotFoundError, ReadOnlyError
from wafs.format.name import SealedName
from wafs.format.symlink import open_target
from wafs.fs.attrs import Attrs, Caller, attrs_of
from wafs.fs.dir_handles import AT_ONCE, DirHandles
from wafs.fs.inodes import Inode, InodeTable
from wafs.fs.neighbours import Neighbours
from wafs.fs.prefetch import Prefetch
from wafs.store.base import Handle
from wafs.units import Fh
from wafs.vault.content import Content
from wafs.vault.directory import Directories
from wafs.vault.shown_time import NO_SHOWN_TIME, ShownTime
from wafs.vault.vault import Vault

DIR_HANDLE_CAPACITY: Final = 512
"""Directories that are kept open, or half of the files that the process may have open, if that is less."""


class FsContext:
    """The vault, the inodes and the one lock that guards the tree.

    Lock order: `lock`, then the lock of one `Content`. Nobody waits for the disk's sync while holding either.
    """

    def __init__(self, vault: Vault, *, give_to_caller: bool = False) -> None:
        self.vault = vault
        self.store = vault.store
        self.chunk_size = vault.chunk_size
        self.read_only = vault.read_only
        self.give_to_caller = give_to_caller
        self.lock = threading.RLock()
        self.directories = Directories(vault.store, vault.keyring)
        self.inodes = InodeTable(vault.store.fstat(vault.tree))
        self.files_allowed = _files_allowed()
        capacity = max(AT_ONCE, min(DIR_HANDLE_CAPACITY, self.files_allowed // 2))
        self.dir_handles = DirHandles(vault.store, vault.tree, self.directories, self.lock, capacity)
        self.contents = vault.contents
        self._replay = vault.contents.replay
        self.prefetch = Prefetch(vault.store)
        self.neighbours = Neighbours(vault.store, self.dir_handles, self.lock)
        self._next_fh = 1

    def new_fh(self) -> Fh:
        """Return a handle number that was never used; the caller holds the lock."""
        number = self._next_fh
        self._next_fh += 1
        return Fh(number)

    def directory(self, number: int) -> tuple[Inode, Handle]:
        """Return a directory and its handle.

        Raises: NotFoundError, NotADirError, DamageError, OSError.
        """
        inode = self.inodes[number]
        if not inode.is_dir:
            raise NotADirError
        return inode, self.dir_handles.of(inode)

    def entry_of(self, inode: Inode) -> tuple[Handle, bytes]:
        """Return where the store has an inode: the handle of its directory and its ciphertext name.

        Raises: NotFoundError if it has no name any more, DamageError, OSError.
        """
        if inode is self.inodes.root:
            return self.dir_handles.of(inode), b"."
        link = inode.link()
        handle = self.dir_handles.of(link.parent)
        return handle, self.seal(link.parent, link.name).entry

    def seal(self, parent: Inode, name: bytes) -> SealedName:
        """Seal a name in a directory whose record is known.

        Raises: NameTooLongError, InvalidArgumentError.
        """
        return self.directories.seal_name(parent.dir_id, name)

    def place(self, parent: int, name: bytes) -> tuple[Inode, Handle, SealedName]:
        """Prepare the name of a new entry; who then fails to make the entry discards the name.

        Raises: as `directory`; NotFoundError in a directory that was removed, NameTooLongError, InvalidArgumentError.
        """
        directory, handle = self.directory(parent)
        if directory is not self.inodes.root and not directory.links:
            raise NotFoundError
        sealed = self.seal(directory, name)
        self.directories.place_name(handle, sealed)
        return directory, handle, sealed

    def attrs(self, inode: Inode, found: os.stat_result | None = None) -> Attrs:
        """Return the attributes of an inode; `found` if the store was just asked for them.

        A file in flight is sealed first: a size and times that were shown must not change by our own doing. Where that
        needs space that is not there, what is there is shown all the same.
        Raises: NotFoundError, DamageError, OSError.
        """
        content = inode.content
        if content is not None:
            if content.in_flight and _sealed(content):
                found = None
            inode.shown_size = content.size
            return self.attrs_in_flight(content, found)
        if found is None:
            if not inode.links and inode is not self.inodes.root and inode.last_attrs is not None:
                return inode.last_attrs
            handle, entry = self.entry_of(inode)
            found = self.store.stat(handle, entry)
        attrs = attrs_of(found, self.chunk_size)
        if inode.ctime is not NO_SHOWN_TIME:
            attrs = _with_ctime(attrs, inode.ctime)
        if not attrs.size and inode.kind == stat.S_IFLNK:
            attrs = attrs._replace(size=self._target_size(inode))
        if self._replay is not None and inode.kind == stat.S_IFREG and self._replay.may_concern(found):
            attrs = attrs._replace(size=self._size_as_left(inode, attrs.size))
        inode.shown_size = attrs.size
        return attrs

    def _size_as_left(self, inode: Inode, otherwise: int) -> int:
        """Return the size that a recovery would leave, which the length of the ciphertext does not tell."""
        directory, entry = self.entry_of(inode)
        try:
            handle = self.store.open(directory, entry, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return otherwise
        try:
            return Content.open(self.contents, handle, writable=False).size
        except (DamageError, OSError):
            # Who opens it is told.
            return otherwise
        finally:
            self.store.close(handle)

    def attrs_in_flight(self, content: Content, found: os.stat_result | None = None) -> Attrs:
        """Return the attributes of an open file as they are at this moment.

        Raises: OSError.
        """
        attrs = _with_ctime(attrs_of(found or self.store.fstat(content.handle), self.chunk_size), content.ctime)
        return attrs if attrs.size == content.size else attrs._replace(size=content.size)

    def _target_size(self, inode: Inode) -> int:
        """Return the size of a symlink whose ciphertext does not tell it; 0 if it leads nowhere that could be read.

        Raises: OSError.
        """
        try:
            handle, entry = self.entry_of(inode)
            return len(open_target(self.vault.keyring.symlinks, self.store.readlink(handle, entry)))
        except (DamageError, NotFoundError):
            return 0

    def must_write(self) -> None:
        """Refuse on a read-only vault.

        Raises: ReadOnlyError.
        """
        if self.read_only:
            raise ReadOnlyError

    def begin_journal(self) -> None:
        """Have a journal before a file is made: a header that a crash keeps from it is looked for only then.

        Raises: OSError.
        """
        if self.contents.checkpoint is not None:
            self.contents.checkpoint.journal.active()

    def give(self, parent: Handle, entry: bytes, mode: int, caller: Caller) -> None:
        """Make the caller the owner of a new entry, where the filesystem serves more than one user."""
        if not self.give_to_caller or (caller.uid, caller.gid) == (os.geteuid(), os.getegid()):
            return
        inherits = self.store.fstat(parent).st_mode & stat.S_ISGID
        # A server that is not root cannot give anything away; the entry is then its own.
        with contextlib.suppress(PermissionError):
            self.store.chown(parent, entry, caller.uid, -1 if inherits else caller.gid)
        # A change of owner drops these two; the caller asked for them.
        if mode & (stat.S_ISUID | stat.S_ISGID) and not stat.S_ISLNK(mode):
            self.store.chmod(parent, entry, stat.S_IMODE(mode))

    def drop_setid(self, content: Content) -> None:
        """Clear the set-id bits of an open file, as a change by an ordinary user does."""
        mode = self.store.fstat(content.handle).st_mode
        kept = stat.S_IMODE(mode) & ~stat.S_ISUID
        if mode & stat.S_IXGRP:
            kept &= ~stat.S_ISGID
        if kept != stat.S_IMODE(mode):
            self.store.fchmod(content.handle, kept)


def _files_allowed() -> int:
    """Return how many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _sealed(content: Content) -> bool:
    """Seal a content to be shown; a storage that copies on writing takes space for it, and may have none left."""
    try:
        content.seal()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False
    return True


def _with_ctime(attrs: Attrs, ctime: ShownTime) -> Attrs:
    return attrs._replace(ctime_ns=ctime.shown) if ctime.real == attrs.ctime_ns else attrs
