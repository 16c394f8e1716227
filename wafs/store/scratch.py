"""ScratchStore: a store that takes every change and never writes to the one below it.

What is changed is kept in memory (names, attributes, symlinks) and in files of a private folder (bytes), and is gone
when the store is. A read of what nobody changed goes to the lower store as it is.
"""

import errno
import os
import stat
from typing import Final, NamedTuple

from wafs.store.base import Handle, Time
from wafs.store.scratch_files import ScratchFiles, lower_of_file
from wafs.store.scratch_lookup import fail, lower_of
from wafs.store.scratch_nodes import DirNode, Node, OpenDir, OpenFile


class Trace(NamedTuple):
    """What was done to one entry since the store was settled.

    `is_new`: there is nothing of it below. `is_changed`: bytes, attributes or names, of a folder entries. `is_touched`:
    something was changed in a folder or below it. `written`: bytes of a file that are not those below.
    """

    is_new: bool = False
    is_changed: bool = False
    is_touched: bool = False
    has_new_xattrs: bool = False
    written: int = 0


UNTOUCHED: Final = Trace()


class ScratchStore(ScratchFiles):
    """A writable union over a lower store.

    Two stores must not share a folder's files, and nobody may write to the lower store meanwhile: what is found to
    have changed there fails with ESTALE. Nothing is ever synced. There are no permissions: who mounts it has the
    kernel check them.
    """

    def settle(self) -> None:
        """Take what is there now for unchanged."""
        with self.lock:
            self.tree.settle()

    def take_up(self) -> None:
        """Have here all bytes of the files that were changed, so that these may change below."""
        with self.lock:
            self.tree.take_up()

    def trace(self, parent: Handle, name: bytes) -> Trace:
        """Return what was done to an entry."""
        with self.lock:
            found = self.tree.look(self.dir_of(parent), name)
            node = found if isinstance(found, Node) else self.tree.folder_of(found)
            if node is None:
                return UNTOUCHED
            written = node.data.written if node.data is not None else 0
            is_touched = isinstance(node, DirNode) and node.is_touched
            return Trace(node.place is None and node.is_up, node.is_changed, is_touched, node.has_new_xattrs, written)

    def changed(self) -> set[int]:
        """Return the inode numbers of files from below that were changed and still have a name."""
        with self.lock:
            return self.tree.changed()

    # Names.

    def mkdir(self, parent: Handle, name: bytes, mode: int) -> None:
        """Make a directory."""
        self._make(parent, name, stat.S_IFDIR | stat.S_IMODE(mode))

    def mknod(self, parent: Handle, name: bytes, mode: int, device: int) -> None:
        """Make a FIFO, socket or device."""
        self._make(parent, name, mode if stat.S_IFMT(mode) else stat.S_IFREG | mode, rdev=device)

    def symlink(self, parent: Handle, name: bytes, target: bytes) -> None:
        """Make a symlink."""
        self._make(parent, name, stat.S_IFLNK | 0o777, target=target)

    def _make(self, parent: Handle, name: bytes, mode: int, *, rdev: int = 0, target: bytes = b"") -> None:
        with self.lock:
            folder = self.dir_of(parent)
            self.tree.absent(folder, name)
            node = self.tree.make(folder, mode)
            node.rdev = rdev
            if target:
                node.target, node.size = target, len(target)
            self.tree.add(folder, name, node)

    def readlink(self, parent: Handle, name: bytes) -> bytes:
        """Return the target of a symlink."""
        with self.lock:
            folder = self.dir_of(parent)
            found = self.tree.look(folder, name)
            if not isinstance(found, Node):
                return self.lower.readlink(lower_of(folder), name)
            return found.target if found.kind == stat.S_IFLNK else fail(errno.EINVAL)

    def link(self, parent: Handle, name: bytes, new_parent: Handle, new_name: bytes) -> None:
        """Make a hard link."""
        with self.lock:
            folder, new_folder = self.dir_of(parent), self.dir_of(new_parent)
            found = self.tree.look(folder, name)
            self.tree.absent(new_folder, new_name)
            if stat.S_ISDIR(found.mode if isinstance(found, Node) else found.st_mode):
                fail(errno.EPERM)
            node = self.tree.lift(folder, name, found)
            self.tree.add(new_folder, new_name, node)
            node.nlink += 1
            node.touch()

    def link_open(self, handle: Handle, parent: Handle, name: bytes) -> None:
        """Give a name to an open file that was opened without one."""
        with self.lock:
            folder, opened = self.dir_of(parent), self.file_of(handle)
            self.tree.absent(folder, name)
            node = self.tree.lift_open(opened)
            if not node.nlink and opened.flags & os.O_TMPFILE != os.O_TMPFILE:
                fail(errno.ENOENT)
            self.tree.add(folder, name, node)
            node.nlink += 1
            node.touch()

    def unlink(self, parent: Handle, name: bytes) -> None:
        """Remove an entry that is not a directory."""
        with self.lock:
            self.tree.remove(self.dir_of(parent), name, is_dir=False)

    def rmdir(self, parent: Handle, name: bytes) -> None:
        """Remove an empty directory."""
        with self.lock:
            self.tree.remove(self.dir_of(parent), name, is_dir=True)

    def rename(self, parent: Handle, name: bytes, new_parent: Handle, new_name: bytes, flags: int = 0) -> None:
        """Rename atomically."""
        with self.lock:
            self.tree.rename(self.dir_of(parent), name, self.dir_of(new_parent), new_name, flags)

    # Attributes.

    def stat(self, parent: Handle, name: bytes) -> os.stat_result:
        """Return the attributes of an entry."""
        with self.lock:
            found = self.tree.look(self.dir_of(parent), name)
            return found.stat() if isinstance(found, Node) else found

    def fstat(self, handle: Handle) -> os.stat_result:
        """Return the attributes of an open file or directory."""
        with self.lock:
            opened = self.opened(handle)
            if isinstance(opened, OpenDir):
                found = self.tree.look(opened, b".")
                return found.stat() if isinstance(found, Node) else found
            return self.lower.fstat(lower_of_file(opened)) if opened.node is None else opened.node.stat()

    def chmod(self, parent: Handle, name: bytes, mode: int) -> None:
        """Set the permission bits of an entry that is not a symlink."""
        with self.lock:
            node = self._named(parent, name)
            if node.kind == stat.S_IFLNK:
                fail(errno.EOPNOTSUPP)
            node.chmod(mode)

    def fchmod(self, handle: Handle, mode: int) -> None:
        """Set the permission bits of an open file."""
        with self.lock:
            self._held(handle).chmod(mode)

    def chown(self, parent: Handle, name: bytes, uid: int, gid: int) -> None:
        """Set owner and group; -1 leaves one as it is."""
        with self.lock:
            self._named(parent, name).chown(uid, gid)

    def fchown(self, handle: Handle, uid: int, gid: int) -> None:
        """Set owner and group of an open file."""
        with self.lock:
            self._held(handle).chown(uid, gid)

    def utimens(self, parent: Handle, name: bytes, atime: Time, mtime: Time) -> None:
        """Set times of an entry."""
        with self.lock:
            self._named(parent, name).utimens(atime, mtime)

    def futimens(self, handle: Handle, atime: Time, mtime: Time) -> None:
        """Set times of an open file."""
        with self.lock:
            self._held(handle).utimens(atime, mtime)

    def getxattr(self, parent: Handle, name: bytes, attribute: bytes) -> bytes:
        """Return the value of an attribute."""
        with self.lock:
            folder = self.dir_of(parent)
            found = self.tree.look(folder, name)
            if not isinstance(found, Node):
                return self.lower.getxattr(lower_of(folder), name, attribute)
            value = self.tree.xattrs(found).get(attribute)
            return fail(errno.ENODATA) if value is None else value

    def setxattr(self, parent: Handle, name: bytes, attribute: bytes, value: bytes, flags: int) -> None:
        """Set an attribute."""
        with self.lock:
            node = self._named(parent, name)
            if node.kind not in (stat.S_IFREG, stat.S_IFDIR):
                fail(errno.EPERM)
            xattrs = self.tree.xattrs(node)
            if flags & os.XATTR_CREATE and attribute in xattrs:
                fail(errno.EEXIST)
            if flags & os.XATTR_REPLACE and attribute not in xattrs:
                fail(errno.ENODATA)
            xattrs[attribute] = bytes(value)
            node.has_new_xattrs = True
            node.touch()

    def listxattr(self, parent: Handle, name: bytes) -> list[bytes]:
        """Return the names of all attributes."""
        with self.lock:
            folder = self.dir_of(parent)
            found = self.tree.look(folder, name)
            if isinstance(found, Node):
                return list(self.tree.xattrs(found))
            return list(self.lower.listxattr(lower_of(folder), name))

    def removexattr(self, parent: Handle, name: bytes, attribute: bytes) -> None:
        """Remove an attribute."""
        with self.lock:
            node = self._named(parent, name)
            if node.kind not in (stat.S_IFREG, stat.S_IFDIR):
                fail(errno.EPERM)
            if self.tree.xattrs(node).pop(attribute, None) is None:
                fail(errno.ENODATA)
            node.has_new_xattrs = True
            node.touch()

    def _named(self, parent: Handle, name: bytes) -> Node:
        """Return the node of an entry whose attributes are about to change."""
        folder = self.dir_of(parent)
        node = self.tree.lift(folder, name)
        folder.node.mark()
        return node

    def _held(self, handle: Handle) -> Node:
        opened = self.opened(handle)
        if isinstance(opened, OpenFile):
            return self.lifted(opened)
        opened.node.mark()
        return self.tree.lift(opened, b".")
