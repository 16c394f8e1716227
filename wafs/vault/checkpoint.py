"""Checkpoint: bring what the journal holds to its place, and let the journal go (docs/design.md, "Nothing lost")."""

import contextlib
import threading
from typing import Final, Protocol

from wafs.format.journal import Change
from wafs.store.base import Store
from wafs.units import MIB, FileId
from wafs.vault.journal import Generation, Journal
from wafs.vault.scratch import Scratch

DEFAULT_MEMORY: Final = 128 * MIB
"""Most bytes of chunks that wait for their place, and of records in one journal."""

_MOST_SYNCED: Final = 4096
"""Files of which is remembered that they were synced, some 200 bytes each."""


class Flushable(Protocol):
    """A content with chunks that are in the journal only."""

    def record_whole(self, scratch: Scratch) -> None:
        """Have in the journal all of each chunk of which it has only some bytes."""
        ...

    def flush(self, scratch: Scratch, *, in_checkpoint: bool = False) -> None:
        """Bring them to their place."""
        ...


class Checkpoint:
    """The journal of a vault and the contents that have something in it.

    Thread: any. Lock order: the running checkpoint, then the locks of contents one by one, then that of the journal.
    """

    def __init__(self, store: Store, journal: Journal, memory: int = DEFAULT_MEMORY) -> None:
        self.journal = journal
        self.memory = memory
        self._store = store
        self._running = threading.Lock()
        self._waiting: dict[Flushable, int] = {}
        self._bytes = 0
        self._counting = threading.Lock()
        self._lost = False
        self._synced: dict[FileId, tuple[int, int]] = {}
        self._doubted: set[FileId] = set()

    @property
    def is_full(self) -> bool:
        """Tell whether there must be a checkpoint before the next write."""
        return self._bytes >= self.memory or self.journal.length >= self.memory

    @property
    def pressure(self) -> float:
        """Return how full the memory or the journal is; from 1 on it `is_full`."""
        return max(self._bytes, self.journal.length) / self.memory

    def note(self, content: Flushable, size: int) -> None:
        """Note how many bytes of a content wait.

        Thread: the caller holds the lock of the content.
        """
        with self._counting:
            self._bytes += size - self._waiting.get(content, 0)
            self._waiting[content] = size

    def note_synced(self, file_id: FileId, counter: int, size: int) -> None:
        """Note that `size` bytes of a file with this state are safe from a power cut, which the state does not say.

        Who opens the file while the journal is there would have to take it for not safe.
        """
        if len(self._synced) >= _MOST_SYNCED:
            self._synced.clear()
        self._synced[file_id] = (counter, size)

    def doubt(self, file_id: FileId) -> None:
        """Note that a sync of a file failed: the system says so once, and may have given up what it did not write."""
        self._doubted.add(file_id)
        self._synced.pop(file_id, None)

    def is_doubted(self, file_id: FileId) -> bool:
        """Tell whether a sync of a file failed since the last checkpoint: one that succeeds now proves nothing."""
        return file_id in self._doubted

    def synced_size(self, file_id: FileId, counter: int) -> int | None:
        """Return how many bytes of a file with this state were synced since the last checkpoint; None if unknown."""
        known = self._synced.get(file_id)
        return known[1] if known is not None and known[0] == counter else None

    def append(
        self, content: Flushable, size: int, generation: Generation, change: Change, *, due: int = 0
    ) -> int | None:
        """Record a change of a content of which `size` bytes wait then; None if the generation takes no records.

        `due` as in `Journal.append`.
        The content is noted before: a checkpoint that empties this generation then waits for its lock.
        Raises: OSError; nothing is recorded then.
        Thread: the caller holds the lock of the content.
        """
        before = self._waiting.get(content)
        if before != size:
            self.note(content, size)
        try:
            return self.journal.append(generation, change, due=due)
        except BaseException:
            if before is None:
                self.forget(content)
            else:
                self.note(content, before)
            raise

    def forget(self, content: Flushable, *, is_lost: bool = False) -> None:
        """Note that nothing of a content waits any more. `is_lost`: but for what only a recovery can bring home now.

        Thread: the caller holds the lock of the content.
        """
        with self._counting:
            self._bytes -= self._waiting.pop(content, 0)
            self._lost = self._lost or is_lost

    def run(self, scratch: Scratch | None = None) -> bool:
        """Bring everything to its place that is in the journal at this moment, and remove the journal.

        Returns whether there was a journal; all that the storage holds is safe from a power cut then.
        Each content is locked only while it is written; new changes meanwhile go to the next journal.
        Raises: OSError, DamageError of the first content that failed, after all were tried; the journal then stays.
        """
        if self.journal.is_empty or self._lost:
            return False
        scratch = scratch or Scratch()
        with self._running:
            self.journal.rotate()
            for content in list(self._waiting):
                # Those that fail here fail once more, and say so, when they are to be brought home.
                with contextlib.suppress(Exception):
                    content.record_whole(scratch)
            self.journal.sync(self.journal.last_ticket)
            if self._waiting:
                # Records go out from the states that the files had; one that a power cut takes leaves them to nobody.
                self._store.sync_all()
                self.journal.note_based()
            first: Exception | None = None
            for content in list(self._waiting):
                try:
                    content.flush(scratch, in_checkpoint=True)
                except Exception as error:  # noqa: BLE001  the others are brought home first
                    first = first or error
            if first is not None:
                raise first
            self._store.sync_all()
            self.journal.drop()
            # What the storage held is safe now, and its states are believed without this. Those that were sealed since
            # the checkpoint began lose what is known of them, which costs images and nothing else.
            self._synced.clear()
            self._doubted.clear()
        return True
