"""Short programs: what a crash may leave of them after each event, in each model."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from crash.expectations import EXPECTED, Expected, unexpected
from crash.programs import SHORT
from store.crashing import MODELS

if TYPE_CHECKING:
    from crash.trial import Trial

MOST = 4
"""Combinations of what is not synced that are looked at after one event; `scripts/crash_states` looks at more."""


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_in_a_crash(trial: Trial, name: str) -> None:
    for model in MODELS:
        for violation in islice(unexpected(trial.every(SHORT[name], model, seed=len(name), most=MOST)), 1):
            pytest.fail(f"{name}\n{violation}", pytrace=False)
    assert trial.states > len(SHORT[name])


@pytest.mark.parametrize("kind", [kind for kind in EXPECTED if kind.program], ids=lambda kind: kind.program)
def test_what_is_expected_to_be_lost_is_lost(trial: Trial, kind: Expected) -> None:
    assert kind.program is not None
    for model in kind.models:
        violations = trial.every(SHORT[kind.program], model, seed=1, most=40)
        assert any(kind.covers(found) for found in violations), f"mended? take it out of EXPECTED: {kind.why}"
