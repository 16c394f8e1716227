"""Processes work on a mount, its daemon is killed, and nothing is lost; scripts/kill_rounds does 200 rounds of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from endurance.kill_round import KillRounds

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.mount, pytest.mark.slow]

ROUNDS = 5


def test_nothing_is_lost_when_the_daemon_is_killed(tmp_path: Path) -> None:
    with KillRounds(tmp_path, seed=2026, most_operations=300) as rounds:
        tally = rounds.run(ROUNDS)
    assert tally.lost == []
    assert tally.troubles == []
    assert tally.rounds == ROUNDS
    assert tally.kills >= ROUNDS
    assert tally.operations + tally.transactions > ROUNDS
    assert tally.cut_off.total() > 0


def test_what_is_lost_is_found(tmp_path: Path) -> None:
    def lose_a_folder(vault: Path, number: int) -> None:
        folder = next(path for path in sorted((vault / "tree").iterdir()) if path.is_dir())
        shutil.rmtree(folder)

    with KillRounds(tmp_path, seed=1, most_operations=50, after_kill=lose_a_folder) as rounds:
        tally = rounds.run(ROUNDS)
    assert tally.rounds == 1
    assert not tally.is_clean
    (loss,) = [line for line in tally.lost if "cannot be read" in line]
    assert "seed 1, round 0" in loss
    assert "No such file" in loss
