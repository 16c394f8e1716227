"""Main: checks what a run needs, runs it, and cleans up whatever happens."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmark.failure import BenchError
from benchmark.loopdisk import detach_below
from benchmark.mounts import unmount_below
from posix_suite import options, place, report
from posix_suite.proving import prove
from posix_suite.selection import choose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EXIT_FAILED, EXIT_INTERRUPTED = 1, 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str]) -> int:
    """Run the suite; return the exit code: 0 all passed, 1 failed, 2 usage, 130 interrupted."""
    asked = options.parse(arguments)
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        done = _run(asked)
    except BenchError as exc:
        print(f"posix-suite: error: {exc}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("posix-suite: interrupted; everything is unmounted", file=sys.stderr)
        return EXIT_INTERRUPTED
    for line in report.as_lines(done):
        print(line)
    if asked.json is not None:
        asked.json.write_text(json.dumps(report.as_json(done), indent=2) + "\n")
    return 0 if done.passed else EXIT_FAILED


def _run(asked: options.Options) -> report.Report:
    if os.geteuid() != 0:
        msg = "root is needed, to become other users and to mount; try: sudo scripts/posix-suite"
        raise BenchError(msg)
    if not asked.folder.is_dir():
        msg = f"{asked.folder} is no folder; name another one with --dir"
        raise BenchError(msg)
    tests = choose(asked.suite, asked.parts)
    with _work_folder(asked.folder) as work:
        with place.storage(work, loop=asked.loop) as below:
            mount = nullcontext(below) if asked.native else place.mounted_vault(below, work)
            with mount as root:
                # Tests become other users, who must be able to get in.
                root.chmod(0o755)
                filesystem = _filesystem_of(root)
                begin = time.monotonic()
                with Console(stderr=True).status("") as status:
                    heard, code = prove(tests, root, lambda name: status.update(report.short(name)))
                seconds = time.monotonic() - begin
        return report.Report(
            heard=heard,
            exit_code=code,
            chosen=len(tests),
            seconds=seconds,
            filesystem=filesystem,
            kernel=platform.release(),
            wafs=None if asked.native else place.version(),
            complaints=place.complaints(work),
        )


def _filesystem_of(folder: Path) -> str:
    """Return the type of the filesystem that a folder lies on, as the kernel names it."""
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        fields, _, tail = line.partition(" - ")
        if fields.split()[2] == number:
            return tail.split()[0]
    return "an unknown filesystem"


@contextmanager
def _work_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder; in the end take down what is mounted in it, then remove it."""
    folder = Path(tempfile.mkdtemp(prefix="wafs-posix.", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        # A second Ctrl-C here would leave mounts behind.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
        unmount_below(folder)
        detach_below(folder)
        shutil.rmtree(folder)
        for number, handler in before.items():
            signal.signal(number, handler)
