"""Splitting: of what the time of one operation consists, row by row.

Each row runs twice on fresh disks. The first run is undisturbed: its clock gives the whole time, and the mount's own
tally how much of it requests were being answered. The second runs under cProfile and gives the time in system calls
and in the cryptography library; Python's part is what is left of the first. The rest of the whole time passes
outside of the process: in the kernel, in waking up, in the client and, where it waits there, at the disk below.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from benchmark import runner
from benchmark.failure import BenchError
from benchmark.profiling import SpentLine, WatchedWafs
from benchmark.rows import Unit
from benchmark.tables import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmark.options import Options
    from benchmark.place import Place
    from benchmark.rows import Row

STATUS_ATTRIBUTE = "user.wafs.status"
MIB = 1 << 20

HEADINGS = ("one operation, us", "requests", "whole", "outside", "system calls", "cryptography", "Python")

BESIDE = ("posix.readv", "posix.read>", "poll", "posix_fadvise", "eventfd", "syncfs", "acquire")
"""Waiting for requests, and what runs in threads beside those who answer."""


class Served(NamedTuple):
    """What a mount has answered so far."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of one operation of a row, in microseconds; a MiB is one operation of a stream."""

    row: Row
    operation: str
    requests: float
    whole: float
    served: float
    calls: float
    crypto: float

    def cells(self) -> list[str]:
        """Lay it out as a line of the table."""
        python = max(self.served - self.calls - self.crypto, 0.0)
        outside = max(self.whole - self.served, 0.0)
        figures = (self.whole, outside, self.calls, self.crypto, python)
        return [f"{self.row.title}: {self.operation}", f"{self.requests:.1f}", *(f"{figure:.1f}" for figure in figures)]


def split_rows(asked: Options, *, password_file: Path, work: Path) -> list[Split]:
    """Run each row undisturbed and under the profiler; return its parts.

    Raises:
        BenchError: wafs does not run, or a row has no single operation.
    """
    return [_split(row, replace(asked, rows=(row,)), password_file=password_file, work=work) for row in asked.rows]


def as_markdown(splits: Sequence[Split]) -> str:
    """Lay the parts out as a Markdown table."""
    return markdown_table(HEADINGS, [split.cells() for split in splits])


def operations(row: Row, *, value: float, seconds: float) -> tuple[float, str]:
    """Return how many operations a run of a row consisted of, and the name of one.

    Args:
        row: which one.
        value: what was measured, in its unit.
        seconds: how long that took.

    Raises:
        BenchError: the row does not time operations.
    """
    if row.unit is Unit.MB_PER_S:
        return value * 1e6 * seconds / MIB, "a MiB"
    if row.unit is Unit.MICROSECONDS:
        return seconds * 1e6 / value, "one"
    if row.unit is Unit.SECONDS:
        return 1.0, "all"
    msg = f"the row {row.key} does not time operations; choose another with --rows"
    raise BenchError(msg)


def by_kind(spent: Sequence[SpentLine]) -> tuple[float, float]:
    """Return the seconds in system calls and in the cryptography library, of those who answer."""
    calls = crypto = 0.0
    for what, _, own, _ in spent:
        if any(word in what for word in BESIDE):
            continue
        if "posix." in what or "fallocate" in what or "utimensat" in what:
            calls += own
        elif "AESGCM" in what or "AESSIV" in what or "blake2" in what or "openssl" in what or "hkdf" in what.lower():
            crypto += own
    return calls, crypto


def _split(row: Row, asked: Options, *, password_file: Path, work: Path) -> Split:
    undisturbed = WatchedWafs(password_file, chunk_kib=None, functions=False)
    timed: list[tuple[float, Served]] = []

    def arrange(place: Place) -> None:
        place.probe = lambda: _timed(place, timed)

    place = runner.measure(row.job, undisturbed, asked, work=work, arrange=arrange)
    seconds, served = timed[-1]
    count, operation = operations(row, value=place.values[row.key], seconds=seconds)

    watched = WatchedWafs(password_file, chunk_kib=None, functions=True)

    def arrange_watched(place: Place) -> None:
        place.probe = watched.watched

    runner.measure(row.job, watched, asked, work=work, arrange=arrange_watched)
    calls, crypto = by_kind(watched.spent)
    return Split(
        row=row,
        operation=operation,
        requests=served.requests / count,
        whole=seconds / count * 1e6,
        served=served.seconds / count * 1e6,
        calls=calls / count * 1e6,
        crypto=crypto / count * 1e6,
    )


@contextmanager
def _timed(place: Place, timed: list[tuple[float, Served]]) -> Iterator[None]:
    before, begin = _served(place), time.perf_counter()
    yield
    seconds, after = time.perf_counter() - begin, _served(place)
    timed.append((seconds, Served(after.requests - before.requests, after.seconds - before.seconds)))


def _served(place: Place) -> Served:
    times = json.loads(os.getxattr(place.root, STATUS_ATTRIBUTE))["times"]
    return Served(
        sum(kind["count"] for kind in times.values()),
        sum(kind["count"] * kind["mean_us"] for kind in times.values()) / 1e6,
    )
