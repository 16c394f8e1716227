"""Daemon: the process that serves a mount, and what it costs."""

from __future__ import annotations

import os
import select
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark.failure import BenchError

PROC = Path("/proc")
END_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Daemon:
    """The processes that were started for one mountpoint, nearly always one."""

    pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """Return what its threads, ended ones included, have used of processors so far; in steps of 10 ms."""
        ticks = sum(ticks_of((PROC / str(pid) / "stat").read_text()) for pid in self.pids)
        return ticks / os.sysconf("SC_CLK_TCK")

    def wake_ups(self) -> int:
        """Return how often its threads had a processor so far; changes also when one ends."""
        tasks = (task for pid in self.pids for task in (PROC / str(pid) / "task").iterdir())
        return sum(switches_of((task / "status").read_text()) for task in tasks)

    def peak_memory(self) -> int:
        """Return the largest resident size since its start, in bytes."""
        return sum(peak_of((PROC / str(pid) / "status").read_text()) for pid in self.pids)

    def wait_end(self) -> None:
        """Wait until it has ended: some daemons still write when their mount is gone.

        Raises:
            BenchError: it is still there after 120 s.
        """
        with ExitStack() as stack:
            for pid in self.pids:
                with suppress(ProcessLookupError):
                    fd = os.pidfd_open(pid)
                    stack.callback(os.close, fd)
                    poll = select.poll()
                    poll.register(fd, select.POLLIN)
                    if not poll.poll(END_PATIENCE_S * 1000):
                        msg = f"process {pid} still runs {END_PATIENCE_S:.0f} s after it was unmounted"
                        raise BenchError(msg)


def ticks_of(stat: str) -> int:
    """Return user and system time, in clock ticks, from the text of /proc/PID/stat."""
    # The name of the program may hold blanks and brackets; what follows the last bracket does not.
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def switches_of(status: str) -> int:
    """Return how often a thread gave up or lost its processor, from the text of /proc/PID/task/TID/status."""
    counts = (line.split()[1] for line in status.splitlines() if "ctxt_switches:" in line)
    return sum(map(int, counts))


def peak_of(status: str) -> int:
    """Return VmHWM, in bytes, from the text of /proc/PID/status; 0 where there is none."""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def serving(mountpoint: Path) -> Daemon | None:
    """Find the daemon of a mountpoint: who has its path among the words of the command line."""
    wanted = os.fsencode(mountpoint)
    found = []
    for folder in PROC.iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            with suppress(OSError):
                if wanted in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return Daemon(tuple(sorted(found))) if found else None
