"""The benchmark: its arithmetic, choice of rows and systems, and command line; nothing is mounted or timed here."""

from __future__ import annotations

import io
import math
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark import commands, copies, daemon, databases, machine, roster, source_tree, stats
from benchmark.mounts import mounted_below
from benchmark.options import parse
from benchmark.profiled_daemon import _difference
from benchmark.rows import BY_KEY, JOBS, ROWS, Unit, choose
from benchmark.runner import NEEDS, WORK, jobs_of
from benchmark.scale import FULL, QUICK, Scale
from benchmark.settle import unwritten
from benchmark.systems import Wafs

CREATE, SEQ_WRITE = BY_KEY["create"], BY_KEY["seq-write"]


def test_units_count_bytes_per_second_and_time_per_operation() -> None:
    assert Unit.MB_PER_S.measured(seconds=2.0, count=500_000_000) == 250.0
    assert Unit.MICROSECONDS.measured(seconds=2.0, count=4000) == 500.0
    assert Unit.MILLISECONDS.measured(seconds=2.0, count=4) == 500.0
    assert Unit.SECONDS.measured(seconds=2.0, count=1) == 2.0


def test_units_count_processors_per_gib_and_in_percent() -> None:
    assert Unit.CPU_PER_GIB.measured(seconds=0.5, count=256 << 20) == 2.0
    assert Unit.PERCENT.measured(seconds=0.05, count=10.0) == pytest.approx(0.5)


def test_memory_is_no_time() -> None:
    with pytest.raises(ValueError, match="MiB is no measure of time"):
        Unit.MIB.measured(seconds=1.0, count=1)


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


def test_ratio_of_figures_that_are_nothing() -> None:
    idle = BY_KEY["idle-cpu"]
    assert stats.speed_ratio(idle, ours=0.0, theirs=0.0) == 1.0
    assert stats.speed_ratio(idle, ours=0.0, theirs=0.1) == math.inf
    assert stats.speed_ratio(idle, ours=0.1, theirs=0.0) == 0.0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_percentile_is_a_value_that_enough_others_do_not_exceed(values: list[float], percent: int) -> None:
    found = stats.percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_every_row_has_a_job_and_every_job_its_work() -> None:
    assert {row.job for row in ROWS} == set(JOBS) == set(WORK)
    assert len(BY_KEY) == len(ROWS)
    assert set(NEEDS) <= set(JOBS)


def test_no_job_is_called_like_a_row_of_another_job() -> None:
    assert [row.key for row in ROWS if row.key in JOBS and row.job != row.key] == []


def test_standard_rows_are_all_but_the_extra_ones() -> None:
    assert {row.key for row in ROWS} - {row.key for row in choose("table")} == {"rand-write-warm"}


def test_a_job_stands_for_its_rows() -> None:
    assert [row.key for row in choose("small,mounting")] == [
        "create",
        "walk",
        "read-small",
        "unlink",
        "mount",
        "idle-cpu",
    ]
    assert "rand-write-warm" not in [row.key for row in choose("stream")]


def test_rows_come_in_table_order_and_once() -> None:
    assert [row.key for row in choose("unlink,seq-write,unlink")] == ["seq-write", "unlink"]
    assert choose("all") == ROWS
    assert choose("table,rand-write-warm") == ROWS


@pytest.mark.parametrize("words", ["unlnk", "", ","])
def test_unknown_rows_are_refused_with_the_list(words: str) -> None:
    with pytest.raises(ValueError, match="seq-write"):
        choose(words)


def test_defaults_ask_for_the_table_of_all_systems() -> None:
    asked = parse([])
    assert asked.systems == ("native", "gocryptfs", "securefs", "encfs", "cryfs", "wafs")
    assert not asked.systems_named
    assert (asked.rounds, asked.scale, asked.rows) == (3, FULL, choose("table"))
    assert (asked.install, asked.figures, asked.others) == (True, None, {})
    assert jobs_of(asked) == list(JOBS)


def test_quick_leaves_cryfs_out_unless_it_is_named() -> None:
    assert parse(["--quick"]).systems == ("native", "gocryptfs", "securefs", "encfs", "wafs")
    assert parse(["--quick"]).rounds == 1
    named = parse(["--quick", "--systems", "cryfs", "--rounds", "2"])
    assert (named.systems, named.rounds) == (("cryfs",), 2)


def test_other_installations_of_wafs_are_systems_by_their_names() -> None:
    asked = parse(["--other-wafs", "before=old/bin/wafs", "--other-wafs", "odd=a=b"])
    assert asked.others == {"before": Path.cwd() / "old/bin/wafs", "odd": Path.cwd() / "a=b"}
    systems = roster.make_systems(
        ["wafs"], chunk_sizes=[], others=asked.others, password_file=Path("p"), work=Path("w")
    )
    assert [system.name for system in systems] == ["wafs", "before", "odd"]


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
        ("--systems wafs,zfs", "--systems takes native, gocryptfs, securefs, encfs, cryfs, wafs"),
        ("--other-wafs wafs=x", "with a name that no system has, got 'wafs=x'"),
        ("--other-wafs encfs=x", "got 'encfs=x'"),
        ("--other-wafs before", "got 'before'"),
        ("--other-wafs a|b=x", "got 'a|b=x'"),
        ("--systems ,", "--systems takes"),
        ("--rows nothing", "no row is called 'nothing'"),
        ("--chunk-sizes 4,5", "power of two from 4 to 1024 KiB, got '5'"),
        ("--chunk-sizes 2", "got '2'"),
        ("--chunk-sizes x", "got 'x'"),
        ("--rounds 0", "--rounds starts at 1"),
        ("--size 1", "--size at 8"),
        ("--profile calls", "--profile looks at one row, got 30"),
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
    assert all(f" {key} " in shown for key in BY_KEY)


def test_each_chunk_size_is_a_system() -> None:
    def names(kinds: list[str], sizes: list[int]) -> list[str]:
        made = roster.make_systems(kinds, chunk_sizes=sizes, others={}, password_file=Path("p"), work=Path("w"))
        return [system.name for system in made]

    assert names(["native", "wafs"], [4, 64]) == ["native", "wafs-4k", "wafs-64k"]
    assert names(list(roster.KINDS), []) == list(roster.KINDS)


@pytest.mark.parametrize(("said", "tells"), [("wafs 0.1.0", True), ("wafs 0.1.0+compiled.g4c3fb14", False)])
def test_a_wafs_in_a_clone_is_of_its_commit_unless_it_says_so_itself(tmp_path: Path, said: str, *, tells: bool) -> None:
    commands.run(["git", "init", "--quiet", tmp_path])
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    commands.run(["git", "-C", tmp_path, *identity, "commit", "--quiet", "--allow-empty", "-m", "first"])
    program = tmp_path / "wafs"
    program.write_text(f"#!/bin/sh\necho {said}\n")
    program.chmod(0o755)
    told = Wafs(tmp_path / "password", program=program).version()
    assert told.startswith(said)
    assert (" of commit " in told) is tells


def test_disk_has_room_for_every_job() -> None:
    scale = Scale(big_file=1 << 30)
    copied = scale.copied_files * 16384 + scale.copied_videos * scale.copied_video + scale.copied_database
    assert scale.disk > max(3 * scale.big_file + scale.database, 2 * scale.source_tree, 2 * copied)
    assert scale.inodes > max(scale.copied_files, scale.small_files, scale.source_tree // 8192)


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
    assert machine.cpu_model("processor\t: 0\nmodel name\t: Fast One\n") == "Fast One"
    assert machine.cpu_model("processor\t: 0\n") is None


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


def test_costs_of_a_process_are_read_from_what_the_kernel_tells() -> None:
    stat = "17 (odd) name) S 1 17 17 0 -1 4194560 500 0 3 0 120 34 0 0 20 0 5 0 100 1000 200"
    assert daemon.ticks_of(stat) == 154
    assert daemon.peak_of("VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\n") == 2 << 20
    assert daemon.peak_of("Name:\tkthreadd\n") == 0
    assert daemon.switches_of("Name:\tx\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n") == 42


def test_costs_of_this_process_are_found() -> None:
    me = daemon.Daemon((os.getpid(),))
    assert me.peak_memory() > 1 << 20
    before = me.cpu_seconds()
    while me.cpu_seconds() == before:
        sum(range(1000))
    assert me.cpu_seconds() > before


def test_nobody_serves_a_folder_that_nobody_names(tmp_path: Path) -> None:
    assert daemon.serving(tmp_path) is None


def test_source_tree_is_cut_where_it_is_large_enough(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "all.tar.xz", "w:xz") as packed:
        for name, size in (("src/a", 10), ("src/b", 20), ("src/c", 30)):
            member = tarfile.TarInfo(name)
            member.size = size
            packed.addfile(member, io.BytesIO(name.encode() * size))
    source_tree.take(tmp_path / "all.tar.xz", tmp_path / "some.tar", tmp_path / "sums", size=30)
    with tarfile.open(tmp_path / "some.tar") as taken:
        assert taken.getnames() == ["src/a", "src/b"]
    sums = (tmp_path / "sums").read_text().splitlines()
    assert [line.split("  ")[1] for line in sums] == ["src/a", "src/b"]


def test_copied_folder_has_what_the_scale_says_and_is_the_same_each_time(tmp_path: Path) -> None:
    scale = Scale(copied_files=5, copied_videos=1, copied_video=1 << 20, copied_database=2 << 20)
    copies.build(tmp_path / "a", scale)
    copies.build(tmp_path / "b", scale)
    files, size, _ = copies._sum_up(tmp_path / "a")
    assert files == 7
    assert 3 << 20 < size < (3 << 20) + 5 * copies.LARGEST
    assert copies._sum_up(tmp_path / "a") == copies._sum_up(tmp_path / "b")
