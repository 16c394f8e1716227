"""Random programs: some of the many states that a crash may leave of each."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crash.bench import Bench
from crash.expectations import READERS, unexpected
from crash.programs import programs
from crash.trial import Trial
from differential.program import Program
from store.crashing import MODELS

PROGRAMS = 40
STATES = 45
"""Of each program and model; with the crashes during recovery more than ten thousand. scripts/crash_states has more."""


@pytest.mark.slow
@settings(max_examples=PROGRAMS)
@given(program=programs(), seed=st.integers(0, 1 << 30))
def test_nothing_is_lost_in_a_crash_of_a_random_program(program: Program, seed: int) -> None:
    with Bench() as bench:
        trial = Trial(bench, with_readers=READERS)
        for model in MODELS:
            for violation in islice(unexpected(trial.some(program, model, seed=seed, count=STATES)), 1):
                pytest.fail(str(violation), pytrace=False)
