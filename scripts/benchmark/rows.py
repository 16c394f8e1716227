"""Rows: what is measured, in which unit, and by which job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Unit(Enum):
    """How a row is counted."""

    MB_PER_S = "MB/s"
    MICROSECONDS = "us"

    @property
    def bigger_is_better(self) -> bool:
        """Whether a larger number means a faster system."""
        return self is Unit.MB_PER_S

    def measured(self, *, seconds: float, count: int) -> float:
        """Turn a duration into the unit.

        Args:
            seconds: how long it took.
            count: bytes moved, for MB/s (10**6 bytes); operations done, for microseconds.
        """
        return count / seconds / 1e6 if self is Unit.MB_PER_S else seconds / count * 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    `extra` rows help to choose a chunk size and run only when asked for.
    """

    key: str
    title: str
    unit: Unit
    job: str
    extra: bool = False


STREAM, SMALL, SQL = "stream", "small", "sql"

# The small files come first: the big ones leave the machine busy for longer.
JOBS = (SMALL, STREAM, SQL)

_MB, _US = Unit.MB_PER_S, Unit.MICROSECONDS

ROWS = (
    Row("seq-write", "sequential write + fsync", _MB, STREAM),
    Row("seq-read", "sequential read, cold", _MB, STREAM),
    Row("reread", "read again", _MB, STREAM),
    Row("rand-read", "random 4 KiB read, cold", _US, STREAM),
    Row("rand-read-warm", "random 4 KiB read, cached below only", _US, STREAM, extra=True),
    Row("rand-write", "random 4 KiB write, cold, + fsync at end", _US, STREAM),
    Row("rand-write-warm", "random 4 KiB write, cached, + fsync at end", _US, STREAM, extra=True),
    Row("rand-write-nosync", "random 4 KiB write, cached, no fsync", _US, STREAM, extra=True),
    Row("create", "create 8 KiB file", _US, SMALL),
    Row("walk", "walk + stat, cold, per file", _US, SMALL),
    Row("read-small", "read small file, cold", _US, SMALL),
    Row("unlink", "unlink", _US, SMALL),
    Row("sql-read", "SQLite point query, cold", _US, SQL, extra=True),
    Row("sql-write", "SQLite small transaction, DELETE journal", _US, SQL, extra=True),
)

BY_KEY = {row.key: row for row in ROWS}


def choose(words: str) -> tuple[Row, ...]:
    """Return the rows that a comma-separated list of keys names, in the order of the table.

    `table` stands for the standard rows and `all` for these and the extra ones.

    Raises:
        ValueError: a word is no row; the text lists them.
    """
    keys: set[str] = set()
    for word in filter(None, words.split(",")):
        if word in ("table", "all"):
            keys.update(row.key for row in ROWS if word == "all" or not row.extra)
        elif word in BY_KEY:
            keys.add(word)
        else:
            msg = f"no row is called {word!r}; choose from table, all, {', '.join(BY_KEY)}"
            raise ValueError(msg)
    if not keys:
        msg = f"no row chosen; choose from table, all, {', '.join(BY_KEY)}"
        raise ValueError(msg)
    return tuple(row for row in ROWS if row.key in keys)
