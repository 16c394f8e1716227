"""Databases: SQLite as the messenger uses it, point queries and small transactions."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from benchmark.failure import BenchError

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.place import Place
    from benchmark.scale import Scale

BODY_SIZE = 900  # with its row header, four messages fill a page of 4 KiB


def run(place: Place, scale: Scale) -> None:
    """Measure the rows of the job `sql` on a copy of one database."""
    path = place.path("msgstore.db")
    with open(_template(place.assets, scale), "rb") as template, open(path, "wb") as copy:
        shutil.copyfileobj(template, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())
    if place.wants("sql-read"):
        place.cold()
        _query(place, scale, path)
    if place.wants("sql-write"):
        place.cold()
        _change(place, scale, path)


def build(path: Path, scale: Scale) -> None:
    """Write the database that every system gets a copy of, about `scale.database` bytes."""
    draw = random.Random(scale.seed)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE message (_id INTEGER PRIMARY KEY, body BLOB)")
        database.execute("BEGIN")
        bodies = ((draw.randbytes(BODY_SIZE),) for _ in range(_messages(scale)))
        database.executemany("INSERT INTO message (body) VALUES (?)", bodies)
        database.execute("COMMIT")


def _template(assets: Path, scale: Scale) -> Path:
    """Build the database at the first call of a run; later calls find it.

    Building it inside each system would take longer than all that is measured on it.
    """
    path = assets / "template.db"
    if not path.exists():
        build(path, scale)
    return path


def _messages(scale: Scale) -> int:
    return scale.database // 4096 * 4


def _query(place: Place, scale: Scale, path: str) -> None:
    draw = random.Random(scale.seed)
    keys = draw.sample(range(1, _messages(scale) + 1), scale.queries)
    select = "SELECT body FROM message WHERE _id = ?"
    size = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(select, (1,)).fetchone()
        with place.timed("sql-read", count=len(keys)):
            for key in keys:
                size += len(database.execute(select, (key,)).fetchone()[0])
    if size != BODY_SIZE * len(keys):
        msg = f"{place.system.name}: {size} bytes from SQLite, want {BODY_SIZE * len(keys)}"
        raise BenchError(msg)


def _change(place: Place, scale: Scale, path: str) -> None:
    draw = random.Random(scale.seed)
    keys = draw.sample(range(1, _messages(scale) + 1), scale.transactions)
    body = draw.randbytes(BODY_SIZE)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA synchronous = FULL")
        with place.timed("sql-write", count=len(keys)):
            for key in keys:
                database.execute("BEGIN IMMEDIATE")
                database.execute("UPDATE message SET body = ? WHERE _id = ?", (body, key))
                database.execute("INSERT INTO message (body) VALUES (?)", (body,))
                database.execute("COMMIT")
        count = database.execute("SELECT count(*) FROM message").fetchone()[0]
    if count != _messages(scale) + len(keys):
        msg = f"{place.system.name}: SQLite lost messages: {count} of {_messages(scale)}"
        raise BenchError(msg)
