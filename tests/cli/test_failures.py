"""What fails among many things is listed at the end, and the worst gives the exit code."""

from __future__ import annotations

import errno
import signal

import click
import pytest

from wafs.cli.failures import Failures
from wafs.cli.interrupts import deferred_interrupts
from wafs.errors import AuthenticationError, NotFoundError


def finished(failures: Failures) -> int:
    with pytest.raises(click.exceptions.Exit) as caught:
        failures.finish()
    return caught.value.exit_code


def test_nothing_failed(capsys: pytest.CaptureFixture[str]) -> None:
    Failures().finish()
    assert capsys.readouterr().err == ""


def test_all_are_listed_with_each_hint_once(capsys: pytest.CaptureFixture[str]) -> None:
    failures = Failures()
    failures.add(b"a", NotFoundError())
    failures.add("b", PermissionError(errno.EACCES, "Permission denied", b"cipher.wafs"))
    failures.add("c", PermissionError(errno.EACCES, "Permission denied"))
    failures.add("d", AuthenticationError("d: chunk 1 does not verify"))
    assert finished(failures) == 5
    assert capsys.readouterr().err.splitlines() == [
        "wafs: error: a: no such file or directory",
        "wafs: error: b: permission denied",
        "wafs: error: c: permission denied",
        "wafs: error: d: chunk 1 does not verify",
        "wafs: hint: see who owns it and what its permissions are",
    ]


def test_a_long_list_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    failures = Failures()
    for number in range(25):
        failures.add(str(number), NotFoundError())
    assert finished(failures) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "wafs: error: and 5 more failures"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_storage_that_takes_nothing_more_ends_it(number: int) -> None:
    failures = Failures()
    with pytest.raises(click.exceptions.Exit) as caught:
        failures.add("a", OSError(number, "no"))
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("a bug")])
def test_what_is_no_failure_of_a_file_goes_on(error: Exception) -> None:
    with pytest.raises(type(error)):
        Failures().add("a", error)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_waits_and_the_second_strikes(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with deferred_interrupts() as interrupts:
        interrupts.check()
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_an_ignored_hang_up_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with deferred_interrupts() as interrupts:
            signal.raise_signal(signal.SIGHUP)
            interrupts.check()
    finally:
        signal.signal(signal.SIGHUP, before)
