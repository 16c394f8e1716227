"""Tables: a report for a terminal and for a Markdown document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from benchmark.machine import in_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.report import Best, Report, Verdict
    from benchmark.rows import Row
    from benchmark.stats import Summary

LONGEST_REASON = 160


def as_tables(report: Report) -> list[Table]:
    """Lay out rows by systems, with the ratios at the right; then the targets, if any apply."""
    rounds = report.rounds
    table = Table(title=f"medians of {rounds} rounds" if rounds > 1 else "one round")
    for number, heading in enumerate(_headings(report)):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for row in report.rows:
        table.add_row(*_cells(report, row))
    judged = target_cells(report)
    if not judged:
        return [table]
    targets = Table(title="targets")
    for heading in _target_headings(report):
        targets.add_column(heading, no_wrap=True)
    for cells in judged:
        targets.add_row(*cells)
    return [table, targets]


def as_markdown(report: Report) -> str:
    """Lay out the same in Markdown, with the notes below."""
    parts = [markdown_table(_headings(report), [_cells(report, row) for row in report.rows])]
    if judged := target_cells(report):
        parts.append(markdown_table(_target_headings(report), judged))
    parts.append("\n".join(f"- {line}" for line in notes(report)))
    return "\n\n".join(parts) + "\n"


def markdown_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown without a newline at the end."""
    rows = [headings, ["---"] * len(headings), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def target_cells(report: Report) -> list[list[str]]:
    """Return the targets line by line: row, wanted, then what each wafs achieved; nothing without one."""
    return [
        [target.row.title, str(target), *(_achieved(report.judge(target, system)) for system in report.ours)]
        for target in (report.targets if report.ours else ())
    ]


def _target_headings(report: Report) -> list[str]:
    return ["target", "wanted", *report.ours]


def _achieved(verdict: Verdict) -> str:
    if verdict.achieved is None:
        return verdict.word
    return f"{verdict.achieved:.{2 if verdict.target.to else 1}f} {verdict.word}"


def notes(report: Report) -> list[str]:
    """Return what a reader must know about the figures, line by line."""
    lines = []
    for system in report.ours:
        if words := [verdict.word for verdict in report.verdicts(system)]:
            lines.append(f"{system}: {words.count('reached')} of {len(words)} targets reached")
        for best in report.slower_than_best(system):
            lines.append(f"{system} is slower than {best.peer}: {best.row.title} ({best.ratio:.2f} times as fast)")
    lines.append(f"machine: {in_one_line(report.machine)}")
    lines += [f"{name}: {version}" for name, version in report.versions.items()]
    if report.pairs():
        lines.append("ratio (a : b): how many times as fast a is as b; of memory and CPU, how many times as thrifty")
    summaries = [report.summary(row, name) for row in report.rows for name in report.versions]
    if any(summary.noisy for summary in summaries if summary):
        lines.append("~ the rounds differ by more than 30 percent of the median")
    if any(row.key == "mount" for row in report.rows):
        lines.append("mount: encfs and cryfs cannot be made without a slow key derivation, so they have no figure")
    for what, said in report.failures.items():
        lines.append(f"failed, so without figures: {what}: {last_line(said)}")
    if report.unsettled:
        lines.append(f"the disk found no rest {report.unsettled} times: something else was writing")
    return lines


def last_line(said: str) -> str:
    """Return the last line, which has the reason, without the middle of long names in it."""
    line = (said.strip().splitlines() or [""])[-1].strip()
    return line if len(line) <= LONGEST_REASON else f"{line[:60]} ... {line[-60:]}"


def _headings(report: Report) -> list[str]:
    ratios = [f"{ours} : {theirs}" for ours, theirs in report.pairs()]
    best = [f"{system} : best peer" for system in report.ours] if len(report.peers) > 1 else []
    return ["same work, one run", *report.versions, *ratios, *best]


def _cells(report: Report, row: Row) -> list[str]:
    figures = [figure(report.summary(row, name)) for name in report.versions]
    ratios = [_times(report.ratio(row, ours, theirs)) for ours, theirs in report.pairs()]
    cells = [f"{row.title}, {row.unit.value}", *figures, *ratios]
    if len(report.peers) > 1:
        cells += [_beside(report.best(row, system)) for system in report.ours]
    return cells


def _beside(best: Best | None) -> str:
    return "-" if best is None else f"{_times(best.ratio)} {best.peer}" + (" (!)" if best.is_slower else "")


def figure(summary: Summary | None) -> str:
    """Return a median with two or three digits that mean something, marked when it is noisy."""
    if summary is None:
        return "-"
    digits = 2 if summary.median < 1 else 1 if summary.median < 10 else 0
    return ("~" if summary.noisy else "") + f"{summary.median:.{digits}f}"


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"
