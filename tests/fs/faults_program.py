"""Program: one operation of the filesystem, and what it makes of a plain model."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fs.faults_world import NOW_SEEN, Fact, Model, World

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[Model], None]


def nothing(found: Model) -> None:
    """Leave a model as it is."""


@dataclass(frozen=True, slots=True)
class Program:
    """`act` is the operation `method` under the faults, on what `prepare` returned.

    after: what the whole operation makes of the model. between: what a failed one may also leave. touched: paths whose
    times may change although the operation failed. may_log: a pattern for warnings that are right to come.
    once: the operation cannot be asked for again after it failed. silent: it never asks the store. ends: it closes the
    filesystem. result_may_differ: a failing store may make the answer shorter, which is logged then.
    """

    method: str
    act: Callable[[World, Any], Any]
    prepare: Callable[[World], Any] = lambda _: None
    after: Change = nothing
    between: tuple[Change, ...] = ()
    touched: tuple[bytes, ...] = ()
    may_log: str = r"a^"
    once: bool = False
    silent: bool = False
    ends: bool = False
    result_may_differ: bool = False


def put(path: bytes, content: bytes | None = None, **others: Any) -> Change:
    """Change facts of an entry; a new content comes with a new time."""

    def change(found: Model) -> None:
        fact = found.get(path) or Fact(stat.S_IFREG, 0o600, 1, b"", NOW_SEEN, ())
        if content is not None:
            fact = fact._replace(content=content, mtime=NOW_SEEN)
        found[path] = fact._replace(**others)

    return change


def node(path: bytes, kind: int, mode: int, content: bytes = b"") -> Change:
    """Make an entry that is no regular file."""

    def change(found: Model) -> None:
        found[path] = Fact(kind, mode, 1, content, 10**18, ())

    return change


def gone(path: bytes) -> Change:
    def change(found: Model) -> None:
        del found[path]

    return change


def move(old: bytes, new: bytes) -> Change:
    """Give an entry and all below it another path."""

    def change(found: Model) -> None:
        found.pop(new, None)
        for path in [path for path in found if path == old or path.startswith(old + b"/")]:
            found[new + path[len(old) :]] = found.pop(path)

    return change


def swap(old: bytes, new: bytes) -> Change:
    def change(found: Model) -> None:
        for step in (move(old, b"?"), move(new, old), move(b"?", new)):
            step(found)

    return change


def both(*changes: Change) -> Change:
    def change(found: Model) -> None:
        for step in changes:
            step(found)

    return change
