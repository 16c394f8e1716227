"""Growth plots: one picture for each curve, with one line for each system, on logarithmic scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from benchmark.curves import CURVES_BY_KEY, readable
from benchmark.plots import DPI, colour_of

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from benchmark.growth_report import GrowthReport

SHORT = {1_000: "1k", 10_000: "10k", 100_000: "100k", 1_000_000: "1M"}


def draw_curves(report: GrowthReport, page: Path) -> dict[str, tuple[str, Path]]:
    """Draw each curve; return title and file by its key."""
    pictures = {}
    for key in report.points:
        path = page.with_name(f"{page.stem}-{key}.png")
        _draw(report, key).savefig(path, dpi=DPI)
        pictures[key] = (f"How it grows: {CURVES_BY_KEY[key].title}", path)
    return pictures


def _draw(report: GrowthReport, key: str) -> Figure:
    curve = CURVES_BY_KEY[key]
    names = [name for name in curve.figures if name in report.points[key]]
    width = 2 if len(names) in (2, 4) else 3
    lines = -(-len(names) // width)
    figure = Figure(figsize=(3.4 * width, 0.6 + 2.8 * lines), layout="constrained")
    places = list(figure.subplots(lines, width, squeeze=False).flat)
    for axes, name in zip(places, names, strict=False):
        _lines(axes, report, key, name)
    for axes in places[len(names) :]:
        axes.set_axis_off()
    handles, labels = places[0].get_legend_handles_labels()
    for axes in places[1 : len(names)]:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8)
    figure.suptitle(f"How it grows: {curve.title}", fontsize=10)
    return figure


def _lines(axes: Axes, report: GrowthReport, key: str, name: str) -> None:
    curve = CURVES_BY_KEY[key]
    for system in report.versions:
        points = report.points[key][name].get(system)
        if points:
            axes.plot(
                *zip(*points, strict=True),
                marker="o",
                markersize=3.5,
                color=colour_of(system, report.ours),
                label=system,
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = sorted({size for points in report.points[key][name].values() for size, _ in points})
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    labels = [readable(size, "bytes") if curve.unit == "bytes" else SHORT.get(size, f"{size:g}") for size in sizes]
    axes.set_xticklabels(labels, fontsize=7, rotation=45 if len(labels) > 5 else 0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    axes.tick_params(axis="y", which="both", labelsize=7)
    low, high = axes.get_ylim()
    if high < 4 * low:
        # A flat line fills the picture with its noise otherwise.
        middle = (low * high) ** 0.5
        axes.set_ylim(middle / 3, middle * 3)
    axes.grid(color="#e5e5e5", linewidth=0.6)
    axes.set_title(f"{name}, {curve.figures[name]}", fontsize=9)
    axes.set_xlabel(curve.unit if curve.unit != "bytes" else "size", fontsize=8)
