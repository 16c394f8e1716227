"""Scratch files: what is open in a scratch store, and the bytes of files."""

import errno
import itertools
import os
import stat
from typing import TYPE_CHECKING, Final

from wafs.store.base import Handle, Store
from wafs.store.scratch_lookup import fail, lower_of
from wafs.store.scratch_nodes import DirNode, Node, OpenDir, OpenFile, identity_of
from wafs.store.scratch_tree import ScratchTree

if TYPE_CHECKING:
    from wafs.store.scratch_bytes import ScratchBytes
    from wafs.store.scratch_folder import ScratchFolder

_FIRST_HANDLE: Final = 1 << 24
"""Above the descriptors of the process, so that one is never taken for the other."""

_OPENS_ONLY: Final = os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_ACCMODE


class ScratchFiles:
    """Handles of files and folders; a file that nobody changed is read from the lower store as it is.

    Thread: any. Opening and closing hold the lock of the tree; reading and writing only that of one file.
    """

    def __init__(self, lower: Store, folder: "ScratchFolder") -> None:
        self.lower = lower
        self.tree = ScratchTree(lower, folder)
        self.lock = self.tree.lock
        self._handles = itertools.count(_FIRST_HANDLE)
        self._open: dict[Handle, OpenDir | OpenFile] = {}

    def shut(self) -> None:
        """Give back the handle of the top folder; the store cannot be used after that."""
        self.tree.close_dir(self.tree.top)

    # Handles.

    def open_dir(self, parent: Handle | None, name: bytes) -> Handle:
        """Open a directory; without a parent, below the top folder."""
        with self.lock:
            return self._add(self.tree.open_dir(self.tree.top if parent is None else self.dir_of(parent), name))

    def open(self, parent: Handle, name: bytes, flags: int, mode: int = 0o600) -> Handle:
        """Open a regular file; what is below is opened for reading only, also by who is going to write."""
        with self.lock:
            folder = self.dir_of(parent)
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                node = self.tree.make(folder, stat.S_IFREG | mode)
                node.nlink = 0
                return self._add_file(OpenFile(flags, folder.node, name, None, node))
            if name not in folder.node.changed and folder.lower is not None:
                try:
                    return self._open_lower(folder, name, flags)
                except FileNotFoundError:
                    if not flags & os.O_CREAT:
                        raise
            elif (found := folder.node.changed.get(name)) is not None:
                return self._open_node(folder, name, flags, found)
            elif not flags & os.O_CREAT:
                fail(errno.ENOENT)
            self.tree.absent(folder, name)
            node = self.tree.make(folder, stat.S_IFREG | mode)
            self.tree.add(folder, name, node)
            return self._add_file(OpenFile(flags, folder.node, name, None, node))

    def _open_lower(self, folder: OpenDir, name: bytes, flags: int) -> Handle:
        """Open what lies below under this name."""
        if flags & os.O_CREAT and flags & os.O_EXCL:
            self.tree.look(folder, name)
            fail(errno.EEXIST)
        lower = self.lower.open(lower_of(folder), name, flags & ~_OPENS_ONLY | os.O_RDONLY)
        try:
            found = self.lower.fstat(lower)
            node = self.tree.node_of(found)
            if stat.S_ISDIR(found.st_mode):
                if flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC):
                    fail(errno.EISDIR)
                opened_dir = self.tree.open_dir(folder, name)
                self.tree.give_back(lower)
                return self._add(opened_dir)
            if node is not None and node.data is not None and node.data.has_lower:
                node.data.check(lower)
        except BaseException:
            self.tree.give_back(lower)
            raise
        opened = OpenFile(flags, folder.node, name, lower, node)
        if node is None:
            self.tree.watch(opened, identity_of(found))
        return self._add_file(opened)

    def _open_node(self, folder: OpenDir, name: bytes, flags: int, node: Node) -> Handle:
        """Open something that was moved or made here."""
        if flags & os.O_CREAT and flags & os.O_EXCL:
            fail(errno.EEXIST)
        if isinstance(node, DirNode):
            if flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC):
                fail(errno.EISDIR)
            return self._add(self.tree.open_dir(folder, name))
        if node.data is None:
            fail(errno.ELOOP if node.kind == stat.S_IFLNK else errno.ENXIO)
        return self._add_file(OpenFile(flags, folder.node, name, self.tree.open_lower(node), node))

    def _add_file(self, opened: OpenFile) -> Handle:
        if opened.node is not None and opened.node.data is not None:
            opened.node.data.hold()
        handle = self._add(opened)
        if opened.flags & os.O_TRUNC:
            try:
                self._truncate(opened, 0)
            except BaseException:
                self.close(handle)
                raise
        return handle

    def close(self, handle: Handle) -> None:
        """Give a handle back."""
        with self.lock:
            opened = self._open.pop(handle, None)
            if opened is None:
                fail(errno.EBADF)
            if isinstance(opened, OpenDir):
                self.tree.close_dir(opened)
                return
            if opened.node is None:
                self.tree.unwatch(opened)
            elif opened.node.data is not None:
                opened.node.data.let_go()
                self.tree.forget(opened.node)
            if opened.lower is not None:
                self.tree.give_back(opened.lower)

    def entries(self, directory: Handle) -> list[tuple[bytes, int, int]]:
        """Return name, type and inode number of all entries."""
        with self.lock:
            return self.tree.entries(self.dir_of(directory))

    # Bytes.

    def pread(self, handle: Handle, size: int, offset: int) -> bytes:
        """Read; short only at the end of the file."""
        opened = self.file_of(handle)
        if opened.node is None and opened.lower is not None and opened.readable:
            return self.lower.pread(opened.lower, size, offset)
        data = opened.node.data if opened.node is not None else None
        if data is None or not opened.readable:
            fail(errno.EBADF)
        return data.pread(opened.lower, size, offset)

    def preadv(self, handle: Handle, buffers: "list[memoryview]", offset: int) -> int:
        """Read into buffers; returns the number of bytes."""
        opened = self.file_of(handle)
        if opened.node is None and opened.lower is not None and opened.readable:
            return self.lower.preadv(opened.lower, buffers, offset)
        data = opened.node.data if opened.node is not None else None
        if data is None or not opened.readable:
            fail(errno.EBADF)
        return data.preadv(opened.lower, buffers, offset)

    def pwrite(self, handle: Handle, data: bytes | bytearray | memoryview, offset: int) -> int:
        """Write; returns the number of bytes, which may be less than asked."""
        opened = self._writable(handle, errno.EBADF)
        count = self._data(opened).pwrite(data, offset)
        self.lifted(opened).touch_content()
        return count

    def truncate(self, handle: Handle, size: int) -> None:
        """Cut, or extend with a hole."""
        self._truncate(self._writable(handle, errno.EINVAL), size)

    def _truncate(self, opened: OpenFile, size: int) -> None:
        self._data(opened).truncate(size)
        self.lifted(opened).touch_content()

    def fallocate(self, handle: Handle, mode: int, offset: int, size: int) -> None:
        """Reserve or punch as fallocate(2), with the modes of `ScratchBytes.fallocate`."""
        if offset < 0 or size <= 0:
            fail(errno.EINVAL)
        opened = self._writable(handle, errno.EBADF)
        self._data(opened).fallocate(mode, offset, size)
        self.lifted(opened).touch_content()

    def seek(self, handle: Handle, offset: int, whence: int) -> int:
        """Find data or a hole."""
        opened = self.file_of(handle)
        if opened.node is not None and opened.node.data is not None:
            return opened.node.data.seek(opened.lower, offset, whence)
        return self.lower.seek(lower_of_file(opened), offset, whence)

    def advise(self, handle: Handle, offset: int, size: int, advice: int) -> None:
        """Tell how a file will be read."""
        opened = self.file_of(handle)
        if opened.node is not None and opened.node.data is not None:
            opened.node.data.advise(opened.lower, offset, size, advice)
        else:
            self.lower.advise(lower_of_file(opened), offset, size, advice)

    def fetch(self, handle: Handle, size: int) -> bool:
        """Have the first bytes of a file brought into memory; those of one that was written to are not far."""
        opened = self.file_of(handle)
        if opened.node is not None and opened.node.data is not None:
            return True
        return self.lower.fetch(lower_of_file(opened), size)

    def sync(self, handle: Handle, *, data_only: bool = False) -> None:
        """Do nothing: all of it is thrown away."""

    def sync_all(self) -> None:
        """Do nothing: all of it is thrown away."""

    def statvfs(self) -> os.statvfs_result:
        """Return the space of the storage that takes the changes."""
        return self.tree.folder.space()

    # Handles, from the inside.

    def _add(self, opened: OpenDir | OpenFile) -> Handle:
        handle = next(self._handles)
        self._open[handle] = opened
        return handle

    def opened(self, handle: Handle) -> OpenDir | OpenFile:
        """Return what a handle stands for.

        Raises: OSError (EBADF).
        """
        return self._open.get(handle) or fail(errno.EBADF)

    def dir_of(self, handle: Handle) -> OpenDir:
        """Return the folder behind a handle.

        Raises: OSError (EBADF, ENOTDIR).
        """
        opened = self.opened(handle)
        return opened if isinstance(opened, OpenDir) else fail(errno.ENOTDIR)

    def file_of(self, handle: Handle) -> OpenFile:
        """Return the file behind a handle.

        Raises: OSError (EBADF, EISDIR).
        """
        opened = self.opened(handle)
        return opened if isinstance(opened, OpenFile) else fail(errno.EISDIR)

    def _writable(self, handle: Handle, otherwise: int) -> OpenFile:
        opened = self.opened(handle)
        return opened if isinstance(opened, OpenFile) and opened.writable else fail(otherwise)

    def lifted(self, opened: OpenFile) -> Node:
        """Return the node of an open file that is about to change, or just did."""
        node = opened.node
        if node is None:
            with self.lock:
                node = self.tree.lift_open(opened)
        opened.folder.mark()
        return node

    def _data(self, opened: OpenFile) -> "ScratchBytes":
        return self.lifted(opened).data or fail(errno.EINVAL)


def lower_of_file(opened: OpenFile) -> Handle:
    """Return the handle of the lower file of one that nobody changed.

    Raises: OSError (EBADF).
    """
    return opened.lower if opened.lower is not None else fail(errno.EBADF)
