"""Expectations: what a crash may still do to a vault, each with the program that shows it. The one place to change.

Who mends one takes it out here: `test_short_programs` fails as long as something stands here that does not happen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crash.trial import Violation
    from store.crashing import Model


class Expected(NamedTuple):
    """A kind of loss: how it is told, the models in which it happens, why, and the short program that shows it.

    `in_recovery`: only a second crash, while the vault recovers from the first, does it. Those are few, and looked at
    by chance: there need be no short `program` that is sure to show it.
    """

    pattern: str
    models: tuple[Model, ...]
    why: str
    program: str | None = None
    in_recovery: bool = False

    def covers(self, violation: Violation) -> bool:
        """Tell whether a violation is of this kind."""
        if violation.model not in self.models or (self.in_recovery and violation.again is None):
            return False
        return re.search(self.pattern, violation.complaints[0]) is not None


EXPECTED: tuple[Expected, ...] = (
    Expected(
        r"foreign entries .*\.wafl'",
        ("strict",),
        "the name file of a long name may be gone before its entry is, where names reach the disk in any order",
        "long folder",
    ),
    Expected(
        "was modified at",
        ("kill", "torn"),
        "who is killed while it recovers leaves the time of that, and the next takes it for the right one",
        in_recovery=True,
    ),
    Expected(
        r"\(zeros\)",
        ("ordered", "strict"),
        "zeros of a block that was cut in a recovery are taken for a hole",
        in_recovery=True,
    ),
)

READERS = True
"""Whether a read-only opening is asked to show what a writer's shows."""


def unexpected(violations: Iterable[Violation]) -> Iterable[Violation]:
    """Give the violations that nobody expects."""
    return (found for found in violations if not any(kind.covers(found) for kind in EXPECTED))
