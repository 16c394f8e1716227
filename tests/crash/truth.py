"""Truth: what a program did to the plain tree, step by step, and what it was promised.

Steps count from 1; 0 is the empty vault. The tree after each step is kept, and each version of each inode, so that what
a crash left can be looked for among what there really was.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Names: TypeAlias = dict[bytes, int]
"""Inodes by path."""


class Version(NamedTuple):
    """An inode after a step. `mtime` is set where the program set it, in ns, until the bytes changed again."""

    step: int
    content: bytes
    mode: int
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    mtime: int | None = None


@dataclass
class Thing:
    """One inode: its kind, all its versions, the steps that made its bytes durable, and those that made all of it."""

    kind: int
    versions: list[Version]
    synced: list[int] = field(default_factory=list)
    fully_synced: list[int] = field(default_factory=list)

    @property
    def now(self) -> Version:
        return self.versions[-1]

    def window(self, base: int, last: int) -> list[Version]:
        """Return the version after step `base` and those up to step `last`."""
        after = [version for version in self.versions if base < version.step <= last]
        before = [version for version in self.versions if version.step <= base]
        return before[-1:] + after


class Truth:
    """The plain tree as a model, with its history."""

    def __init__(self) -> None:
        self.things: dict[int, Thing] = {0: Thing(stat.S_IFDIR, [Version(0, b"", 0o700)])}
        self.trees: list[Names] = [{b"": 0}]
        self.passwords: list[tuple[int, bytes]] = []

    @property
    def step(self) -> int:
        """The step that is being done."""
        return len(self.trees)

    @property
    def tree(self) -> Names:
        """The tree after the last step that was done."""
        return self.trees[-1]

    @property
    def newest(self) -> int:
        """The inode that was made last."""
        return len(self.things) - 1

    def done(self, tree: Names | None = None) -> None:
        """End a step, with a new tree if it changed names."""
        self.trees.append(self.tree if tree is None else tree)

    def make(self, kind: int, mode: int, content: bytes = b"") -> int:
        """Make an inode, without a name as yet."""
        number = len(self.things)
        self.things[number] = Thing(kind, [Version(self.step, content, mode)])
        return number

    def change(self, number: int, **changes: object) -> None:
        """Add a version of an inode."""
        thing = self.things[number]
        if "content" in changes:
            changes.setdefault("mtime", None)
        thing.versions.append(thing.now._replace(step=self.step, **changes))  # type: ignore[arg-type]

    def below(self, path: bytes) -> Iterator[bytes]:
        """Give the paths at and below a path."""
        for other in self.tree:
            if other == path or other.startswith(path + b"/"):
                yield other

    def moved(self, path: bytes, new: bytes, *, exchange: bool = False) -> Names:
        """Return the tree with what is at and below one path under another."""
        gone = set(self.below(path)) | set(self.below(new))
        tree = {other: number for other, number in self.tree.items() if other not in gone}
        tree |= {new + other[len(path) :]: self.tree[other] for other in self.below(path)}
        if exchange:
            tree |= {path + other[len(new) :]: self.tree[other] for other in self.below(new)}
        return tree
