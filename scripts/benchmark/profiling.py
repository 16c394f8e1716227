"""Profiling: where wafs spends the time of one row, by Python functions or by system calls."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import runner
from benchmark.failure import BenchError
from benchmark.mounts import is_mounted
from benchmark.systems import WAFS, Wafs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmark.options import Options
    from benchmark.place import Place

PROFILED_DAEMON = Path(__file__).with_name("profiled_daemon.py")
START_PATIENCE_S = 60.0
POLL_S = 0.02
SHOWN = 30

SpentLine = tuple[str, int, float, float]
"""A function, its calls, and its own and total seconds."""


def profile(asked: Options, *, password_file: Path, work: Path) -> None:
    """Run one row once on wafs and print the top of its profile.

    The figure is printed too, to be compared with an undisturbed run: profiling slows all down,
    short functions and frequent calls the most.

    Raises:
        BenchError: wafs or strace does not run.
    """
    chunk_kib = asked.chunk_sizes[0] if asked.chunk_sizes else None
    system = WatchedWafs(password_file, chunk_kib=chunk_kib, functions=asked.profile == "functions")
    print(system.version())
    row = asked.rows[0]

    def arrange(place: Place) -> None:
        place.probe = system.watched

    place = runner.measure(row.job, system, asked, work=work, arrange=arrange)
    print(f"{row.title}: {place.values[row.key]:.1f} {row.unit.value} while being profiled")
    print(system.profile)


class WatchedWafs(Wafs):
    """wafs in the foreground, so that its process is known and can be watched."""

    def __init__(self, password_file: Path, *, chunk_kib: int | None, functions: bool) -> None:
        super().__init__(password_file, chunk_kib=chunk_kib)
        self.profile = ""
        self.spent: list[SpentLine] = []
        self._functions = functions
        self._daemon: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def mount(self, lower: Path, upper: Path) -> Path:
        """Start the daemon as a child and wait until the mount is there."""
        words = ["mount", str(lower / "vault"), str(upper), *self.password, "--foreground"]
        ours, theirs = socket.socketpair()
        command = [str(WAFS), *words]
        if self._functions:
            command = [sys.executable, str(PROFILED_DAEMON), str(theirs.fileno()), *words]
        with theirs:
            self._daemon = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._control = ours
        deadline = time.monotonic() + START_PATIENCE_S
        while not is_mounted(upper):
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                msg = f"no mount came up from: {' '.join(command)}"
                raise BenchError(msg)
            time.sleep(POLL_S)
        return upper

    def unmount(self, upper: Path) -> None:
        """Unmount and wait for the daemon to end."""
        super().unmount(upper)
        assert self._daemon is not None
        assert self._control is not None
        self._daemon.wait(START_PATIENCE_S)
        self._control.close()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the daemon while the block runs; leave the result in `profile`."""
        watch: Callable[[], Iterator[None]] = self._functions_watched
        if not self._functions:
            watch = self._calls_watched
        with contextmanager(watch)():
            yield

    def _functions_watched(self) -> Iterator[None]:
        assert self._control is not None
        with self._control.makefile("rw") as control:
            _ask(control.write, control.flush, "start")
            control.readline()
            yield
            _ask(control.write, control.flush, "stop")
            self.spent = [(what, calls, own, total) for what, calls, own, total in json.loads(control.readline())]
        lines = [f"{'own s':>9} {'total s':>9} {'calls':>9}  function"]
        lines += [f"{own:9.3f} {total:9.3f} {calls:9}  {what}" for what, calls, own, total in self.spent]
        self.profile = "\n".join(lines[: SHOWN + 1])

    def _calls_watched(self) -> Iterator[None]:
        assert self._daemon is not None
        command = ["strace", "-c", "-w", "-f", "-p", str(self._daemon.pid)]
        try:
            strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        except FileNotFoundError:
            msg = "strace is not installed: apt install strace"
            raise BenchError(msg) from None
        with strace:
            assert strace.stderr is not None
            try:
                if "attached" not in (told := strace.stderr.readline()):
                    msg = f"strace cannot attach: {told.strip()}"
                    raise BenchError(msg)
                yield
            finally:
                strace.send_signal(signal.SIGINT)
            lines = [line for line in strace.stderr if not line.startswith("strace:")]
        self.profile = "".join(lines[: SHOWN + 3])


def _ask(write: Callable[[str], int], flush: Callable[[], None], word: str) -> None:
    write(word + "\n")
    flush()
