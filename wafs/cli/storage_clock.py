"""Storage clock: in what steps a storage keeps times. SMB has 100 ns, many cloud drives a second, exFAT 10 ms."""

import os
from typing import Final

_UNITS_NS: Final = (2 * 10**9, 10**9, 10**7, 10**6, 10**3, 100)


class StorageClock:
    """The steps of the storage that holds a folder, as far as the times of the entries in it tell."""

    def __init__(self, folder: str | bytes) -> None:
        self._folder = folder
        self._unit_ns: int | None = None

    def is_same(self, kept_ns: int, wanted_ns: int) -> bool:
        """Tell whether a time that the storage keeps is the wanted one, cut to what it can keep.

        Raises: OSError.
        """
        if kept_ns == wanted_ns:
            return True
        if not any(kept_ns == wanted_ns // unit * unit for unit in _UNITS_NS):
            return False
        if self._unit_ns is None:
            self._unit_ns = self._find()
        return kept_ns == wanted_ns // self._unit_ns * self._unit_ns

    def _find(self) -> int:
        times = [os.stat(self._folder).st_mtime_ns]
        with os.scandir(self._folder) as entries:
            times += [entry.stat(follow_symlinks=False).st_mtime_ns for entry in entries]
        return next((unit for unit in _UNITS_NS if not any(time % unit for time in times)), 1)
