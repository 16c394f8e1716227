"""Scratch lookup: what a name stands for in a lower store with changes over it."""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NoReturn
from weakref import WeakValueDictionary

from wafs.store.base import Handle, Store
from wafs.store.scratch_bytes import ScratchBytes
from wafs.store.scratch_nodes import (
    DirNode,
    Identity,
    LowerPlace,
    Node,
    OpenDir,
    OpenFile,
    identity_of,
)

if TYPE_CHECKING:
    from wafs.store.scratch_folder import ScratchFolder

_NAME_MAX: Final = 255
_NO_XATTRS: Final = (errno.EOPNOTSUPP, errno.ENOSYS)

Found = Node | os.stat_result
"""What a name stands for: something that was changed or made, or the attributes of what lies below."""


class ScratchLookup:
    """What is where. An object that nobody changed has no node: the lower store is asked for it.

    A changed one has a node by its identity below, which it keeps, so that all its hard links share the node. A folder
    remembers the names that are not what they are below (`DirNode.changed`), and where it lies below itself, wherever
    it was moved.
    Nothing is ever written to the lower store.
    Guarded by `lock`.
    """

    def __init__(self, lower: Store, folder: "ScratchFolder") -> None:
        self.lock = threading.RLock()
        self.store = lower
        self.folder = folder
        handle = lower.open_dir(None, b".")
        try:
            identity = identity_of(lower.fstat(handle))
        except BaseException:
            self.give_back(handle)
            raise
        self.top = OpenDir(DirNode(identity, None, ()), handle)
        self._folders: WeakValueDictionary[Identity, DirNode] = WeakValueDictionary({identity: self.top.node})
        self._nodes: dict[Identity, Node] = {}
        self._readers: dict[Identity, list[OpenFile]] = {}

    # Finding.

    def look(self, folder: OpenDir, name: bytes) -> Found:
        """Return what a name stands for; `.` is the folder itself.

        Raises: OSError (ENOENT).
        """
        if name == b".":
            return folder.node if folder.node.is_up else self.store.fstat(lower_of(folder))
        changed = folder.node.changed
        if name in changed:
            return changed[name] or fail(errno.ENOENT)
        if folder.lower is None:
            fail(errno.ENAMETOOLONG if len(name) > _NAME_MAX else errno.ENOENT)
        found = self.store.stat(folder.lower, name)
        return self._nodes.get((found.st_dev, found.st_ino), found)

    def node_of(self, found: os.stat_result) -> Node | None:
        """Return the node of what has these attributes below."""
        return self._nodes.get((found.st_dev, found.st_ino))

    def folder_of(self, found: os.stat_result) -> DirNode | None:
        """Return what is known of a folder that has these attributes below, while it is open or after a change."""
        return self._folders.get((found.st_dev, found.st_ino))

    def changed(self) -> set[int]:
        """Return the inode numbers of files from below that were changed and still have a name."""
        return {
            node.identity[1]
            for node in self._nodes.values()
            if node.is_changed and node.nlink > 0 and node.place is not None and not isinstance(node, DirNode)
        }

    def lift(self, folder: OpenDir, name: bytes, found: Found | None = None) -> Node:
        """Return the node of an entry that is about to change; nothing changes by that.

        Raises: OSError.
        """
        found = found or self.look(folder, name)
        if isinstance(found, Node):
            return found
        if stat.S_ISDIR(found.st_mode):
            node = folder.node if name == b"." else self._dir_node(folder, name, identity_of(found))
            node.lift(found)
            self._nodes[node.identity] = node
            return node
        return self._lift_file(found, folder.node, name, target=self._target(folder, name, found))

    def lift_open(self, opened: OpenFile) -> Node:
        """Return the node of an open file that is about to change.

        Raises: OSError.
        """
        if opened.node is not None:
            return opened.node
        found = self.store.fstat(opened.lower if opened.lower is not None else fail(errno.EBADF))
        return self._lift_file(found, opened.folder, opened.name)

    def lift_dir(self, folder: OpenDir) -> DirNode:
        """Return the node of a folder whose entries are about to change.

        Raises: OSError (ENOENT if it was removed).
        """
        if folder.node.is_removed:
            fail(errno.ENOENT)
        self.lift(folder, b".")
        return folder.node

    def _lift_file(self, found: os.stat_result, folder: DirNode, name: bytes, *, target: bytes = b"") -> Node:
        identity = identity_of(found)
        node = Node(identity, found.st_mode)
        node.copy(found, _place(folder, name))
        node.found_in = folder
        node.is_changed = False
        node.target = target
        if stat.S_ISREG(found.st_mode):
            node.data = ScratchBytes(self.store, self.folder, found)
        self._nodes[identity] = node
        for reader in self._readers.pop(identity, []):
            reader.node = node
            if node.data is not None:
                node.data.hold()
        return node

    def _target(self, folder: OpenDir, name: bytes, found: os.stat_result) -> bytes:
        return self.store.readlink(lower_of(folder), name) if stat.S_ISLNK(found.st_mode) else b""

    def take_up(self) -> None:
        """Have here all bytes of the files that were changed, so that these may change below.

        What fails stays where it is, and is found to have changed when it is read.
        """
        for node in self._nodes.values():
            with contextlib.suppress(OSError):
                handle = self.open_lower(node)
                if node.data is None or handle is None:
                    continue
                node.data.hold()
                try:
                    node.data.take_up(handle)
                finally:
                    node.data.let_go()
                    self.give_back(handle)

    def settle(self) -> None:
        """Take what is there now for unchanged."""
        for node in self._nodes.values():
            node.is_changed = node.has_new_xattrs = False
        for folder in self._folders.values():
            folder.is_changed = folder.is_touched = folder.has_new_xattrs = False
            for entry in folder.changed.values():
                if entry is not None:
                    entry.is_changed = entry.has_new_xattrs = False

    # Opening.

    def open_dir(self, folder: OpenDir, name: bytes) -> OpenDir:
        """Open a folder.

        Raises: OSError.
        """
        if name == b".":
            return self._open_node(folder.node, folder)
        changed = folder.node.changed
        if name in changed:
            node = changed[name] or fail(errno.ENOENT)
            return self._open_node(node, None) if isinstance(node, DirNode) else fail(errno.ENOTDIR)
        if folder.lower is None:
            fail(errno.ENAMETOOLONG if len(name) > _NAME_MAX else errno.ENOENT)
        handle = self.store.open_dir(folder.lower, name)
        try:
            found = self.store.fstat(handle)
        except BaseException:
            self.give_back(handle)
            raise
        return OpenDir(self._dir_node(folder, name, identity_of(found)), handle)

    def _open_node(self, node: DirNode, same: OpenDir | None) -> OpenDir:
        if node.lower is None:
            return OpenDir(node, None)
        if same is not None:
            return OpenDir(node, self.store.open_dir(lower_of(same), b"."))
        handle = self._open_below(node.lower)
        try:
            if identity_of(self.store.fstat(handle)) != node.identity:
                fail(errno.ESTALE)
        except BaseException:
            self.give_back(handle)
            raise
        return OpenDir(node, handle)

    def _open_below(self, names: tuple[bytes, ...]) -> Handle:
        """Open a folder of the lower store by its names from the top."""
        handle = self.store.open_dir(None, b".")
        for name in names:
            try:
                below = self.store.open_dir(handle, name)
            finally:
                self.give_back(handle)
            handle = below
        return handle

    @contextlib.contextmanager
    def below(self, place: LowerPlace) -> Iterator[Handle]:
        """Have the lower folder open in which something lies.

        Raises: OSError.
        """
        handle = self._open_below(place.folders)
        try:
            yield handle
        finally:
            self.give_back(handle)

    def open_lower(self, node: Node) -> Handle | None:
        """Open the lower file of a changed one; None if no byte comes from there.

        Raises: OSError (ESTALE if it is not as it was).
        """
        if node.data is None or not node.data.has_lower or node.place is None:
            return None
        with self.below(node.place) as folder:
            handle = self.store.open(folder, node.place.name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            if identity_of(self.store.fstat(handle)) != node.identity:
                fail(errno.ESTALE)
            node.data.check(handle)
        except BaseException:
            self.give_back(handle)
            raise
        return handle

    def watch(self, opened: OpenFile, identity: Identity) -> None:
        """Have an open file told when somebody changes it."""
        opened.identity = identity
        self._readers.setdefault(identity, []).append(opened)

    def unwatch(self, opened: OpenFile) -> None:
        """Forget an open file that nobody changed."""
        if opened.identity is not None:
            readers = self._readers[opened.identity]
            readers.remove(opened)
            if not readers:
                del self._readers[opened.identity]

    def _dir_node(self, parent: OpenDir, name: bytes, identity: Identity) -> DirNode:
        """Return the node of a folder that lies where it lies below."""
        node = self._folders.get(identity)
        if node is None:
            place = _place(parent.node, name)
            node = self._folders[identity] = DirNode(identity, parent.node, (*place.folders, name))
        return node

    # Listing.

    def entries(self, folder: OpenDir) -> list[tuple[bytes, int, int]]:
        """Return name, type and inode number of all entries.

        Raises: OSError.
        """
        changed = folder.node.changed
        below = list(self.store.entries(folder.lower)) if folder.lower is not None else []
        if not changed:
            return below
        found = [entry for entry in below if entry[0] not in changed]
        found += [(name, node.kind, node.identity[1]) for name, node in changed.items() if node is not None]
        return found

    def close_dir(self, folder: OpenDir) -> None:
        """Give back what is open of a folder."""
        if folder.lower is not None:
            self.give_back(folder.lower)

    def give_back(self, handle: Handle) -> None:
        """Close a handle of the lower store; nothing was written through it, so what fails is of no account."""
        with contextlib.suppress(OSError):
            self.store.close(handle)

    # Attributes.

    def xattrs(self, node: Node) -> dict[bytes, bytes]:
        """Return the attributes of a node, those from below if nobody changed them yet.

        Raises: OSError.
        """
        if node.xattrs is None:
            node.xattrs = self._xattrs_below(node.place) if node.place is not None else {}
        return node.xattrs

    def _xattrs_below(self, place: LowerPlace) -> dict[bytes, bytes]:
        with self.below(place) as folder:
            try:
                names = list(self.store.listxattr(folder, place.name))
                return {name: self.store.getxattr(folder, place.name, name) for name in names}
            except OSError as error:
                if error.errno not in _NO_XATTRS:
                    raise
                return {}


def _place(folder: DirNode, name: bytes) -> LowerPlace:
    if folder.lower is None:
        msg = "what nobody changed lies in a folder of the lower store"
        raise ValueError(msg)
    return LowerPlace(folder.lower, name)


def fail(code: int) -> NoReturn:
    """Raise the error of a system call.

    Raises: OSError.
    """
    raise OSError(code, os.strerror(code))


def lower_of(folder: OpenDir) -> Handle:
    """Return the handle of what lies below a folder.

    Raises: OSError (ENOENT) if nothing does.
    """
    return folder.lower if folder.lower is not None else fail(errno.ENOENT)
