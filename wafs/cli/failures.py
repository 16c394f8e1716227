"""Failures: what could not be done among many things, told at the end."""

import errno
import os
from typing import Final

import click

from wafs.cli.exitcodes import BUG, exit_code_of, worst_of
from wafs.cli.messages import message_of
from wafs.cli.screen import count_words, tell

_SHOWN: Final = 20
_HOPELESS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class Failures:
    """One failure does not stop the rest; all are listed at the end, and the worst gives the exit code.

    A storage that is full or read-only does stop the rest: nothing that follows could succeed.
    Thread: that of the command.
    """

    def __init__(self) -> None:
        self._failures: list[tuple[str, BaseException]] = []

    def add(self, path: str | bytes, error: Exception) -> None:
        """Note that something failed with an error that was raised on purpose or comes from the storage.

        Raises: the error itself if it is a bug, nobody reads our output, or the storage takes nothing more.
        """
        if exit_code_of(error) == BUG or isinstance(error, BrokenPipeError):
            raise error
        self._failures.append((os.fsdecode(path), error))
        if isinstance(error, OSError) and error.errno in _HOPELESS:
            self.finish()

    def finish(self) -> None:
        """List what failed, and end the command if anything did.

        Raises: click.exceptions.Exit with the exit code of the worst.
        """
        if not self._failures:
            return
        hints = []
        for path, error in self._failures[:_SHOWN]:
            text, hint = message_of(error)
            tell("error", text if text.startswith(f"{path}: ") else f"{path}: {text}")
            hints.append(hint)
        if len(self._failures) > _SHOWN:
            tell("error", f"and {count_words(len(self._failures) - _SHOWN, 'more failure')} of this kind")
        for hint in dict.fromkeys(hints):
            if hint:
                tell("hint", hint)
        codes = [exit_code_of(error) for _, error in self._failures]
        raise click.exceptions.Exit(worst_of(codes))
