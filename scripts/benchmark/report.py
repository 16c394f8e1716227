"""Report: a finished run, and how its systems compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.peers import PEERS
from benchmark.roster import OURS
from benchmark.stats import Summary, speed_ratio, summarize
from benchmark.systems import NATIVE
from benchmark.targets import TARGETS, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.rows import Row

PEER = "gocryptfs"


class Verdict(NamedTuple):
    """A target with what came out for one wafs; None where it could not be measured."""

    target: Target
    achieved: float | None

    @property
    def word(self) -> str:
        """`reached`, `missed` or `not measured`."""
        if self.achieved is None:
            return "not measured"
        return "reached" if self.target.is_reached_by(self.achieved) else "missed"


class Best(NamedTuple):
    """The fastest of the peers in a row, and how many times as fast a system is; of costs, the thriftiest."""

    row: Row
    peer: str
    ratio: float

    @property
    def is_slower(self) -> bool:
        """Whether the system is slower than this peer; a row of costs says nothing of speed."""
        return self.ratio < 1 and not self.row.unit.is_cost


@dataclass(frozen=True, slots=True)
class Report:
    """Who was measured where, and what came out: `samples` are values by key of the row and name of the system.

    `failures` tells, by `job on system`, why a peer has no values there.
    """

    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    rows: Sequence[Row]
    rounds: int
    scale: Mapping[str, float]
    remount: bool
    unsettled: int
    samples: Mapping[str, Mapping[str, Sequence[float]]]
    failures: Mapping[str, str]

    @property
    def ours(self) -> list[str]:
        """The systems that are a wafs, those of this installation first."""
        found = [name for name in self.versions if name != NATIVE and name not in PEERS]
        return sorted(found, key=lambda name: name.partition("-")[0] != OURS)

    @property
    def peers(self) -> list[str]:
        """The systems that wafs is compared with, native ext4 not among them."""
        return [name for name in self.versions if name in PEERS]

    def summary(self, row: Row, system: str) -> Summary | None:
        """Return the median and range of a row on a system, None if it was not measured."""
        values = self.samples.get(row.key, {}).get(system)
        return summarize(values) if values else None

    def ratio(self, row: Row, ours: str, theirs: str) -> float | None:
        """Return how many times as fast one system is as another, by their medians."""
        first, second = self.summary(row, ours), self.summary(row, theirs)
        if first is None or second is None:
            return None
        return speed_ratio(row, ours=first.median, theirs=second.median)

    def pairs(self) -> list[tuple[str, str]]:
        """Return which systems get a ratio to which: every wafs to gocryptfs, this one to the others."""
        ours = self.ours
        found = [(name, PEER) for name in ours if PEER in self.versions]
        return found + [(ours[0], other) for other in ours[1:]]

    def best(self, row: Row, system: str) -> Best | None:
        """Find the fastest peer of a row; None if there is nothing to compare."""
        ratios = [(name, self.ratio(row, system, name)) for name in self.peers]
        measured = [Best(row, name, ratio) for name, ratio in ratios if ratio is not None]
        return min(measured, key=lambda best: best.ratio, default=None)

    @property
    def targets(self) -> list[Target]:
        """The targets of the measured rows, compared with systems that took part."""
        keys = {row.key for row in self.rows}
        return [target for target in TARGETS if target.key in keys and target.to in (None, *self.versions)]

    def verdicts(self, system: str) -> list[Verdict]:
        """Judge the targets for one wafs."""
        return [self.judge(target, system) for target in self.targets]

    def slower_than_best(self, system: str) -> list[Best]:
        """Return the rows in which a wafs is not the fastest of all but native ext4."""
        found = [self.best(row, system) for row in self.rows]
        return [best for best in found if best is not None and best.is_slower]

    def judge(self, target: Target, system: str) -> Verdict:
        """Tell what came out of a target for one wafs."""
        ours = self.summary(target.row, system)
        theirs = self.summary(target.row, target.to) if target.to else None
        if ours is None:
            return Verdict(target, None)
        return Verdict(target, target.achieved(ours=ours.median, theirs=theirs.median if theirs else None))
