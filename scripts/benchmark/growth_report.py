"""Growth report: finished curves, and whether what must not grow stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.peers import PEERS
from benchmark.systems import NATIVE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Bound(NamedTuple):
    """A figure of a curve may be so large at most: at the largest size, or there compared with the smallest."""

    curve: str
    figure: str
    limit: float
    is_growth: bool


BOUNDS = (
    Bound("folder", "lookup", 2.0, is_growth=True),
    Bound("tree", "lookup", 2.0, is_growth=True),
    Bound("tree", "mount", 1.5, is_growth=True),
    Bound("tree", "memory", 150.0, is_growth=False),
)


@dataclass(frozen=True, slots=True)
class GrowthReport:
    """Who was measured where; `points` are (size, value) by curve, figure and system."""

    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    points: Mapping[str, Mapping[str, Mapping[str, Sequence[tuple[int, float]]]]]
    failures: Mapping[str, str]

    @property
    def ours(self) -> list[str]:
        """The systems that are a wafs."""
        return [name for name in self.versions if name != NATIVE and name not in PEERS]

    def reached(self, bound: Bound, system: str) -> float | None:
        """Return what is compared with the limit of a bound; None if that was not measured."""
        points = self.points.get(bound.curve, {}).get(bound.figure, {}).get(system)
        if not points or (bound.is_growth and len(points) == 1):
            return None
        largest = points[-1][1]
        return largest / points[0][1] if bound.is_growth else largest
