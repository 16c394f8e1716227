"""Prefetch: tells the store what will be read soon, from a thread of its own.

The store answers when it has asked the disk, which takes 60 to 150 us for each MiB: as long as opening what was read.
"""

import contextlib
import os
import threading
import time
from queue import SimpleQueue
from typing import Final, NamedTuple

from wafs.store.base import Handle, Store
from wafs.units import MIB

_MOST: Final = 64
"""So many stretches wait at most; one more is left out, for it would come too late."""

_SLOW_S: Final = 20e-6 / MIB
"""Seconds for a byte: what is in memory takes 3 us a MiB, what a fast disk has 60 us or more."""


class _Stretch(NamedTuple):
    handle: Handle
    offset: int
    size: int


class Prefetch:
    """Hints to the store, in the order in which they came; what goes wrong with one is of no account.

    Thread: any, with whatever locks. The thread begins with the first hint, takes no lock and reads nothing itself.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: SimpleQueue[_Stretch | threading.Event | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self.is_slow = False
        """The last hint took so long that what it was about was not in memory yet."""

    def ask(self, handle: Handle, offset: int, size: int) -> None:
        """Have `size` bytes of ciphertext at hand soon; who asks calls `settle` before the handle is given back."""
        if self._thread is None:
            self._start()
        if self._waiting.qsize() < _MOST:
            self._waiting.put(_Stretch(handle, offset, size))

    def settle(self) -> None:
        """Return when the store has been told of all that was asked for so far.

        Waits for the storage: no lock that others need may be held.
        """
        if self._thread is not None:
            told = threading.Event()
            self._waiting.put(told)
            told.wait()

    def close(self) -> None:
        """End the thread, when nobody asks any more."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="wafs-prefetch", daemon=True)
                # Without a thread, where the system has no more, the hints are left out.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def _run(self) -> None:
        while (next_one := self._waiting.get()) is not None:
            if isinstance(next_one, _Stretch):
                self._tell(next_one)
            else:
                next_one.set()

    def _tell(self, stretch: _Stretch) -> None:
        began = time.perf_counter()
        # Whatever it is: a thread that ends would leave those waiting who settle.
        with contextlib.suppress(Exception):
            self._store.advise(stretch.handle, stretch.offset, stretch.size, os.POSIX_FADV_WILLNEED)
        self.is_slow = time.perf_counter() - began > stretch.size * _SLOW_S
