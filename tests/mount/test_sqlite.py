"""SQLite on a mount: its journals, its shared memory, its locks, and a killed writer."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mount.programs import finish, line_of, python, run, tell

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

MODES = ["delete", "wal", "truncate", "persist"]
BOTH = ["delete", "wal"]

WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
db.execute(f"PRAGMA journal_mode={sys.argv[2]}")
print("open", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[4])):
    db.execute("BEGIN IMMEDIATE")
    row = (sys.argv[3], number, "x" * (number * 37 % 900))
    db.execute("INSERT INTO message(writer, number, text) VALUES (?, ?, ?)", row)
    db.execute("UPDATE counter SET value = value + 1")
    db.execute("COMMIT")
    print(number, flush=True)
"""


def make(path: Path, mode: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(f"PRAGMA journal_mode={mode}").fetchone() == (mode,)
        db.execute("CREATE TABLE message(id INTEGER PRIMARY KEY, writer TEXT, number INTEGER, text TEXT)")
        db.execute("CREATE INDEX by_text ON message(text)")
        db.execute("CREATE TABLE counter(value INTEGER)")
        db.execute("INSERT INTO counter VALUES (0)")
        db.commit()


def check(path: Path) -> int:
    """See that the database is whole and return how many messages it has."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (count,) = db.execute("SELECT count(*) FROM message").fetchone()
        assert db.execute("SELECT value FROM counter").fetchone() == (count,)
        return int(count)


@pytest.mark.parametrize("mode", MODES)
def test_three_hundred_small_transactions(bench: Bench, daemon: Daemon, mode: str) -> None:
    path = daemon.place / "msgstore.db"
    make(path, mode)
    writer = python(WRITER, path, mode, "one", "300")
    tell(writer)
    finish(writer)
    assert check(path) == 300
    bench.remount(daemon)
    assert check(path) == 300


@pytest.mark.parametrize("mode", BOTH)
def test_two_processes_write_to_one_database(mnt: Path, mode: str) -> None:
    path = mnt / "msgstore.db"
    make(path, mode)
    writers = [python(WRITER, path, mode, name, "60") for name in ("one", "two")]
    for writer in writers:
        assert line_of(writer) == "open"
    for writer in writers:
        tell(writer)
    for writer in writers:
        finish(writer)
    assert check(path) == 120


def test_a_reader_sees_a_stable_view_beside_a_wal_writer(mnt: Path) -> None:
    path = mnt / "msgstore.db"
    make(path, "wal")
    writer = python(WRITER, path, "wal", "one", "40")
    assert line_of(writer) == "open"
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM message").fetchone()
        tell(writer)
        finish(writer)
        assert reader.execute("SELECT count(*) FROM message").fetchone() == before == (0,)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM message").fetchone() == (40,)


@pytest.mark.parametrize("mode", BOTH)
def test_a_killed_writer_loses_no_commit(mnt: Path, mode: str) -> None:
    path = mnt / "msgstore.db"
    make(path, mode)
    writer = python(WRITER, path, mode, "one", "100000")
    tell(writer)
    assert line_of(writer) == "open"
    while line_of(writer) != "50":
        pass
    writer.kill()
    writer.wait()
    committed = 51
    with writer:
        committed += len(writer.stdout.read().split()) if writer.stdout else 0
    assert check(path) in (committed, committed + 1)


@pytest.mark.parametrize("mode", BOTH)
def test_a_killed_daemon_loses_no_commit(bench: Bench, daemon: Daemon, mode: str) -> None:
    path = daemon.place / "msgstore.db"
    make(path, mode)
    writer = python(WRITER, path, mode, "one", "100000")
    tell(writer)
    assert line_of(writer) == "open"
    while line_of(writer) != "50":
        pass
    daemon.kill()
    with writer:
        committed = 51 + len(writer.stdout.read().split()) if writer.stdout else 0
        assert writer.wait() != 0
    bench.mount(daemon.vault, at=daemon.place)
    assert check(path) in (committed, committed + 1)


def test_the_command_line_tool_reads_and_writes(mnt: Path) -> None:
    path = mnt / "wa.db"
    run("sqlite3", path, "CREATE TABLE wa_contacts(jid TEXT); INSERT INTO wa_contacts VALUES ('1@s.whatsapp.net');")
    run("sqlite3", path, ".backup " + os.fspath(mnt / "copy.db"))
    assert run("sqlite3", mnt / "copy.db", "SELECT jid FROM wa_contacts; PRAGMA integrity_check;").split() == [
        "1@s.whatsapp.net",
        "ok",
    ]
    run("sqlite3", path, "VACUUM")
    assert run("sqlite3", path, "PRAGMA integrity_check").strip() == "ok"
