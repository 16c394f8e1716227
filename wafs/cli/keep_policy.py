"""Keep policy: which snapshots stay when old ones are pruned; as restic's forget counts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

_BUCKETS: Final[Mapping[str, Callable[[date], object]]] = {
    "daily": lambda made: made,
    "weekly": lambda made: made.isocalendar()[:2],
    "monthly": lambda made: (made.year, made.month),
    "yearly": lambda made: made.year,
}
RULES: Final = ("last", *_BUCKETS)
"""What can be kept: the last ones, and the last of each day, week (from Monday), month and year."""


def kept(days: Sequence[date], counts: Mapping[str, int]) -> dict[int, list[str]]:
    """Return the places of those that stay, with the rules that keep them. `days` are sorted, the oldest first.

    A rule that has counts left when all is seen keeps the oldest as well, so that the history is as long as can be.
    """
    reasons: dict[int, list[str]] = {}
    for rule in RULES:
        left = counts.get(rule, 0)
        last: object = None
        for place in range(len(days) - 1, -1, -1):
            bucket = place if rule == "last" else _BUCKETS[rule](days[place])
            if left and (bucket != last or place == 0):
                reasons.setdefault(place, []).append(rule)
                last = bucket
                left -= 1
    return reasons
