"""Statistics: medians over rounds, their spread, and how two systems compare."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.rows import Row

# Above this a median of few rounds is a hint rather than a figure.
NOISY_SPREAD = 0.3


@dataclass(frozen=True, slots=True)
class Summary:
    """What the rounds of one row and one system come to; values in the row's unit."""

    median: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """The distance from lowest to highest, as a share of the median."""
        return (self.high - self.low) / self.median if self.median else 0.0

    @property
    def noisy(self) -> bool:
        """Whether the rounds differ so much that the median should be read with care."""
        return self.spread > NOISY_SPREAD


def summarize(samples: Sequence[float]) -> Summary:
    """Reduce the values of the rounds, at least one, to median and range."""
    return Summary(statistics.median(samples), min(samples), max(samples))


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest of the values, at least one, that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def speed_ratio(row: Row, *, ours: float, theirs: float) -> float:
    """Return how many times as fast `ours` is as `theirs`: 2.0 is twice as fast, 0.5 half.

    The meaning is the same for all rows: of memory or CPU, 2.0 is half of it. A row may come out as 0,
    such as the CPU of an idle mount; equal figures give 1.0, and nothing is infinitely as fast as something.
    """
    if ours == theirs:
        return 1.0
    better, worse = (ours, theirs) if row.unit.bigger_is_better else (theirs, ours)
    return better / worse if worse else math.inf
