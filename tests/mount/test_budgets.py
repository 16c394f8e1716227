"""What each operation of a program may cost: requests of the kernel, and calls of the storage.

Counts, not times, so that a busy machine changes nothing; and the smallest of some batches, so that neither the commit
timer nor an entry that the kernel forgot in between does. A change that doubles the work of an operation fails here.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from fs.paths import Paths
from mount.bench import Bench
from mount.daemon import Daemon, start
from store.counting import CALLS, shared_counts
from vault.making import make_vault, opened
from wafs.fs.vfs import Vfs
from wafs.vault.vault import DEFAULT_CHUNK_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.mount, pytest.mark.slow]

BATCHES = 4
OPERATIONS = 25
SPREAD = 4 * DEFAULT_CHUNK_SIZE
ENTRIES = 100
SMALL = bytes(range(256)) * 32
PAGE = SMALL[:4096]

SLACK = 1.1
"""How much a count may exceed its budget: what is done once for many operations does not divide evenly."""

STALE = 0.6
"""Below this share of its budget a count could double unnoticed: then the budget is to be lowered."""


class Budget(NamedTuple):
    """For one operation."""

    requests: float
    calls: float


BUDGETS = {
    # operation: requests, calls
    "lookup of a missing name": Budget(1, 1),
    "lookup and stat": Budget(1, 1),
    "create, write 8 KiB, close": Budget(5, 8),
    "open, read 8 KiB, close": Budget(4, 6),
    "overwrite 4 KiB": Budget(1.16, 1.4),
    "overwrite 4 KiB, fsync": Budget(2.16, 2.5),
    "append 4 KiB": Budget(1.16, 1.7),
    "unlink": Budget(3, 3),
    "mkdir": Budget(2, 3),
    "rename": Budget(3, 5),
    "list and stat 100 entries": Budget(6, 105),
}


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount that counts, over a vault that was filled before: the kernel knows none of its names yet."""

    daemon: Daemon
    counts: memoryview

    def path(self, folder: str, batch: int, number: int = 0) -> str:
        return f"{self.daemon.place}/{folder}/{batch}-{number}"

    def cost(self, work: Callable[[], None]) -> Budget:
        """Return what work costs. What close(2) leaves behind is asked for before the status, so it is in."""
        before, calls = self._requests(), sum(self.counts)
        work()
        requests = self._requests() - before
        return Budget(requests - self._cost_of_asking(), sum(self.counts) - calls)

    def _requests(self) -> int:
        asked: int = self.daemon.status()["requests"]
        return asked

    def _cost_of_asking(self) -> int:
        return min(-self._requests() + self._requests() for _ in range(3))


def _touch_missing(mount: Mount, batch: int) -> None:
    for number in range(OPERATIONS):
        assert not os.path.exists(mount.path("empty", batch, number))


def _stat(mount: Mount, batch: int) -> None:
    for number in range(OPERATIONS):
        assert os.stat(mount.path("stat", batch, number)).st_size == len(SMALL)


def _create(mount: Mount, batch: int) -> None:
    for number in range(OPERATIONS):
        fd = os.open(mount.path("new", batch, number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(fd, SMALL)
        os.close(fd)


def _read(mount: Mount, batch: int) -> None:
    for number in range(OPERATIONS):
        fd = os.open(mount.path("read", batch, number), os.O_RDONLY)
        assert os.read(fd, 2 * len(SMALL)) == SMALL
        os.close(fd)


def _overwrite(mount: Mount, batch: int) -> None:
    fd = os.open(mount.path("big", batch), os.O_WRONLY)
    for number in range(OPERATIONS):
        os.pwrite(fd, PAGE, number * SPREAD)
    os.close(fd)


def _overwrite_synced(mount: Mount, batch: int) -> None:
    fd = os.open(mount.path("synced", batch), os.O_WRONLY)
    for number in range(OPERATIONS):
        os.pwrite(fd, PAGE, number * SPREAD)
        os.fsync(fd)
    os.close(fd)


def _append(mount: Mount, batch: int) -> None:
    fd = os.open(mount.path("log", batch), os.O_WRONLY | os.O_APPEND)
    for _ in range(OPERATIONS):
        os.write(fd, PAGE)
    os.close(fd)


def _unlink(mount: Mount, batch: int) -> None:
    for number in range(OPERATIONS):
        os.unlink(mount.path("old", batch, number))


def _mkdir(mount: Mount, batch: int) -> None:
    for number in range(OPERATIONS):
        os.mkdir(mount.path("new", batch, OPERATIONS + number))


def _rename(mount: Mount, batch: int) -> None:
    for number in range(OPERATIONS):
        os.rename(mount.path("moved", batch, number), mount.path("moved", batch, OPERATIONS + number))


def _list(mount: Mount, batch: int) -> None:
    with os.scandir(mount.path("listed", batch)) as entries:
        assert sum(entry.stat().st_size for entry in entries) == ENTRIES * len(PAGE)


WORK: dict[str, Callable[[Mount, int], None]] = {
    "lookup of a missing name": _touch_missing,
    "lookup and stat": _stat,
    "create, write 8 KiB, close": _create,
    "open, read 8 KiB, close": _read,
    "overwrite 4 KiB": _overwrite,
    "overwrite 4 KiB, fsync": _overwrite_synced,
    "append 4 KiB": _append,
    "unlink": _unlink,
    "mkdir": _mkdir,
    "rename": _rename,
    "list and stat 100 entries": _list,
}
COUNTS = {"list and stat 100 entries": 1}


def _fill(paths: Paths) -> None:
    """Make what the operations work on."""
    for folder in (b"empty", b"new"):
        paths.mkdir(folder)
    for folder in (b"stat", b"read", b"old", b"moved"):
        paths.mkdir(folder)
        for batch in range(BATCHES):
            for number in range(OPERATIONS):
                paths.write(b"%s/%d-%d" % (folder, batch, number), SMALL)
    paths.mkdir(b"listed")
    for folder in (b"big", b"synced", b"log"):
        paths.mkdir(folder)
    for batch in range(BATCHES):
        paths.write(b"log/%d-0" % batch, PAGE)
        for folder in (b"big", b"synced"):
            paths.write(b"%s/%d-0" % (folder, batch), PAGE * (OPERATIONS * SPREAD // len(PAGE)))
        paths.mkdir(b"listed/%d-0" % batch)
        for number in range(ENTRIES):
            paths.write(b"listed/%d-0/IMG-%d.jpg" % (batch, number), PAGE)


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    folder = tmp_path_factory.mktemp("budgets")
    vault = make_vault(folder / "vault", DEFAULT_CHUNK_SIZE)
    with Vfs(opened(vault)) as vfs:
        _fill(Paths(vfs))
    place = folder / "mnt"
    place.mkdir()
    bench = Bench(folder)
    with shared_counts(folder / "counts") as counts:
        search = f"PYTHONPATH={Path(__file__).parents[1]}"
        words = [str(vault), str(place), str(folder / "counts")]
        command = ["env", search, sys.executable, "-m", "mount.counted_daemon", *words]
        try:
            bench.daemons.append(start(command, vault, place, folder / "daemon.log"))
            yield Mount(bench.daemons[0], counts)
        finally:
            complaints = bench.finish()
    assert complaints == []


@pytest.mark.parametrize("operation", WORK)
def test_operation_keeps_to_its_budget(mount: Mount, operation: str) -> None:
    work, count = WORK[operation], COUNTS.get(operation, OPERATIONS)
    costs = [mount.cost(partial(work, mount, batch)) for batch in range(BATCHES)]
    found = Budget(min(cost.requests for cost in costs) / count, min(cost.calls for cost in costs) / count)
    budget = BUDGETS[operation]
    for what, now, most in zip(Budget._fields, found, budget, strict=True):
        assert now <= most * SLACK, f"{operation}: {now:.2f} {what}, the budget is {most}"
        assert now >= most * STALE, f"{operation}: {now:.2f} {what} only; lower the budget of {most}"


def test_every_operation_has_a_budget() -> None:
    assert set(BUDGETS) == set(WORK)


def test_every_call_is_counted() -> None:
    assert {"open", "close", "pread", "preadv", "pwrite", "sync", "stat", "entries", "rename"} <= set(CALLS)
