"""Failures: what could not be done among many things, told at the end."""

import errno
import os
from typing import Final

import click

from wafs.cli.exitcodes import BUG, exit_code_of, worst_of
from wafs.cli.messages import Message, message_of
from wafs.cli.screen import count_words, tell

_SHOWN: Final = 20
_HOPELESS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class Failures:
    """One failure does not stop the rest; all are listed at the end, and the worst gives the exit code.

    A storage that is full or read-only does stop the rest: nothing that follows could succeed.
    Thread: that of the command.
    """

    def __init__(self) -> None:
        # Words and not the errors themselves, whose tracebacks would keep handles of the vault open.
        self._messages: list[Message] = []
        self._codes: list[int] = []

    def add(self, path: str | bytes, error: Exception) -> None:
        """Note that something failed with an error that was raised on purpose or comes from the storage.

        Raises: the error itself if it is a bug, nobody reads our output, or the storage takes nothing more.
        """
        if exit_code_of(error) == BUG or isinstance(error, BrokenPipeError):
            raise error
        shown = f"{os.fsdecode(path)}: "
        text, hint = message_of(error)
        self._messages.append(Message(text if text.startswith(shown) else shown + text, hint))
        self._codes.append(exit_code_of(error))
        if isinstance(error, OSError) and error.errno in _HOPELESS:
            self.finish()

    @property
    def messages(self) -> list[Message]:
        """Return what failed so far."""
        return list(self._messages)

    @property
    def code(self) -> int:
        """Return the exit code of the worst, 0 if nothing failed."""
        return worst_of(self._codes)

    def finish(self) -> None:
        """List what failed, and end the command if anything did.

        Raises: click.exceptions.Exit with the exit code of the worst.
        """
        if not self._messages:
            return
        shown = self._messages[:_SHOWN]
        for message in shown:
            tell("error", message.text)
        if len(self._messages) > len(shown):
            tell("error", f"and {count_words(len(self._messages) - len(shown), 'more failure')}")
        for hint in dict.fromkeys(message.hint for message in shown):
            if hint:
                tell("hint", hint)
        raise click.exceptions.Exit(worst_of(self._codes))
