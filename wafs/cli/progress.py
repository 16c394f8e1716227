"""Progress: how far a copy is, with rate and time left, on standard error and only if that is a terminal."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from wafs.cli.screen import count_words, escape, size_words, tell

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_NAME_WIDTH = 30


class Progress:
    """Counts files and bytes, and shows them to a person who watches.

    Thread: that of the command; the bar is drawn by a thread of its own, which ends with the `with`.
    """

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._began = time.monotonic()
        self._expected = 0
        self.files = 0
        self.bytes = 0

    @property
    def watched(self) -> bool:
        """Tell whether there is a person to show something to."""
        return sys.stderr.isatty()

    def expect(self, total_bytes: int | None) -> None:
        """Show the bar: so many bytes are to be copied; None as long as that is not known."""
        self._expected = total_bytes or 0
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total_bytes)
        if not self.watched or self._bar is not None:
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as Bar
        from rich.table import Column

        self._bar = Bar(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            # It gives way where a terminal is narrow; the figures stay on one line.
            BarColumn(),
            DownloadColumn(binary_units=True, table_column=Column(no_wrap=True)),
            TransferSpeedColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self._verb, total=total_bytes)
        self._bar.start()

    def expect_less(self, size: int) -> None:
        """Note that so many bytes need not be copied."""
        self._expected -= size
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=self._expected)

    def begin(self, name: str | bytes) -> None:
        """Say which file it is at."""
        if self._bar is not None and self._task is not None:
            shown = escape(name)
            shown = shown if len(shown) <= _NAME_WIDTH else f"{shown[: _NAME_WIDTH - 3]}..."
            self._bar.update(self._task, description=f"{self._verb} {shown:<{_NAME_WIDTH}}")

    def advance(self, size: int) -> None:
        """Note that so many bytes more were copied."""
        self.bytes += size
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, size)

    def done(self) -> None:
        """Note that a file is complete."""
        self.files += 1

    def summarise(self) -> None:
        """Tell a person who watches what was done and how fast."""
        self.close()
        if self.watched:
            seconds = time.monotonic() - self._began
            rate = f", {size_words(int(self.bytes / seconds))}/s" if seconds > 1 else ""
            tell("", f"{count_words(self.files, 'file')}, {size_words(self.bytes)} in {seconds:.1f} s{rate}")

    def close(self) -> None:
        """Take the bar away."""
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
