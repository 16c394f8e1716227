"""Logs: where the core's own messages go: the screen, the system's log or a file.

Names of files in the vault appear at the level DEBUG only.
"""

import logging
import os
from io import TextIOWrapper
from typing import Final

from wafs.cli.screen import escape, tell

SYSTEM_LOG: Final = "/dev/log"

_KINDS: Final = {logging.WARNING: "warning", logging.ERROR: "error", logging.CRITICAL: "error"}


class _ScreenHandler(logging.Handler):
    """Says what is logged in the same way as everything else on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        for line in text.splitlines():
            tell(_KINDS.get(record.levelno, ""), line)


class _PrivateFileHandler(logging.FileHandler):
    """A file that only its owner can read, as what is logged may name files."""

    def _open(self) -> TextIOWrapper:
        fd = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return open(fd, "a", encoding=self.encoding, errors=self.errors)


class _LineFormatter(logging.Formatter):
    """One line for each line of a message, without anything that drives a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(escape(line) for line in super().format(record).splitlines())


def log_to_screen(*, verbose: bool, level: int = logging.WARNING) -> None:
    """Say what is logged from a level on on standard error; everything if `verbose`."""
    _use(_ScreenHandler(), logging.DEBUG if verbose else level)


def log_of_daemon(log_file: str | None, *, verbose: bool) -> logging.Handler:
    """Return what a process without a terminal logs to: a file, else the system's log, else nothing.

    Raises: OSError if the file cannot be opened; it is made with mode 0600.
    """
    if log_file is not None:
        handler: logging.Handler = _PrivateFileHandler(log_file, encoding="utf-8", errors="backslashreplace")
        handler.setFormatter(_LineFormatter("%(asctime)s wafs[%(process)d] %(levelname)s: %(message)s"))
    else:
        handler = _system_log()
    handler.setLevel(logging.DEBUG if verbose else logging.INFO)
    return handler


def log_to(handler: logging.Handler) -> None:
    """Log to this handler and to no other."""
    _use(handler, handler.level)


def _system_log() -> logging.Handler:
    # Brings sockets along, which no other command needs.
    from logging.handlers import SysLogHandler

    try:
        handler = SysLogHandler(SYSTEM_LOG)
    except OSError:
        # Not every system has one, containers seldom do.
        return logging.NullHandler()
    handler.setFormatter(_LineFormatter("wafs[%(process)d]: %(message)s"))
    return handler


def _use(handler: logging.Handler, level: int) -> None:
    logger = logging.getLogger("wafs")
    for old in list(logger.handlers):
        if isinstance(old, (_ScreenHandler, logging.NullHandler)):
            logger.removeHandler(old)
    logger.addHandler(handler)
    logger.setLevel(level)
