"""Origins: where an entry belongs that lies elsewhere, and which id a folder has whose record is gone.

Both are found out by trying the ids of all other folders: a name opens under one id alone.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from wafs.check.folders import Folder
from wafs.check.opening import Patient
from wafs.errors import DamageError
from wafs.format.directory import Place, implied_dir_id
from wafs.store.base import Handle
from wafs.units import DirId

_TRIES: Final = 2_000_000
"""Names that are tried in one check, some ten seconds."""


class Origin(NamedTuple):
    """The folder that an entry belongs to, and its plain name there."""

    folder: Folder
    name: bytes


class Origins:
    """The folders of a vault whose ids are known.

    Thread: that of the check.
    """

    def __init__(self, patient: Patient) -> None:
        self._directories = patient.directories
        self._key = patient.keyring.directory_ids
        self._known: dict[DirId, Folder] = {}
        self._tries = _TRIES

    def note(self, folder: Folder) -> None:
        """Take in a folder whose id is known."""
        if folder.dir_id is not None:
            self._known.setdefault(folder.dir_id, folder)

    def of_entry(self, handle: Handle, entry: bytes) -> Origin | None:
        """Return where an entry belongs whose name does not open in the folder behind `handle`."""
        for dir_id, folder in self._known.items():
            if self._is_spent():
                return None
            try:
                return Origin(folder, self._directories.open_name(handle, dir_id, entry))
            except (DamageError, OSError):
                continue
        return None

    def id_of(self, folder: Folder, is_right: Callable[[DirId], bool]) -> DirId | None:
        """Return the id that a folder was born with, if it had the name then that it has now.

        An id that another folder has is none: two folders must not share one.
        Raises: what `is_right` raises.
        """
        for parent in self._known:
            dir_id = implied_dir_id(self._key, Place(parent, folder.name))
            if self._is_spent():
                return None
            if dir_id not in self._known and is_right(dir_id):
                return dir_id
        return None

    def _is_spent(self) -> bool:
        self._tries -= 1
        return self._tries < 0
