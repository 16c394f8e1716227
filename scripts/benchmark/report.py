"""Report: the table for people, and the JSON for later comparisons."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmark.stats import Summary, speed_ratio, summarize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.machine import Machine
    from benchmark.options import Options
    from benchmark.rows import Row
    from benchmark.runner import Samples

PEER = "gocryptfs"


@dataclass(frozen=True, slots=True)
class Report:
    """A finished run: who was measured where, and what came out."""

    machine: Machine
    versions: Mapping[str, str]
    options: Options
    samples: Samples

    def summary(self, row: Row, system: str) -> Summary | None:
        """Return the median and range of a row on a system, None if it was not measured."""
        values = self.samples.values.get(row.key, {}).get(system)
        return summarize(values) if values else None

    def ratio(self, row: Row, ours: str, theirs: str) -> float | None:
        """Return how many times as fast one system is as another, by their medians."""
        first, second = self.summary(row, ours), self.summary(row, theirs)
        if first is None or second is None:
            return None
        return speed_ratio(row, ours=first.median, theirs=second.median)

    def compared(self) -> list[str]:
        """Return the systems that get a ratio to gocryptfs: those of wafs, if both are there."""
        ours = [name for name in self.versions if name.startswith("wafs")]
        return ours if PEER in self.versions else []


def as_table(report: Report) -> Table:
    """Lay out rows by systems, with the ratios at the right."""
    rounds = report.options.rounds
    table = Table(title=f"medians of {rounds} rounds" if rounds > 1 else "one round")
    table.add_column("same work, one run", no_wrap=True)
    for name in report.versions:
        table.add_column(name, justify="right", no_wrap=True)
    for name in report.compared():
        table.add_column(f"{name} : {PEER}", justify="right", no_wrap=True)
    for row in report.options.rows:
        table.add_row(f"{row.title}, {row.unit.value}", *_cells(report, row))
    return table


def as_markdown(report: Report) -> str:
    """Lay out the same table in Markdown, with its notes below it."""
    names = [*report.versions, *(f"{name} : {PEER}" for name in report.compared())]
    lines = ["| same work, one run | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in report.options.rows:
        cells = [f"{row.title}, {row.unit.value}", *_cells(report, row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *(f"- {line}" for line in notes(report))]) + "\n"


def _cells(report: Report, row: Row) -> list[str]:
    figures = [_figure(report.summary(row, name)) for name in report.versions]
    return figures + [_times(report.ratio(row, name, PEER)) for name in report.compared()]


def notes(report: Report) -> list[str]:
    """Return what a reader must know about the figures, line by line."""
    lines = [f"machine: {report.machine}"]
    lines += [f"{name}: {version}" for name, version in report.versions.items()]
    if report.compared():
        lines.append("ratio: how many times as fast as gocryptfs; under 1 is slower")
    summaries = [report.summary(row, name) for row in report.options.rows for name in report.versions]
    if any(summary.noisy for summary in summaries if summary):
        lines.append("~ the rounds differ by more than 30 percent of the median")
    if report.samples.unsettled:
        lines.append(f"the disk found no rest {report.samples.unsettled} times: something else was writing")
    return lines


def as_json(report: Report) -> dict[str, Any]:
    """Return all of it as plain values: every round, medians and ratios."""
    return {
        "machine": asdict(report.machine),
        "versions": dict(report.versions),
        "scale": asdict(report.options.scale),
        "rounds": report.options.rounds,
        "remount": report.options.remount,
        "unsettled": report.samples.unsettled,
        "rows": [_row_as_json(report, row, list(report.versions)) for row in report.options.rows],
    }


def _row_as_json(report: Report, row: Row, systems: Sequence[str]) -> dict[str, Any]:
    summaries = {name: report.summary(row, name) for name in systems}
    return {
        "key": row.key,
        "title": row.title,
        "unit": row.unit.value,
        "samples": {name: report.samples.values[row.key][name] for name in systems},
        "median": {name: found.median for name, found in summaries.items() if found},
        "times_as_fast_as_gocryptfs": {name: report.ratio(row, name, PEER) for name in report.compared()},
    }


def _figure(summary: Summary | None) -> str:
    if summary is None:
        return "-"
    digits = 1 if summary.median < 10 else 0
    return ("~" if summary.noisy else "") + f"{summary.median:.{digits}f}"


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"
