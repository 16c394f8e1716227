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
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmark import machine, options, profiling, report, runner
from benchmark.failure import BenchError
from benchmark.loopdisk import detach_below
from benchmark.mounts import unmount_below
from benchmark.systems import System, make_systems

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
        if asked.profile:
            profiling.profile(asked, password_file=password_file, work=work)
            return
        systems = make_systems(asked.systems, chunk_sizes=asked.chunk_sizes, password_file=password_file)
        versions = _installed(systems, must=asked.systems_named)
        present = [system for system in systems if system.name in versions]
        with Console(stderr=True).status("") as status:
            samples = runner.run_rounds(asked, present, work=work, tell=status.update)
    _show(report.Report(machine.describe(), versions, asked, samples))


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


def _show(done: report.Report) -> None:
    # A file or pipe gets the whole width: a table folded at 80 columns cannot be read.
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(report.as_table(done))
    for line in report.notes(done):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if done.options.json is not None:
        done.options.json.write_text(json.dumps(report.as_json(done), indent=2) + "\n")
    if done.options.markdown is not None:
        done.options.markdown.write_text(report.as_markdown(done))


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
