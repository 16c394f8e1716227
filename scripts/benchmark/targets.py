"""Targets: what wafs is to reach, as ratios to another system of the same run, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.rows import BY_KEY

if TYPE_CHECKING:
    from benchmark.rows import Row

GOCRYPTFS, NATIVE = "gocryptfs", "native"


@dataclass(frozen=True, slots=True)
class Target:
    """The figure of a row is to be at least (throughput) or at most (all else) `limit` times that of a system.

    Without a system the limit is a figure in the row's own unit.
    """

    key: str
    to: str | None
    limit: float

    @property
    def row(self) -> Row:
        """The row that it is about."""
        return BY_KEY[self.key]

    def achieved(self, *, ours: float, theirs: float | None) -> float | None:
        """Return what `limit` is to be compared with; None if there is nothing to compare."""
        if self.to is None:
            return ours
        return ours / theirs if theirs else None

    def is_reached_by(self, achieved: float) -> bool:
        """Tell whether that is enough."""
        return achieved >= self.limit if self.row.unit.bigger_is_better else achieved <= self.limit

    def __str__(self) -> str:
        """Return the target in words."""
        bound = "at least" if self.row.unit.bigger_is_better else "at most"
        if self.to is None:
            return f"{bound} {self.limit:g} {self.row.unit.value}"
        return f"{bound} {self.limit:.2f} x {self.to}"


TARGETS = (
    Target("seq-read", GOCRYPTFS, 2.0),
    Target("seq-read", NATIVE, 0.6),
    Target("reread", GOCRYPTFS, 7.0),
    Target("seq-write", GOCRYPTFS, 1.5),
    Target("rand-read", GOCRYPTFS, 0.9),
    Target("rand-read-warm", GOCRYPTFS, 0.5),
    Target("rand-write-nosync", GOCRYPTFS, 0.4),
    Target("rand-write", GOCRYPTFS, 0.6),
    Target("create", GOCRYPTFS, 0.5),
    Target("read-small", GOCRYPTFS, 0.7),
    Target("walk", GOCRYPTFS, 0.7),
    Target("ls-lr", GOCRYPTFS, 0.7),
    Target("unlink", GOCRYPTFS, 0.7),
    Target("untar", GOCRYPTFS, 0.7),
    Target("md5sum", GOCRYPTFS, 0.7),
    Target("rm-r", GOCRYPTFS, 0.7),
    Target("copy-in", GOCRYPTFS, 0.7),
    Target("copy-out", GOCRYPTFS, 0.7),
    Target("sql-read", GOCRYPTFS, 0.7),
    Target("sql-write", GOCRYPTFS, 0.7),
    Target("mount", None, 500.0),
    Target("cpu-write", GOCRYPTFS, 1.0),
    Target("cpu-read", GOCRYPTFS, 1.0),
    Target("idle-cpu", None, 0.1),
)
