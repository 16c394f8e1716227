"""Salvage files: one file copied out, with its good chunks in their place and zeros where there is none."""

import os
import stat
from dataclasses import dataclass
from typing import Final

from wafs.check.file_chunks import ChunkScan, Quality
from wafs.check.file_facts import FileFacts, read_file_facts
from wafs.check.opening import Patient
from wafs.check.salvage_journal import finish_copy
from wafs.check.salvage_report import Gap
from wafs.check.settling import settling_of
from wafs.check.watch import Watch
from wafs.errors import DamageError, MalformedError, TruncatedError, UnsupportedFormatError
from wafs.format.state import IN_FLIGHT
from wafs.store.base import Handle, Store
from wafs.vault.chunk_io import write_all
from wafs.vault.replay import Replay
from wafs.vault.scratch import Scratch

_MIXED: Final = "its parts are of different versions: some bytes may be older than others"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was copied of a file: `size` bytes with `gaps`; `problems` besides those. `good` counts what was read."""

    size: int
    good: int
    gaps: tuple[Gap, ...]
    problems: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Tell whether it is what was written."""
        return not self.gaps and not self.problems

    @property
    def is_lost(self) -> bool:
        """Tell whether there is nothing but gaps."""
        return not self.good and bool(self.gaps)


class FileCopier:
    """Copies contents of files out of a vault; `replay` is what its journal tells, if there is one.

    Thread: one.
    """

    def __init__(self, patient: Patient, replay: Replay | None, watch: Watch) -> None:
        self._replay = replay
        self._store = patient.store
        self._file_keys = patient.keyring.file_keys
        self._root_hash = patient.keyring.root
        self._chunk_size = patient.chunk_size
        self._watch = watch
        self._scratch = Scratch()

    def open(self, folder: Handle, entry: bytes) -> tuple[Handle, FileFacts]:
        """Open a file of the vault; the caller closes the handle.

        Raises: DamageError if nothing of it can be read, UnsupportedFormatError, OSError.
        """
        handle = self._store.open(folder, entry, os.O_RDONLY | os.O_NONBLOCK)
        try:
            _refuse_other(self._store.fstat(handle))
            return handle, read_file_facts(self._store, handle, self._file_keys, self._chunk_size)
        except BaseException:
            self._store.close(handle)
            raise

    def copy(self, handle: Handle, facts: FileFacts, store: Store, target: Handle) -> Outcome:
        """Copy what can be read into an empty file of another store; whole runs of zeros take no space there.

        A file that is changed meanwhile is copied once more.
        Raises: OSError of the target alone.
        """
        before = self._store.fstat(handle)
        outcome = self._copy(handle, facts, store, target)
        after = self._store.fstat(handle)
        if outcome.is_whole or (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return outcome
        try:
            facts = read_file_facts(self._store, handle, self._file_keys, self._chunk_size)
        except (DamageError, UnsupportedFormatError, OSError):
            return outcome
        store.truncate(target, 0)
        return self._copy(handle, facts, store, target)

    def _copy(self, handle: Handle, facts: FileFacts, store: Store, target: Handle) -> Outcome:
        scan = ChunkScan(self._store, handle, facts, self._root_hash, self._chunk_size, self._scratch)
        gaps: list[Gap] = []
        good = 0
        for run in scan:
            length = run.stop - run.start
            if run.quality is Quality.GOOD:
                write_all(store, target, run.plain, run.start)
            if run.quality.is_whole:
                good += length
            elif gaps and gaps[-1].stop == run.start and gaps[-1].why == run.quality.value:
                gaps[-1] = gaps[-1]._replace(stop=run.stop)
            else:
                gaps.append(Gap(run.start, run.stop, run.quality.value))
            self._watch.advanced(length)
        settling = settling_of(self._replay, facts, self._chunk_size)
        if settling is not None:
            size, gaps = finish_copy(store, target, facts, settling, gaps)
            return Outcome(size, size - sum(gap.stop - gap.start for gap in gaps), tuple(gaps), ())
        size = facts.extent
        state = facts.state
        # What was put behind the sealed end and does not open is nobody's.
        while state is not None and gaps and gaps[-1].stop == size > state.size:
            last = gaps.pop()
            size = max(last.start, state.size)
            if last.start < size:
                gaps.append(last._replace(stop=size))
        store.truncate(target, size)
        problems = [] if facts.problem is None else [_words(facts)]
        if not gaps and not scan.root_fits() and not facts.problem:
            problems.append(_MIXED)
        if state is not None and not state.flags & IN_FLIGHT and size > state.size:
            problems.append(f"{state.size:,} bytes were written, what follows was found behind them")
        return Outcome(size, good, tuple(gaps), tuple(problems))


def _words(facts: FileFacts) -> str:
    """Say in words for a person what is wrong with a file besides its chunks."""
    if facts.state is None:
        return "how long it was does not verify: something may be missing at its end"
    if isinstance(facts.problem, TruncatedError):
        return "the file on the disk is not as long as it was written"
    return str(facts.problem)


def _refuse_other(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        msg = "not a regular file"
        raise MalformedError(msg)
