"""Snapshots: dated copies that share what did not change, appear when they are complete, and survive each other."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.commands import WITH_PASSWORD, Wafs, environment
from cli.local_tree import ciphertext_bytes, facts_of
from wafs.cli import backup_run
from wafs.cli.keep_policy import RULES, kept
from wafs.cli.moved_files import WORTH_IT
from wafs.cli.progress import Progress
from wafs.cli.snapshot_marks import Mark
from wafs.cli.snapshot_store import PARTIAL
from wafs.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE = 40_000


@pytest.fixture
def src(place: Path) -> Path:
    folder = place / "src"
    (folder / "sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c", "sub/d"):
        (folder / name).write_bytes(os.urandom(SIZE))
    (folder / "link").symlink_to("a")
    (folder / "empty").mkdir()
    return folder


def snap(vault: Wafs, name: str | None = None) -> str:
    """Make a snapshot and return its name."""
    option = "--snapshot" if name is None else f"--snapshot={name}"
    made: str = json.loads(vault.do("backup", option, "--json", "src", "v:/s").out)["snapshot"]
    return made


def listed(vault: Wafs) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(vault.do("snapshots", "list", "--json", "v:/s").out)
    return found


def got(vault: Wafs, place: Path, name: str) -> dict[str, tuple[int, int, bytes]]:
    vault.do("restore", "--snapshot", name, "v:/s", "out")
    found = facts_of(place / "out")
    subprocess.run(["rm", "-r", "out"], check=True)
    return found


def today() -> str:
    return f"{datetime.now(UTC).astimezone():%Y-%m-%d}"


def test_snapshots_share_what_did_not_change(vault: Wafs, src: Path, place: Path) -> None:
    before = today()
    first = snap(vault)
    assert first in (before, today())
    one, size = facts_of(src), ciphertext_bytes(place / "v")
    second = snap(vault)
    assert ciphertext_bytes(place / "v") - size < SIZE / 2
    (src / "a").write_bytes(os.urandom(SIZE))
    (src / "b").unlink()
    third = snap(vault)
    assert SIZE < ciphertext_bytes(place / "v") - size < 2 * SIZE
    if first == today():
        assert (second, third) == (f"{first}.2", f"{first}.3")
    assert got(vault, place, first) == got(vault, place, second) == one
    assert got(vault, place, third) == got(vault, place, "latest") == facts_of(src)
    assert "all 6 files are whole" in vault.do("check", "v").out.decode()


def test_a_changed_mode_does_not_change_older_snapshots(vault: Wafs, src: Path, place: Path) -> None:
    first = snap(vault)
    before = facts_of(src)
    os.chmod(src / "a", 0o640)
    second = snap(vault)
    assert got(vault, place, first) == before
    assert got(vault, place, second) == facts_of(src)


def test_list_tells_what_each_takes(vault: Wafs, src: Path) -> None:
    assert "there is no snapshot" in vault.do("snapshots", "list", "v").err
    snap(vault)
    (src / "a").write_bytes(b"short")
    snap(vault, "before the new phone")
    vault.do("put", "v", "pw", "/s/a file")
    vault.do("put", "v", "src", "/s/a folder")
    first, second = listed(vault)
    assert (first["files"], first["bytes"], first["bytes_only_here"]) == (5, 4 * SIZE, SIZE)
    assert (second["name"], second["bytes_only_here"], second["complete"]) == ("before the new phone", 5, True)
    shown = vault.do("snapshots", "list", "v:/s").lines()
    assert shown[0].split() == ["snapshot", "date", "files", "failed", "size", "only", "here"]
    assert shown[2].startswith("before the new phone  ")


def test_one_that_took_until_the_next_day_is_the_later_one_of_its_day(
    vault: Wafs, src: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = {"2026-02-01": datetime(2026, 2, 1, 10, tzinfo=UTC), "2026-02-01.2": datetime(2026, 2, 2, 0, 5, tzinfo=UTC)}
    for name, end in ends.items():
        (src / "a").write_text(name)

        def mark(_made: datetime, failed: int, end: datetime = end) -> Mark:
            return Mark(end.replace(tzinfo=None), failed)

        with monkeypatch.context() as patch:
            patch.setattr(backup_run, "Mark", mark)
            snap(vault, name)
    assert got(vault, place, "latest") == facts_of(src)
    vault.do("snapshots", "prune", "--keep-daily", "1", "--yes", "v:/s")
    assert [snapshot["name"] for snapshot in listed(vault)] == ["2026-02-01.2"]


def test_a_folder_named_after_a_day_is_no_snapshot(vault: Wafs, src: Path) -> None:
    snap(vault)
    vault.do("put", "v", "src", "/s/2020-06-01")
    assert len(listed(vault)) == 1
    vault.do("snapshots", "prune", "--keep-last", "1", "--yes", "v:/s")
    assert "s/2020-06-01/" in vault.names()
    (src / "a").write_bytes(b"changed")
    snap(vault)
    vault.do("snapshots", "prune", "--keep-last", "1", "--yes", "v:/s")
    gone = str(listed(vault)[0]["name"]).removesuffix(".2")
    vault.do("put", "v", "src", f"/s/{gone}")
    assert len(listed(vault)) == 1
    vault.do("rm", "v", "/s/.wafs-snapshots")
    assert listed(vault) == []
    Path("bad").write_text("[1]")
    vault.do("put", "v", "bad", "/s/.wafs-snapshots")
    result = vault.unlocked("snapshots", "list", "v:/s")
    assert (result.code, "the list of snapshots, .wafs-snapshots, is not of the shape" in result.err) == (5, True)


def test_a_name_that_is_taken_is_refused(vault: Wafs, src: Path) -> None:
    snap(vault, "x")
    for words in ((), ("--dry-run",)):
        result = vault.unlocked("backup", "--snapshot=x", *words, "src", "v:/s")
        assert (result.code, "there is a snapshot or a folder x already" in result.err) == (1, True)
    assert [snapshot["name"] for snapshot in listed(vault)] == ["x"]


def test_diff(vault: Wafs, src: Path, place: Path) -> None:
    first = snap(vault)
    (src / "a").write_bytes(b"changed")
    (src / "b").unlink()
    (src / "new\n").write_bytes(b"new")
    (src / "link").unlink()
    (src / "link").symlink_to("elsewhere")
    second = snap(vault)
    result = vault.do("snapshots", "diff", "v:/s", first, second)
    assert result.lines() == ["+ new\\n", "- b", "M a", "M link"]
    assert "1 added, 1 removed, 2 changed, 0 moved" in result.err
    assert json.loads(vault.do("snapshots", "diff", "--json", "v:/s", second, first).out) == {
        "added": ["b"],
        "removed": ["new\n"],
        "changed": ["a", "link"],
        "moved": [],
    }
    assert vault.do("snapshots", "diff", "v:/s", first, first).lines() == []
    assert vault.unlocked("snapshots", "diff", "v:/s", first, "nope").code == 1


def test_a_file_that_was_moved_is_stored_once(vault: Wafs, src: Path, place: Path) -> None:
    for name in ("msgstore.db.crypt15", "other"):
        (src / name).write_bytes(os.urandom(WORTH_IT))
        os.utime(src / name, ns=(5, 5))
    first = snap(vault)
    size = ciphertext_bytes(place / "v")
    (src / "msgstore.db.crypt15").rename(src / "sub/msgstore-2026-11-22.1.db.crypt15")
    (src / "msgstore.db.crypt15").write_bytes(b"of today")
    (src / "a").rename(src / "small")
    second = snap(vault)
    assert ciphertext_bytes(place / "v") - size < 2 * SIZE
    result = vault.do("snapshots", "diff", "v:/s", first, second)
    assert result.lines() == [
        "+ small",
        "- a",
        "M msgstore.db.crypt15",
        "R msgstore.db.crypt15 -> sub/msgstore-2026-11-22.1.db.crypt15",
    ]
    assert got(vault, place, second) == facts_of(src)
    # Equal by size and time, and yet another file.
    (src / "third").write_bytes(os.urandom(WORTH_IT))
    os.utime(src / "third", ns=(5, 5))
    third = snap(vault)
    assert got(vault, place, third) == facts_of(src)


def test_a_copy_is_not_the_same_file_as_its_original(vault: Wafs, src: Path) -> None:
    for name in ("b", "z"):
        (src / name).write_bytes(os.urandom(WORTH_IT))
    snap(vault)
    for name in ("a-copy-of-b", "z-copy", "z-moved"):
        shutil.copy2(src / name[0 if name[0] == "z" else -1], src / name)
    (src / "z").unlink()
    snap(vault)
    vault.do("restore", "--snapshot", "latest", "v:/s", "out")
    assert all(path.stat().st_nlink == 1 for path in Path("out").iterdir() if path.is_file() and not path.is_symlink())


def test_an_interrupted_snapshot_is_not_shown_and_the_next_goes_on(
    vault: Wafs, src: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = snap(vault)
    for name in ("a", "b", "sub/c"):
        (src / name).write_bytes(os.urandom(SIZE))
    at = iter(range(100))
    real = Progress.advance

    def advance(self: Progress, size: int) -> None:
        real(self, size)
        if next(at) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "advance", advance)
        result = vault.unlocked("backup", "--snapshot", "src", "v:/s")
        assert (result.code, "the snapshot is not complete" in result.err) == (130, True)
    partial, complete = listed(vault)
    assert (complete["name"], partial["complete"], partial["date"]) == (first, False, None)
    assert str(partial["name"]).startswith(PARTIAL.decode())
    assert "not complete" in vault.do("snapshots", "list", "v:/s").lines()[1]
    assert vault.unlocked("restore", "--snapshot", str(partial["name"]), "v:/s", "out").code == 1
    result = vault.do("backup", "--snapshot", "--json", "src", "v:/s")
    assert "an earlier snapshot was interrupted" in result.err
    facts = json.loads(result.out)
    # Of the three that changed, those that the interrupted run completed are not copied again.
    assert facts["categories"]["all"]["changed"] < 3
    assert [snapshot["name"] for snapshot in listed(vault)] == [first, facts["snapshot"]]
    assert got(vault, place, "latest") == facts_of(src)


def test_a_snapshot_knows_what_could_not_be_read(vault: Wafs, src: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.readv

    def readv(fd: int, buffers: list[memoryview]) -> int:
        if os.path.samestat(os.fstat(fd), os.stat("src/b")):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, buffers)

    with monkeypatch.context() as patch:
        patch.setattr(os, "readv", readv)
        result = vault.unlocked("backup", "--snapshot", "src", "v:/s")
    assert (result.code, "src/b: input/output error" in result.err) == (7, True)
    (snapshot,) = listed(vault)
    assert (snapshot["failed"], snapshot["files"], snapshot["complete"]) == (1, 4, True)
    result = vault.do("restore", "--snapshot", "latest", "v:/s", "out")
    assert "1 file could not be read when this snapshot was made" in result.err
    snap(vault)
    assert [snapshot["failed"] for snapshot in listed(vault)] == [1, 0]


def test_a_storage_without_hard_links(vault: Wafs, src: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    snap(vault)
    monkeypatch.setattr(LocalStore, "link", link)
    size = ciphertext_bytes(place / "v")
    result = vault.do("backup", "--snapshot", "src", "v:/s")
    assert result.err.count("this storage has no hard links") == 1
    assert ciphertext_bytes(place / "v") > size + 4 * SIZE
    assert got(vault, place, "latest") == facts_of(src)


def test_prune_keeps_what_the_rules_say_and_shared_files_survive(vault: Wafs, src: Path, place: Path) -> None:
    names = ["2025-11-30", "2026-01-05", "2026-01-31", "2026-02-01", "2026-02-01.2"]
    for number, name in enumerate(names):
        (src / "a").write_bytes(bytes([number]) * SIZE)
        snap(vault, name)
    snap(vault, "keepsake")
    words = ("snapshots", "prune", "--keep-monthly", "2")
    shown = vault.do(*words, "--dry-run", "v:/s")
    assert "2026-01-31    keep: monthly" in shown.lines()
    assert "3 snapshots would go" in shown.err
    assert len(listed(vault)) == 6
    refused = vault.unlocked(*words, "v:/s")
    assert (refused.code, "there is nobody to ask" in refused.err) == (2, True)
    assert vault.unlocked("snapshots", "prune", "--yes", "v:/s").code == 2
    size = ciphertext_bytes(place / "v")
    assert "3 snapshots removed" in vault.do(*words, "--yes", "v:/s").err
    assert [snapshot["name"] for snapshot in listed(vault)] == ["2026-01-31", "2026-02-01.2", "keepsake"]
    assert ciphertext_bytes(place / "v") < size - 3 * SIZE
    assert got(vault, place, "keepsake") == facts_of(src)
    assert got(vault, place, "2026-01-31")["a"][2] == bytes([2]) * SIZE
    assert "nothing is to be removed" in vault.do(*words, "--yes", "v:/s").err
    assert "are whole" in vault.do("check", "v").out.decode()


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 0, 2), ("\x03", 130, 2), ("y\n", 0, 1)])
def test_prune_asks(vault: Wafs, src: Path, answer: str, code: int, left: int) -> None:
    for _ in range(2):
        snap(vault)
    words = ["snapshots", "prune", "--keep-last", "1", "v:/s", *WITH_PASSWORD]
    shell = pexpect.spawn(sys.executable, ["-m", "wafs", *words], env=environment(), encoding="utf-8", timeout=30)
    shell.expect_exact("Remove 1 snapshot? [y/N]: ")
    shell.send(answer)
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == code
    assert len(listed(vault)) == left


DAYS = st.lists(st.dates(date(2019, 1, 1), date(2026, 12, 31)), max_size=40).map(sorted)
COUNTS = st.fixed_dictionaries({rule: st.integers(0, 6) for rule in RULES})


@given(DAYS, COUNTS)
def test_the_policy_keeps_the_newest_and_never_more_than_asked(days: Sequence[date], counts: dict[str, int]) -> None:
    reasons = kept(days, counts)
    assert set(reasons) <= set(range(len(days)))
    if days and any(counts.values()):
        assert len(days) - 1 in reasons
    for rule in RULES:
        assert sum(rule in why for why in reasons.values()) <= counts[rule]


@given(DAYS, COUNTS, st.sampled_from(RULES))
def test_a_higher_count_keeps_more(days: Sequence[date], counts: dict[str, int], rule: str) -> None:
    more = {**counts, rule: counts[rule] + 1}
    lonely = {place for place, why in kept(days, counts).items() if why == [rule]}
    # The oldest may have been kept only since counts were left.
    assert set(kept(days, counts)) - (lonely & {0}) <= set(kept(days, more))


@given(DAYS)
def test_enough_of_any_rule_keeps_one_of_each(days: Sequence[date]) -> None:
    assert {days[place] for place in kept(days, {"daily": 10_000})} == set(days)
    assert {days[place].year for place in kept(days, {"yearly": 10_000})} == {day.year for day in days}


def test_the_policy_by_example() -> None:
    start = date(2026, 1, 1)
    days = [start + timedelta(days=count) for count in range(60)]
    stays = kept(days, {"last": 1, "daily": 3, "weekly": 2, "monthly": 5})
    assert [f"{days[place]:%m-%d}" for place in sorted(stays)] == ["01-01", "01-31", "02-22", "02-27", "02-28", "03-01"]
    assert stays[59] == ["last", "daily", "weekly", "monthly"]
    assert stays[0] == ["monthly"]
