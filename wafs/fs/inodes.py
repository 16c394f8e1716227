"""Inodes: which inode has which number, and by which names it can be reached."""

import os
import stat
import threading
from typing import Final, NamedTuple

from wafs.errors import NotFoundError
from wafs.format.directory import ROOT_PLACE, DirectoryRecord, Place
from wafs.fs.attrs import Attrs
from wafs.fs.kept_handle import KeptHandle
from wafs.units import ROOT_INO, DirId, Ino
from wafs.vault.content import Content
from wafs.vault.shown_time import NO_SHOWN_TIME

Identity = tuple[int, int]
"""Device and inode number of the ciphertext entry."""


class Stamp(NamedTuple):
    """Ciphertext mtime (ns) and length when the file was last closed: as long as they hold, cached pages are good."""

    mtime_ns: int
    length: int


class Link(NamedTuple):
    """One known name of an inode."""

    parent: "Inode"
    name: bytes


class Inode:
    """One object of the tree that somebody holds.

    Pins keep it in the table: one for each LOOKUP not yet forgotten, each open handle and each known child.
    `record` is set for directories once it is known; `content` while a regular file is open. `shown_size` is what the
    kernel takes for the size: of a closed file it follows from the length of the ciphertext and is not verified.
    `kept` is set for a file without a name that can still be opened.
    Guarded by the lock of `FsContext`.
    """

    __slots__ = (
        "content",
        "ctime",
        "identity",
        "kept",
        "kind",
        "last_attrs",
        "links",
        "number",
        "opens",
        "pins",
        "record",
        "shown_size",
        "stamp",
    )

    def __init__(self, number: Ino, kind: int, identity: Identity) -> None:
        self.number = number
        self.kind = kind
        self.identity = identity
        self.pins = 0
        self.links: list[Link] = []
        self.record: DirectoryRecord | None = None
        self.content: Content | None = None
        self.opens = 0
        self.ctime = NO_SHOWN_TIME
        self.stamp: Stamp | None = None
        self.shown_size = -1
        self.last_attrs: Attrs | None = None
        self.kept: KeptHandle | None = None

    @property
    def is_dir(self) -> bool:
        """Tell whether it is a directory."""
        return self.kind == stat.S_IFDIR

    @property
    def place(self) -> Place:
        """Return where a directory stands; its parent's record is known.

        Raises: NotFoundError if it was removed.
        """
        if self.number == ROOT_INO:
            return ROOT_PLACE
        link = self.link()
        return Place(link.parent.dir_id, link.name)

    @property
    def dir_id(self) -> DirId:
        """Return the id of a directory whose record is known."""
        if self.record is None:
            raise NotFoundError
        return self.record.dir_id

    def note_change(self) -> None:
        """Note that a name or attribute of the file changed, which a sync of its content must not leave out."""
        if self.content is not None:
            self.content.note_change()

    def link(self) -> Link:
        """Return a name by which the inode can be reached.

        Raises: NotFoundError if it has none any more.
        """
        if not self.links:
            raise NotFoundError
        return self.links[-1]


_NO_IDENTITY: Final = (0, 0)
CROWD: Final = 65_536
"""More inodes than this take too much memory, some 700 bytes each; those that nobody uses should go."""

_LOOK_EVERY: Final = 256
_KIND: Final = 0o170000
"""The bits of a mode that S_IFMT leaves."""


class InodeTable:
    """All inodes that are pinned.

    A number is never used twice, so a number that the kernel still holds can never mean another file, also when the
    storage uses an inode number again.
    Thread: guarded by the lock of `FsContext`.
    """

    def __init__(self, root: os.stat_result) -> None:
        self.root = Inode(ROOT_INO, stat.S_IFDIR, (root.st_dev, root.st_ino))
        self.root.pins = 1
        self._by_number: dict[int, Inode] = {ROOT_INO: self.root}
        self._by_identity: dict[Identity, Inode] = {self.root.identity: self.root}
        self._by_name: dict[tuple[int, bytes], Inode] = {}
        self._next = Ino(ROOT_INO + 1)
        self._looked_at = ROOT_INO
        self.crowded = threading.Event()
        """Set while there are more inodes than `CROWD`; who waits for it calls `take_idle`."""

    def __len__(self) -> int:
        return len(self._by_number)

    def __getitem__(self, number: int) -> Inode:
        """Return the inode with a number.

        Raises: NotFoundError.
        """
        inode = self._by_number.get(number)
        if inode is None:
            raise NotFoundError
        return inode

    def take_idle(self, count: int) -> list[Inode]:
        """Return up to `count` files that are not open, in turn, from the one that was found first.

        The last that were found are left alone. Clears `crowded` when there is no need, or nothing more to be found
        before others come.
        """
        found: list[Inode] = []
        before, last = self._looked_at, self._next - CROWD // 2
        self._looked_at = ROOT_INO
        for number, inode in self._by_number.items():
            if number <= before or inode.is_dir or inode.opens or inode.content is not None:
                continue
            if number >= last:
                break
            if len(found) == count:
                self._looked_at = found[-1].number
                break
            found.append(inode)
        if self._looked_at == ROOT_INO or len(self._by_number) <= CROWD:
            self.crowded.clear()
        return found

    def known(self, parent: Inode, name: bytes) -> Inode | None:
        """Return the inode that was last found under a name, if somebody holds it."""
        return self._by_name.get((parent.number, name))

    def held(self, found: os.stat_result) -> Inode | None:
        """Return the inode of an entry that the store shows, by whatever name it was found, if somebody holds it."""
        return self._by_identity.get((found.st_dev, found.st_ino))

    def find(self, parent: Inode, name: bytes, found: os.stat_result) -> Inode:
        """Return the inode of an entry that the store shows under `name`, a new one if nobody holds it yet.

        The caller pins it or calls `unpin(inode, 0)`.
        """
        identity = (found.st_dev, found.st_ino)
        kind = found.st_mode & _KIND
        inode = self._by_name.get((parent.number, name))
        if inode is not None:
            if inode.identity == identity and inode.kind == kind:
                return inode
            self.drop_link(parent, name, is_gone=False)
        inode = self._by_identity.get(identity)
        if inode is None or inode.kind != kind or kind == stat.S_IFDIR:
            # A directory has one place: one that shows up elsewhere was moved behind our back, and is another inode.
            inode = self._add(identity, kind)
        self.add_link(inode, parent, name)
        return inode

    def add_unnamed(self, found: os.stat_result) -> Inode:
        """Make a new inode that has no name yet; the caller pins it or gives it one."""
        return self._add((found.st_dev, found.st_ino), found.st_mode & _KIND)

    def _add(self, identity: Identity, kind: int) -> Inode:
        number = self._next
        self._next = Ino(number + 1)
        inode = self._by_number[number] = self._by_identity[identity] = Inode(number, kind, identity)
        if not number % _LOOK_EVERY and len(self._by_number) > CROWD:
            self.crowded.set()
        return inode

    def add_link(self, inode: Inode, parent: Inode, name: bytes) -> None:
        """Note that `inode` is also called `name` in `parent`."""
        inode.links.append(tuple.__new__(Link, (parent, name)))
        parent.pins += 1
        self._by_name[parent.number, name] = inode

    def drop_link(self, parent: Inode, name: bytes, *, is_gone: bool) -> None:
        """Note that a name is no longer there; `is_gone`: it was the last one, the file is about to vanish."""
        inode = self._by_name.pop((parent.number, name), None)
        if inode is None:
            return
        inode.links.remove(Link(parent, name))
        if is_gone and inode.content is None:
            self.forget_identity(inode)
        self.unpin(parent)
        self.unpin(inode, 0)

    def forget_identity(self, inode: Inode) -> None:
        """Note that the storage may use the inode's number again for another file."""
        if self._by_identity.get(inode.identity) is inode:
            del self._by_identity[inode.identity]
        inode.identity = _NO_IDENTITY

    def drop_kept(self) -> None:
        """Give back all handles that are kept, before the vault is closed."""
        for inode in self._by_number.values():
            inode.kept = None

    def unpin(self, inode: Inode, count: int = 1) -> None:
        """Drop pins; an inode without pins leaves the table, and its names with it."""
        inode.pins -= count
        while inode.pins <= 0 and inode.number in self._by_number:
            del self._by_number[inode.number]
            self.forget_identity(inode)
            links, inode.links = inode.links, []
            for link in links:
                del self._by_name[link.parent.number, link.name]
                link.parent.pins -= 1
            if not links:
                return
            for link in links[1:]:
                self.unpin(link.parent, 0)
            inode = links[0].parent
