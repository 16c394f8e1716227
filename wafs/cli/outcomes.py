"""Outcomes: what became of each file of a run: counted, shown, and told at the end."""

import os
from collections.abc import Callable, Iterable

from wafs.cli.failures import Failures
from wafs.cli.local_walk import LocalStep
from wafs.cli.messages import message_of
from wafs.cli.progress import Progress
from wafs.cli.tally import Outcome, Tally
from wafs.whatsapp.layout import Category


class Outcomes:
    """Where a run tells what became of a file, by its path.

    `category_of` takes the path below `top`.
    Thread: that of the command.
    """

    def __init__(
        self,
        top: bytes,
        category_of: Callable[[bytes], Category],
        failures: Failures,
        progress: Progress,
        outcomes: tuple[Outcome, ...],
    ) -> None:
        self._top = top
        self.category_of = category_of
        self._failures = failures
        self._progress = progress
        self.tally = Tally(outcomes)
        self.failed: list[tuple[str, str]] = []

    def note(self, path: bytes, outcome: Outcome, size: int) -> None:
        """Count a file; one that is not copied is taken from what the progress expects."""
        self.tally.note(self.category_of(self.below(path)), outcome, size)
        if outcome not in (Outcome.NEW, Outcome.CHANGED):
            self._progress.expect_less(size)

    def note_all(self, steps: Iterable[LocalStep], outcome: Outcome) -> None:
        """Count several files of this machine with the same outcome."""
        for step in steps:
            self.note(step.path, outcome, step.attrs.st_size)

    def fail(self, path: bytes, error: Exception) -> None:
        """Count a file that could not be copied.

        Raises: as `Failures.add`.
        """
        self.tally.note(self.category_of(self.below(path)), Outcome.FAILED, 0)
        self.failed.append((os.fsdecode(path), message_of(error).text))
        self._failures.add(path, error)

    def below(self, path: bytes) -> bytes:
        """Return a path relative to the top."""
        return path[len(self._top) :].lstrip(b"/")
