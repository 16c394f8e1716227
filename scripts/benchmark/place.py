"""Place: a system mounted on a fresh disk, where a job works and is timed."""

from __future__ import annotations

import gc
import os
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from benchmark.rows import BY_KEY
from benchmark.settle import drop_caches, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmark.systems import System


class Place:
    """What a job sees of a system: a folder, its caches and a stopwatch.

    Args:
        system: the system under test.
        lower: where it keeps its data, on a fresh disk.
        upper: an empty folder to mount it on.
        assets: a folder that lasts for the whole run, for what jobs prepare once.
        wanted: keys of the rows to measure.
        remount: restart the system whenever its caches are to be cold.
    """

    def __init__(
        self,
        system: System,
        *,
        lower: Path,
        upper: Path,
        assets: Path,
        wanted: Collection[str],
        remount: bool = False,
    ) -> None:
        self.system = system
        self.assets = assets
        self.values: dict[str, float] = {}
        self.unsettled = 0
        self.probe: Callable[[], AbstractContextManager[object]] = nullcontext
        self._lower = lower
        self._upper = upper
        self._wanted = wanted
        self._remount = remount
        self.root = upper

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Make the system, mount it, and unmount it in the end."""
        self.system.create(self._lower)
        self.root = self.system.mount(self._lower, self._upper)
        try:
            yield
        finally:
            self.system.unmount(self._upper)

    def wants(self, *keys: str) -> bool:
        """Tell whether at least one of the rows is to be measured."""
        return any(key in self._wanted for key in keys)

    def path(self, name: str) -> str:
        """Return the path of a name in the folder of the system."""
        return os.path.join(self.root, name)

    def settle(self) -> None:
        """Wait until all that was written is on the disk."""
        self.unsettled += not settle()

    def cold(self) -> None:
        """Empty the caches of the kernel, above and below; with `remount` the daemon's too.

        No file may be open when remounting.
        """
        self.settle()
        if self._remount:
            self.system.unmount(self._upper)
            self.root = self.system.mount(self._lower, self._upper)
        drop_caches()

    def forget_above(self, fd: int) -> None:
        """Drop the mount's cached pages of an open file; those of the disk below stay."""
        if self.system.is_mount:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

    @contextmanager
    def timed(self, key: str, *, count: int) -> Iterator[None]:
        """Time the block and keep the value of the row if it is wanted.

        Args:
            key: which row.
            count: bytes moved or operations done inside, see `Unit.measured`.
        """
        # A collection in the client would be charged to the system.
        gc.collect()
        gc.disable()
        try:
            with self.probe() if self.wants(key) else nullcontext():
                begin = time.perf_counter()
                yield
                seconds = time.perf_counter() - begin
        finally:
            gc.enable()
        if self.wants(key):
            self.values[key] = BY_KEY[key].unit.measured(seconds=seconds, count=count)
