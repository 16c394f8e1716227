"""The front-end, over a socketpair and with a fake kernel, does what a real directory does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from differential.bench import run, wire_port
from differential.drivers.syscalls import Habits
from differential.operations import programs
from differential.program import Program
from differential.vaults import Places

HABITS = st.builds(Habits, forgets=st.booleans())


@pytest.mark.slow
@settings(max_examples=3 * settings().max_examples)
@given(program=programs(), habits=HABITS)
def test_wire_does_what_a_directory_does(places: Places, program: Program, habits: Habits) -> None:
    run(places, program, habits, opener=wire_port)
