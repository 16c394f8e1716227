"""Tally: how much of a vault was looked at, and how much of it is well."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counts while a check runs. A file with several names counts once; `sealed_bytes` are those of the ciphertext."""

    files: int = 0
    damaged_files: int = 0
    nameless: int = 0
    """Entries that may hold a file and have lost their name or their folder."""
    folders: int = 0
    symlinks: int = 0
    others: int = 0
    sealed_bytes: int = 0

    @property
    def whole_files(self) -> int:
        """Return how many files were found without a fault."""
        return self.files - self.damaged_files
