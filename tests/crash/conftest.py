"""Fixtures: a bench, entered after the log police, of which it hides what a recovery says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crash.bench import Bench
from crash.expectations import READERS
from crash.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as bench:
        yield bench


@pytest.fixture
def trial(bench: Bench) -> Trial:
    return Trial(bench, with_readers=READERS)
