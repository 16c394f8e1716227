"""`wafs backup` disturbed: files that change, interrupts, a kill, a disk that fails. A file is whole or not there."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cli.backups import backed_up, restored
from cli.commands import WITH_PASSWORD, Wafs, environment, powerless
from cli.local_tree import facts_of
from wafs.cli import intake
from wafs.cli.progress import Progress
from wafs.fs.commits import Commits
from wafs.store.local import LocalStore


def test_a_file_that_changes_while_it_is_read_is_read_again(
    vault: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "src").mkdir()
    (place / "src/a").write_bytes(b"first")
    (place / "src/b").write_bytes(b"quiet")
    grow_after_reads(monkeypatch, "src/a", times=1)
    vault.do("backup", "src", "v")
    assert vault.cat("a") == b"first+"
    grow_after_reads(monkeypatch, "src/a", times=99)
    (place / "src/a").write_bytes(b"second")
    result = vault.unlocked("backup", "src", "v")
    assert (result.code, "src/a: changed while being read" in result.err) == (1, True)
    assert vault.names() == ["a", "b"]
    assert vault.cat("a") == b"first+"


def test_what_is_no_file_any_more_replaces_none(vault: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "src").mkdir()
    (place / "src/a").write_bytes(b"")
    vault.do("backup", "src", "v")
    os.utime("src/a", ns=(7, 7))
    real = os.open

    def becomes_fifo(path: Any, *rest: Any, **options: Any) -> int:
        if path == b"src/a":
            os.unlink(path)
            os.mkfifo(path)
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", becomes_fifo)
    result = vault.unlocked("backup", "src", "v")
    assert (result.code, "src/a: changed while being read" in result.err) == (1, True)


def test_a_change_in_the_same_step_of_the_clock_is_waited_for(
    vault: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ns = time.time_ns() // 10**9 * 10**9
    (place / "src").mkdir()

    def fill(text: str) -> None:
        (place / "src/a").write_text(text)
        os.utime("src/a", ns=(now_ns, now_ns))

    def sleep(seconds: float) -> None:
        assert 0 < seconds <= 2
        fill("two")

    fill("one")
    monkeypatch.setattr(time, "time_ns", lambda: now_ns + 1)
    monkeypatch.setattr(time, "sleep", sleep)
    vault.do("backup", "src", "v")
    assert vault.cat("a") == b"two"


def grow_after_reads(monkeypatch: pytest.MonkeyPatch, path: str, *, times: int) -> None:
    """Have a file grow right after it was read, so many times."""
    left = [times]
    real = os.readv

    def readv(fd: int, buffers: Any) -> int:
        count = real(fd, buffers)
        if left[0] and count and os.path.samestat(os.fstat(fd), os.stat(path)):
            left[0] -= 1
            with open(path, "ab") as file:
                file.write(b"+")
        return count

    monkeypatch.setattr(os, "readv", readv)


def test_a_database_goes_together_with_its_log(vault: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    with closing(sqlite3.connect("src/msgstore.db")) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (1)")
        db.commit()
        (place / "src/msgstore.db-wal-notes").write_text("no log")
        result = vault.do("backup", "src", "v:/db")
        assert "copied together, as one database: src/msgstore.db, src/msgstore.db-wal" in result.err
        vault.do("get", "v", "/db", "out")
        with closing(sqlite3.connect("out/msgstore.db")) as copy:
            assert copy.execute("SELECT * FROM t").fetchall() == [(1,)]
        assert "copied together" not in vault.do("backup", "src", "v:/db").err
    # Closing brought the log into the database: the old log must not stay beside the new database.
    assert not os.path.exists("src/msgstore.db-wal")
    found = backed_up(vault, "src", "v:/db")
    assert (found["changed"], found["files"]) == (1, 2)
    assert vault.names("/db") == ["msgstore.db", "msgstore.db-wal-notes"]


def test_what_is_called_as_a_log_and_is_none_stays(vault: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    for name in ("trip", "trip-journal", "walk", "hike"):
        (place / "src" / name).write_text(name)
    (place / "src/walk-wal").mkdir()
    (place / "src/walk-wal/a").write_text("a")
    (place / "src/hike-journal").symlink_to("trip")
    vault.do("backup", "src", "v")
    subprocess.run(["rm", "-r", "src/trip-journal", "src/walk-wal", "src/hike-journal"], check=True)
    assert backed_up(vault, "src", "v")["unchanged"] == 3
    assert vault.cat("trip-journal") == b"trip-journal"
    assert vault.cat("walk-wal/a") == b"a"
    assert "hike-journal" in vault.names()


def test_a_database_whose_log_changes_meanwhile_is_read_again(
    vault: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "src").mkdir()
    (place / "src/a.db").write_bytes(b"pages")
    (place / "src/a.db-journal").write_bytes(b"log")
    real = intake.Intake.write
    left = [1]

    def write(self: intake.Intake, source: bytes, *rest: Any, **options: Any) -> intake.Written:
        written = real(self, source, *rest, **options)
        if left[0] and source.endswith(b"-journal"):
            left[0] -= 1
            (place / "src/a.db").write_bytes(b"other pages")
        return written

    monkeypatch.setattr(intake.Intake, "write", write)
    vault.do("backup", "src", "v")
    assert (vault.cat("a.db"), vault.cat("a.db-journal")) == (b"other pages", b"log")
    assert vault.names() == ["a.db", "a.db-journal"]
    (place / "src/a.db").write_bytes(b"first again")
    left[0] = 2
    result = vault.unlocked("backup", "src", "v")
    assert (result.code, "src/a.db: changed while being read" in result.err) == (1, True)
    assert vault.names() == ["a.db", "a.db-journal"]
    assert vault.cat("a.db") == b"other pages"


def test_ctrl_c_keeps_what_is_whole_and_the_next_run_completes(
    vault: Wafs, phone: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = iter(range(1, 1000))
    real = Progress.advance

    def advance(self: Progress, size: int) -> None:
        real(self, size)
        if next(at) == 12:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "advance", advance)
        result = vault.unlocked("backup", "phone", "v")
    assert (result.code, "interrupted" in result.err) == (130, True)
    kept = [name for name in vault.names() if not name.endswith("/")]
    assert len(kept) >= 11
    assert not any(".wafs-" in name for name in kept)
    found = backed_up(vault, "phone", "v")
    assert found["unchanged"] == len(kept)
    assert found["new"] == found["files"] - len(kept)
    assert restored(vault, place) == facts_of(phone)


KILLED = """
import os, signal, sys
from wafs.cli import intake
from wafs.cli.main import run
from wafs.fs.commits import Commits
from wafs.fs.files import Files
from wafs.fs.rename import Renamer
intake._BATCH_FILES = 7
where, nth = sys.argv[1], int(sys.argv[2])
kind = {"release": Files, "rename": Renamer, "settle": Commits, "write": Files}[where]
real, seen = getattr(kind, where), []
def call(*words, **options):
    seen.append(1)
    if len(seen) == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*words, **options)
setattr(kind, where, call)
sys.exit(run(sys.argv[3:]))
"""


@pytest.mark.parametrize(("where", "nth"), [("write", 5), ("release", 20), ("rename", 9), ("settle", 3)])
def test_a_killed_run_leaves_whole_files_and_the_next_completes(
    vault: Wafs, phone: Path, place: Path, where: str, nth: int
) -> None:
    line = [sys.executable, "-c", KILLED, where, str(nth), "backup", "phone", "v", *WITH_PASSWORD]
    killed = subprocess.run(line, check=False, capture_output=True, env=environment())
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    whole = facts_of(phone)
    there = {name: facts for name, facts in restored(vault, place).items() if ".wafs-" not in name}
    assert {name: facts[2] for name, facts in there.items()}.items() <= {k: v[2] for k, v in whole.items()}.items()
    vault.do("backup", "phone", "v")
    assert restored(vault, place) == whole
    assert "is whole" in vault.do("check", "v").out.decode() or "are whole" in vault.do("check", "v").out.decode()


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_disk_that_cannot_take_what_was_written_leaves_no_name_on_it(
    vault: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    (place / "src").mkdir()
    for name in "ab":
        (place / "src" / name).write_bytes(os.urandom(3_000_000))
    syncs = iter(range(1, 1000))
    real = LocalStore.sync_all

    def sync_all(self: LocalStore) -> None:
        # The system tells such a failure once: the next sync succeeds.
        if next(syncs) == nth:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(self)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "sync_all", sync_all)
        patch.setattr(intake, "_WRITE_BACK_BYTES", 2_000_000)
        patch.setattr(intake, "_BATCH_BYTES", 2_000_000)
        result = vault.unlocked("backup", "src", "v")
    assert (result.code, "input/output error" in result.err) == (7, True)
    assert "b" not in vault.names()
    vault.do("backup", "src", "v")
    assert [vault.cat(name) for name in "ab"] == [(place / "src" / name).read_bytes() for name in "ab"]


def test_a_sync_that_finds_the_disk_full_lets_no_file_of_its_batch_have_its_name(
    vault: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "src").mkdir()
    for name in "abc":
        (place / "src" / name).write_bytes(b"not safe")

    def settle(self: Commits) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Commits, "settle", settle)
        assert vault.unlocked("backup", "src", "v").code == 7
    assert vault.names() == []
    vault.do("backup", "src", "v")
    assert vault.names() == ["a", "b", "c"]


def test_read_only_folders_take_what_is_new_and_go_with_their_snapshot(vault: Wafs, place: Path) -> None:
    (place / "src/ro/deep").mkdir(parents=True)

    def change(name: str) -> None:
        for folder in ("src", "src/ro", "src/ro/deep"):
            os.chmod(folder, 0o700)
        for folder in ("src/ro", "src/ro/deep", "src"):
            (place / folder / name).write_text(name)
            os.chmod(folder, 0o555)

    for name in ("a", "b"):
        change(name)
        for words in ((), (f"--snapshot={name}",)):
            done = powerless("backup", *words, "src", "v:/s" if words else "v:/x", *WITH_PASSWORD)
            assert done.returncode == 0, done.stderr
    assert restored(vault, place, "/x") == facts_of(place / "src")
    vault.do("backup", "--snapshot=2020-01-01", "src", "v:/s")
    vault.do("backup", "--snapshot=2020-01-02", "src", "v:/s")
    done = powerless("snapshots", "prune", "--keep-last", "1", "--yes", "v:/s", *WITH_PASSWORD)
    assert done.returncode == 0, done.stderr
    assert "2020-01-01/" not in vault.do("ls", "v", "/s").out.decode()
    assert restored(vault, place, "/s/2020-01-02") == facts_of(place / "src")
