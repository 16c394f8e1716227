"""Place: a system mounted on a fresh disk, where a job works and is timed."""

from __future__ import annotations

import gc
import os
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from benchmark.daemon import Daemon, serving
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
        self._daemon: Daemon | None = None
        self.root = upper

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Make the system, mount it, and unmount it in the end."""
        self.system.create(self._lower)
        self.mount()
        try:
            yield
        finally:
            self.unmount()

    def mount(self) -> float:
        """Mount the system again after `unmount`; return the seconds until it answered a first question."""
        begin = time.perf_counter()
        self.root = self.system.mount(self._lower, self._upper)
        os.listdir(self.root)
        seconds = time.perf_counter() - begin
        self._daemon = serving(self._upper) if self.system.is_mount else None
        return seconds

    def unmount(self) -> None:
        """Unmount and wait for the end of the daemon; no file may be open."""
        self.system.unmount(self._upper)
        if self._daemon is not None:
            self._daemon.wait_end()
            self._daemon = None

    @property
    def beside(self) -> Path:
        """A folder of the disk below that does not belong to the system."""
        folder = self._lower / "beside"
        folder.mkdir(exist_ok=True)
        return folder

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
            self.unmount()
            self.mount()
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

    def keep(self, key: str, value: float) -> None:
        """Keep the value of a row, in its unit, if it is wanted."""
        if self.wants(key):
            self.values[key] = value

    def keep_memory(self, key: str) -> None:
        """Keep the peak memory of the daemon, if there is one, as the value of a row."""
        if self._daemon is not None:
            self.keep(key, self.memory() / (1 << 20))

    def memory(self) -> int:
        """Return the largest resident size of the daemon since the system was last mounted, in bytes; 0 without one."""
        return self._daemon.peak_memory() if self._daemon is not None else 0

    def wake_ups(self) -> int:
        """Return how often the daemon had a processor since the system was last mounted; 0 without one."""
        return self._daemon.wake_ups() if self._daemon is not None else 0

    @contextmanager
    def charged(self, key: str, *, count: float) -> Iterator[None]:
        """Keep what the daemon, if there is one, uses of processors during the block.

        Args:
            key: which row.
            count: bytes moved or seconds waited inside, see `Unit.measured`.
        """
        daemon = self._daemon
        if daemon is None:
            yield
            return
        before = daemon.cpu_seconds()
        yield
        self.keep(key, BY_KEY[key].unit.measured(seconds=daemon.cpu_seconds() - before, count=count))
