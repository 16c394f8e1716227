"""Contents: which files are open in the store, shared by all handles of an inode."""

import contextlib
import errno
import os
import stat
from typing import Final

from wafs.errors import DamageError, IsADirError, NotSupportedError, WafsError
from wafs.fs.context import FsContext
from wafs.fs.inodes import Inode, Stamp
from wafs.fs.kept_handle import KeptHandle
from wafs.store.base import NOW, Handle
from wafs.vault.content import Content
from wafs.vault.scratch import Scratch

_NO_WRITING: Final = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)


class Contents:
    """Opens a content for the first who needs it, closes it after the last.

    Two contents of one file would not know of each other's changes; that is why all go through here.
    Thread: the caller holds the lock of the context.
    """

    def __init__(self, context: FsContext) -> None:
        self._fs = context
        self._lingering: dict[int, Inode] = {}

    @property
    def lingering(self) -> int:
        """Return how many closed files are kept open because chunks of theirs wait for a checkpoint."""
        return len(self._lingering)

    def create(self, parent: Handle, entry: bytes, mode: int) -> Content:
        """Make a new, empty file; nothing is left of it if that fails.

        Raises: OSError (EEXIST).
        """
        store = self._fs.store
        self._fs.begin_journal()
        handle = store.open(parent, entry, os.O_RDWR | os.O_CREAT | os.O_EXCL, stat.S_IMODE(mode))
        try:
            return Content.create(self._fs.contents, handle)
        except BaseException:
            self._discard(handle)
            with contextlib.suppress(OSError):
                store.unlink(parent, entry)
            raise

    def create_unnamed(self, parent: Handle, mode: int) -> Content:
        """Make a new, empty file without a name.

        Raises: OSError.
        """
        store = self._fs.store
        self._fs.begin_journal()
        handle = store.open(parent, b".", os.O_RDWR | os.O_TMPFILE, stat.S_IMODE(mode))
        try:
            return Content.create(self._fs.contents, handle)
        except BaseException:
            self._discard(handle)
            raise

    def hold(self, inode: Inode, *, writable: bool, cut: bool = False) -> bool:
        """Open the content of an inode, or count one more who uses it; `cut` makes it empty, damaged or not.

        Returns whether what was cached of the file when it was last open is still good.
        Raises: IsADirError, NotSupportedError for a node without content, NotFoundError, DamageError, OSError.
        """
        if inode.kind != stat.S_IFREG:
            raise IsADirError if inode.is_dir else NotSupportedError
        content = inode.content
        keep_cache = True
        if content is None:
            content = self._open(inode, writable=writable, cut=cut)
            try:
                keep_cache = inode.stamp == self._stamp(content)
            except BaseException:
                content.close()
                raise
            content.ctime = inode.ctime
            inode.content = content
        else:
            if inode.opens == 0:
                self._check_name(inode)
            if writable and not content.writable:
                self._make_writable(inode, content)
        inode.opens += 1
        inode.pins += 1
        if cut:
            try:
                content.truncate(0, Scratch(0))
                # O_TRUNC sets the times also when the file is empty already.
                self._fs.store.futimens(content.handle, None, NOW)
            except BaseException:
                self.let_go(inode)
                raise
        return keep_cache

    def _check_name(self, inode: Inode) -> None:
        """Refuse a file that lingers and whose name belongs to another file by now, put there behind our back.

        Raises: NotFoundError, OSError (ESTALE).
        """
        directory, entry = self._fs.entry_of(inode)
        found = self._fs.store.stat(directory, entry)
        if (found.st_dev, found.st_ino) != inode.identity:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    def drop(self, parent: Handle, entry: bytes | None, content: Content) -> None:
        """Take back what `create` or `create_unnamed` made, after a failure, which is what the caller is to hear of."""
        if entry is not None:
            with contextlib.suppress(OSError):
                self._fs.store.unlink(parent, entry)
        with contextlib.suppress(WafsError, OSError):
            content.close()

    def adopt(self, inode: Inode, content: Content) -> None:
        """Take a content that `create` made as that of its inode."""
        inode.content = content
        inode.opens += 1
        inode.pins += 1

    def let_go(self, inode: Inode) -> None:
        """Undo one `hold`; after the last the content is sealed and closed, or kept until the next checkpoint.

        Raises: OSError if it could not be sealed; it is closed all the same.
        """
        content = inode.content
        inode.opens -= 1
        try:
            if inode.opens == 0 and content is not None:
                if content.is_dirty and self._has_name(content):
                    self._linger(inode)
                else:
                    inode.content = None
                    self._close(inode, content)
        finally:
            self._fs.inodes.unpin(inode)

    def sweep(self, *, all_of_them: bool = False) -> None:
        """Close the files that waited for a checkpoint and need not any more; takes the lock of the context.

        `all_of_them`: also those that still wait. What they wait with stays in the journal.
        Raises: OSError.
        """
        with self._fs.lock, contextlib.ExitStack() as stack:
            for number, inode in list(self._lingering.items()):
                content = inode.content
                if content is not None and content.is_dirty and not all_of_them:
                    continue
                del self._lingering[number]
                stack.callback(self._fs.inodes.unpin, inode)
                if inode.opens == 0 and content is not None:
                    inode.content = None
                    stack.callback(self._close, inode, content)

    def abandon(self, inode: Inode) -> None:
        """Close a file that only waited for a checkpoint and has lost its last name: it would hold its space till then.

        What fails is of no account: nobody can ask for the file any more.
        """
        if inode.opens or self._lingering.pop(inode.number, None) is None:
            return
        content, inode.content = inode.content, None
        with contextlib.suppress(WafsError, OSError):
            if content is not None:
                content.close()
        self._fs.inodes.forget_identity(inode)
        self._fs.inodes.unpin(inode)

    def _has_name(self, content: Content) -> bool:
        """Tell whether an open file can be found again; where the store cannot say, nothing of it may be lost."""
        try:
            return self._fs.store.fstat(content.handle).st_nlink > 0
        except OSError:
            return True

    def _linger(self, inode: Inode) -> None:
        inode.shown_size = inode.content.size if inode.content is not None else -1
        if inode.number not in self._lingering:
            self._lingering[inode.number] = inode
            inode.pins += 1

    def _close(self, inode: Inode, content: Content) -> None:
        try:
            content.seal()
            inode.stamp = self._stamp(content)
            # The kernel did the writes itself, and knows the size that they led to.
            inode.shown_size = content.size
            inode.ctime = content.ctime
        finally:
            content.close()
            if not inode.links:
                self._fs.inodes.forget_identity(inode)

    def _open(self, inode: Inode, *, writable: bool, cut: bool) -> Content:
        handle, found = self._open_found(inode, writable=writable)
        try:
            try:
                content = Content.open(self._fs.contents, handle, writable=writable, found=found)
            except DamageError:
                if not cut:
                    raise
                content = Content.renew(self._fs.contents, handle)
        except BaseException:
            self._discard(handle)
            raise
        if content.in_flight and not writable and not self._fs.read_only:
            return self._landed(inode, content)
        return content

    def _landed(self, inode: Inode, content: Content) -> Content:
        """End the flight of a file that a killed writer left behind, as far as the storage lets us write."""
        with contextlib.ExitStack() as stack:
            stack.callback(content.close)
            try:
                return self._open(inode, writable=True, cut=False)
            except OSError as error:
                if error.errno not in _NO_WRITING:
                    raise
                # A reader takes it as it is.
                stack.pop_all()
                return content

    def _make_writable(self, inode: Inode, content: Content) -> None:
        handle = self.open_handle(inode, writable=True)
        try:
            content.make_writable(handle)
        except BaseException:
            self._discard(handle)
            raise

    def keep(self, inode: Inode, directory: Handle, entry: bytes) -> None:
        """Keep a closed file open that a rename is about to replace: POSIX knows no moment without a file of that name.

        Whoever has found it under its name may open it only afterwards, and then cannot by its name. What fails is of
        no account: the kernel is then told to look the name up anew (ESTALE). So it is where a content is there: what
        of it waits in the journal would be missing in another one.
        """
        if inode.kind != stat.S_IFREG or inode.content is not None:
            return
        store = self._fs.store
        for flags in (os.O_RDWR, os.O_RDONLY):
            with contextlib.suppress(OSError):
                handle = store.open(directory, entry, flags | os.O_NONBLOCK)
                inode.kept = KeptHandle(store, handle, writable=flags == os.O_RDWR)
                return

    def open_handle(self, inode: Inode, *, writable: bool) -> Handle:
        """Open the ciphertext file of an inode, whatever the owner's own permission bits say.

        Raises: NotFoundError, OSError (ESTALE if the name now belongs to another file, on which the kernel looks it up
        anew: what is known of the one must never be used on the other).
        """
        return self._open_found(inode, writable=writable)[0]

    def _open_found(self, inode: Inode, *, writable: bool) -> tuple[Handle, os.stat_result]:
        """Open as `open_handle` does; also returns the attributes."""
        kept = inode.kept
        if kept is not None and not inode.links and (kept.writable or not writable):
            inode.kept, handle = None, kept.take()
        else:
            kept, handle = None, self._open_by_name(inode, writable=writable)
        try:
            found = self._fs.store.fstat(handle)
        except BaseException:
            self._discard(handle)
            raise
        if kept is not None:
            return handle, found
        if (found.st_dev, found.st_ino) != inode.identity or not stat.S_ISREG(found.st_mode):
            self._discard(handle)
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return handle, found

    def _open_by_name(self, inode: Inode, *, writable: bool) -> Handle:
        """Open whatever now has the name of an inode.

        A writer must read as well, so a file of the owner's with mode 0200 needs a moment of more permission.
        """
        store = self._fs.store
        directory, entry = self._fs.entry_of(inode)
        flags = (os.O_RDWR if writable else os.O_RDONLY) | os.O_NONBLOCK
        try:
            return store.open(directory, entry, flags)
        except PermissionError:
            found = store.stat(directory, entry)
            mode = stat.S_IMODE(found.st_mode)
            allowed = mode & (stat.S_IWUSR if writable else stat.S_IRUSR)
            if found.st_uid != os.geteuid() or not allowed or mode & 0o600 == 0o600:
                raise
        store.chmod(directory, entry, mode | 0o600)
        handle = None
        try:
            handle = store.open(directory, entry, flags)
        finally:
            try:
                store.chmod(directory, entry, mode)
            except BaseException:
                # Once more by the handle: the bits were lent, and nobody else knows that they must go back.
                if handle is not None:
                    with contextlib.suppress(OSError):
                        store.fchmod(handle, mode)
                    self._discard(handle)
                raise
        return handle

    def _discard(self, handle: Handle) -> None:
        """Give a handle back after a failure, which is what the caller is to hear of."""
        with contextlib.suppress(OSError):
            self._fs.store.close(handle)

    def _stamp(self, content: Content) -> Stamp:
        found = content.as_opened or self._fs.store.fstat(content.handle)
        return Stamp(found.st_mtime_ns, found.st_size)
