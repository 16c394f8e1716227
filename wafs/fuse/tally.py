"""Tally: how many requests of each kind were answered, and how long that took.

Times go into classes that double: class n holds what took less than 2**n units of 1,024 ns. That is coarse and
cheap: it is counted with every request of every mount.
"""

from time import perf_counter_ns
from typing import Final, TypedDict

from wafs.fuse.wire.opcodes import Opcode

now: Final = perf_counter_ns
"""The clock of all times here, in ns."""

_UNIT_BITS: Final = 10
_CLASSES: Final = 64 - _UNIT_BITS
"""One for each length in bits that a number of units can have."""


class Times(TypedDict):
    """What is told of one kind of request: `p50_us` and `p99_us` are not exceeded by that share of them."""

    count: int
    mean_us: float
    p50_us: float
    p99_us: float
    max_us: float


class Tally:
    """Counts of one mount.

    Thread: any. Two that count the same kind at the same moment may lose one; who reads gets a moment's view.
    """

    def __init__(self) -> None:
        # For each kind its classes, and the sum of its times last.
        self._kinds: dict[int, list[int]] = {}

    def note(self, opcode: int, began: int) -> None:
        """Count a request of this kind that is answered now and came at `began`."""
        took = perf_counter_ns() - began
        kind = self._kinds.get(opcode)
        if kind is None:
            kind = self._kinds[opcode] = [0] * (_CLASSES + 1)
        kind[(took >> _UNIT_BITS).bit_length()] += 1
        kind[-1] += took

    def times(self) -> dict[str, Times]:
        """Return what was counted, by the name of the request, the one that took most of the time first."""
        counted = [(opcode, list(kind)) for opcode, kind in list(self._kinds.items()) if any(kind[:-1])]
        kinds = sorted(counted, key=lambda item: -item[1][-1])
        return {_name_of(opcode): _times(kind) for opcode, kind in kinds}


def _times(kind: list[int]) -> Times:
    *classes, total = kind
    count = sum(classes)
    highest = max(number for number, times in enumerate(classes) if times)
    return Times(
        count=count,
        mean_us=round(total / count / 1000, 1),
        p50_us=_bound_us(_class_of(classes, 0.5)),
        p99_us=_bound_us(_class_of(classes, 0.99)),
        max_us=_bound_us(highest),
    )


def _class_of(classes: list[int], share: float) -> int:
    """Return the first class up to which at least this share was counted."""
    wanted, seen = share * sum(classes), 0
    for number, count in enumerate(classes):
        seen += count
        if seen >= wanted:
            return number
    return len(classes) - 1


def _bound_us(number: int) -> float:
    """Return the time that nothing in a class exceeds, in us."""
    return (1 << number + _UNIT_BITS) / 1000


def _name_of(opcode: int) -> str:
    try:
        return Opcode(opcode).name
    except ValueError:
        return str(opcode)
