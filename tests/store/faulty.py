"""Faulty store: any store, with one call that fails."""

from __future__ import annotations

import errno
import os
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
    `short` (half of a write happened and no error is told, which is the caller's to finish).
    dies: every later call fails as well, as it does for a process that was killed.
    """

    nth: int
    kinds: frozenset[str] = CHANGES
    code: int = errno.EIO
    effect: Literal["none", "half", "whole", "short"] = "none"
    dies: bool = False


class FaultyStore:
    """Hands every call to `inner` and fails where the fault says; `fired` tells whether it did."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self._fault: Fault | None = None
        self.seen = 0
        self.fired = False
        self.dead = False

    @property
    def store(self) -> Store:
        """This store, for whoever takes one."""
        return cast("Store", self)

    def arm(self, fault: Fault | None) -> None:
        """Begin to count; None lets everything through."""
        self._fault, self.seen, self.fired, self.dead = fault, 0, False, False

    def __getattr__(self, kind: str) -> Any:
        call = getattr(self._inner, kind)

        def guarded(*arguments: Any, **options: Any) -> Any:
            return self._call(kind, call, arguments, options)

        # Handles are the process's own: they can always be given back.
        return call if kind in ("close", "shut") else guarded

    def _call(self, kind: str, call: Callable[..., Any], arguments: Any, options: Any) -> Any:
        fault = self._fault
        if self.dead and fault is not None:
            raise OSError(fault.code, os.strerror(fault.code))
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
            return call(*arguments, **options)
        elif fault.effect == "whole":
            call(*arguments, **options)
        raise OSError(fault.code, os.strerror(fault.code))

    @staticmethod
    def _counts(kind: str, arguments: Any, fault: Fault) -> bool:
        if kind == "open" and fault.kinds is CHANGES:
            return bool(arguments[2] & (os.O_CREAT | os.O_TRUNC))
        return kind in fault.kinds
