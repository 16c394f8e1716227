"""The timer of commits: it ticks while there is a journal, sleeps while there is none, and ends when asked."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, cast

import pytest

from wafs.fs.commits import CommitTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from wafs.fs.commits import Commits
    from wafs.vault.journal import Journal


class Ticks:
    """Commits that only count; a tick calls `act`."""

    def __init__(self, act: Callable[[], None] = lambda: None) -> None:
        self.ticked = threading.Semaphore(0)
        self.act = act

    def tick(self) -> None:
        self.act()
        self.ticked.release()

    @property
    def commits(self) -> Commits:
        return cast("Commits", self)


class NoJournal:
    """A journal of which only its beginning is told."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.is_empty = True

    @property
    def journal(self) -> Journal:
        return cast("Journal", self)


@pytest.fixture
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wafs.fs.commits.INTERVAL_S", 0.001)


def _no_failure(error: Exception) -> None:
    raise error


@pytest.mark.usefixtures("_quickly")
def test_the_timer_ticks_while_there_is_a_journal_and_stops() -> None:
    ticks, journal = Ticks(), NoJournal()
    journal.is_empty = False
    timer = CommitTimer(ticks.commits, journal.journal, _no_failure)
    timer.start()
    journal.begun.set()
    for _ in range(3):
        assert ticks.ticked.acquire(timeout=30)
    timer.stop()
    assert not timer._thread.is_alive()


def test_a_timer_that_never_had_work_stops() -> None:
    timer = CommitTimer(Ticks().commits, NoJournal().journal, _no_failure)
    timer.start()
    timer.stop()
    assert not timer._thread.is_alive()


@pytest.mark.usefixtures("_quickly")
def test_a_tick_that_fails_is_told_and_the_next_comes() -> None:
    def fail() -> None:
        raise OSError(errno.EIO, "it failed")

    told: list[Exception] = []
    both = threading.Semaphore(0)
    journal = NoJournal()
    journal.is_empty = False

    def tell(error: Exception) -> None:
        told.append(error)
        both.release()

    timer = CommitTimer(Ticks(fail).commits, journal.journal, tell)
    timer.start()
    journal.begun.set()
    for _ in range(2):
        assert both.acquire(timeout=30)
    timer.stop()
    assert [str(error) for error in told[:2]] == ["[Errno 5] it failed"] * 2


@pytest.mark.usefixtures("_quickly")
def test_a_timer_can_be_stopped_during_a_tick() -> None:
    journal = NoJournal()
    stopper: list[threading.Thread] = []

    def act() -> None:
        journal.begun.clear()
        stopper.append(threading.Thread(target=timer.stop))
        stopper[0].start()
        # It has asked for the end, and waits for it.
        assert journal.begun.wait(30)

    ticks = Ticks(act)
    timer = CommitTimer(ticks.commits, journal.journal, _no_failure)
    timer.start()
    journal.begun.set()
    assert ticks.ticked.acquire(timeout=30)
    stopper[0].join(5)
    is_stuck = stopper[0].is_alive()
    journal.begun.set()
    stopper[0].join(30)
    assert not is_stuck
