"""Runner: rounds in which the systems take turns, each on a disk of its own."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmark import clients, copies, databases, exports, latency, mounting, small_files, source_tree, streams
from benchmark.failure import BenchError
from benchmark.loopdisk import loop_disk
from benchmark.peers import PEERS
from benchmark.place import Place
from benchmark.rows import COPY, EXPORT, JOBS, LATENCY, MOUNT, PARALLEL, SMALL, SQL, STREAM, TREE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmark.options import Options
    from benchmark.scale import Scale
    from benchmark.systems import System

WORK: dict[str, Callable[[Place, Scale], None]] = {
    SMALL: small_files.run,
    STREAM: streams.run,
    SQL: databases.run,
    PARALLEL: clients.run_job,
    TREE: source_tree.run_job,
    COPY: copies.run_job,
    EXPORT: exports.run_job,
    LATENCY: latency.run_job,
    MOUNT: mounting.run_job,
}


@dataclass(slots=True)
class Samples:
    """The values of all rounds by row and system, and how often the machine found no rest.

    `failures` tells, by job and peer, what a peer that could not do its work said of it.
    """

    values: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    unsettled: int = 0
    failures: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, place: Place) -> None:
        """Take over what was measured in one place."""
        for key, value in place.values.items():
            self.values[key][place.system.name].append(value)
        self.unsettled += place.unsettled


NEEDS: dict[str, Callable[[], object]] = {
    TREE: source_tree.packed_source,
    EXPORT: exports.check_exporter,
}
"""What some jobs ask of the machine; raises a BenchError that says what is missing."""


def jobs_of(options: Options) -> list[str]:
    """Return the jobs that the wanted rows need, in the order they run."""
    return [job for job in JOBS if any(row.job == job for row in options.rows)]


def run_rounds(
    options: Options,
    systems: Sequence[System],
    *,
    work: Path,
    tell: Callable[[str], None],
) -> Samples:
    """Measure everything; `work` is an empty folder on the disk that carries the loop files.

    Another system comes first in each round, so that none always works on the machine as the
    same neighbour left it.

    A peer that fails in a job gets no values there and is not asked to do it again.

    Raises:
        BenchError: native ext4 or wafs failed or gave wrong bytes.
    """
    samples = Samples()
    for number in range(options.rounds):
        first = number % len(systems)
        for job in jobs_of(options):
            for system in [*systems[first:], *systems[:first]]:
                tell(f"round {number + 1} of {options.rounds}: {job} on {system.name}")
                if (job, system.name) not in samples.failures:
                    try:
                        samples.add(measure(job, system, options, work=work))
                    except BenchError as exc:
                        if system.name not in PEERS:
                            raise
                        samples.failures[job, system.name] = str(exc)
    return samples


def measure(
    job: str,
    system: System,
    options: Options,
    *,
    work: Path,
    arrange: Callable[[Place], None] = lambda _: None,
) -> Place:
    """Run one job on one system on a fresh disk; return the place with its values.

    Args:
        job: which one.
        system: where.
        options: rows and scale.
        work: the folder of the run.
        arrange: called with the place before anything is mounted.

    Raises:
        BenchError: the system failed or gave wrong bytes.
    """
    upper = work / "mnt"
    upper.mkdir(exist_ok=True)
    with loop_disk(work, size=options.scale.disk, inodes=options.scale.inodes) as lower:
        place = Place(
            system,
            lower=lower,
            upper=upper,
            assets=work,
            wanted={row.key for row in options.rows},
            remount=options.remount,
        )
        arrange(place)
        with place.mounted():
            try:
                WORK[job](place, options.scale)
            except (OSError, sqlite3.Error) as exc:
                msg = f"{system.name} failed in the job {job}: {exc}"
                raise BenchError(msg) from exc
    return place
