"""Profiled daemon: runs a wafs command under cProfile, all of its threads.

Started by profiling.py as `profiled_daemon.py FD ARGUMENTS...`. FD is a socket: `start` and `stop`
come in as lines, and after `stop` goes out, as one line of JSON, what was spent between the two:
[function, calls, own seconds, total seconds], the most expensive first.
"""

from __future__ import annotations

import cProfile
import json
import runpy
import socket
import sys
import threading
from typing import Any

Spent = dict[str, tuple[int, float, float]]


class Recorder:
    """One profile per thread, since cProfile sees only the thread that it was enabled in."""

    def __init__(self) -> None:
        self._profiles: list[cProfile.Profile] = []

    def watch_this_thread(self) -> None:
        """Count from here on what the calling thread does."""
        profile = cProfile.Profile()
        self._profiles.append(profile)
        profile.enable()

    def spent(self) -> Spent:
        """Return calls, own and total seconds of each function so far; running ones as yet not."""
        sums: Spent = {}
        for profile in list(self._profiles):
            for entry in profile.getstats():
                calls, own, total = sums.get(_label(entry.code), (0, 0.0, 0.0))
                sums[_label(entry.code)] = (
                    calls + entry.callcount,
                    own + entry.inlinetime,
                    total + entry.totaltime,
                )
        return sums

    def serve(self, control: socket.socket) -> None:
        """Answer `start` and `stop` until the other end is closed."""
        before: Spent = {}
        with control, control.makefile("rw") as lines:
            for word in lines:
                if word.strip() == "start":
                    before, answer = self.spent(), "ok"
                else:
                    answer = json.dumps(_difference(before, self.spent()))
                lines.write(answer + "\n")
                lines.flush()


def _difference(before: Spent, after: Spent) -> list[tuple[str, int, float, float]]:
    """Return what came on top of `before`, by own time, the largest first."""
    rows = []
    for label, (calls, own, total) in after.items():
        earlier = before.get(label, (0, 0.0, 0.0))
        rows.append((label, calls - earlier[0], own - earlier[1], total - earlier[2]))
    return sorted(rows, key=lambda row: -row[2])


def _label(code: Any) -> str:
    if isinstance(code, str):
        return code
    return f"{'/'.join(code.co_filename.split('/')[-3:])}:{code.co_firstlineno} {code.co_qualname}"


def main() -> None:
    """Run the command line given after the socket's number."""
    recorder = Recorder()
    control = socket.socket(fileno=int(sys.argv[1]))
    threading.Thread(target=recorder.serve, args=(control,), daemon=True).start()
    plain_run = threading.Thread.run

    def watched_run(self: threading.Thread) -> None:
        recorder.watch_this_thread()
        plain_run(self)

    threading.Thread.run = watched_run  # type: ignore[method-assign]
    sys.argv = ["wafs", *sys.argv[2:]]
    recorder.watch_this_thread()
    runpy.run_module("wafs", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
