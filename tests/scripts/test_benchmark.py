"""The benchmark's arithmetic, its table and its command line; nothing is mounted or timed here."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from benchmark import databases, report, stats
from benchmark.machine import Machine, cpu_model
from benchmark.mounts import mounted_below
from benchmark.options import Options, parse
from benchmark.profiled_daemon import _difference
from benchmark.rows import BY_KEY, JOBS, ROWS, Unit, choose
from benchmark.runner import WORK, Samples, jobs_of
from benchmark.scale import FULL, QUICK, Scale
from benchmark.settle import unwritten
from benchmark.systems import make_systems

CREATE, SEQ_WRITE = BY_KEY["create"], BY_KEY["seq-write"]


def test_units_count_bytes_per_second_and_time_per_operation() -> None:
    assert Unit.MB_PER_S.measured(seconds=2.0, count=500_000_000) == 250.0
    assert Unit.MICROSECONDS.measured(seconds=2.0, count=4000) == 500.0


def test_summary_is_median_and_range() -> None:
    assert stats.summarize([30.0, 10.0, 11.0]) == stats.Summary(11.0, 10.0, 30.0)
    assert stats.summarize([1.0, 2.0]).median == 1.5


@pytest.mark.parametrize(
    ("samples", "noisy"),
    [([100.0], False), ([90.0, 100.0, 110.0], False), ([80.0, 100.0, 120.0], True)],
)
def test_summary_is_noisy_from_thirty_percent_on(samples: list[float], noisy: bool) -> None:
    assert stats.summarize(samples).noisy is noisy


def test_ratio_above_one_is_faster_in_both_units() -> None:
    assert stats.speed_ratio(SEQ_WRITE, ours=400.0, theirs=200.0) == 2.0
    assert stats.speed_ratio(CREATE, ours=100.0, theirs=200.0) == 2.0
    assert stats.speed_ratio(CREATE, ours=200.0, theirs=100.0) == 0.5


def test_every_row_has_a_job_and_every_job_its_work() -> None:
    assert {row.job for row in ROWS} == set(JOBS) == set(WORK)
    assert len(BY_KEY) == len(ROWS)


def test_standard_rows_are_those_of_the_design_table() -> None:
    assert [row.key for row in choose("table")] == [
        "seq-write",
        "seq-read",
        "reread",
        "rand-read",
        "rand-write",
        "create",
        "walk",
        "read-small",
        "unlink",
    ]


def test_rows_come_in_table_order_and_once() -> None:
    assert [row.key for row in choose("unlink,seq-write,unlink")] == ["seq-write", "unlink"]
    assert choose("all") == ROWS
    assert [row.key for row in choose("table,sql-read")][-1] == "sql-read"


@pytest.mark.parametrize("words", ["unlnk", "", ","])
def test_unknown_rows_are_refused_with_the_list(words: str) -> None:
    with pytest.raises(ValueError, match="seq-write"):
        choose(words)


def test_defaults_ask_for_the_table_of_all_systems() -> None:
    asked = parse([])
    assert asked.systems == ("native", "gocryptfs", "wafs")
    assert not asked.systems_named
    assert (asked.rounds, asked.scale, asked.rows) == (3, FULL, choose("table"))
    assert jobs_of(asked) == ["small", "stream"]


def test_options_are_taken_over() -> None:
    words = "--systems wafs,native --rows rand-read --rounds 5 --size 64 --quick"
    more = "--chunk-sizes 4,64 --dir somewhere --json out.json --remount --profile calls"
    asked = parse([*words.split(), *more.split()])
    assert asked.systems == ("wafs", "native")
    assert asked.systems_named
    assert asked.scale == QUICK.with_size(64)
    assert asked.scale.big_file == 64 << 20
    assert (asked.rounds, asked.chunk_sizes, asked.remount) == (5, (4, 64), True)
    assert asked.folder == Path.cwd() / "somewhere"
    assert (asked.json, asked.profile) == (Path("out.json"), "calls")
    assert jobs_of(asked) == ["stream"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--systems wafs,encfs", "--systems takes native, gocryptfs, wafs"),
        ("--systems ,", "--systems takes"),
        ("--rows nothing", "no row is called 'nothing'"),
        ("--chunk-sizes 4,5", "power of two from 4 to 1024 KiB, got '5'"),
        ("--chunk-sizes 2", "got '2'"),
        ("--chunk-sizes x", "got 'x'"),
        ("--rounds 0", "--rounds starts at 1"),
        ("--size 1", "--size at 8"),
        ("--profile calls", "--profile looks at one row, got 9"),
    ],
)
def test_senseless_arguments_leave_with_code_two(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(arguments.split())
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_help_names_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"  {key} " in shown for key in BY_KEY)


def test_each_chunk_size_is_a_system() -> None:
    systems = make_systems(["native", "wafs"], chunk_sizes=[4, 64], password_file=Path("p"))
    assert [system.name for system in systems] == ["native", "wafs-4k", "wafs-64k"]
    plain = make_systems(["wafs", "gocryptfs"], chunk_sizes=[], password_file=Path("p"))
    assert [system.name for system in plain] == ["wafs", "gocryptfs"]


def test_disk_has_room_for_every_job() -> None:
    scale = Scale(big_file=1 << 30)
    assert scale.disk > 2 * scale.big_file + scale.database


def test_counters_of_the_kernel_are_read_in_bytes() -> None:
    meminfo = "MemTotal:  24683020 kB\nDirty:    12 kB\nWriteback:   4 kB\nWritebackTmp:  9 kB\n"
    assert unwritten(meminfo) == (12 * 1024, 4 * 1024)


def test_mounts_in_a_folder_are_found_latest_first() -> None:
    mountinfo = (
        "22 1 0:5 / / rw - ext4 /dev/a rw\n"
        "30 22 7:0 / /tmp/my\\040bench/disk rw - ext4 /dev/loop0 rw\n"
        "31 22 0:9 / /tmp/my\\040bench/mnt rw - fuse.wafs x rw\n"
        "32 22 0:9 / /tmp/my\\040benchmark rw - tmpfs x rw\n"
    )
    folder = Path("/tmp/my bench")
    assert mounted_below(folder, mountinfo) == [folder / "mnt", folder / "disk"]


def test_processor_is_named_where_the_kernel_names_it() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: Fast One\n") == "Fast One"
    assert cpu_model("processor\t: 0\n") is None


def test_profile_counts_only_what_came_between() -> None:
    before = {"old": (3, 1.0, 2.0), "idle": (1, 0.5, 0.5)}
    after = {"old": (5, 1.25, 2.5), "idle": (1, 0.5, 0.5), "new": (1, 4.0, 4.0)}
    assert _difference(before, after) == [
        ("new", 1, 4.0, 4.0),
        ("old", 2, 0.25, 0.5),
        ("idle", 0, 0.0, 0.0),
    ]


def test_template_database_has_about_the_size_asked_for(tmp_path: Path) -> None:
    scale = Scale(database=1 << 20)
    databases.build(tmp_path / "a.db", scale)
    assert (tmp_path / "a.db").stat().st_size == pytest.approx(scale.database, rel=0.05)
    databases.build(tmp_path / "b.db", scale)
    assert (tmp_path / "a.db").read_bytes() == (tmp_path / "b.db").read_bytes()


@pytest.fixture
def finished() -> report.Report:
    """A run of two rows and three systems in which one row failed to run natively."""
    samples = Samples()
    samples.values["seq-write"].update(native=[400.0], gocryptfs=[200.0], wafs=[300.0, 310.0, 320.0])
    samples.values["create"].update(gocryptfs=[210.0], wafs=[90.0, 140.0, 170.0])
    asked: Options = parse(["--rows", "seq-write,create"])
    here = Machine(cpu="Fast One", cores=2, memory=24 << 30, kernel="6.18", python="3.11.7")
    versions = {"native": "ext4", "gocryptfs": "2.3", "wafs": "0.1"}
    return report.Report(here, versions, asked, samples)


def _lines(done: report.Report) -> dict[str, list[str]]:
    """Print the table; return the cells of each line by its first cell."""
    console = Console(file=io.StringIO(), width=200)
    console.print(report.as_table(done))
    assert isinstance(console.file, io.StringIO)
    split = [re.split("[\u2502\u2503]", line) for line in console.file.getvalue().splitlines()]
    return {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in split if cells[2:]}


def test_table_shows_medians_ratios_gaps_and_noise(finished: report.Report) -> None:
    lines = _lines(finished)
    assert lines["same work, one run"] == ["native", "gocryptfs", "wafs", "wafs : gocryptfs"]
    assert lines["sequential write + fsync, MB/s"] == ["400", "200", "310", "1.55"]
    assert lines["create 8 KiB file, us"] == ["-", "210", "~140", "1.50"]


def test_table_has_no_ratio_without_gocryptfs(finished: report.Report) -> None:
    alone = report.Report(finished.machine, {"wafs": "0.1"}, finished.options, finished.samples)
    assert _lines(alone)["create 8 KiB file, us"] == ["~140"]


def test_markdown_has_the_figures_of_the_table_and_the_notes(finished: report.Report) -> None:
    lines = report.as_markdown(finished).splitlines()
    assert lines[0] == "| same work, one run | native | gocryptfs | wafs | wafs : gocryptfs |"
    assert lines[1] == "|---|---|---|---|---|"
    assert "| create 8 KiB file, us | - | 210 | ~140 | 1.50 |" in lines
    assert "- gocryptfs: 2.3" in lines


def test_notes_tell_machine_versions_noise_and_unrest(finished: report.Report) -> None:
    finished.samples.unsettled = 2
    text = "\n".join(report.notes(finished))
    for part in (
        "Fast One, 2 cores, 24 GiB, Linux 6.18",
        "gocryptfs: 2.3",
        "~ the rounds",
        "2 times",
    ):
        assert part in text


def test_json_holds_every_round(finished: report.Report) -> None:
    data = report.as_json(finished)
    rows = {row["key"]: row for row in data["rows"]}
    assert rows["create"]["samples"] == {
        "native": [],
        "gocryptfs": [210.0],
        "wafs": [90.0, 140.0, 170.0],
    }
    assert rows["create"]["median"] == {"gocryptfs": 210.0, "wafs": 140.0}
    assert rows["seq-write"]["times_as_fast_as_gocryptfs"] == {"wafs": 1.55}
    assert data["machine"]["cpu"] == "Fast One"
