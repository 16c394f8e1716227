"""Faulty store: any store, with one call that fails."""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from wafs.store.base import Store

CHANGES = frozenset(
    [
        "pwrite",
        "truncate",
        "fallocate",
        "mkdir",
        "mknod",
        "symlink",
        "link",
        "link_open",
        "unlink",
        "rmdir",
        "rename",
        "chmod",
        "fchmod",
        "chown",
        "fchown",
        "utimens",
        "futimens",
        "setxattr",
        "removexattr",
        "sync",
    ]
)
"""Calls that change something or make a change durable; `open` counts where it makes a file."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: the `nth` call (from 1) of the `kinds` fails.

    effect: `none` (nothing happened), `half` (half of a write happened), `whole` (all happened, the answer is lost),
    `short` (half of a read or write happened and no error is told, which is the caller's to finish).
    A `close` that fails gives its handle back all the same, as close(2) of Linux does.
    dies: every later call fails as well, as it does for a process that was killed.
    """

    nth: int
    kinds: frozenset[str] = CHANGES
    code: int = errno.EIO
    effect: Literal["none", "half", "whole", "short"] = "none"
    dies: bool = False


class FaultyStore:
    """Hands every call to `inner` and fails where the fault says; `fired` tells whether it did.

    `files` and `folders` are the handles that were given out and not yet given back, with their names;
    `asked` tells how often each call was asked for since `arm`.
    """

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self._fault: Fault | None = None
        self.seen = 0
        self.fired = False
        self.dead = False
        self.files: dict[int, bytes] = {}
        self.folders: dict[int, bytes] = {}
        self.asked: Counter[str] = Counter()

    @property
    def store(self) -> Store:
        """This store, for whoever takes one."""
        return cast("Store", self)

    def arm(self, fault: Fault | None) -> None:
        """Begin to count; None lets everything through."""
        self._fault, self.seen, self.fired, self.dead = fault, 0, False, False
        self.asked.clear()

    def __getattr__(self, kind: str) -> Any:
        call = getattr(self._inner, kind)

        def guarded(*arguments: Any, **options: Any) -> Any:
            return self._call(kind, call, arguments, options)

        if kind == "shut":
            return call
        return self._close if kind == "close" else guarded

    def _close(self, handle: int) -> None:
        # Handles are the process's own: they can always be given back.
        self.files.pop(handle, None)
        self.folders.pop(handle, None)
        self._inner.close(handle)
        if not self.dead:
            self._call("close", lambda _: None, (handle,), {})

    def _call(self, kind: str, call: Callable[..., Any], arguments: Any, options: Any) -> Any:
        answer = self._fail_or_call(kind, call, arguments, options)
        if kind in ("open", "open_dir"):
            (self.files if kind == "open" else self.folders)[answer] = arguments[1]
        return answer

    def _fail_or_call(self, kind: str, call: Callable[..., Any], arguments: Any, options: Any) -> Any:
        fault = self._fault
        if self.dead and fault is not None:
            raise OSError(fault.code, os.strerror(fault.code))
        self.asked[kind] += 1
        if fault is None or not self._counts(kind, arguments, fault):
            return call(*arguments, **options)
        self.seen += 1
        if self.seen != fault.nth:
            return call(*arguments, **options)
        self.fired = True
        self.dead = fault.dies
        if kind == "pwrite" and fault.effect in ("half", "short"):
            handle, data, offset = arguments
            done = call(handle, data[: max(len(data) // 2, 1)], offset)
            if fault.effect == "short":
                return done
        elif fault.effect == "short":
            return _short(kind, call, arguments, options)
        elif fault.effect == "whole":
            call(*arguments, **options)
        raise OSError(fault.code, os.strerror(fault.code))

    @staticmethod
    def _counts(kind: str, arguments: Any, fault: Fault) -> bool:
        if kind == "open" and fault.kinds is CHANGES:
            return bool(arguments[2] & (os.O_CREAT | os.O_TRUNC))
        return kind in fault.kinds


def _short(kind: str, call: Callable[..., Any], arguments: Any, options: Any) -> Any:
    """Let a read give half of what is asked for; other calls are as ever."""
    if kind == "pread":
        handle, size, offset = arguments
        return call(handle, max(size // 2, 1), offset)
    if kind == "preadv":
        handle, buffers, offset = arguments
        return call(handle, [buffers[0][: max(len(buffers[0]) // 2, 1)]], offset)
    return call(*arguments, **options)
