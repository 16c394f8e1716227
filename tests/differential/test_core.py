"""The core does what a real directory does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from differential.bench import core_port, run
from differential.drivers.syscalls import Habits
from differential.operations import programs
from differential.program import Program
from differential.vaults import Places

HABITS = st.builds(Habits, looks=st.booleans(), forgets=st.booleans())


@pytest.mark.slow
@settings(max_examples=5 * settings().max_examples)
@given(program=programs(), habits=HABITS)
def test_core_does_what_a_directory_does(places: Places, program: Program, habits: Habits) -> None:
    run(places, program, habits, opener=core_port)
