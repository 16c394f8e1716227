"""Main: checks what a run needs, runs it, and cleans up whatever happens."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmark import (
    document,
    figures,
    growth_tables,
    machine,
    options,
    packages,
    profiling,
    runner,
    source_tree,
    splitting,
    tables,
)
from benchmark.curves import run_curves
from benchmark.failure import BenchError
from benchmark.growth_report import GrowthReport
from benchmark.loopdisk import detach_below
from benchmark.mounts import unmount_below
from benchmark.peers import PEERS
from benchmark.report import Report
from benchmark.roster import make_systems
from benchmark.rows import TREE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.rows import Row
    from benchmark.systems import System

EXIT_FAILED, EXIT_INTERRUPTED = 1, 130


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit code: 0 ok, 1 failed, 2 usage, 130 interrupted."""
    asked = options.parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        _run(asked)
    except BenchError as exc:
        print(f"bench: error: {exc}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("bench: interrupted; everything is unmounted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _run(asked: options.Options) -> None:
    if asked.figures is not None:
        _show(figures.load(asked.figures), asked)
        return
    if os.geteuid() != 0:
        msg = "root is needed to mount loop files and to drop caches; try: sudo scripts/bench"
        raise BenchError(msg)
    if not asked.folder.is_dir():
        msg = f"{asked.folder} is no folder; name one on a disk with --dir"
        raise BenchError(msg)
    with _work_folder(asked.folder) as work:
        password_file = work / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.token_hex(24) + "\n")
        if asked.profile == "split":
            _show_split(splitting.split_rows(asked, password_file=password_file, work=work), asked)
            return
        if asked.profile:
            profiling.profile(asked, password_file=password_file, work=work)
            return
        _show(_measure(asked, password_file=password_file, work=work), asked)


def _measure(asked: options.Options, *, password_file: Path, work: Path) -> Report | GrowthReport:
    if asked.install:
        packages.install(_missing(asked))
    systems = make_systems(
        asked.systems, chunk_sizes=asked.chunk_sizes, others=asked.others, password_file=password_file, work=work
    )
    versions = _installed(systems, must=asked.systems_named)
    present = [system for system in systems if system.name in versions]
    described = machine.describe(asked.folder)
    with Console(stderr=True).status("") as status:
        if asked.curves:
            growth = run_curves(asked.curves, present, work=work, tell=status.update)
            return GrowthReport(described, versions, growth.points, growth.failures)
        asked = replace(asked, rows=_possible(asked.rows))
        samples = runner.run_rounds(asked, present, work=work, tell=status.update)
    return Report(
        machine=described,
        versions=versions,
        rows=asked.rows,
        rounds=asked.rounds,
        scale=asdict(asked.scale),
        remount=asked.remount,
        unsettled=samples.unsettled,
        samples=samples.values,
        failures={f"{job} on {name}": said for (job, name), said in samples.failures.items()},
    )


def _missing(asked: options.Options) -> list[str]:
    """Return the packages that this run needs and the machine does not have."""
    wanted = [kind for kind in asked.systems if kind in PEERS and shutil.which(kind) is None]
    if not asked.curves and any(row.job == TREE for row in asked.rows):
        try:
            source_tree.packed_source()
        except BenchError:
            wanted.append(source_tree.PACKAGE)
    return wanted


def _possible(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Leave out, and tell about, the jobs for which something is missing on the machine."""
    impossible = set()
    for job in dict.fromkeys(row.job for row in rows):
        try:
            runner.NEEDS.get(job, lambda: None)()
        except BenchError as exc:
            print(f"bench: without the rows of the job {job}: {exc}", file=sys.stderr)
            impossible.add(job)
    found = tuple(row for row in rows if row.job not in impossible)
    if not found:
        msg = "no row is left to measure"
        raise BenchError(msg)
    return found


def _installed(systems: Sequence[System], *, must: bool) -> dict[str, str]:
    """Return the versions of the systems that run; tell about the others, or fail if `must`."""
    versions = {}
    for system in systems:
        try:
            versions[system.name] = system.version()
        except BenchError as exc:
            if must:
                raise
            print(f"bench: without {system.name}: {exc}", file=sys.stderr)
    return versions


def _show(done: Report | GrowthReport, asked: options.Options) -> None:
    # Kept first: nothing that goes wrong with a picture may lose the figures.
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures.as_json(done), indent=2) + "\n")
    # A file or pipe gets the whole width: a table folded at 80 columns cannot be read.
    console = Console() if sys.stdout.isatty() else Console(width=250)
    for part in growth_tables.as_tables(done) if isinstance(done, GrowthReport) else tables.as_tables(done):
        console.print(part)
    for line in growth_tables.notes(done) if isinstance(done, GrowthReport) else tables.notes(done):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if asked.markdown is not None:
        document.write(asked.markdown, done)


def _show_split(splits: Sequence[splitting.Split], asked: options.Options) -> None:
    table = splitting.as_markdown(splits)
    print(table)
    if asked.markdown is not None:
        document.put(asked.markdown, "split", table)


@contextmanager
def _work_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder; in the end take down what is mounted in it, then remove it."""
    folder = Path(tempfile.mkdtemp(prefix="wafs-bench.", dir=parent))
    try:
        yield folder
    finally:
        # A second Ctrl-C here would leave mounts behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        unmount_below(folder)
        detach_below(folder)
        shutil.rmtree(folder)
