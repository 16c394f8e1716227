"""Tally: what became of the files of a backup, by category, as a table and as JSON."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from wafs.cli.screen import size_words
from wafs.whatsapp.layout import Category


class Outcome(StrEnum):
    """What became of a file; the order is that of the columns."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NEWER = "newer"
    SKIPPED = "skipped"
    FAILED = "failed"


_HEADS: Final = {Outcome.NEWER: "newer there"}


class Tally:
    """Counts files and bytes by category and outcome. What was skipped by choice counts neither as file nor as bytes.

    Thread: that of the command.
    """

    def __init__(self, outcomes: tuple[Outcome, ...]) -> None:
        self._outcomes = outcomes
        self._counts: dict[Category, dict[Outcome, int]] = {}
        self._bytes: dict[Category, int] = {}

    def note(self, category: Category, outcome: Outcome, size: int) -> None:
        """Count a file of so many bytes."""
        counts = self._counts.setdefault(category, dict.fromkeys(self._outcomes, 0))
        counts[outcome] += 1
        if outcome is not Outcome.SKIPPED:
            self._bytes[category] = self._bytes.get(category, 0) + size

    def total(self, outcome: Outcome) -> int:
        """Return how many files had this outcome."""
        return sum(counts[outcome] for counts in self._counts.values())

    def table(self) -> Iterator[str]:
        """Return the lines of a table for people; categories of which there is nothing are left out."""
        heads = ["category", "files", "size", *(_HEADS.get(outcome, str(outcome)) for outcome in self._outcomes)]
        rows = [heads]
        for category, facts in self._facts():
            counts = [f"{facts[outcome]:,}" for outcome in self._outcomes]
            rows.append([category, f"{facts['files']:,}", size_words(facts["bytes"]), *counts])
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        for row in rows:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            yield "  ".join(cells)

    def as_json(self) -> dict[str, dict[str, int]]:
        """Return files, bytes and outcomes by category, with `all` for their sum."""
        return dict(self._facts())

    def _facts(self) -> Iterator[tuple[str, dict[str, int]]]:
        whole = dict.fromkeys(("files", "bytes", *self._outcomes), 0)
        for category in Category:
            counts = self._counts.get(category)
            if counts is None:
                continue
            files = sum(count for outcome, count in counts.items() if outcome is not Outcome.SKIPPED)
            facts = {"files": files, "bytes": self._bytes.get(category, 0), **{str(o): n for o, n in counts.items()}}
            for name, count in facts.items():
                whole[name] += count
            yield str(category), facts
        yield "all", whole
