"""A command that is supervised ends, fails and gets signals as it would without; a terminal is the person's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pexpect
import pytest

from cli.commands import environment

if TYPE_CHECKING:
    from pathlib import Path

SUPERVISE = """
import os, sys
from wafs.cli.supervising import run_command
sys.exit(run_command(sys.argv[1:], folder=os.getcwd(), environment=dict(os.environ), server=0))
"""
LINE = [sys.executable, "-c", SUPERVISE]
# Says that it is there, and which signals it gets; a letter on standard input ends it.
LISTENER = """
import signal, sys
numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1]
for number in numbers:
    signal.signal(number, lambda number, _: print(signal.Signals(number).name, flush=True))
print("here", flush=True)
sys.exit(int(sys.stdin.readline()))
"""


def shell(script: str) -> list[str]:
    return [*LINE, "sh", "-c", script]


def python(script: str) -> list[str]:
    return [*LINE, sys.executable, "-c", textwrap.dedent(script)]


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("kill -INT $$", 130)],
)
def test_the_exit_code_is_that_of_a_shell(place: Path, script: str, code: int) -> None:
    done = subprocess.run(shell(script), check=False, capture_output=True, env=environment())
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_a_command_that_is_not_there_or_no_program(place: Path) -> None:
    (place / "text").write_text("no program")
    for name, code, words in (("./nosuch", 127, "command not found"), ("./text", 126, "permission denied")):
        done = subprocess.run([*LINE, name], check=False, capture_output=True, text=True, env=environment())
        assert (done.returncode, done.stderr) == (code, f"wafs: error: {name}: {words}\n")


def test_standard_input_and_output_are_its_own(place: Path) -> None:
    done = subprocess.run([*LINE, "cat"], check=True, capture_output=True, input=b"x\0y", env=environment())
    assert (done.stdout, done.stderr) == (b"x\0y", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_to_wafs_alone_is_passed_on_once(place: Path, number: signal.Signals) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(python(LISTENER), stdin=pipe, stdout=pipe, text=True, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"{number.name}\n"
        process.stdin.write("9\n")
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.wait(30) == 9


def test_a_signal_that_comes_when_the_command_has_ended_is_gone(place: Path) -> None:
    for _ in range(5):
        done = subprocess.run(shell("kill -INT $PPID; exit 4"), check=False, capture_output=True, env=environment())
        assert (done.returncode, done.stderr) in [(4, b""), (130, b"")]


def test_the_keys_of_the_terminal_reach_it_once(place: Path) -> None:
    line = python(LISTENER)
    terminal = pexpect.spawn(line[0], line[1:], env=environment(), encoding="utf-8", timeout=30, echo=False)
    terminal.expect_exact("here\r\n")
    terminal.sendintr()
    terminal.expect_exact("SIGINT\r\n")
    terminal.sendline("4")
    assert terminal.read() == ""
    terminal.close()
    assert terminal.exitstatus == 4


def test_a_terminal_stays_a_terminal(place: Path) -> None:
    line = python("import os; print([os.isatty(fd) for fd in (0, 1, 2)], os.tcgetpgrp(0) == os.getpgrp())")
    terminal = pexpect.spawn(line[0], line[1:], env=environment(), encoding="utf-8", timeout=30)
    assert terminal.read() == "[True, True, True] True\r\n"
    terminal.close()
    assert terminal.exitstatus == 0


def test_what_was_ignored_stays_ignored(place: Path) -> None:
    script = "import os, signal; os.kill(os.getppid(), signal.SIGHUP); print(signal.getsignal(signal.SIGHUP).name)"
    done = subprocess.run(["nohup", *python(script)], check=True, capture_output=True, env=environment())
    assert done.stdout == b"SIG_IGN\n"


def test_what_it_leaves_behind_becomes_a_child(place: Path) -> None:
    supervise = f"""
    import os, sys
    sys.argv[1:] = ["sh", "-c", "setsid -f sleep 60; true"]
    {SUPERVISE.strip().splitlines()[1]}
    run_command(sys.argv[1:], folder=os.getcwd(), environment=dict(os.environ), server=0)
    children = open(f"/proc/self/task/{{os.getpid()}}/children").read().split()
    print(len(children))
    for pid in children:
        os.kill(int(pid), 9)
        os.waitpid(int(pid), 0)
    """
    line = [sys.executable, "-c", textwrap.dedent(supervise)]
    assert subprocess.run(line, check=True, capture_output=True, env=environment()).stdout == b"1\n"


def test_it_hangs_up_when_wafs_is_killed(place: Path) -> None:
    script = "import os; print(os.getpid(), flush=True); import time; time.sleep(60)"
    with subprocess.Popen(python(script), stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        command = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
        # The pipe is closed when the command has ended, too.
        assert process.stdout.read() == ""
        os.close(command)


def test_a_command_that_does_not_end_is_killed(place: Path) -> None:
    supervise = f"import wafs.cli.supervising as s; s._GRACE_S = 0.2\n{SUPERVISE}"
    line = [sys.executable, "-c", supervise, sys.executable, "-c", LISTENER]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 137
        assert process.stderr.read().startswith("wafs: warning: the command did not end within ")
