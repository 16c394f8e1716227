"""Faulty calls of the operating system, for what goes below no store: the vault's headers and its lock."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
from typing import TYPE_CHECKING, Any
from unittest import mock

from wafs.vault import header_file, lock, vault

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = frozenset(
    ["open", "close", "read", "write", "fsync", "rename", "unlink", "mkdir", "rmdir", "listdir", "stat", "flock"]
)

_REACH = {"short": frozenset({"read", "write"}), "whole": frozenset({"close", "fsync", "rename", "unlink", "rmdir"})}


class FaultyOs:
    """Stands for `os` in a module; the `nth` call of those in CALLS fails with `code`.

    effect: `none` (nothing happened), `whole` (it happened, the answer is lost), `short` (a read or write does half).
    A `close` that fails gives its handle back all the same.
    """

    def __init__(self, nth: int, code: int, effect: str) -> None:
        self._nth = nth
        self._code = code
        self._effect = effect
        self.seen = 0
        self.fired = False

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real
        return lambda *given, **named: self.call(name, real, *given, **named)

    def call(self, name: str, real: Any, *given: Any, **named: Any) -> Any:
        """Count a call, and let it happen or not."""
        is_short = self._effect == "short"
        self.seen += name in _REACH.get(self._effect, CALLS)
        if self.seen != self._nth or self.fired:
            return real(*given, **named)
        self.fired = True
        if is_short:
            return real(*_halved(name, given), **named)
        if self._effect == "whole" or name == "close":
            real(*given, **named)
        raise OSError(self._code, os.strerror(self._code))

    def opened(self, fd: int, mode: str) -> io.BufferedWriter:
        """Stand for the function `open`."""
        assert mode == "wb"
        return io.BufferedWriter(_Raw(self, fd))


class _Raw(io.FileIO):
    """A file whose writes are counted."""

    def __init__(self, faulty: FaultyOs, fd: int) -> None:
        super().__init__(fd, "w")
        self._faulty = faulty

    def write(self, data: Any, /) -> int:
        done: int = self._faulty.call("write", super().write, data)
        return done


class _Fcntl:
    """Stands for `fcntl`."""

    LOCK_EX = fcntl.LOCK_EX
    LOCK_NB = fcntl.LOCK_NB

    def __init__(self, faulty: FaultyOs) -> None:
        self._faulty = faulty

    def flock(self, fd: int, operation: int) -> None:
        self._faulty.call("flock", fcntl.flock, fd, operation)


def _halved(name: str, given: tuple[Any, ...]) -> tuple[Any, ...]:
    if name == "read":
        return given[0], max(given[1] // 2, 1)
    return (memoryview(given[0])[: max(len(given[0]) // 2, 1)],)


@contextlib.contextmanager
def failing(nth: int, code: int, effect: str) -> Iterator[FaultyOs]:
    """Let the headers and the lock of every vault be behind calls that fail."""
    faulty = FaultyOs(nth, code, effect)
    with contextlib.ExitStack() as stack:
        for module in (header_file, lock, vault):
            stack.enter_context(mock.patch.object(module, "os", faulty))
        stack.enter_context(mock.patch.object(lock, "fcntl", _Fcntl(faulty)))
        stack.enter_context(mock.patch.object(header_file, "open", faulty.opened, create=True))
        yield faulty
