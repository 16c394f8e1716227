"""Plots: bars by row and growth curves, as PNG files beside the page that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmark.systems import NATIVE
from benchmark.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from benchmark.report import Report
    from benchmark.rows import Row

mpl.use("agg")

DPI = 110
COLOURS = {NATIVE: "#9a9a9a", "gocryptfs": "#1f77b4", "securefs": "#2ca02c", "encfs": "#bcbd22", "cryfs": "#9467bd"}
# The first wafs is the one to look at; others are shades of it.
OURS = ("#d62728", "#ff9896", "#e377c2", "#ff7f0e")
GROUPS = {
    "files": ("Big files and databases", ("stream", "latency", "sql")),
    "trees": ("Small files and whole jobs", ("small", "parallel", "tree", "copy", "export", "mounting")),
    "costs": ("What the daemon takes", ("stream", "tree", "mounting")),
}


def colour_of(system: str, ours: Sequence[str]) -> str:
    """Return the colour that a system has in all plots."""
    if system in COLOURS:
        return COLOURS[system]
    return OURS[list(ours).index(system) % len(OURS)]


def draw_rows(report: Report, page: Path) -> dict[str, Path]:
    """Draw bars of all rows on a logarithmic scale; return the files by their titles.

    A bar is the speed relative to gocryptfs: longer is better in every row, whatever its unit. Without
    gocryptfs there is nothing to compare with, and nothing is drawn.
    """
    if "gocryptfs" not in report.versions:
        return {}
    pictures = {}
    for group, (title, jobs) in GROUPS.items():
        rows = [row for row in report.rows if row.job in jobs and row.unit.is_cost == (group == "costs")]
        rows = [row for row in rows if _drawn(report, row)]
        if rows:
            path = page.with_name(f"{page.stem}-{group}.png")
            _bars(report, rows, title).savefig(path, dpi=DPI)
            pictures[f"{title}: compared with gocryptfs, longer to the right is better"] = path
    return pictures


def _drawn(report: Report, row: Row) -> list[tuple[str, float]]:
    """Return the systems that have a bar in a row, with their speeds relative to gocryptfs."""
    found = [(name, report.ratio(row, name, "gocryptfs")) for name in report.versions if name != "gocryptfs"]
    # A logarithm has no place for nothing or for infinity: an idle CPU of 0 is told in the table.
    return [(name, ratio) for name, ratio in found if ratio is not None and 0 < ratio < float("inf")]


def _bars(report: Report, rows: Sequence[Row], title: str) -> Figure:
    systems = [name for name in report.versions if name != "gocryptfs"]
    thickness = 0.84 / len(systems)
    figure = Figure(figsize=(10, 1.3 + len(rows) * (0.16 * len(systems) + 0.12)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        for name, ratio in _drawn(report, row):
            top = place - 0.42 + (systems.index(name) + 0.5) * thickness
            axes.barh(top, ratio - 1, thickness * 0.92, left=1, color=colour_of(name, report.ours))
            axes.annotate(
                f"{ratio:.2g}" if ratio < 9.95 else f"{ratio:.0f}",
                (ratio, top),
                xytext=(3 if ratio >= 1 else -3, 0),
                textcoords="offset points",
                ha="left" if ratio >= 1 else "right",
                va="center",
                fontsize=6.5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )
    marks = _mark_targets(axes, report, rows)
    _finish(axes, rows, title)
    handles: list[Artist] = [Patch(color=colour_of(name, report.ours), label=name) for name in systems]
    figure.legend(handles=[*handles, *marks], loc="outside lower center", ncols=len(handles) + 1, fontsize=8)
    return figure


def _mark_targets(axes: Axes, report: Report, rows: Sequence[Row]) -> list[Artist]:
    """Draw where the first wafs is to come to, in the rows that have a target compared with gocryptfs."""
    limits = {target.key: target for target in TARGETS if target.to == "gocryptfs"} if report.ours else {}
    marks: list[Artist] = []
    for place, row in enumerate(rows):
        if row.key in limits:
            limit = limits[row.key].limit
            speed = limit if row.unit.bigger_is_better else 1 / limit
            marks += axes.plot([speed, speed], [place - 0.44, place + 0.44], "k:", linewidth=1.2, label="target")
    return marks[:1]


def _finish(axes: Axes, rows: Sequence[Row], title: str) -> None:
    axes.set_xscale("log", base=2)
    axes.margins(x=0.08)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x" if value >= 1 else f"1/{1 / value:g}x")
    axes.axvline(1, color=COLOURS["gocryptfs"], linewidth=1.6)
    axes.set_yticks(range(len(rows)), [row.title for row in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for border in range(len(rows) - 1):
        axes.axhline(border + 0.5, color="#dddddd", linewidth=0.6)
    axes.grid(axis="x", which="major", color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("times as fast as gocryptfs, which is the blue line; of costs, times as thrifty", fontsize=8)
    axes.set_title(f"{title}: longer to the right is better", fontsize=10)
