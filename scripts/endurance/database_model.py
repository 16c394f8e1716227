"""Database model: transactions of several rows, of which a database has all or nothing, and none is ever missing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from endurance.folder_model import payload

if TYPE_CHECKING:
    from pathlib import Path

_KEPT: Final = 60
"""How many transactions of a writer stay; every so often older ones are deleted."""

_MOST_ROWS: Final = 4


def make_database(path: Path, mode: str, writers: list[str]) -> None:
    """Make an empty database in a journal mode of SQLite."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(f"PRAGMA journal_mode={mode}").fetchone() == (mode,)
        db.execute("CREATE TABLE message(writer TEXT, number INTEGER, part INTEGER, text BLOB)")
        db.execute("CREATE INDEX by_text ON message(text)")
        db.execute("CREATE TABLE counter(writer TEXT PRIMARY KEY, last INTEGER)")
        db.executemany("INSERT INTO counter VALUES (?, -1)", [(writer,) for writer in writers])
        db.commit()


def last_numbers(path: Path) -> dict[str, int]:
    """Return the number of each writer's last transaction."""
    with closing(sqlite3.connect(path)) as db:
        return dict(db.execute("SELECT writer, last FROM counter"))


def last_number(db: sqlite3.Connection, writer: str) -> int:
    """Return the number of a writer's last transaction, -1 before the first."""
    (last,) = db.execute("SELECT last FROM counter WHERE writer = ?", (writer,)).fetchone()
    return int(last)


def transact(db: sqlite3.Connection, writer: str, number: int) -> None:
    """Commit one transaction: some rows, the counter, and now and then the removal of old rows.

    Raises: sqlite3.Error.
    """
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", _rows(writer, number))
    db.execute("UPDATE counter SET last = ? WHERE writer = ?", (number, writer))
    if number % _KEPT == 0:
        db.execute("DELETE FROM message WHERE writer = ? AND number < ?", (writer, number - _KEPT))
    db.execute("COMMIT")


def what_is_wrong(path: Path, committed: dict[str, int], begun: dict[str, int]) -> list[str]:
    """Say how a database contradicts its writers; an empty list if all is well.

    Args:
        path: the database, open nowhere else; what a crash left in its journal is taken over.
        committed: the last number of each writer whose COMMIT has returned.
        begun: the number of the transaction that was cut off, if one was.
    """
    wrong = []
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        found = [str(row[0]) for row in db.execute("PRAGMA integrity_check")]
        if found != ["ok"]:
            wrong.append(f"{path.name}: integrity_check says {found[:3]}")
        for writer, last in committed.items():
            there = last_number(db, writer)
            if there not in {last, begun.get(writer, last)}:
                wrong.append(f"{path.name}: {writer} has committed {last}, the database ends at {there}")
            wrong += [f"{path.name}: {writer} {reason}" for reason in _rows_wrong(db, writer, there)]
    return wrong


def _rows_wrong(db: sqlite3.Connection, writer: str, last: int) -> list[str]:
    first = max(last // _KEPT * _KEPT - _KEPT, 0)
    wanted = [row for number in range(first, last + 1) for row in _rows(writer, number)]
    query = "SELECT writer, number, part, text FROM message WHERE writer = ? ORDER BY number, part"
    found = db.execute(query, (writer,)).fetchall()
    if found == wanted:
        return []
    missing = sorted({row[1] for row in wanted} - {row[1] for row in found})
    return [f"has not the rows of {first} to {last}; missing are {missing[:5]}, {len(found)} rows of {len(wanted)}"]


def _rows(writer: str, number: int) -> list[tuple[str, int, int, bytes]]:
    return [
        (writer, number, part, payload(number * _MOST_ROWS + part, number * 37 % (9_000 if part == 0 else 300)))
        for part in range(number % _MOST_ROWS + 1)
    ]
