"""Shown time: a checkpoint changes the ctime of a file, and nobody is to take that for a change of the file."""

from typing import NamedTuple


class ShownTime(NamedTuple):
    """The ctime (ns) that a checkpoint left, and the one that was shown before, which goes on to be shown for it."""

    real: int
    shown: int

    def next(self, before: int, after: int) -> "ShownTime":
        """Return what to show after one more checkpoint, that changed it from `before` to `after`."""
        return ShownTime(after, self.shown if self.real == before else before)


NO_SHOWN_TIME = ShownTime(-1, -1)
