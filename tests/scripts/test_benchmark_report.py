"""What the benchmark makes of a run: tables, targets, JSON, the page and its plots."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmark import document, figures, tables
from benchmark.failure import BenchError
from benchmark.report import Report
from benchmark.rows import BY_KEY, ROWS, Unit, choose
from benchmark.targets import TARGETS, Target

if TYPE_CHECKING:
    from pathlib import Path

SEQ_READ, CREATE = BY_KEY["seq-read"], BY_KEY["create"]


@pytest.fixture
def finished() -> Report:
    """A run of two rows and four systems, in which one row failed to run natively."""
    return Report(
        machine={
            "cpu": "Fast One",
            "cores": 2,
            "memory": 24 << 30,
            "kernel": "6.18",
            "system": "Debian 12",
            "disk": "ext4 disk",
            "python": "3.11.7",
            "libraries": {"OpenSSL": "4.0"},
        },
        versions={"native": "ext4", "gocryptfs": "2.3", "securefs": "0.13", "wafs": "0.1"},
        rows=choose("seq-read,create"),
        rounds=3,
        scale={"big_file": 1},
        remount=False,
        unsettled=0,
        samples={
            "seq-read": {
                "native": [400.0],
                "gocryptfs": [200.0],
                "securefs": [100.0],
                "wafs": [300.0, 310.0, 320.0],
            },
            "create": {"gocryptfs": [210.0], "securefs": [105.0], "wafs": [90.0, 140.0, 170.0]},
        },
        failures={},
    )


def _lines(done: Report) -> dict[str, list[str]]:
    """Print the tables; return the cells of each line by its first cell, but for the heading of the second table."""
    console = Console(file=io.StringIO(), width=250)
    console.print(tables.as_tables(done)[0])
    assert isinstance(console.file, io.StringIO)
    split = [re.split("[\u2502\u2503]", line) for line in console.file.getvalue().splitlines()]
    return {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in split if cells[2:]}


def test_table_shows_medians_ratios_gaps_noise_and_who_is_faster(finished: Report) -> None:
    lines = _lines(finished)
    headings = ["native", "gocryptfs", "securefs", "wafs", "wafs : gocryptfs", "wafs : best peer"]
    assert lines["same work, one run"] == headings
    assert lines["sequential read, cold, MB/s"] == ["400", "200", "100", "310", "1.55", "1.55 gocryptfs"]
    assert lines["create 8 KiB file, us"] == ["-", "210", "105", "~140", "1.50", "0.75 securefs (!)"]


def test_table_has_no_ratio_without_peers(finished: Report) -> None:
    alone = replace(finished, versions={"wafs": "0.1"})
    assert _lines(alone)["create 8 KiB file, us"] == ["~140"]


def test_every_other_wafs_is_compared_too(finished: Report) -> None:
    samples = {**finished.samples, "create": {**finished.samples["create"], "before": [280.0]}}
    versions = {"gocryptfs": "2.3", "before": "0.0", "wafs": "0.1"}
    two = replace(finished, versions=versions, samples=samples)
    assert two.ours == ["wafs", "before"]
    lines = _lines(two)
    assert lines["same work, one run"][3:] == ["wafs : gocryptfs", "before : gocryptfs", "wafs : before"]
    assert lines["create 8 KiB file, us"] == ["210", "280", "~140", "1.50", "0.75", "2.00"]
    assert tables.target_cells(two)[-1] == [
        "create 8 KiB file",
        "at most 0.50 x gocryptfs",
        "0.67 missed",
        "1.33 missed",
    ]
    assert "before: 0 of 2 targets reached" in tables.notes(two)
    three = replace(two, versions={"securefs": "0.13", **versions})
    assert _lines(three)["create 8 KiB file, us"][-2:] == ["0.75 securefs (!)", "0.38 securefs (!)"]


def test_who_takes_more_memory_is_not_called_slower(finished: Report) -> None:
    samples = {"mem-tree": {"gocryptfs": [10.0], "securefs": [5.0], "wafs": [20.0]}}
    memory = replace(finished, rows=choose("mem-tree"), samples=samples)
    assert _lines(memory)["peak memory of the daemon, kernel source, MiB"][-1] == "0.25 securefs"
    assert memory.slower_than_best("wafs") == []


def test_targets_tell_what_was_wanted_and_achieved(finished: Report) -> None:
    assert tables.target_cells(finished) == [
        ["sequential read, cold", "at least 2.00 x gocryptfs", "1.55 missed"],
        ["sequential read, cold", "at least 0.60 x native", "0.78 reached"],
        ["create 8 KiB file", "at most 0.50 x gocryptfs", "0.67 missed"],
    ]


def test_target_of_a_system_that_took_no_part_is_left_out(finished: Report) -> None:
    alone = replace(finished, versions={"native": "ext4", "wafs": "0.1"})
    assert [str(verdict.target) for verdict in alone.verdicts("wafs")] == ["at least 0.60 x native"]


def test_target_of_a_system_that_failed_is_not_measured(finished: Report) -> None:
    failed = replace(finished, samples={"create": {"wafs": [1.0]}})
    assert [verdict.word for verdict in failed.verdicts("wafs")] == ["not measured"] * 3
    assert all(cells[2] == "not measured" for cells in tables.target_cells(failed))


def test_nothing_is_judged_without_wafs(finished: Report) -> None:
    others = replace(finished, versions={"native": "ext4", "gocryptfs": "2.3"})
    assert tables.target_cells(others) == []
    assert not any("targets" in line or "slower" in line for line in tables.notes(others))


def test_target_in_the_unit_of_its_row_needs_no_other_system() -> None:
    mount = Target("mount", None, 500.0)
    assert str(mount) == "at most 500 ms"
    assert mount.achieved(ours=480.0, theirs=None) == 480.0
    assert mount.is_reached_by(500.0)
    assert not mount.is_reached_by(500.1)


@given(st.sampled_from(TARGETS), st.floats(1e-3, 1e6), st.floats(1.001, 100))
def test_better_than_a_target_is_reached_and_worse_is_missed(target: Target, theirs: float, factor: float) -> None:
    limit = target.limit * (theirs if target.to else 1)
    better = limit * factor if target.row.unit.bigger_is_better else limit / factor
    worse = limit * limit / better
    for ours, reached in ((better, True), (worse, False)):
        achieved = target.achieved(ours=ours, theirs=theirs)
        assert achieved is not None
        assert target.is_reached_by(achieved) is reached


def test_targets_name_rows_and_no_row_twice_for_one_system() -> None:
    pairs = [(target.key, target.to) for target in TARGETS]
    assert len(set(pairs)) == len(pairs)
    assert {key for key, _ in pairs} <= set(BY_KEY)
    speeds = {row.key for row in ROWS if not row.extra and row.unit is not Unit.MIB}
    # Rows that the targets leave to the best of the peers.
    assert speeds - {key for key, _ in pairs} == {"par-create", "par-read", "export", "lat-p50", "lat-p99"}


def test_notes_tell_machine_versions_noise_unrest_and_failures(finished: Report) -> None:
    told = replace(finished, unsettled=2, failures={"export on encfs": f"cp failed\n  no {300 * chr(97)} here"})
    text = "\n".join(tables.notes(told))
    for part in (
        "wafs: 1 of 3 targets reached",
        "wafs is slower than securefs: create 8 KiB file (0.75 times as fast)",
        "Fast One, 2 cores, 24 GiB, ext4 disk, Debian 12, Linux 6.18, Python 3.11.7, OpenSSL 4.0",
        "gocryptfs: 2.3",
        "~ the rounds",
        "2 times",
        f"failed, so without figures: export on encfs: no {57 * chr(97)} ... {55 * chr(97)} here",
    ):
        assert part in text


def test_json_holds_every_round_and_comes_back_as_the_same_report(finished: Report, tmp_path: Path) -> None:
    data = figures.as_json(finished)
    rows = {row["key"]: row for row in data["rows"]}
    assert rows["create"]["samples"] == {
        "native": [],
        "gocryptfs": [210.0],
        "securefs": [105.0],
        "wafs": [90.0, 140.0, 170.0],
    }
    assert rows["create"]["median"] == {"gocryptfs": 210.0, "securefs": 105.0, "wafs": 140.0}
    assert rows["create"]["times_as_fast_as_best_peer"] == 0.75
    assert rows["seq-read"]["times_as_fast_as_gocryptfs"] == {"wafs": 1.55}
    assert data["targets"][0] == {
        "system": "wafs",
        "key": "seq-read",
        "to": "gocryptfs",
        "limit": 2.0,
        "achieved": 1.55,
        "verdict": "missed",
    }
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(data))
    loaded = figures.load(path)
    assert isinstance(loaded, Report)
    assert tables.as_markdown(loaded) == tables.as_markdown(finished)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": {}}'])
def test_a_file_that_is_no_report_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text(text)
    with pytest.raises(BenchError, match="holds no figures of a run"):
        figures.load(path)


def test_page_keeps_what_is_written_by_hand() -> None:
    page = document.replaced("# Title\n", "figures", "one")
    page = document.replaced(page, "curves", "two") + "\nby hand\n"
    again = document.replaced(page, "figures", "three")
    assert again == page.replace("one", "three")
    assert again.startswith("# Title\n\n<!-- begin of figures")
    assert again.endswith("by hand\n")


def test_page_with_half_of_its_marks_is_left_alone() -> None:
    page = document.replaced("", "figures", "one")
    for half in (page.partition("one")[0], page.partition("one")[2]):
        with pytest.raises(BenchError, match="one of the two marks"):
            document.replaced(half, "figures", "two")


def test_page_shows_tables_and_plots(finished: Report, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    document.write(page, finished)
    text = page.read_text()
    assert "| create 8 KiB file, us | - | 210 | 105 | ~140 | 1.50 | 0.75 securefs (!) |" in text
    assert "| sequential read, cold | at least 2.00 x gocryptfs | 1.55 missed |" in text
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert shown == ["page-files.png", "page-trees.png"]
    assert not (tmp_path / "page-costs.png").exists()
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in shown)
