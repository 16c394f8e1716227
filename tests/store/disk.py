"""Disk: inodes in memory, and the log of what was done to them, as a filesystem below a store has them.

Everything is plain data, so that a disk can be copied, cut off in the middle of its log and looked at by anybody.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TOP = 1
"""Inode number of the top folder."""

EVERYTHING = 0
"""In a `Sync`: all of the disk."""

BLOCK = 4096
"""What the filesystem allocates and frees at a time, in bytes."""


class Write(NamedTuple):
    """Bytes of a file."""

    ino: int
    offset: int
    data: bytes


class Resize(NamedTuple):
    """A new length of a file that no write brings about; `old` is the length before."""

    ino: int
    old: int
    size: int


class Punch(NamedTuple):
    """A range of a file becomes a hole."""

    ino: int
    offset: int
    size: int


class Added(NamedTuple):
    """A name for an inode: made, or linked."""

    parent: int
    name: bytes
    ino: int


class Gone(NamedTuple):
    """A name less."""

    parent: int
    name: bytes
    ino: int


class Moved(NamedTuple):
    """A rename; `other` had the new name before (0: nobody) and has the old one afterwards if `exchange`."""

    parent: int
    name: bytes
    new_parent: int
    new_name: bytes
    ino: int
    other: int
    exchange: bool


class Attr(NamedTuple):
    """An attribute of an inode: `mode`, `owner`, `atime`, `mtime`, or an extended one by its name (None: removed)."""

    ino: int
    key: str | bytes
    value: int | bytes | tuple[int, int] | None


class Sync(NamedTuple):
    """A sync of a file or directory has returned; of the whole disk, if `ino` is `EVERYTHING`."""

    ino: int
    data_only: bool


Event: TypeAlias = Write | Resize | Punch | Added | Gone | Moved | Attr | Sync


@dataclass(slots=True)
class Node:
    """One inode. A file has `data`, a directory `entries`, a symlink `target`."""

    kind: int
    mode: int
    rdev: int = 0
    uid: int = 0
    gid: int = 0
    atime: int = 0
    mtime: int = 0
    ctime: int = 0
    nlink: int = 0
    target: bytes = b""
    data: bytearray = field(default_factory=bytearray)
    entries: dict[bytes, int] = field(default_factory=dict)
    xattrs: dict[bytes, bytes] = field(default_factory=dict)

    def copy(self) -> Node:
        """A second one of the same contents."""
        twin = self.born_again()
        twin.data, twin.entries, twin.xattrs = bytearray(self.data), dict(self.entries), dict(self.xattrs)
        twin.nlink, twin.mtime, twin.ctime = self.nlink, self.mtime, self.ctime
        return twin

    def born_again(self) -> Node:
        """One as this was when it was made: without contents, names and extended attributes."""
        made = self.ctime
        return Node(self.kind, self.mode, self.rdev, self.uid, self.gid, self.atime, made, made, target=self.target)


class Disk:
    """All inodes. While `log` is a list, every change is put on record there with its time in ns.

    `births` are the inodes as they were made, by number, for those who rebuild the disk from the log.
    """

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {TOP: Node(stat.S_IFDIR, 0o700, nlink=2)}
        self.births: dict[int, Node] = {}
        self.log: list[tuple[Event, int]] | None = None
        self.clock = 0
        self._next = TOP + 1

    @classmethod
    def load(cls, path: Path) -> Disk:
        """Copy a folder of this machine: folders, files and symlinks."""
        disk = cls()
        disk._load(TOP, os.fsencode(path))
        return disk

    def _load(self, ino: int, path: bytes) -> None:
        for name in sorted(os.listdir(path)):
            below = os.path.join(path, name)
            found = os.lstat(below)
            child = self.make(stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode))
            self.apply(Added(ino, name, child), self.tick())
            if stat.S_ISDIR(found.st_mode):
                self._load(child, below)
            elif stat.S_ISREG(found.st_mode):
                with open(below, "rb") as file:
                    self.nodes[child].data += file.read()
            else:
                self.nodes[child].target = os.readlink(below)

    def dump(self, path: Path, ino: int = TOP) -> None:
        """Write everything that can be reached to an empty folder of this machine, for other programs to look at."""
        for name, child in self.nodes[ino].entries.items():
            node, below = self.nodes[child], path / os.fsdecode(name)
            if node.kind == stat.S_IFDIR:
                below.mkdir(mode=0o700)
                self.dump(below, child)
            elif node.kind == stat.S_IFREG:
                below.write_bytes(node.data)
            elif node.kind == stat.S_IFLNK:
                below.symlink_to(os.fsdecode(node.target))
            else:
                os.mknod(below, node.kind | node.mode, node.rdev)

    def copy(self) -> Disk:
        """A second disk of the same contents, without a log."""
        twin = Disk()
        twin.nodes = {ino: node.copy() for ino, node in self.nodes.items()}
        twin._next, twin.clock = self._next, self.clock
        return twin

    def make(self, kind: int, mode: int, *, rdev: int = 0, target: bytes = b"") -> int:
        """Make an inode without a name and return its number."""
        ino = self._next
        self._next += 1
        node = Node(kind, mode, rdev, os.geteuid(), os.getegid(), target=target)
        node.ctime = node.mtime = node.atime = self.tick()
        self.births[ino] = node.born_again()
        self.nodes[ino] = node
        return ino

    def adopt_numbers(self, used: Iterable[int]) -> None:
        """Never give one of these numbers to a new inode."""
        self._next = max([self._next, *(ino + 1 for ino in used)])

    def tick(self) -> int:
        """Return the time in ns since 1970, later at each call."""
        self.clock = max(self.clock + 1, time.time_ns())
        return self.clock

    def record(self, event: Event) -> None:
        """Do what an event says and put it on record."""
        now = self.tick()
        self.apply(event, now)
        if self.log is not None:
            self.log.append((event, now))

    def apply(self, event: Event, now: int) -> None:
        """Do what an event says, at a time."""
        match event:
            case Write() | Resize() | Punch():
                change_bytes(self.nodes[event.ino].data, event)
                self.touch(event, now)
            case Attr():
                self._apply_attribute(event)
                self.touch(event, now)
            case Added() | Gone() | Moved():
                self._apply_name(event)
                self.touch(event, now)

    def touch(self, event: Event, now: int) -> None:
        """Set the times that an event sets."""
        for ino in inodes_of(event):
            node = self.nodes[ino]
            node.ctime = now
            is_own = isinstance(event, Write | Resize | Punch) or (node.kind == stat.S_IFDIR and ino != event.ino)
            if is_own and not isinstance(event, Attr | Sync):
                node.mtime = now

    def _apply_attribute(self, event: Attr) -> None:
        node = self.nodes[event.ino]
        match event.key, event.value:
            case bytes() as name, bytes() as value:
                node.xattrs[name] = value
            case bytes() as name, None:
                node.xattrs.pop(name, None)
            case "mode", int() as mode:
                node.mode = mode
            case "owner", (int() as uid, int() as gid):
                node.uid, node.gid = uid, gid
            case "mtime", int() as when:
                node.mtime = when
            case "atime", int() as when:
                node.atime = when
            case _:
                raise AssertionError(event)

    def _apply_name(self, event: Added | Gone | Moved) -> None:
        match event:
            case Added(parent, name, ino):
                self._enter(parent, name, ino)
            case Gone(parent, name, ino):
                self._leave(parent, name, ino)
            case Moved(parent, name, new_parent, new_name, ino, other, exchange):
                self._leave(parent, name, ino)
                if other:
                    self._leave(new_parent, new_name, other)
                self._enter(new_parent, new_name, ino)
                if other and exchange:
                    self._enter(parent, name, other)

    def _enter(self, parent: int, name: bytes, ino: int) -> None:
        self.nodes[parent].entries[name] = ino
        node = self.nodes[ino]
        if node.kind == stat.S_IFDIR:
            node.nlink = 2
            self.nodes[parent].nlink += 1
        else:
            node.nlink += 1

    def _leave(self, parent: int, name: bytes, ino: int) -> None:
        del self.nodes[parent].entries[name]
        node = self.nodes[ino]
        if node.kind == stat.S_IFDIR:
            node.nlink = 0
            self.nodes[parent].nlink -= 1
        else:
            node.nlink -= 1

    def fingerprint(self) -> int:
        """Return a number that tells apart what can be reached: names, kinds, contents, modes, attributes, times."""
        return hash(tuple(self._facts(TOP)))

    def _facts(self, ino: int) -> list[object]:
        node = self.nodes[ino]
        facts: list[object] = [ino, node.kind, node.mode, bytes(node.data), frozenset(node.xattrs.items())]
        facts += [node.target, node.mtime, node.ctime]
        for name, child in sorted(node.entries.items()):
            facts += [name, *self._facts(child)]
        return facts


def change_bytes(data: bytearray, event: Write | Resize | Punch) -> None:
    """Do to the bytes of a file what an event says."""
    match event:
        case Write(_, offset, piece):
            if offset > len(data):
                data.extend(bytes(offset - len(data)))
            data[offset : offset + len(piece)] = piece
        case Resize(_, _, size):
            del data[size:]
            data.extend(bytes(size - len(data)))
        case Punch(_, offset, size):
            end = min(offset + size, len(data))
            data[offset:end] = bytes(max(end - offset, 0))


def inodes_of(event: Event) -> tuple[int, ...]:
    """Return the inodes that an event changes, directories whose entries it changes included."""
    match event:
        case Moved(parent, _, new_parent, _, ino, other, _):
            return (parent, new_parent, ino, other) if other else (parent, new_parent, ino)
        case Added(parent, _, ino) | Gone(parent, _, ino):
            return (parent, ino)
        case _:
            return (event.ino,)
