"""Supervising: a command of the person's, run on the person's own terminal.

It stays in the process group of wafs, so that the terminal treats it as it would without wafs: Ctrl-C and Ctrl-Z reach
it from there. What is sent to wafs alone is passed on. Processes that it leaves behind become children of wafs.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Final

from wafs.cli.screen import tell

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
_OF_SIGNAL: Final = 128
"""Exit codes as shells have them."""

INTERRUPTIONS: Final = frozenset(_OF_SIGNAL + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
"""Exit codes of a command that was told to end."""

_PASSED_ON: Final = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
)
_ENDING: Final = frozenset({signal.SIGTERM, signal.SIGHUP})
_GRACE_S: Final = 10.0
"""How long a command that was told to end may take for it."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_SENT_BY_KERNEL: Final = 1
"""The least `si_code` of a signal that no process has sent. Source: sigaction(2)."""


def run_command(words: list[str], *, folder: str, environment: dict[str, str], server: int) -> int:
    """Run a command in a folder, wait for its end and return its exit code; 128 + n if signal n ended it.

    SIGTERM and SIGHUP to wafs are passed on, and a command that does not end within 10 s is killed. All children
    that end meanwhile are reaped; the end of the child `server` is told.
    Thread: main, and no other may run.
    """
    become_reaper()
    with _held_back() as (passed, before):
        try:
            process = subprocess.Popen(
                words,
                cwd=folder,
                env=environment,
                preexec_fn=lambda: _begin(before),  # noqa: PLW1509  no other thread runs
            )
        except OSError as error:
            return _not_started(words[0], error)
        process.returncode = _wait(process.pid, passed, server)
    code = process.returncode
    return _OF_SIGNAL - code if code < 0 else code


def become_reaper() -> None:
    """Have processes whose parent ends become children of this one, and not of process 1.

    Source: prctl(2).
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _begin(mask: set[signal.Signals]) -> None:
    """Give the command its signals as wafs got its own, and have it hang up should wafs be killed.

    Source: prctl(2).
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)


@contextlib.contextmanager
def _held_back() -> Iterator[tuple[frozenset[signal.Signals], set[signal.Signals]]]:
    """Hold signals back to be waited for; yield those that are passed on, and the mask of before."""
    # What was ignored when wafs was started, as by nohup, stays ignored, by the command too.
    passed = frozenset(number for number in _PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN)
    held = {*passed, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield passed, {signal.Signals(number) for number in before}
    finally:
        # What came for the command when that had just ended must not strike what comes after it.
        while signal.sigtimedwait(held, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _not_started(name: str, error: OSError) -> int:
    words = (error.strerror or os.strerror(error.errno or 0)).lower()
    tell("error", f"{name}: {words if not isinstance(error, FileNotFoundError) else 'command not found'}")
    return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


def _wait(pid: int, passed: frozenset[signal.Signals], server: int) -> int:
    """Wait for the end of a child, and pass signals on to it; return what `waitstatus_to_exitcode` says."""
    deadline: float | None = None
    while (ended := _reaped(pid, server)) is None:
        patience = 3600.0 if deadline is None else max(0.0, deadline - time.monotonic())
        got = signal.sigtimedwait({*passed, signal.SIGCHLD}, patience)
        if got is None:
            if deadline is not None:
                tell("warning", f"the command did not end within {_GRACE_S:.0f} seconds and is killed")
                os.kill(pid, signal.SIGKILL)
                deadline = None
            continue
        if got.si_signo == signal.SIGCHLD:
            continue
        # What the terminal sent went to the command as well: the two are in one process group.
        if got.si_code < _SENT_BY_KERNEL:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, got.si_signo)
        if got.si_signo in _ENDING and deadline is None:
            deadline = time.monotonic() + _GRACE_S
    return ended


def _reaped(pid: int, server: int) -> int | None:
    """Reap all children that have ended; return how `pid` ended, None if it has not."""
    ended = None
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if found[0] == pid:
                ended = os.waitstatus_to_exitcode(found[1])
            elif found[0] == server:
                tell("warning", "the process that serves the mount has ended: nothing in it can be read any more")
    return ended
