"""Daemon: a process that serves a mount, and tells who started it when the mount answers."""

import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Final, NoReturn

import click

from wafs.cli.exitcodes import BUG, FAILED, OK, exit_code_of
from wafs.cli.logs import log_of_daemon, log_to, log_to_screen
from wafs.cli.messages import message_of
from wafs.cli.screen import tell
from wafs.errors import MountError, UsageError

Serve = Callable[[Callable[[], None]], None]
"""Serves until the mount is gone; calls its argument when the mount answers."""

_MAX_REPORT: Final = 65_536
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger(__name__)


def run_in_foreground(serve: Serve, *, verbose: bool, log_file: str | None) -> None:
    """Serve in this process and log to standard error.

    Raises: what `serve` raises; OSError if the log file cannot be opened.
    """
    if log_file is None:
        log_to_screen(verbose=verbose, level=logging.INFO)
    else:
        log_to(log_of_daemon(log_file, verbose=verbose))
    serve_gently(serve, lambda: _log.info("mounted"))


def run_in_background(serve: Serve, *, verbose: bool, log_file: str | None) -> None:
    """Serve in a process of its own, and return when the mount answers.

    The process ends by itself, never through the code of the caller. What fails in it before the mount answers ends
    this process with the same words and exit code.
    Raises: click.exceptions.Exit, MountError, OSError if the log file cannot be opened.
    Thread: no other may run.
    """
    handler = log_of_daemon(log_file, verbose=verbose)
    sys.stdout.flush()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _serve_and_end(serve, handler, writer)
    handler.close()
    os.close(writer)
    try:
        with open(reader, "rb") as pipe:
            report = pipe.read(_MAX_REPORT)
    except BaseException:
        # Whoever does not want to wait any more does not want the mount.
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        raise
    if report == b"ready":
        return
    _, status = os.waitpid(pid, 0)
    refuse(report, os.waitstatus_to_exitcode(status))


def serve_gently(serve: Serve, ready: Callable[[], None]) -> None:
    """Serve; a signal that comes before `serve` handles signals itself, half-way into mounting, waits for the mount."""
    early: list[int] = []
    before = {number: signal.signal(number, lambda number, _: early.append(number)) for number in _ENDING}

    def answered() -> None:
        ready()
        if early:
            os.kill(os.getpid(), early[0])

    try:
        serve(answered)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve_and_end(serve: Serve, handler: logging.Handler, writer: int) -> NoReturn:
    """Be the daemon: serve, leave the terminal when the mount answers, and end with the exit code of what happened."""
    code = BUG
    # Where there is no system log nothing is to be heard of it on the terminal.
    logging.raiseExceptions = False
    try:
        os.setsid()
        os.chdir("/")
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        log_to(handler)
        pipe = [writer]

        def ready() -> None:
            # Until now it could show a person what takes long.
            _leave_terminal()
            _log.info("mounted")
            os.write(writer, b"ready")
            os.close(pipe.pop())

        try:
            serve_gently(serve, ready)
            code = OK
            _log.info("unmounted")
        except BaseException as error:  # noqa: BLE001  whoever waits at the pipe, or reads the log, is told
            code = exit_code_of(error)
            _report(error, code, pipe)
    finally:
        logging.shutdown()
        os._exit(code)


def _report(error: BaseException, code: int, pipe: list[int]) -> None:
    text = message_of(error).text
    if code == BUG:
        _log.error("this is a bug in wafs: %s", text, exc_info=error)
    elif pipe and isinstance(error, UsageError):
        # It says again what was typed, which may name files of the vault, to the person who typed it.
        _log.error("not mounted: what was asked for cannot be done")
    else:
        _log.error("%s", text)
    if pipe:
        os.write(pipe.pop(), failure_report(error, code))


def failure_report(error: BaseException, code: int) -> bytes:
    """Return what `refuse` takes: what failed, for the process that waits for the mount."""
    text, hint = message_of(error)
    return json.dumps({"kind": type(error).__name__, "text": text, "hint": hint, "code": code}).encode()


def _leave_terminal() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)


def refuse(report: bytes, code: int) -> NoReturn:
    """End with what the daemon reported; it has ended.

    Raises: click.exceptions.Exit, MountError if it reported nothing.
    """
    if not report:
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        msg = f"the process that was to serve the mount ended {how}"
        raise MountError(msg, hint="its log may say why: see --log-file")
    facts = json.loads(report)
    kind = "this is a bug in wafs: " if facts["code"] == BUG else ""
    tell("error", kind + facts["text"])
    if facts["hint"]:
        tell("hint", facts["hint"])
    raise click.exceptions.Exit(facts["code"] or FAILED)
