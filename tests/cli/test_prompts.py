"""What a person at a terminal is asked and shown."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pexpect
import pytest

from cli.commands import Wafs, command, environment
from wafs.format.recovery_text import parse_recovery_key

GOOD = "quite a good one, this"


class Terminal:
    """A wafs on a terminal of its own."""

    def __init__(self, *words: str) -> None:
        program, *rest = command(*words)
        env = {**environment(), "TERM": "xterm", "NO_COLOR": "1"}
        # COLUMNS of the test run must not decide how this terminal looks.
        env.pop("COLUMNS", None)
        self._child = pexpect.spawn(program, rest, env=env, dimensions=(40, 120), encoding="utf-8", timeout=60)
        self.code: int | None = None

    def answer(self, prompt: str, line: str) -> None:
        self._child.expect_exact(prompt)
        # Only then typing is hidden; what came earlier would be shown by the terminal.
        self._child.waitnoecho()
        self._child.sendline(line)

    def confirm(self, prompt: str, line: str) -> None:
        self._child.expect_exact(prompt)
        self._child.sendline(line)

    def interrupt_at(self, shown: str, number: signal.Signals | None = None) -> None:
        self._child.expect_exact(shown)
        if number is None:
            self._child.sendintr()
        else:
            self._child.kill(number)

    def rest(self) -> str:
        self._child.expect(pexpect.EOF)
        self._child.close()
        self.code = self._child.exitstatus
        return str(self._child.before)


def test_init_asks_twice_and_shows_the_key_once(wafs: Wafs, place: Path) -> None:
    terminal = Terminal("init", "v", "--kdf-memory", "8")
    terminal.answer("New password: ", GOOD)
    terminal.answer("The same again: ", GOOD)
    shown = terminal.rest()
    assert terminal.code == 0
    assert GOOD not in shown
    assert "password strength 4 of 4: offline guessing takes" in shown
    rows = re.findall(r"(?:[0-9a-f]{4} ){4} [0-9a-f]{2}", shown)
    assert len(parse_recovery_key("\n".join(rows))) == 32
    (place / "key").write_text("\n".join(rows))
    assert wafs("ls", "v", "--recovery-file", "key").code == 0


def test_a_weak_password_must_be_confirmed(place: Path) -> None:
    terminal = Terminal("init", "v", "--kdf-memory", "8", "--no-recovery")
    for again in ("n", "y"):
        terminal.answer("New password: ", "12345")
        terminal.answer("The same again: ", "12345")
        terminal.confirm("Use it all the same? [y/N] ", again)
    assert "without the password nobody can open it" in terminal.rest()
    assert terminal.code == 0


def test_two_passwords_that_differ(place: Path) -> None:
    terminal = Terminal("init", "v")
    terminal.answer("New password: ", GOOD)
    terminal.answer("The same again: ", "another")
    assert "the two passwords are not the same" in terminal.rest()
    assert terminal.code == 1
    assert not (place / "v").exists()


def test_a_password_typed_in_another_unicode_form_opens(vault: Wafs, place: Path) -> None:
    (place / "pw").write_text("quite a g\u00fbd one\n")
    vault.ok("init", "w", "--password-file", "pw", "--kdf-memory", "8", "--no-recovery")
    terminal = Terminal("ls", "w")
    terminal.answer("Password: ", "quite a gu\u0302d one")
    terminal.rest()
    assert terminal.code == 0


def test_passwd_tries_the_old_password_before_it_asks_for_a_new_one(vault: Wafs) -> None:
    terminal = Terminal("passwd", "v")
    terminal.answer("Password: ", "wrong")
    assert "New password" not in terminal.rest()
    assert terminal.code == 3


@pytest.mark.parametrize("words", [("ls", "v"), ("init", "w"), ("put", "v", "pw", "/")])
def test_ctrl_c_at_a_prompt_ends_quietly(vault: Wafs, place: Path, words: tuple[str, ...]) -> None:
    terminal = Terminal(*words)
    terminal.interrupt_at("assword: ")
    assert "wafs: interrupted" in terminal.rest()
    assert terminal.code == 130
    assert not (place / "w").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGHUP], ids=["ctrl-c", "SIGTERM", "SIGHUP"])
def test_an_interrupted_put_leaves_nothing_half(vault: Wafs, place: Path, number: signal.Signals | None) -> None:
    (place / "src").mkdir()
    (place / "src/a").write_bytes(b"alpha")
    with open("src/huge", "wb") as file:
        # More than is copied in time, and no more than a disk holds if whoever interrupts is paused himself.
        file.truncate(1 << 34)
    vault.do("put", "v", "pw", "/huge")
    terminal = Terminal("put", "v", "src/.", "/", "--password-file", "pw")
    # Shown once the first bytes of it have been copied.
    terminal.interrupt_at("put huge", number)
    shown = terminal.rest()
    assert terminal.code == 130
    assert "wafs: interrupted" in shown
    assert set(vault.names()) <= {"a", "huge"}
    assert vault.cat("huge") == (place / "pw").read_bytes()
    assert not [path for path in Path("v/tree").iterdir() if path.stat().st_size > 1 << 20]


@pytest.mark.slow
def test_an_interrupted_get_leaves_nothing_half(vault: Wafs, place: Path) -> None:
    with open("sparse", "wb") as file:
        file.truncate(1 << 29)
    vault.do("put", "v", "sparse", "/")
    terminal = Terminal("get", "v", "/sparse", "out", "--password-file", "pw")
    terminal.interrupt_at("get sparse")
    terminal.rest()
    assert terminal.code == 130
    assert sorted(os.listdir(place)) == ["pw", "sparse", "v"]


def test_names_do_not_drive_the_terminal(vault: Wafs, place: Path) -> None:
    (place / "\x1b[2Jevil\n").write_text("x")
    vault.do("put", "v", "\x1b[2Jevil\n", "/")
    terminal = Terminal("ls", "v", "--password-file", "pw")
    assert terminal.rest() == "\\e[2Jevil\\n\r\n"


def test_without_a_terminal_it_says_what_else_to_give(vault: Wafs) -> None:
    done = subprocess.run(
        command("ls", "v"), capture_output=True, check=False, env=environment(), start_new_session=True, text=True
    )
    assert done.returncode == 1
    assert "there is no terminal to ask for the password on" in done.stderr
    assert "--password-command" in done.stderr
