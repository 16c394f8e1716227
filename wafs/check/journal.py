"""Journal: what `check` does about the journal of unfinished changes, all in this place (format.md section 10).

What it says of single files is in `settling`.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from wafs.check.findings import Finding, FinishJournal, Kind, SetAside
from wafs.check.opening import Patient
from wafs.errors import DamageError
from wafs.store.base import Handle
from wafs.vault.journal import JOURNAL_NAMES
from wafs.vault.replay import Replay, damaged_journals, read_replay

NAMES: Final = tuple(os.fsdecode(name) for name in JOURNAL_NAMES)


def check_journal(patient: Patient) -> tuple[Replay | None, list[Finding]]:
    """Read the journals of a vault; returns what they tell, and that as a finding. None of it is written anywhere.

    Raises: UnsupportedFormatError for a journal of a newer wafs.
    """
    entry = JOURNAL_NAMES[0]
    try:
        with _top(patient) as top:
            parameters = patient.key.header.parameters
            replay = read_replay(
                patient.store,
                top,
                patient.keyring.journal,
                vault_id=parameters.vault_id,
                chunk_size=parameters.chunk_size,
            )
    except DamageError as error:
        return None, _damage(patient, error)
    except OSError as error:
        message = f"the storage does not give the journal of unfinished changes: {error.strerror}"
        return None, [Finding(Kind.UNREADABLE, message, entry=entry)]
    if replay is None:
        return None, []
    message = "the vault is in use, or was not closed; changes that are not in their place yet are in its journal"
    return replay, [Finding(Kind.JOURNAL_PENDING, message, entry=entry, fix=FinishJournal())]


def _damage(patient: Patient, error: DamageError) -> list[Finding]:
    """Tell which journal does not read; one that reads and makes no sense is not touched."""
    with _top(patient) as top:
        vault_id = patient.key.header.parameters.vault_id
        problems = damaged_journals(patient.store, top, patient.keyring.journal, vault_id=vault_id)
    return [
        Finding(Kind.JOURNAL_DAMAGED, str(problem), entry=name, fix=SetAside()) for name, problem in problems.items()
    ] or [Finding(Kind.JOURNAL_DAMAGED, str(error), entry=JOURNAL_NAMES[0])]


@contextlib.contextmanager
def _top(patient: Patient) -> Iterator[Handle]:
    top = patient.store.open_dir(None, b".")
    try:
        yield top
    finally:
        patient.store.close(top)


def pending(vault_path: str) -> bool:
    """Tell whether there is a journal, which the next writer brings into place."""
    return any(os.path.lexists(os.path.join(vault_path, name)) for name in NAMES)
