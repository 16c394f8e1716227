"""Stopping: a signal ends the demonstration through its `finally` clauses, which unmount."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stop:
    """What was asked for, and whether it has to wait."""

    held = False
    asked: int | None = None


def listen() -> None:
    """Take over the signals that ask a program to end."""
    for number in SIGNALS:
        signal.signal(number, _take)


@contextmanager
def held() -> Iterator[None]:
    """Let a signal wait until the end of a `with`: half a mount could not be undone.

    A second `with` within the first changes nothing.
    """
    if _Stop.held:
        yield
        return
    _Stop.held = True
    try:
        yield
    finally:
        _Stop.held = False
        if _Stop.asked is not None:
            _leave(_Stop.asked)


def _take(number: int, _frame: FrameType | None) -> None:
    if _Stop.asked is None:
        _Stop.asked = number
        if not _Stop.held:
            _leave(number)


def _leave(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
