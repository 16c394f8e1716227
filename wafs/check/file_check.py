"""File check: header, states, length, chunks and root of one ciphertext file (format.md section 5)."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from wafs.check.chunk_scan import ChunkScan, Fault
from wafs.check.file_facts import FileFacts, read_file_facts
from wafs.check.findings import Finding, Kind, SealFile, Severity, Span
from wafs.check.settling import Settling, settling_of, was_being_made
from wafs.crypto.aead import OVERHEAD
from wafs.errors import DamageError, TruncatedError, UnsupportedFormatError, WafsError
from wafs.format.file_header import check_file_record
from wafs.format.layout import FILE_HEADER_SIZE, plain_size, sealed_size
from wafs.format.state import IN_FLIGHT, ROOT, State
from wafs.store.base import Handle, Store
from wafs.units import FileId
from wafs.vault.keyring import Keyring
from wafs.vault.replay import Replay

_TRIES: Final = 3
"""How often a file is looked at that is changed meanwhile and seems damaged."""

_FAULTS: Final = {
    Fault.DAMAGED: (Kind.CHUNK_DAMAGED, "do not open: they were changed outside of wafs, or the disk lost them"),
    Fault.ZERO: (Kind.HOLE_FORBIDDEN, "are zero on the disk, where this file has no holes"),
    Fault.MISSING: (Kind.LENGTH_WRONG, "are missing: the file was cut short"),
    Fault.UNREADABLE: (Kind.UNREADABLE, "are not given by the storage: a failing disk, perhaps"),
}


class Verdict(NamedTuple):
    """What is known of a file after a look at it; the findings have no path yet."""

    file_id: FileId | None
    findings: list[Finding]

    @property
    def is_damaged(self) -> bool:
        """Tell whether the file is not whole."""
        return any(finding.severity is Severity.DAMAGE for finding in self.findings)


class FileCheck:
    """Checks open files one by one; `quick` leaves out the chunks, and the root with them.

    `replay` is what the journal of the vault tells, if there is one.
    """

    def __init__(
        self, store: Store, keyring: Keyring, chunk_size: int, replay: Replay | None = None, *, quick: bool
    ) -> None:
        self._store = store
        self._file_keys = keyring.file_keys
        self._chunk_size = chunk_size
        self._replay = replay
        self._quick = quick
        self._scan = ChunkScan(store, keyring.root, chunk_size)

    def check(self, handle: Handle, advanced: Callable[[int], None]) -> Verdict:
        """Check the file behind a handle; `advanced` is told how many bytes were read, and may end all.

        A file that somebody changes meanwhile is looked at again if it seems damaged.
        Raises: OSError where not even its header can be read.
        """
        before = self._store.fstat(handle)
        verdict = self._look(handle, advanced)
        for _ in range(_TRIES):
            after = self._store.fstat(handle)
            if not verdict.is_damaged or (after.st_ctime_ns, after.st_size) == (before.st_ctime_ns, before.st_size):
                return verdict
            before = after
            verdict = self._look(handle, lambda _size: advanced(0))
        message = "this file is being changed while it is checked"
        return Verdict(verdict.file_id, [Finding(Kind.CHANGING, message)])

    def _look(self, handle: Handle, advanced: Callable[[int], None]) -> Verdict:
        try:
            facts = read_file_facts(self._store, handle, self._file_keys, self._chunk_size)
        except (UnsupportedFormatError, DamageError) as error:
            return Verdict(None, [self._lost(handle, error)])
        settling = settling_of(self._replay, facts, self._chunk_size)
        if settling is not None:
            findings = [*self._check_record(handle), *self._settle(handle, facts, settling, advanced)]
            return Verdict(facts.file_id, findings)
        findings = self._check_record(handle)
        size, more = self._check_size(facts)
        findings += more
        if not self._quick and size:
            is_cut = any(finding.kind is Kind.LENGTH_WRONG for finding in findings)
            findings += self._check_chunks(handle, facts, size, advanced, is_cut=is_cut)
        findings += self._check_root(facts, size, findings)
        return Verdict(facts.file_id, [dataclasses.replace(finding, size=size) for finding in findings])

    def _lost(self, handle: Handle, error: UnsupportedFormatError | DamageError) -> Finding:
        """Tell why nothing of a file can be had."""
        if isinstance(error, UnsupportedFormatError):
            return Finding(Kind.FILE_NEWER, f"this file needs a newer wafs: {error}")
        is_blank = not any(self._store.pread(handle, FILE_HEADER_SIZE, 0)) or isinstance(error, TruncatedError)
        if is_blank and was_being_made(self._replay, self._store.fstat(handle).st_ctime_ns):
            return Finding(Kind.UNSEALED, "this file was being made when its writer ended, and holds nothing yet")
        if isinstance(error, TruncatedError):
            return Finding(Kind.FILE_CUT, "not even the header of this file is left on the disk")
        message = f"the header of this file is damaged, and with it the key to all of it: {error}"
        return Finding(Kind.FILE_HEADER_DAMAGED, message)

    def _settle(
        self, handle: Handle, facts: FileFacts, settling: Settling, advanced: Callable[[int], None]
    ) -> Iterator[Finding]:
        """Look at a file that the next writer settles: only what was safe from a power cut can be damaged."""
        message = "the last changes of this file are in the journal, or not yet safe on the disk"
        yield Finding(Kind.UNSEALED, message, size=settling.size)
        for span in settling.lost(Span(settling.size, settling.safe)) if settling.size < settling.safe else ():
            words = f"bytes {span.start:,} to {span.stop - 1:,} are missing: the file was cut short"
            yield Finding(Kind.LENGTH_WRONG, words, span=span, size=settling.safe)
        if self._quick or not settling.size:
            return
        self._scan.begin(handle, facts.cipher, sparse=facts.sparse)
        for fault, faulty in self._scan.run(settling.size, facts.length, advanced):
            kind, words = _FAULTS[fault]
            for span in settling.lost(faulty):
                yield Finding(kind, f"bytes {span.start:,} to {span.stop - 1:,} {words}", span=span, size=settling.size)

    def _check_record(self, handle: Handle) -> list[Finding]:
        """Look at the fixed bytes of a file whose key opens: by that it is known what they should be."""
        try:
            check_file_record(self._store.pread(handle, FILE_HEADER_SIZE, 0))
        except WafsError as error:
            message = f"the header of this file is damaged, though its key still opens: {error}"
            return [Finding(Kind.FILE_HEADER_DAMAGED, message)]
        return []

    def _check_size(self, facts: FileFacts) -> tuple[int, list[Finding]]:
        """Return the plain size by state, or by length without one, and what is wrong with either."""
        chunk_size, state = self._chunk_size, facts.state
        if state is None:
            message = "what is sealed about the size of this file does not verify"
            return plain_size(facts.length, chunk_size), [Finding(Kind.STATE_DAMAGED, message)]
        if state.flags & IN_FLIGHT:
            if plain_size(facts.length, chunk_size) < state.size:
                return state.size, [_wrong_length(facts.length, state, chunk_size)]
            message = "this file was being written when its writer ended; what is there is kept"
            return facts.ends[0], [Finding(Kind.UNSEALED, message, fix=SealFile())]
        wanted = sealed_size(state.size, chunk_size)
        if facts.length > wanted and self._replay is not None:
            message = "more lies at the end of this file than was ever sealed, which the next writer cuts off"
            return state.size, [Finding(Kind.UNSEALED, message)]
        if facts.length != wanted:
            return state.size, [_wrong_length(facts.length, state, chunk_size)]
        return state.size, []

    def _check_chunks(
        self, handle: Handle, facts: FileFacts, size: int, advanced: Callable[[int], None], *, is_cut: bool
    ) -> Iterator[Finding]:
        sparse = facts.sparse or facts.state is None
        self._scan.begin(handle, facts.cipher, sparse=sparse)
        for fault, span in self._scan.run(size, facts.length, advanced):
            kind, words = _FAULTS[fault]
            if kind is not Kind.LENGTH_WRONG or not is_cut:
                yield Finding(kind, f"bytes {span.start:,} to {span.stop - 1:,} {words}", span=span)

    def _check_root(self, facts: FileFacts, size: int, findings: list[Finding]) -> Iterator[Finding]:
        """Compare the root if every chunk was seen, which is soon done where there is none."""
        state = facts.state
        is_seen = not size or not (self._quick or findings)
        if state is None or not state.flags & ROOT or state.flags & IN_FLIGHT or not is_seen:
            return
        if int.from_bytes(state.root) != (self._scan.terms if size else 0):
            message = "parts of this file are of an older version than others: somebody put them back"
            yield Finding(Kind.ROOT_WRONG, message, span=Span(0, size))


def _wrong_length(length: int, state: State, chunk_size: int) -> Finding:
    wanted = sealed_size(state.size, chunk_size)
    if length > wanted:
        message = f"{length - wanted:,} bytes too many lie at the end of the file on the disk"
        return Finding(Kind.LENGTH_WRONG, message)
    start = max(length - FILE_HEADER_SIZE, 0) // (chunk_size + OVERHEAD) * chunk_size
    message = f"bytes {start:,} to {state.size - 1:,} are missing: the file was cut short"
    return Finding(Kind.LENGTH_WRONG, message, span=Span(start, state.size))
