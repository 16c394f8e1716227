"""Snapshot contents: what is in one snapshot, how much of it is in no other place, and what differs between two."""

import stat
from collections import Counter
from typing import NamedTuple

from wafs.cli.opening import Session
from wafs.cli.removing import Failed
from wafs.fs.walk import found, walk
from wafs.units import Ino


class Volume(NamedTuple):
    """Files and bytes of a snapshot. `only_here`: bytes that go when it is removed."""

    files: int
    bytes: int
    only_here: int


class Difference(NamedTuple):
    """What became of the files from one snapshot to another; folders are not told of. `moved` has old and new paths."""

    added: list[bytes]
    removed: list[bytes]
    changed: list[bytes]
    moved: list[tuple[bytes, bytes]]


class _Fact(NamedTuple):
    number: int
    kind: int
    size: int
    mtime_ns: int


def volume_of(session: Session, parent: Ino, name: bytes, failed: Failed) -> Volume:
    """Count what is in a snapshot.

    Raises: KeyboardInterrupt, WafsError, OSError.
    """
    files = total = only_here = 0
    names: Counter[int] = Counter()
    shared: dict[int, tuple[int, int]] = {}
    entry = session.vfs.tree.lookup(parent, name)
    try:
        for step in walk(session.vfs, entry.ino, name, failed):
            session.interrupts.check()
            if step.is_dir:
                continue
            files += 1
            attrs = step.entry.attrs
            if not stat.S_ISREG(attrs.mode):
                continue
            total += attrs.size
            if attrs.nlink == 1:
                only_here += attrs.size
            else:
                names[attrs.ino] += 1
                shared[attrs.ino] = attrs.nlink, attrs.size
    finally:
        session.vfs.tree.forget(entry.ino)
    only_here += sum(size for number, (links, size) in shared.items() if names[number] == links)
    return Volume(files, total, only_here)


def difference(session: Session, first: bytes, second: bytes, failed: Failed) -> Difference:
    """Compare two folders of the vault by path, file, size and time.

    Raises: KeyboardInterrupt, WafsError, OSError.
    """
    old, new = _facts(session, first, failed), _facts(session, second, failed)
    come = {path: fact for path, fact in new.items() if path not in old}
    # A name that was given up may have a new file by now.
    left = {path: fact for path, fact in old.items() if path not in new or new[path].number != fact.number}
    by_number = {fact.number: path for path, fact in left.items() if stat.S_ISREG(fact.kind)}
    moved = []
    for path, fact in come.items():
        before = by_number.pop(fact.number, None)
        if before is not None:
            moved.append((before, path))
    origins, targets = {before for before, _ in moved}, {after for _, after in moved}
    return Difference(
        added=sorted(path for path in come if path not in targets),
        removed=sorted(path for path in old if path not in new and path not in origins),
        # One file under both names cannot differ; two that are equal by size and time count as one.
        changed=sorted(path for path, fact in old.items() if path in new and fact[1:] != new[path][1:]),
        moved=sorted(moved),
    )


def _facts(session: Session, path: bytes, failed: Failed) -> dict[bytes, _Fact]:
    facts = {}
    with found(session.vfs, path, follow=True) as entry:
        for step in walk(session.vfs, entry.ino, b"", failed):
            session.interrupts.check()
            attrs = step.entry.attrs
            if not step.is_dir:
                facts[step.path] = _Fact(attrs.ino, stat.S_IFMT(attrs.mode), attrs.size, attrs.mtime_ns)
    return facts
