"""Databases out of a vault: the same rows as SQLite finds in the file itself, and no harm from those made to do it."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.errors import AuthenticationError
from wafs.units import MIB
from wafs.whatsapp import database as module
from wafs.whatsapp.database import Database, as_bytes
from wafs.whatsapp.errors import DatabaseCostError, DatabaseError
from wafs.whatsapp.plain_source import PlainSource
from wafs.whatsapp.sqlite_vfs import JOURNAL, MAIN, WAL
from whatsapp.vault_files import Bytes, fill, read_only, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

QUERIES = (
    "SELECT count(*), sum(a), sum(length(b)) FROM t",
    "SELECT a, b, c FROM t WHERE a % 7 = 3",
    "SELECT a FROM t WHERE c BETWEEN 'k' AND 'p'",
    "SELECT max(length(d)), min(c) FROM t",
    "SELECT name, rootpage FROM sqlite_schema",
)


def nobody() -> None:
    """Nobody wants to stop."""


def random_rows(rng: random.Random, count: int) -> list[tuple[object, ...]]:
    """Rows of any size, some with overflow pages."""
    return [
        (
            number,
            rng.randbytes(rng.randrange(200)),
            rng.choice("abcklmnopxyz") * 3,
            rng.randbytes(rng.choice((0, 9000))),
        )
        for number in range(count)
    ]


def make(path: Path, mode: str, seed: int) -> None:
    """Leave a database as a phone does that was switched off: `delete`, `wal`, or `hot` with a rollback journal."""
    rng = random.Random(seed)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA page_size = {rng.choice((512, 4096, 65536))}")
        if mode == "wal":
            db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA cache_size = 8")
        db.execute("PRAGMA synchronous = off")
        db.executescript("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB, c TEXT, d BLOB); CREATE INDEX i ON t (c)")
        insert = "INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?)"
        db.executemany(insert, random_rows(rng, 300))
        db.commit()
        if mode == "wal":
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            db.executemany(insert, random_rows(rng, 200))
            db.execute("DELETE FROM t WHERE a % 5 = 0")
            db.commit()
        if mode == "hot":
            db.executemany(insert, random_rows(rng, 300))
            db.execute("UPDATE t SET b = zeroblob(300)")
        copies = {suffix: path.with_name(path.name + suffix) for suffix in ("", "-wal", "-journal")}
        data = {suffix: copy.read_bytes() for suffix, copy in copies.items() if copy.exists()}
    for copy in copies.values():
        copy.unlink(missing_ok=True)
    for suffix, content in data.items():
        copies[suffix].write_bytes(content)


@pytest.mark.parametrize("mode", ["delete", "wal", "hot"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_rows_as_in_the_file(tmp_path: Path, mode: str, seed: int) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    make(folder / "x.db", mode, seed)
    left = {"delete": {"x.db"}, "wal": {"x.db", "x.db-wal"}, "hot": {"x.db", "x.db-journal"}}[mode]
    tree = tree_of(folder)
    assert tree.keys() == left
    fill(tmp_path / "v", tree)
    with closing(sqlite3.connect(folder / "x.db")) as db:
        expected = [db.execute(query).fetchall() for query in QUERIES]
    names = {"x.db": MAIN, "x.db-wal": WAL, "x.db-journal": JOURNAL}
    with read_only(tmp_path / "v") as vfs:
        sources = {names[name]: PlainSource(vfs, os.fsencode(name)) for name in left}
        try:
            with Database(sources, nobody) as found:
                assert found.problems() == []
                assert [list(found.rows(query)) for query in QUERIES] == expected
        finally:
            for source in sources.values():
                source.close()
    assert {name: len(data) for name, data in tree.items()} == {name: len(tree[name]) for name in left}


def test_pages_at_random_are_those_of_the_file(tmp_path: Path) -> None:
    rng = random.Random(4)
    data = rng.randbytes(5 * MIB + 77)
    fill(tmp_path / "v", {"big": data})
    with read_only(tmp_path / "v") as vfs, PlainSource(vfs, b"big") as source:
        for _ in range(300):
            offset, size = rng.randrange(len(data) + 100), rng.choice((1, 100, 4096, 65536, 200_000))
            assert source.read(offset, size) == data[offset : offset + size]
        assert source.size == len(data)


def sqlite_of(script: str, *rows: tuple[str, Sequence[tuple[object, ...]]]) -> bytes:
    """The bytes of a database."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(script)
        for query, values in rows:
            db.executemany(query, values)
        db.commit()
        return db.serialize()


def open_bytes(data: bytes, check: Callable[[], None] = nobody) -> Database:
    return Database({MAIN: Bytes(data)}, check)


def test_damage_of_the_vault_is_told_as_such(tmp_path: Path) -> None:
    fill(tmp_path / "v", {"x.db": sqlite_of("CREATE TABLE t (a)", ("INSERT INTO t VALUES (?)", [("x" * 500,)] * 900))})
    (sealed,) = (tmp_path / "v/tree").glob("*.wafs")
    broken = bytearray(sealed.read_bytes())
    broken[len(broken) * 3 // 4] ^= 1
    sealed.write_bytes(broken)
    with read_only(tmp_path / "v") as vfs, PlainSource(vfs, b"x.db") as source:
        db = Database({MAIN: source}, nobody)
        with db, pytest.raises(AuthenticationError):
            db.problems()


def test_what_is_no_database() -> None:
    for data in (b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 8000, b"SQLite format 3\0"):
        with pytest.raises(DatabaseError):
            open_bytes(data)
    with open_bytes(b"") as empty:
        assert empty.tables == []


@given(st.data())
def test_a_damaged_database_gives_rows_or_an_error(data: st.DataObject) -> None:
    whole = bytearray(
        sqlite_of(
            "CREATE TABLE t (a, b); CREATE INDEX i ON t (b)", ("INSERT INTO t VALUES (?, ?)", [(1, "y" * 90)] * 200)
        )
    )
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        with open_bytes(bytes(whole[: cut or None])) as db:
            db.problems()
            if "a" in db.columns("t"):
                for row in db.rows(f"SELECT {as_bytes('a')}, b FROM t"):
                    assert len(row) == 2
    except DatabaseError as error:
        message = str(error)
    else:
        message = "whole"
    assert message


@given(st.binary(max_size=6000))
def test_noise_behind_a_header_gives_an_error(noise: bytes) -> None:
    header = b"SQLite format 3\0" + bytes.fromhex("100001010040202000000001") + bytes(72)
    try:
        with open_bytes(header + noise) as db:
            db.problems()
            db.columns("message")
    except DatabaseError as error:
        message = str(error)
    else:
        message = "whole"
    assert message


def test_views_triggers_and_virtual_tables_are_not_used() -> None:
    script = """
        CREATE TABLE t (a);
        CREATE VIEW message AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)
            SELECT n AS chat_row_id, n AS timestamp FROM r;
        CREATE VIRTUAL TABLE f USING fts5(text);
        CREATE TABLE w (a PRIMARY KEY) WITHOUT ROWID;
    """
    with open_bytes(sqlite_of(script)) as db:
        assert db.columns("message") == db.columns("f") == db.columns("w") == frozenset()
        assert db.columns("T") == {"a"}
        assert db.problems() == []
        for query in (
            "SELECT * FROM message",
            "SELECT * FROM f",
            "ATTACH 'x' AS y",
            "DELETE FROM t",
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
            "SELECT load_extension('x')",
            "PRAGMA writable_schema = ON",
            "PRAGMA locking_mode = normal",
        ):
            with pytest.raises(DatabaseError):
                list(db.rows(query))
        assert db.columns("t") == {"a"}


def test_code_in_a_schema_does_not_run() -> None:
    forever = "(instr(zeroblob(60000000), zeroblob(30000000) || x''01''))"
    script = f"""
        CREATE TABLE t (a, b AS (1), CHECK (2));
        INSERT INTO t VALUES (1), (2);
        CREATE TABLE u (a NOT NULL, CHECK (3));
        INSERT INTO u VALUES (1);
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(replace(sql, '(3)', '{forever}'), '(1)', '{forever}');
    """
    with open_bytes(sqlite_of(script)) as db:
        assert db.problems() == ["table t has computed columns and was not checked"]
        assert db.columns("t") == {"a"}
        assert list(db.rows("SELECT a FROM t")) == [(1,), (2,)]


def test_a_collation_of_the_phone_is_no_fault() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.create_collation("LOCALIZED", lambda left, right: (left > right) - (left < right))
        db.executescript(
            "CREATE TABLE t (a COLLATE LOCALIZED); CREATE INDEX i ON t (a); INSERT INTO t VALUES ('b'), ('a')"
        )
        data = db.serialize()
    with open_bytes(data) as found:
        assert found.problems() == []


def test_a_huge_cell_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sqlite_of("CREATE TABLE t (a)", ("INSERT INTO t VALUES (?)", [(bytes(3 * MIB),)]))
    monkeypatch.setitem(module._LIMITS, next(iter(module._LIMITS)), MIB)
    with open_bytes(data) as db, pytest.raises(DatabaseCostError):
        list(db.rows(f"SELECT {as_bytes('a')} FROM t"))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MEMORY_MOST", 2 * MIB)
    with open_bytes(sqlite_of("CREATE TABLE t (a)")) as db, pytest.raises(DatabaseCostError):
        list(db.rows("SELECT length(hex(zeroblob(3000000)))"))


def test_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STEPS_AT_LEAST", 100_000)
    rows = [(number,) for number in range(500)]
    data = sqlite_of("CREATE TABLE t (a)", ("INSERT INTO t VALUES (?)", rows))
    with open_bytes(data) as db, pytest.raises(DatabaseCostError):
        list(db.rows("SELECT count(*) FROM t a, t b, t c"))


def test_a_wish_to_stop_stops_it() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    rows = [(number,) for number in range(500)]
    data = sqlite_of("CREATE TABLE t (a)", ("INSERT INTO t VALUES (?)", rows))
    with open_bytes(data, stop) as db, pytest.raises(KeyboardInterrupt):
        list(db.rows("SELECT count(*) FROM t a, t b, t c"))


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_text_in_any_encoding(encoding: str) -> None:
    script = f"PRAGMA encoding = '{encoding}'; CREATE TABLE t (a)"
    words = ["Media/\u00fc \U0001f600.jpg", "x" * 3]
    with open_bytes(sqlite_of(script, ("INSERT INTO t VALUES (?)", [(word,) for word in words]))) as db:
        found = [db.text(value) for (value,) in db.rows(f"SELECT {as_bytes('a')} FROM t")]
        assert found == [word.encode() for word in words]
        assert [db.text(value) for (value,) in db.rows(f"SELECT {as_bytes('NULL')}")] == [None]


def test_nothing_of_a_database_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sort of more than the cache holds goes through temporary files, if SQLite is let."""
    monkeypatch.setenv("SQLITE_TMPDIR", os.fspath(tmp_path))
    monkeypatch.chdir(tmp_path)
    opened_before = os.listdir("/proc/self/fd")
    rows = [(os.urandom(60),) for _ in range(5000)]
    with open_bytes(sqlite_of("PRAGMA cache_size = 5; CREATE TABLE t (a)", ("INSERT INTO t VALUES (?)", rows))) as db:
        assert len(list(db.rows("SELECT a FROM t ORDER BY a"))) == 5000
        assert os.listdir("/proc/self/fd") == opened_before
    assert list(tmp_path.iterdir()) == []
