"""Contents: which files are open in the store, shared by all handles of an inode."""

import contextlib
import errno
import os
import stat

from wafs.errors import DamageError, IsADirError, NotSupportedError
from wafs.fs.context import FsContext
from wafs.fs.dir_handles import DirHandle
from wafs.fs.inodes import Inode, Stamp
from wafs.store.base import NOW, Handle
from wafs.vault.content import Content
from wafs.vault.scratch import Scratch


class Contents:
    """Opens a content for the first who needs it, closes it after the last.

    Two contents of one file would not know of each other's changes; that is why all go through here.
    Thread: the caller holds the lock of the context.
    """

    def __init__(self, context: FsContext) -> None:
        self._fs = context

    def create(self, parent: DirHandle, entry: bytes, mode: int) -> Content:
        """Make a new, empty file; nothing is left of it if that fails.

        Raises: OSError (EEXIST).
        """
        store = self._fs.store
        handle = store.open(parent.fd, entry, os.O_RDWR | os.O_CREAT | os.O_EXCL, stat.S_IMODE(mode))
        try:
            return Content.create(self._fs.contents, handle)
        except BaseException:
            store.close(handle)
            store.unlink(parent.fd, entry)
            raise

    def create_unnamed(self, parent: DirHandle, mode: int) -> Content:
        """Make a new, empty file without a name.

        Raises: OSError.
        """
        store = self._fs.store
        handle = store.open(parent.fd, b".", os.O_RDWR | os.O_TMPFILE, stat.S_IMODE(mode))
        try:
            return Content.create(self._fs.contents, handle)
        except BaseException:
            store.close(handle)
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
            keep_cache = inode.stamp == self._stamp(content)
            inode.content = content
        elif writable and not content.writable:
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

    def adopt(self, inode: Inode, content: Content) -> None:
        """Take a content that `create` made as that of its inode."""
        inode.content = content
        inode.opens += 1
        inode.pins += 1

    def let_go(self, inode: Inode) -> None:
        """Undo one `hold`; after the last the content is sealed and closed.

        Raises: OSError if it could not be sealed; it is closed all the same.
        """
        content = inode.content
        inode.opens -= 1
        try:
            if inode.opens == 0 and content is not None:
                inode.content = None
                self._close(inode, content)
        finally:
            self._fs.inodes.unpin(inode)

    def _close(self, inode: Inode, content: Content) -> None:
        try:
            content.seal()
            inode.stamp = self._stamp(content)
            # The kernel did the writes itself, and knows the size that they led to.
            inode.shown_size = content.size
        finally:
            content.close()
            if not inode.links:
                self._fs.inodes.forget_identity(inode)

    def _open(self, inode: Inode, *, writable: bool, cut: bool) -> Content:
        handle = self.open_handle(inode, writable=writable)
        try:
            try:
                content = Content.open(self._fs.contents, handle, writable=writable)
            except DamageError:
                if not cut:
                    raise
                content = Content.renew(self._fs.contents, handle)
        except BaseException:
            self._fs.store.close(handle)
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
                if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                    raise
                # A reader takes it as it is.
                stack.pop_all()
                return content

    def _make_writable(self, inode: Inode, content: Content) -> None:
        handle = self.open_handle(inode, writable=True)
        try:
            content.make_writable(handle)
        except BaseException:
            self._fs.store.close(handle)
            raise

    def open_handle(self, inode: Inode, *, writable: bool) -> Handle:
        """Open the ciphertext file of an inode, whatever the owner's own permission bits say.

        Raises: NotFoundError, OSError (ESTALE if the name now belongs to another file, on which the kernel looks it up
        anew: what is known of the one must never be used on the other).
        """
        store = self._fs.store
        handle = self._open_by_name(inode, writable=writable)
        found = store.fstat(handle)
        if (found.st_dev, found.st_ino) != inode.identity or not stat.S_ISREG(found.st_mode):
            store.close(handle)
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return handle

    def _open_by_name(self, inode: Inode, *, writable: bool) -> Handle:
        """Open whatever now has the name of an inode.

        A writer must read as well, so a file of the owner's with mode 0200 needs a moment of more permission.
        """
        store = self._fs.store
        directory, entry = self._fs.entry_of(inode)
        flags = (os.O_RDWR if writable else os.O_RDONLY) | os.O_NONBLOCK
        try:
            return store.open(directory.fd, entry, flags)
        except PermissionError:
            found = store.stat(directory.fd, entry)
            mode = stat.S_IMODE(found.st_mode)
            allowed = mode & (stat.S_IWUSR if writable else stat.S_IRUSR)
            if found.st_uid != os.geteuid() or not allowed or mode & 0o600 == 0o600:
                raise
        store.chmod(directory.fd, entry, mode | 0o600)
        try:
            return store.open(directory.fd, entry, flags)
        finally:
            store.chmod(directory.fd, entry, mode)

    def _stamp(self, content: Content) -> Stamp:
        found = content.as_opened or self._fs.store.fstat(content.handle)
        return Stamp(found.st_mtime_ns, found.st_size)
