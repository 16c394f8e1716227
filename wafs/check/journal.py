"""Journal: what `check` does about the journal of unfinished changes, all in this place (format.md section 10).

What it says of single files is in `settling`.
"""

import os
from typing import Final

from wafs.check.findings import Finding, FinishJournal, Kind
from wafs.check.opening import Patient
from wafs.errors import DamageError
from wafs.vault.journal import JOURNAL_NAMES
from wafs.vault.replay import Replay, read_replay

NAMES: Final = tuple(os.fsdecode(name) for name in JOURNAL_NAMES)


def check_journal(patient: Patient) -> tuple[Replay | None, list[Finding]]:
    """Read the journals of a vault; returns what they tell, and that as a finding. None of it is written anywhere.

    Raises: UnsupportedFormatError for a journal of a newer wafs.
    """
    entry = JOURNAL_NAMES[0]
    try:
        replay = _read(patient)
    except DamageError as error:
        message = f"the journal of unfinished changes is damaged: {error}"
        return None, [Finding(Kind.JOURNAL_DAMAGED, message, entry=entry)]
    except OSError as error:
        message = f"the storage does not give the journal of unfinished changes: {error.strerror}"
        return None, [Finding(Kind.UNREADABLE, message, entry=entry)]
    if replay is None:
        return None, []
    message = "the vault is in use, or was not closed; changes that are not in their place yet are in its journal"
    return replay, [Finding(Kind.JOURNAL_PENDING, message, entry=entry, fix=FinishJournal())]


def _read(patient: Patient) -> Replay | None:
    parameters = patient.key.header.parameters
    top = patient.store.open_dir(None, b".")
    try:
        return read_replay(
            patient.store,
            top,
            patient.keyring.journal,
            vault_id=parameters.vault_id,
            chunk_size=parameters.chunk_size,
        )
    finally:
        patient.store.close(top)


def pending(vault_path: str) -> bool:
    """Tell whether there is a journal, which the next writer brings into place."""
    return any(os.path.lexists(os.path.join(vault_path, name)) for name in NAMES)
