"""Scratch tree: names that come, go and move over a lower store, in memory."""

import contextlib
import errno
import os
import stat
from typing import Final

from wafs.store.scratch_bytes import ScratchBytes
from wafs.store.scratch_lookup import Found, ScratchLookup, fail
from wafs.store.scratch_nodes import DirNode, Identity, Node, OpenDir, identity_of, new_identity

_NOREPLACE: Final = 1
_EXCHANGE: Final = 2
_PERMISSIONS: Final = 0o1777


class ScratchTree(ScratchLookup):
    """Changes of names, each all or nothing: what can fail comes first.

    Guarded by `lock`.
    """

    def absent(self, folder: OpenDir, name: bytes) -> None:
        """Refuse a name that is there already.

        Raises: OSError (EEXIST, ENOENT in a folder that was removed).
        """
        try:
            self.look(folder, name)
        except FileNotFoundError:
            if folder.node.is_removed:
                raise
            return
        fail(errno.EEXIST)

    def make(self, folder: OpenDir, mode: int) -> Node:
        """Make an object without a name."""
        above = self.look(folder, b".")
        above_mode, gid = (above.mode, above.gid) if isinstance(above, Node) else (above.st_mode, above.st_gid)
        kind = stat.S_IFMT(mode)
        node = DirNode(new_identity(), folder.node, None) if kind == stat.S_IFDIR else Node(new_identity(), mode)
        node.mode = kind | mode & (_PERMISSIONS if kind == stat.S_IFDIR else 0o7777)
        node.uid, node.gid = os.geteuid(), os.getegid()
        if above_mode & stat.S_ISGID:
            node.gid = gid
            node.mode |= stat.S_ISGID if kind == stat.S_IFDIR else 0
        if kind == stat.S_IFREG:
            node.data = ScratchBytes(self.store, self.folder)
        if isinstance(node, DirNode):
            self._folders[node.identity] = node
        return node

    def add(self, folder: OpenDir, name: bytes, node: Node) -> None:
        """Give a name that is absent to a node.

        Raises: OSError.
        """
        above = self.lift_dir(folder)
        above.changed[name] = node
        if isinstance(node, DirNode):
            node.parent = above
            above.count_folder(1)
        _note(above)

    def remove(self, folder: OpenDir, name: bytes, *, is_dir: bool) -> None:
        """Remove an entry.

        Raises: OSError.
        """
        found = self.look(folder, name)
        mode = found.mode if isinstance(found, Node) else found.st_mode
        if stat.S_ISDIR(mode) != is_dir:
            fail(errno.ENOTDIR if is_dir else errno.EISDIR)
        if is_dir:
            self._must_be_empty(folder, name)
        if isinstance(found, Node) or is_dir or found.st_nlink > 1 or identity_of(found) in self._readers:
            found = self.lift(folder, name, found)
        above, below = self.lift_dir(folder), self._is_below(folder, name)
        _hide(above, name, below=below)
        if isinstance(found, Node):
            self._lose(found, above)
        _note(above)

    def _must_be_empty(self, folder: OpenDir, name: bytes) -> None:
        opened = self.open_dir(folder, name)
        try:
            if any(True for _ in self.entries(opened)):
                fail(errno.ENOTEMPTY)
        finally:
            self.close_dir(opened)

    def _lose(self, node: Node, above: DirNode) -> None:
        """Note that a node has one name less."""
        if isinstance(node, DirNode):
            above.count_folder(-1)
            node.nlink = 0
            node.is_removed = True
        else:
            node.nlink -= 1
        node.touch()
        self.forget(node)

    def forget(self, node: Node) -> None:
        """Let go of what has no name and is not open; who has a folder open has its node as well."""
        if node.nlink > 0 or (node.data is not None and node.data.is_open):
            return
        if node.data is not None:
            node.data.discard()
        self._nodes.pop(node.identity, None)

    def _is_below(self, folder: OpenDir, name: bytes) -> bool:
        if folder.lower is None:
            return False
        try:
            self.store.stat(folder.lower, name)
        except FileNotFoundError:
            return False
        return True

    def rename(self, folder: OpenDir, name: bytes, new_folder: OpenDir, new_name: bytes, flags: int) -> None:
        """Rename as renameat2(2).

        Raises: OSError.
        """
        if flags not in (0, _NOREPLACE, _EXCHANGE):
            fail(errno.EINVAL)
        moved = self.look(folder, name)
        there: Found | None = None
        with contextlib.suppress(FileNotFoundError):
            there = self.look(new_folder, new_name)
        if new_folder.node.is_removed or (flags == _EXCHANGE and there is None):
            fail(errno.ENOENT)
        if flags == _NOREPLACE and there is not None:
            fail(errno.EEXIST)
        if new_folder.node.is_in(_identity(moved)):
            fail(errno.EINVAL)
        if there is not None and folder.node.is_in(_identity(there)):
            fail(errno.EINVAL if flags == _EXCHANGE else errno.ENOTEMPTY)
        if there is not None and _identity(there) == _identity(moved):
            return
        if there is not None and flags != _EXCHANGE:
            self._must_be_replaceable(moved, there, new_folder, new_name)
        node = self.lift(folder, name, moved)
        other = self.lift(new_folder, new_name, there) if there is not None else None
        above, new_above = self.lift_dir(folder), self.lift_dir(new_folder)
        below = self._is_below(folder, name)
        # From here on nothing fails.
        if flags == _EXCHANGE and other is not None:
            above.changed[name] = other
            _move(other, new_above, above)
        else:
            _hide(above, name, below=below)
        new_above.changed[new_name] = node
        _move(node, above, new_above)
        if other is not None and flags != _EXCHANGE:
            self._lose(other, new_above)
        _note(above)
        _note(new_above)

    def _must_be_replaceable(self, moved: Found, there: Found, folder: OpenDir, name: bytes) -> None:
        if _is_dir(there) and not _is_dir(moved):
            fail(errno.EISDIR)
        if _is_dir(moved) and not _is_dir(there):
            fail(errno.ENOTDIR)
        if _is_dir(there):
            self._must_be_empty(folder, name)


def _identity(found: Found) -> Identity:
    return found.identity if isinstance(found, Node) else identity_of(found)


def _is_dir(found: Found) -> bool:
    return stat.S_ISDIR(found.mode if isinstance(found, Node) else found.st_mode)


def _hide(folder: DirNode, name: bytes, *, below: bool) -> None:
    """Take a name away; `below`: there is something under it that must not show."""
    if below:
        folder.changed[name] = None
    else:
        folder.changed.pop(name, None)


def _move(node: Node, old: DirNode, new: DirNode) -> None:
    if isinstance(node, DirNode):
        old.count_folder(-1)
        new.count_folder(1)
        node.parent = new
    node.touch()


def _note(folder: DirNode) -> None:
    folder.touch_content()
    folder.mark()
