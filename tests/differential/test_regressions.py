"""Rare programs give the same on the core and on the wire as on a directory."""

from __future__ import annotations

import pytest

from differential.bench import PortOpener, core_port, run, wire_port
from differential.drivers.syscalls import Habits
from differential.program import Program
from differential.rare_programs import PROGRAMS
from differential.vaults import Places


@pytest.mark.parametrize("opener", [core_port, wire_port])
@pytest.mark.parametrize("forgets", [False, True], ids=["remembers", "forgets"])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_program(places: Places, program: Program, opener: PortOpener, forgets: bool) -> None:
    run(places, program, Habits(forgets=forgets), opener=opener)
