"""Folders: the nodes of the tree that is being checked, and their store handles, few of which are open at a time."""

from collections import OrderedDict
from typing import Final

from wafs.format.directory import ROOT_PLACE, Place
from wafs.store.base import Handle, Store
from wafs.units import DirId
from wafs.vault.lock import TREE_NAME

_OPEN_AT_MOST: Final = 64


class Folder:
    """One folder: where it stands, under which names, and its id once that is known."""

    __slots__ = ("dir_id", "entry", "name", "parent")

    def __init__(self, parent: "Folder | None", entry: bytes, name: bytes) -> None:
        self.parent = parent
        self.entry = entry
        self.name = name
        self.dir_id: DirId | None = None

    @property
    def place(self) -> Place:
        """Return the place that binds its record; the id of the parent is known."""
        if self.parent is None or self.parent.dir_id is None:
            return ROOT_PLACE
        return Place(self.parent.dir_id, self.name)

    @property
    def path(self) -> bytes:
        """Return the plaintext path, `/` for the top."""
        return b"/" + b"/".join(node.name for node in self._way() if node.parent is not None)

    @property
    def entry_path(self) -> bytes:
        """Return the path of the ciphertext below the vault's folder."""
        return b"/".join(node.entry for node in self._way())

    def path_of(self, name: bytes) -> bytes:
        """Return the plaintext path of an entry."""
        return self.path.rstrip(b"/") + b"/" + name

    def _way(self) -> "list[Folder]":
        """Return the folders from the top to this one."""
        way = []
        node: Folder | None = self
        while node is not None:
            way.append(node)
            node = node.parent
        return way[::-1]


def top() -> Folder:
    """Return the top folder of a vault."""
    return Folder(None, TREE_NAME.encode(), b"")


class FolderHandles:
    """Handles of the folders used last, so that neither a deep nor a wide tree runs out of them.

    A handle is valid until the next call of `of`. Close it after use.
    """

    def __init__(self, store: Store, tree: Handle) -> None:
        self._store = store
        self._tree = tree
        self._open: OrderedDict[Folder, Handle] = OrderedDict()

    def of(self, folder: Folder) -> Handle:
        """Return the handle of a folder.

        Costs one open for each folder on the way from one that is open.
        Raises: OSError.
        """
        if folder.parent is None:
            return self._tree
        if folder in self._open:
            self._open.move_to_end(folder)
            return self._open[folder]
        way = [folder]
        while (above := way[-1].parent) is not None and above.parent is not None and above not in self._open:
            way.append(above)
        above = way[-1].parent
        handle = self._tree if above is None or above.parent is None else self._open[above]
        for node in reversed(way):
            handle = self._store.open_dir(handle, node.entry)
            self._open[node] = handle
            # The one just opened is needed for the next step, and is the last to go.
            if len(self._open) > _OPEN_AT_MOST:
                self._store.close(self._open.popitem(last=False)[1])
        return handle

    def close(self) -> None:
        """Give all handles back."""
        while self._open:
            self._store.close(self._open.popitem()[1])
