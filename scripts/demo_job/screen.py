"""Screen: what the person watching sees, and the tally of what went wrong."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

SHOWN_PROBLEMS = 10


class Screen:
    """Prints steps, checks and notes; counts the checks that failed."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.failures: list[str] = []
        self.passed = 0
        self._began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def step(self, title: str) -> None:
        """Begin a step."""
        self.console.print(f"\n[bold cyan]{escape(title)}[/]")

    def note(self, text: str) -> None:
        """Tell something that is neither good nor bad."""
        self.console.print(f"  {escape(text)}", style="dim", soft_wrap=True)

    def show(self, what: RenderableType) -> None:
        """Show a table or a panel."""
        self.console.print(what)

    def check(self, claim: str, problems: list[str]) -> None:
        """Tell whether a claim holds: it does if there are no problems."""
        if not problems:
            self.passed += 1
            self.console.print(f"  [green]ok[/] {escape(claim)}", soft_wrap=True)
            return
        self.fail(f"not so: {claim}")
        for problem in problems[:SHOWN_PROBLEMS]:
            self.console.print(f"     {escape(problem)}", style="red", soft_wrap=True)
        if len(problems) > SHOWN_PROBLEMS:
            self.console.print(f"     and {len(problems) - SHOWN_PROBLEMS} more", style="red")

    def fail(self, text: str) -> None:
        """Tell of a failure, which will also be the result of the whole."""
        self.failures.append(text)
        self.console.print(f"  [bold red]FAILED[/] {escape(text)}", soft_wrap=True)

    def closing(self, title: str, lines: list[str]) -> None:
        """Show the last words."""
        colour = "red" if self.failures else "green"
        # Paths are to be copied: a panel would cut them, so only the title is framed.
        self.console.print()
        self.console.print(Panel(f"[bold]{escape(title)}[/]", border_style=colour, expand=False))
        for line in lines:
            self.console.print(f"  {escape(line)}", soft_wrap=True)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar over `total` bytes; what is yielded takes how many more are done."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.advance(task, done)


def size(number: float) -> str:
    """Return a size in bytes as people say it."""
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"
