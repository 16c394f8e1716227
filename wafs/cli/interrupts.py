"""Interrupts: Ctrl-C that waits for a good moment.

An interrupt that struck in the middle of an operation on the vault could leave a file between two states. So while
files are copied a signal only raises a flag, and the copying asks for it between two pieces.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Whether the person wants to stop.

    Thread: the flag is set in the main thread and may be read by any.
    """

    def __init__(self) -> None:
        self._wanted = False

    def check(self) -> None:
        """Stop here if that was asked for.

        Raises: KeyboardInterrupt.
        """
        if self._wanted:
            raise KeyboardInterrupt

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first one is kept for `check`, the second one strikes at once.

        Raises: KeyboardInterrupt.
        """
        del number, frame
        if self._wanted:
            raise KeyboardInterrupt
        self._wanted = True


@contextmanager
def deferred_interrupts() -> Iterator[Interrupts]:
    """Take SIGINT, SIGTERM and SIGHUP as wishes that are looked at between two pieces of work.

    Thread: main.
    """
    interrupts = Interrupts()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        # nohup asks that a hang-up be ignored.
        if handler is not signal.SIG_IGN:
            signal.signal(number, interrupts.note)
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def striking_interrupts() -> Iterator[None]:
    """Let Ctrl-C strike at once, while a person is asked something in the middle of deferred interrupts.

    Thread: main.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
