"""Scratch ranges: which bytes of a file were written."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """Bytes from `start` to before `stop`, all of them in the set or none."""

    start: int
    stop: int
    inside: bool


class Ranges:
    """A set of numbers, kept as sorted ranges of which no two touch.

    Thread: the caller serialises.
    """

    __slots__ = ("_starts", "_stops")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def add(self, start: int, stop: int) -> None:
        """Add the numbers from `start` to before `stop`, at least one."""
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def cut(self, stop: int) -> None:
        """Take away all numbers from `stop` on."""
        first = bisect_left(self._starts, stop)
        del self._starts[first:], self._stops[first:]
        if self._stops and self._stops[-1] > stop:
            self._stops[-1] = stop

    def pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """Yield what lies from `start` to before `stop`, in order and without a gap."""
        number = bisect_right(self._stops, start)
        while start < stop:
            begin = self._starts[number] if number < len(self._starts) else stop
            if start < begin:
                yield Piece(start, min(begin, stop), inside=False)
                start = begin
            else:
                end = min(self._stops[number], stop)
                yield Piece(start, end, inside=True)
                start = end
                number += 1

    def __len__(self) -> int:
        """Return how many ranges there are."""
        return len(self._starts)

    @property
    def total(self) -> int:
        """Return how many numbers are in the set."""
        return sum(self._stops) - sum(self._starts)
