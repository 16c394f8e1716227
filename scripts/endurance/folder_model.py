"""Folder model: what a folder holds after each operation, and what it may hold when one was cut off in the middle."""

from __future__ import annotations

import copy
import mmap
import os
import random
import stat
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

Node = bytearray | str | None
"""Bytes of a file, one object for all names of one inode; the target of a symlink; None for a folder."""

Tree = dict[str, Node]
"""By path relative to the top."""

PAGE: Final = mmap.PAGESIZE


class Operation(NamedTuple):
    """One system call that changes something; `other` is the second path of a rename or link, or a target."""

    kind: str
    path: str
    other: str = ""
    offset: int = 0
    size: int = 0
    seed: int = 0


class Outcome(Enum):
    """What became of an operation that was cut off."""

    DONE = "done"
    NOT_DONE = "not done"
    PARTLY = "partly"


def payload(seed: int, size: int) -> bytes:
    """Return the bytes that an operation with this seed writes."""
    return random.Random(seed).randbytes(size)


def apply(tree: Tree, done: Operation) -> None:
    """Change the tree as the operation, which succeeded, has changed the folder."""
    _RULES[done.kind](tree, done)


def in_place(data: bytearray, change: Operation) -> None:
    """Change the bytes of one file as a write, truncation or hole does."""
    if change.kind == "truncate":
        data += bytes(max(change.size - len(data), 0))
        del data[change.size :]
        return
    end = change.offset + change.size
    if change.kind == "punch":
        end = min(end, len(data))
        data[change.offset : end] = bytes(max(end - change.offset, 0))
        return
    data += bytes(max(change.offset - len(data), 0))
    data[change.offset : end] = payload(change.seed, change.size)


def scan(top: Path, wrong_sizes: list[str] | None = None) -> Tree:
    """Read everything below a folder; files whose size was shown wrong before they were opened go to `wrong_sizes`.

    Raises: OSError, also for a file that is damaged, or has not as many bytes as it shows when it is open.
    """
    tree: Tree = {}
    inodes: dict[int, bytearray] = {}
    for folder, folders, files in os.walk(top, onerror=_raise):
        for name in folders + files:
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            relative = os.path.relpath(path, top)
            if stat.S_ISLNK(facts.st_mode):
                tree[relative] = os.readlink(path)
            elif stat.S_ISDIR(facts.st_mode):
                tree[relative] = None
            else:
                tree[relative] = inodes.setdefault(facts.st_ino, _read(path))
                if facts.st_size != len(_bytes(tree, relative)) and wrong_sizes is not None:
                    wrong_sizes.append(relative)
    return tree


def difference(found: Tree, wanted: Tree) -> str | None:
    """Say in one line how a tree is not as it should be; None if it is."""
    if missing := wanted.keys() - found.keys():
        return f"missing: {', '.join(sorted(missing)[:5])}"
    if extra := found.keys() - wanted.keys():
        return f"nobody made: {', '.join(sorted(extra)[:5])}"
    for path, node in wanted.items():
        other = found[path]
        if node != other:
            return f"{path}: {_bytes_that_differ(other, node)}"
    if _twins(found) != _twins(wanted):
        return "hard links are not those that were made"
    return None


def outcome_of(found: Tree, before: Tree, cut_off: Operation | None) -> Outcome | str:
    """Tell what became of an operation that was cut off, or how the tree contradicts it.

    POSIX lets a write be done in part, byte by byte; all else is done or not.
    """
    if (reason := difference(found, before)) is None:
        return Outcome.NOT_DONE
    if cut_off is None:
        return reason
    after = copy.deepcopy(before)
    apply(after, cut_off)
    if difference(found, after) is None:
        return Outcome.DONE
    data, old, new = (tree.get(cut_off.path) for tree in (found, before, after))
    if not (isinstance(data, bytearray) and isinstance(old, bytearray) and isinstance(new, bytearray)):
        return f"after a {cut_off.kind} that was cut off, {reason}"
    if not _is_between(data, old, new):
        return f"{cut_off.path} is neither as before a {cut_off.kind} nor as after it: {_bytes_that_differ(data, old)}"
    old[:] = data
    reason = difference(found, before)
    return Outcome.PARTLY if reason is None else f"beside a {cut_off.kind}, {reason}"


def _is_between(data: bytearray, old: bytearray, new: bytearray) -> bool:
    """Tell whether each byte is the old or the new one; what the file grew by has only new ones."""
    if not min(len(old), len(new)) <= len(data) <= max(len(old), len(new)):
        return False
    both = min(len(old), len(data), len(new))
    # A file that was cut down still has old bytes behind its new end, one that has grown new ones behind its old.
    if data[both:] != (new if len(new) >= len(old) else old)[both : len(data)]:
        return False
    blocks = (slice(at, min(at + PAGE, both)) for at in range(0, both, PAGE))
    return all(
        data[block] in (old[block], new[block])
        or all(byte in pair for byte, *pair in zip(data[block], old[block], new[block], strict=True))
        for block in blocks
    )


def _bytes_that_differ(found: Node, wanted: Node) -> str:
    if not isinstance(found, bytearray) or not isinstance(wanted, bytearray):
        return f"is {_kind(found)}, should be {_kind(wanted)}"
    if len(found) != len(wanted):
        return f"has {len(found)} bytes, should have {len(wanted)}"
    places = [at for at, (one, other) in enumerate(zip(found, wanted, strict=True)) if one != other]
    return f"{len(places)} bytes differ, from {places[0]} to {places[-1]}" if places else "is the same"


def _kind(node: Node) -> str:
    if node is None:
        return "a folder"
    return "a symlink" if isinstance(node, str) else "a file"


def _twins(tree: Tree) -> set[frozenset[str]]:
    names: dict[int, set[str]] = {}
    for path, node in tree.items():
        if isinstance(node, bytearray):
            names.setdefault(id(node), set()).add(path)
    return {frozenset(paths) for paths in names.values()}


def _read(path: str) -> bytearray:
    try:
        with open(path, "rb", buffering=0) as file:
            data = bytearray(file.read())
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    if len(data) != size:
        msg = f"{path} has {size} bytes by stat, {len(data)} were read"
        raise OSError(msg)
    return data


def _raise(error: OSError) -> None:
    raise error


def _bytes(tree: Tree, path: str) -> bytearray:
    data = tree[path]
    assert isinstance(data, bytearray)
    return data


def _change_file(tree: Tree, done: Operation) -> None:
    in_place(_bytes(tree, done.path), done)


def _create(tree: Tree, done: Operation) -> None:
    tree[done.path] = bytearray()


def _mkdir(tree: Tree, done: Operation) -> None:
    tree[done.path] = None


def _symlink(tree: Tree, done: Operation) -> None:
    tree[done.path] = done.other


def _link(tree: Tree, done: Operation) -> None:
    tree[done.other] = tree[done.path]


def _remove(tree: Tree, done: Operation) -> None:
    del tree[done.path]


def _rename(tree: Tree, done: Operation) -> None:
    node = tree[done.path]
    if node is not None and tree.get(done.other) is node:
        return  # rename(2): two names of one file both stay
    del tree[done.path]
    tree[done.other] = node
    for below in [path for path in tree if path.startswith(done.path + "/")]:
        tree[done.other + below.removeprefix(done.path)] = tree.pop(below)


def _nothing(_tree: Tree, _done: Operation) -> None:
    pass


_IN_PLACE: Final = frozenset({"write", "append", "map", "truncate", "punch"})
_RULES: Final[dict[str, Callable[[Tree, Operation], None]]] = {
    **dict.fromkeys(_IN_PLACE, _change_file),
    "create": _create,
    "mkdir": _mkdir,
    "symlink": _symlink,
    "link": _link,
    "unlink": _remove,
    "rmdir": _remove,
    "rename": _rename,
    "sync": _nothing,
}
