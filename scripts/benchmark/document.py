"""Document: the Markdown page with the tables and plots of a run.

What is written by hand in the page stays: a run replaces only what lies between its two marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark import growth_tables, tables
from benchmark.failure import BenchError
from benchmark.growth_report import GrowthReport

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.report import Report


def write(path: Path, report: Report | GrowthReport) -> None:
    """Put tables and plots of a report into a page; plots become files beside it.

    Rows and curves have a section each.

    Raises:
        BenchError: the page has marks that do not match.
    """
    # Imported when needed: drawing takes a library that measuring does not.
    from benchmark import growth_plots, plots  # noqa: PLC0415

    if isinstance(report, GrowthReport):
        drawn = growth_plots.draw_curves(report, path)
        parts = [f"{_shown(*picture)}\n\n{growth_tables.as_markdown(report, key)}" for key, picture in drawn.items()]
        put(path, "curves", "\n\n".join([*parts, "\n".join(f"- {line}" for line in growth_tables.notes(report))]))
    else:
        pictures = plots.draw_rows(report, path)
        shown = "\n\n".join(_shown(title, picture) for title, picture in pictures.items())
        put(path, "figures", f"{shown}\n\n{tables.as_markdown(report)}")


def _shown(title: str, picture: Path) -> str:
    return f"![{title}]({picture.name})"


def put(path: Path, section: str, text: str) -> None:
    """Replace a marked section of a page, or append it with its marks; makes the page if there is none.

    Raises:
        BenchError: one of the two marks is missing.
    """
    page = path.read_text() if path.exists() else ""
    path.write_text(replaced(page, section, text))


def replaced(page: str, section: str, text: str) -> str:
    """Return the page with another text in a marked section.

    Raises:
        BenchError: one of the two marks is missing.
    """
    begin, end = (f"<!-- {word} of {section}, written by scripts/bench -->" for word in ("begin", "end"))
    body = f"{begin}\n\n{text.strip()}\n\n{end}"
    if begin not in page and end not in page:
        return f"{page.rstrip()}\n\n{body}\n".lstrip()
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        msg = f"the page has only one of the two marks of its section {section}: put both, or none"
        raise BenchError(msg)
    return f"{before}{body}{after}"
