"""The benchmark's curves: which sizes are chosen, what must not grow, tables, page and pictures."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmark import document, figures, growth_tables
from benchmark.curves import CURVES, Growth, choose_curves, readable
from benchmark.growth_report import BOUNDS, GrowthReport
from benchmark.options import parse

if TYPE_CHECKING:
    from pathlib import Path

MIB, GIB = 1 << 20, 1 << 30


def test_sizes_are_those_that_matter() -> None:
    sizes = {curve.key: curve.sizes for curve in CURVES}
    assert sizes["folder"] == (1_000, 10_000, 100_000)
    assert sizes["tree"] == (10_000, 100_000, 1_000_000)
    assert (sizes["file"][0], sizes["file"][-1]) == (MIB, 16 * GIB)


def test_largest_sizes_can_be_cut_off() -> None:
    folder, tree, file = choose_curves("all", most_entries=10_000, most_bytes=GIB)
    assert (folder.sizes, tree.sizes, file.sizes[-1]) == ((1_000, 10_000), (10_000,), GIB)


def test_there_is_room_for_every_size() -> None:
    for curve in CURVES:
        for size in curve.sizes:
            wanted = size if curve.unit == "bytes" else size * 4096
            assert curve.disk(size) > wanted
            assert curve.unit == "bytes" or curve.inodes(size) > size


@pytest.mark.parametrize(("words", "most"), [("nothing", None), ("", None), ("tree,x", None), ("tree", 5)])
def test_senseless_curves_are_refused(words: str, most: int | None) -> None:
    with pytest.raises(ValueError, match="curve"):
        choose_curves(words, most_entries=most, most_bytes=None)


def test_curves_are_off_unless_asked_for() -> None:
    assert parse([]).curves == ()
    asked = parse(["--curves"])
    assert (asked.curves, asked.systems) == (CURVES, ("native", "gocryptfs", "wafs"))
    named = parse(["--curves", "file", "--max-file", "4", "--systems", "wafs,encfs"])
    assert [(curve.key, curve.sizes) for curve in named.curves] == [("file", (MIB, 4 * MIB))]
    assert named.systems == ("wafs", "encfs")


def test_sizes_are_readable() -> None:
    assert readable(16 * MIB, "bytes") == "16 MiB"
    assert readable(4 * GIB, "bytes") == "4 GiB"
    assert readable(100_000, "files") == "100,000 files"


@pytest.fixture
def finished() -> GrowthReport:
    folder, tree, _ = CURVES
    growth = Growth()
    for size, lookup in zip(folder.sizes, (40.0, 42.0, 90.0), strict=True):
        growth.add(folder, "wafs", size, {"lookup": lookup})
    for size, memory in zip(tree.sizes, (30.0, 50.0, 140.0), strict=True):
        growth.add(tree, "native", size, {"list": 1.0})
        growth.add(tree, "wafs", size, {"list": 2.0, "mount": 300.0, "memory": memory})
    machine = {"cpu": "Fast One", "cores": 2, "memory": 24 << 30, "kernel": "6.18", "system": "Debian 12"}
    machine |= {"disk": "ext4 disk", "python": "3.11.7", "libraries": {}}
    return GrowthReport(machine, {"native": "ext4", "wafs": "0.1"}, growth.points, {"tree on encfs": "so many:\nfull"})


def test_notes_say_what_must_not_grow_and_whether_it_does(finished: GrowthReport) -> None:
    assert growth_tables.notes(finished)[:3] == [
        "wafs, one folder: lookup 2.25 times, from 1,000 entries to 100,000 entries (at most 2 times: missed)",
        "wafs, the whole vault: mount 1.00 times, from 10,000 files to 1,000,000 files (at most 1.5 times: reached)",
        "wafs, the whole vault: memory 140.00 MiB, 1,000,000 files (at most 150 MiB: reached)",
    ]
    assert growth_tables.notes(finished)[-1] == "failed, so without larger sizes: tree on encfs: full"


def test_growth_at_one_size_is_not_judged(finished: GrowthReport) -> None:
    points = {"tree": {"mount": {"wafs": [(10_000, 300.0)]}}}
    one = replace(finished, points=points)
    assert [one.reached(bound, "wafs") for bound in BOUNDS] == [None] * len(BOUNDS)


def test_table_has_a_line_for_each_size_and_figure(finished: GrowthReport) -> None:
    lines = growth_tables.as_markdown(finished, "tree").splitlines()
    assert lines[0] == "| the whole vault |  | native | wafs |"
    assert "| 1,000,000 files | memory, MiB | - | 140 |" in lines
    assert "| 10,000 files | list, ms | 1.0 | 2.0 |" in lines
    assert len(lines) == 2 + 9


def test_page_has_a_section_of_its_own_with_pictures(finished: GrowthReport, tmp_path: Path) -> None:
    path = tmp_path / "curves.json"
    path.write_text(json.dumps(figures.as_json(finished)))
    loaded = figures.load(path)
    assert isinstance(loaded, GrowthReport)
    page = tmp_path / "page.md"
    page.write_text("by hand\n")
    document.write(page, loaded)
    text = page.read_text()
    assert text.startswith("by hand\n\n<!-- begin of curves")
    assert re.findall(r"!\[[^]]+\]\(([^)]+)\)", text) == ["page-folder.png", "page-tree.png"]
    assert (tmp_path / "page-tree.png").read_bytes().startswith(b"\x89PNG")
    assert growth_tables.as_markdown(finished, "tree") in text
