"""The daemon: whoever starts it learns how it went, and it keeps nothing of the terminal it was started from."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cli.commands import environment
from wafs.cli.logs import log_of_daemon, log_to
from wafs.cli.mount_status import status_of
from wafs.cli.mount_users import users_of

START = """
import os, signal, sys, threading
from wafs.cli.daemon import run_in_background
from wafs.cli.main import run
from wafs.errors import MountError, UsageError
import click

{serve}

def go():
    run_in_background(serve, verbose=False, log_file="log")
    print("answered")

import wafs.cli.cmd_info as info
info.info.callback = lambda **_: go()
sys.exit(run(["info", "v"]))
"""


def start(serve: str) -> subprocess.CompletedProcess[str]:
    """Run a process that starts a daemon with this function; it ends when the daemon answers or has failed."""
    code = START.format(serve=textwrap.dedent(serve))
    line = [sys.executable, "-c", code]
    return subprocess.run(line, check=False, capture_output=True, text=True, env=environment(), timeout=60)


def test_it_answers_and_lives_on_in_a_session_of_its_own(place: Path) -> None:
    os.mkfifo("facts")
    os.mkfifo("end")
    done = start(
        f"""
        def serve(ready):
            ready()
            fds = [os.readlink(f"/proc/self/fd/{{fd}}") for fd in (0, 1, 2)]
            with open({str(place / "facts")!r}, "w") as facts:
                print(os.getsid(0) == os.getpid(), os.getcwd(), *fds, file=facts)
            open({str(place / "end")!r}).close()
        """
    )
    # The pipes of its parent are closed, or `start` would not have come back.
    assert (done.returncode, done.stdout, done.stderr) == (0, "answered\n", "")
    facts = (place / "facts").read_text().split()
    assert facts == ["True", "/", "/dev/null", "/dev/null", "/dev/null"]
    (place / "end").write_text("")
    assert "mounted" in (place / "log").read_text()
    assert (place / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("raise MountError('no place', hint='make one')", 1, "wafs: error: no place\nwafs: hint: make one\n"),
        ("raise UsageError('odd')", 2, "wafs: error: odd\n"),
        (
            "raise PermissionError(13, 'Permission denied', '/dev/fuse')",
            7,
            "wafs: error: /dev/fuse: permission denied\n",
        ),
        ("1 / 0", 70, "wafs: error: this is a bug in wafs: ZeroDivisionError: division by zero\n"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1, "ended by signal 9"),
        ("return", 1, "ended with exit code 0"),
    ],
)
def test_what_fails_before_it_answers_is_told_with_its_exit_code(place: Path, body: str, code: int, said: str) -> None:
    done = start(f"def serve(ready):\n    {body}")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert ("Traceback" in (place / "log").read_text()) == (code == 70)


def test_a_signal_half_way_into_mounting_waits_for_the_mount(place: Path) -> None:
    done = start(
        """
        def serve(ready):
            os.kill(os.getpid(), signal.SIGTERM)
            # Here the mount is made, which must not be interrupted.
            stopped = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: stopped.set())
            ready()
            if not stopped.is_set():
                raise MountError("nobody told")
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "nobody told" not in (place / "log").read_text()


def test_who_does_not_want_to_wait_ends_it(place: Path) -> None:
    os.mkfifo("started")
    body = f"""
    def serve(ready):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        with open({str(place / "started")!r}, "w") as started:
            print(os.getpid(), file=started)
        signal.pause()
    """
    code = START.format(serve=textwrap.dedent(body))
    with subprocess.Popen([sys.executable, "-c", code], env=environment(), stderr=subprocess.PIPE, text=True) as parent:
        daemon = int((place / "started").read_text())
        handle = os.pidfd_open(daemon)
        parent.send_signal(signal.SIGINT)
        _, said = parent.communicate(timeout=60)
    assert parent.returncode == 130
    assert "interrupted" in said
    with pytest.raises(ProcessLookupError):
        signal.pidfd_send_signal(handle, 0)
    os.close(handle)


def test_the_log_file_cannot_be_opened(place: Path) -> None:
    with pytest.raises(NotADirectoryError):
        log_of_daemon("pw/log", verbose=False)


def test_names_in_the_log_do_not_drive_a_terminal(place: Path) -> None:
    logger = logging.getLogger("wafs")
    handlers, level = list(logger.handlers), logger.level
    handler = log_of_daemon("log", verbose=False)
    try:
        log_to(handler)
        logger.info("a name: %s", "\x1b[2J")
        logger.debug("not at this level")
    finally:
        logger.removeHandler(handler)
        logger.handlers[:] = handlers
        logger.setLevel(level)
        handler.close()
    line = (place / "log").read_text()
    assert line.endswith(" INFO: a name: \\e[2J\n")
    assert line.count("\n") == 1


def test_who_uses_a_folder(place: Path) -> None:
    (place / "m/sub").mkdir(parents=True)
    assert users_of(os.fsencode(place / "m")) == []
    line = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, cwd="m/sub", stdin=pipe, stdout=pipe, env=environment()) as inside:
        assert inside.stdout is not None
        inside.stdout.readline()
        users = users_of(os.fsencode(place / "m"))
        inside.communicate()
    assert len(users) == 1
    assert str(users[0]).endswith(f" ({inside.pid}, works in it)")


def test_a_folder_that_is_no_mount_has_no_status(place: Path) -> None:
    assert status_of(str(place)) == ("mounted", {})
