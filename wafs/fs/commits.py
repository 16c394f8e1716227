"""Commits: when the journal is synced, and when what it holds goes to its place (docs/design.md, "Nothing lost")."""

import threading
import time
from collections.abc import Callable
from typing import Final

from wafs.fs.contents import Contents
from wafs.fs.context import FsContext
from wafs.vault.journal import Journal

INTERVAL_S: Final = 5.0
"""Seconds after which what nobody synced is safe from a power cut."""

_MAX_AGE_S: Final = 30.0
"""Seconds after which a journal is emptied although there are changes all the time."""

_FULL: Final = 0.5
"""How full the journal is when a checkpoint begins that nobody waits for."""

_MAX_LINGERING: Final = 256
"""Closed files that wait for a checkpoint, each with an open handle; fewer where the process may have few open."""


class Commits:
    """Runs the checkpoints of one vault.

    Thread: any. Nobody who calls this holds a lock.
    """

    def __init__(self, context: FsContext, contents: Contents) -> None:
        self._checkpoint = context.contents.checkpoint
        self._store = context.store
        self._contents = contents
        self._most_lingering = min(_MAX_LINGERING, context.files_allowed // 4)
        self._began: float | None = None
        self._seen = -1

    @property
    def has_work(self) -> bool:
        """Tell whether there is a journal."""
        return self._checkpoint is not None and not self._checkpoint.journal.is_empty

    @property
    def is_full(self) -> bool:
        """Tell whether no more may wait: the next write brings everything to its place."""
        checkpoint = self._checkpoint
        return checkpoint is not None and (checkpoint.is_full or self._contents.lingering > self._most_lingering)

    def make_room(self) -> None:
        """Run a checkpoint if no more may wait; before each write.

        Raises: OSError, DamageError.
        """
        if self.is_full:
            self.run()

    def run(self) -> bool:
        """Bring everything to its place.

        Returns whether there was something; all that was done before is safe from a power cut then.
        Raises: OSError, DamageError; what could not be brought there is still in the journal.
        """
        if self._checkpoint is None:
            return False
        try:
            return self._checkpoint.run()
        finally:
            self._contents.sweep()

    def settle(self) -> None:
        """Return when all that was done so far is in its place and safe from a power cut.

        Raises: as `run`.
        """
        if not self.run():
            self._store.sync_all()

    def finish(self) -> None:
        """Bring everything to its place and leave no journal, when nobody changes anything any more.

        Raises: as `run`.
        """
        self.run()
        if self.has_work:
            # What came while an earlier checkpoint failed is in a second journal.
            self.run()

    def tick(self) -> None:
        """Do what is due; every `INTERVAL_S`, and sooner if the journal fills.

        Raises: OSError, DamageError.
        """
        checkpoint = self._checkpoint
        if checkpoint is None or checkpoint.journal.is_empty:
            self._began = None
            return
        now = time.monotonic()
        self._began = began = self._began if self._began is not None else now
        is_quiet = checkpoint.journal.changes == self._seen
        if is_quiet or now - began >= _MAX_AGE_S or checkpoint.pressure >= _FULL:
            self._began = None
            self.run()
        else:
            checkpoint.journal.sync(checkpoint.journal.last_ticket)
        self._seen = checkpoint.journal.changes


class CommitTimer:
    """A thread that ticks while there is a journal, and sleeps while there is none.

    `failed` is called with what a tick raised.
    """

    def __init__(self, commits: Commits, journal: Journal, failed: Callable[[Exception], None]) -> None:
        self._commits = commits
        self._journal = journal
        self._failed = failed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wafs-commit", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the tick that it is at."""
        self._stopping.set()
        self._journal.begun.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._journal.begun.wait()
            if self._stopping.wait(INTERVAL_S):
                return
            try:
                self._commits.tick()
            except Exception as error:  # noqa: BLE001  the next tick tries again
                self._failed(error)
            self._journal.begun.clear()
            if self._stopping.is_set() or not self._journal.is_empty:
                self._journal.begun.set()
