"""Rows: what is measured, in which unit, and by which job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Unit(Enum):
    """How a row is counted."""

    MB_PER_S = "MB/s"
    MICROSECONDS = "us"
    MILLISECONDS = "ms"
    SECONDS = "s"
    CPU_PER_GIB = "CPU s/GiB"
    PERCENT = "% of a core"
    MIB = "MiB"

    @property
    def bigger_is_better(self) -> bool:
        """Whether a larger number means a faster system."""
        return self is Unit.MB_PER_S

    @property
    def is_cost(self) -> bool:
        """Whether it counts what a system takes of the machine, not how fast it is."""
        return self in (Unit.CPU_PER_GIB, Unit.PERCENT, Unit.MIB)

    def measured(self, *, seconds: float, count: float) -> float:
        """Turn a duration, or seconds of a processor, into the unit.

        Args:
            seconds: how long it took.
            count: bytes moved, for MB/s (10**6 bytes) and CPU s/GiB; operations done, for durations;
                seconds waited, for percent.

        Raises:
            ValueError: the unit does not count time.
        """
        if self is Unit.MIB:
            msg = f"{self.value} is no measure of time"
            raise ValueError(msg)
        if self is Unit.MB_PER_S:
            return count / seconds / 1e6
        factors = {
            Unit.MICROSECONDS: 1e6,
            Unit.MILLISECONDS: 1e3,
            Unit.SECONDS: 1.0,
            Unit.CPU_PER_GIB: float(1 << 30),
            Unit.PERCENT: 100.0,
        }
        return seconds / count * factors[self]


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


STREAM, SMALL, TREE, SQL, COPY = "stream", "small", "tree", "sql", "copy"
EXPORT, MOUNT, PARALLEL, LATENCY = "export", "mounting", "parallel", "latency"

# The small files come first: the big ones leave the machine busy for longer.
JOBS = (SMALL, PARALLEL, TREE, STREAM, SQL, COPY, EXPORT, LATENCY, MOUNT)

_MB, _US, _S = Unit.MB_PER_S, Unit.MICROSECONDS, Unit.SECONDS

ROWS = (
    Row("seq-write", "sequential write + fsync", _MB, STREAM),
    Row("seq-read", "sequential read, cold", _MB, STREAM),
    Row("reread", "read again", _MB, STREAM),
    Row("rand-read", "random 4 KiB read, cold", _US, STREAM),
    Row("rand-read-warm", "random 4 KiB read, cached below only", _US, STREAM),
    Row("rand-write", "random 4 KiB write, cold, + fsync at end", _US, STREAM),
    Row("rand-write-warm", "random 4 KiB write, cached, + fsync at end", _US, STREAM, extra=True),
    Row("rand-write-nosync", "random 4 KiB write, cached, no fsync", _US, STREAM),
    Row("create", "create 8 KiB file", _US, SMALL),
    Row("walk", "walk + stat, cold, per file", _US, SMALL),
    Row("read-small", "read small file, cold", _US, SMALL),
    Row("unlink", "unlink", _US, SMALL),
    Row("par-create", "create 8 KiB file, 4 clients, per file", _US, PARALLEL),
    Row("par-read", "read small file, cold, 4 clients, per file", _US, PARALLEL),
    Row("untar", "untar kernel source", _S, TREE),
    Row("md5sum", "md5sum of kernel source, cold", _S, TREE),
    Row("ls-lr", "ls -lR of kernel source, cold", _S, TREE),
    Row("rm-r", "rm -r of kernel source", _S, TREE),
    Row("sql-read", "SQLite point query, cold", _US, SQL),
    Row("sql-write", "SQLite small transaction, DELETE journal", _US, SQL),
    Row("copy-in", "cp -a of a WhatsApp folder, in", _S, COPY),
    Row("copy-out", "cp -a of a WhatsApp folder, out, cold", _S, COPY),
    Row("export", "whatsapp-chat-exporter, cold", _S, EXPORT),
    Row("lat-p50", "4 KiB read during a big write, median", _US, LATENCY),
    Row("lat-p99", "4 KiB read during a big write, 99th percentile", _US, LATENCY),
    Row("mount", "mount, without key derivation", Unit.MILLISECONDS, MOUNT),
    Row("idle-cpu", "CPU of the idle mount", Unit.PERCENT, MOUNT),
    Row("cpu-write", "CPU of the daemon, sequential write", Unit.CPU_PER_GIB, STREAM),
    Row("cpu-read", "CPU of the daemon, sequential read, cold", Unit.CPU_PER_GIB, STREAM),
    Row("mem-stream", "peak memory of the daemon, one big file", Unit.MIB, STREAM),
    Row("mem-tree", "peak memory of the daemon, kernel source", Unit.MIB, TREE),
)

BY_KEY = {row.key: row for row in ROWS}


def choose(words: str) -> tuple[Row, ...]:
    """Return the rows that a comma-separated list names, in the order of the table.

    A word is the key of a row or the name of a job, for all its rows; `table` stands for the
    standard rows and `all` for these and the extra ones.

    Raises:
        ValueError: a word is no row; the text lists them.
    """
    keys: set[str] = set()
    for word in filter(None, words.split(",")):
        if word in ("table", "all"):
            keys.update(row.key for row in ROWS if word == "all" or not row.extra)
        elif word in BY_KEY:
            keys.add(word)
        elif word in JOBS:
            keys.update(row.key for row in ROWS if row.job == word and not row.extra)
        else:
            msg = f"no row is called {word!r}; choose from table, all, {', '.join((*JOBS, *BY_KEY))}"
            raise ValueError(msg)
    if not keys:
        msg = f"no row chosen; choose from table, all, {', '.join((*JOBS, *BY_KEY))}"
        raise ValueError(msg)
    return tuple(row for row in ROWS if row.key in keys)
