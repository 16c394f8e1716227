"""Journal: zeros ahead of its records, so that a sync writes nothing but records."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from store.faulty import Fault
from vault.journal_bench import Bench, journal_in
from vault.journals import FIRST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with journal_in(tmp_path) as made:
        yield made


def test_zeros_are_written_ahead_once_somebody_syncs(bench: Bench) -> None:
    journal, file = bench.journal, bench.path / FIRST
    first = bench.append(10)
    assert file.stat().st_size == journal.length
    journal.sync(first)
    bench.append(20)
    ahead = file.stat().st_size
    assert ahead > journal.length + 200_000
    assert not any(file.read_bytes()[journal.length :])
    for number in range(30, 40):
        journal.sync(bench.append(number))
    assert file.stat().st_size == ahead
    assert bench.replay().records == 12


def test_no_room_for_zeros_ahead_is_no_failure(bench: Bench) -> None:
    bench.journal.sync(bench.append(10))
    bench.faulty.arm(Fault(1, frozenset({"pwrite"}), errno.ENOSPC))
    bench.journal.sync(bench.append(20))
    assert bench.faulty.fired
    assert bench.replay().records == 2
