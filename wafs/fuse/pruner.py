"""Pruner: has the kernel forget files that nobody uses, when it remembers too many.

The kernel holds every inode that it has ever looked up for as long as it has memory to spare, and this process must
hold each as well: a walk through a million files would take it some 700 MiB. A thread of its own tells the kernel,
which may have to write back what was changed through mmap before it forgets a file, and asks this process to take it.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from wafs.fs.context import FsContext
from wafs.fuse.wire import replies

BATCH: Final = 512
"""Inodes in one message, as many as the kernel takes at a time."""

_PRUNE_SINCE: Final = 45
"""Minor version of the protocol (Linux 6.18) from which on inodes can be named.

Entries can be since 7.12, but that waits for the lock of their folder, which somebody may hold who waits for an answer:
a server that is killed then never ends.
"""

_log = logging.getLogger(__name__)


class Pruner:
    """A thread that wakes up when the table of inodes is crowded.

    `notify` sends the kernel a message; `minor` tells the version that was agreed on.
    Thread: `start` and `stop` once each. Holds the lock of the context only to choose.
    """

    def __init__(self, context: FsContext, notify: Callable[[bytes], object], minor: Callable[[], int]) -> None:
        self._context = context
        self._notify = notify
        self._minor = minor
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="wafs-pruner", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the message that it is at."""
        self._stopping = True
        self._context.inodes.crowded.set()
        self._thread.join()

    def _run(self) -> None:
        crowded = self._context.inodes.crowded
        # Asked on both sides of the wait: `take_idle` may clear what `stop` has just set.
        while not self._stopping and crowded.wait() and not self._stopping:
            if self._minor() < _PRUNE_SINCE:
                # Nothing can be done, and looking for what could be takes the lock for long.
                return
            with self._context.lock:
                idle = self._context.inodes.take_idle(BATCH)
            if not idle:
                continue
            try:
                self._notify(replies.notify_prune([inode.number for inode in idle]))
            except OSError as error:
                # Nothing is lost by it but memory.
                _log.info("the kernel could not be told to forget: %s", error)
