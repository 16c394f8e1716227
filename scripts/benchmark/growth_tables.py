"""Growth tables: finished curves for a terminal and for a Markdown document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from benchmark.curves import CURVES_BY_KEY, readable
from benchmark.growth_report import BOUNDS
from benchmark.machine import in_one_line
from benchmark.stats import summarize
from benchmark.tables import figure, last_line, markdown_table

if TYPE_CHECKING:
    from benchmark.growth_report import GrowthReport


def as_tables(report: GrowthReport) -> list[Table]:
    """Lay out each curve: sizes by figures and systems."""
    made = []
    for key in report.points:
        table = Table(title=CURVES_BY_KEY[key].title)
        for number, heading in enumerate(_headings(report, key)):
            table.add_column(heading, justify="right" if number else "left", no_wrap=True)
        for line in _lines(report, key):
            table.add_row(*line)
        made.append(table)
    return made


def as_markdown(report: GrowthReport, key: str) -> str:
    """Lay out one curve in Markdown."""
    return markdown_table(_headings(report, key), _lines(report, key))


def notes(report: GrowthReport) -> list[str]:
    """Return what must not grow and whether it does, then machine and versions, line by line."""
    lines = []
    for bound in BOUNDS:
        for name in report.ours:
            reached = report.reached(bound, name)
            if reached is not None:
                curve = CURVES_BY_KEY[bound.curve]
                sizes = [size for size, _ in report.points[bound.curve][bound.figure][name]]
                span = readable(sizes[-1], curve.unit)
                unit = curve.figures[bound.figure]
                wanted = f"at most {bound.limit:g} {unit}"
                if bound.is_growth:
                    span = f"from {readable(sizes[0], curve.unit)} to {span}"
                    unit, wanted = "times", f"at most {bound.limit:g} times"
                word = "reached" if reached <= bound.limit else "missed"
                what = f"{name}, {curve.title}: {bound.figure} {reached:.2f} {unit}"
                lines.append(f"{what}, {span} ({wanted}: {word})")
    lines.append(f"machine: {in_one_line(report.machine)}")
    lines += [f"{name}: {version}" for name, version in report.versions.items()]
    lines += [f"failed, so without larger sizes: {what}: {last_line(said)}" for what, said in report.failures.items()]
    return lines


def _headings(report: GrowthReport, key: str) -> list[str]:
    return [CURVES_BY_KEY[key].title, "", *report.versions]


def _lines(report: GrowthReport, key: str) -> list[list[str]]:
    curve, lines = CURVES_BY_KEY[key], []
    for name in (name for name in curve.figures if name in report.points[key]):
        measured: dict[str, dict[int, float]] = {
            system: dict(points) for system, points in report.points[key][name].items()
        }
        for size in sorted({size for values in measured.values() for size in values}):
            values = [measured.get(system, {}).get(size) for system in report.versions]
            cells = ["-" if value is None else figure(summarize([value])) for value in values]
            lines.append([readable(size, curve.unit), f"{name}, {curve.figures[name]}", *cells])
    return lines
