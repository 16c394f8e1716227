"""Proving: run prove in a folder and listen to it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from benchmark.failure import BenchError
from posix_suite.tap import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def prove(tests: Sequence[Path], where: Path, tell: Callable[[str], None]) -> tuple[Listener, int]:
    """Run test files in a folder; return what they said, and the exit code of prove.

    Prove gets its own session, so that Ctrl-C at the terminal reaches only us, and ends with all that it started when
    we are interrupted. `tell` is told each file as it begins.

    Raises:
        BenchError: prove cannot be run.
    """
    command = ["prove", "--norc", "--nocolor", "--verbose", "--recurse", *map(str, tests)]
    environment = {**os.environ, "LC_ALL": "C", "HARNESS_OPTIONS": ""}
    listener = Listener()
    try:
        process = subprocess.Popen(
            command,
            cwd=where,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError:
        msg = "prove is not installed: apt install perl"
        raise BenchError(msg) from None
    assert process.stdout is not None
    try:
        for line in process.stdout:
            known = len(listener.files)
            listener.hear(line.rstrip("\n"))
            if len(listener.files) > known:
                tell(listener.files[-1].name)
        return listener, process.wait()
    finally:
        process.stdout.close()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
