"""Transcript: a session with wafs as a text file that can be run.

    $ wafs ls vault --password-file pw      a command for the shell
    a.txt                                   what it must print, standard output before standard error
    [exit 3]                                its exit code, if it is not 0

In what is printed `...` stands for anything in the line, and a line `...` for any lines. Lines before
the first command say what is going on.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass
class Turn:
    """One command and what must come of it."""

    line: int
    command: str
    expected: list[str] = field(default_factory=list)
    code: int = 0


def parse(text: str) -> list[Turn]:
    turns: list[Turn] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("$ "):
            turns.append(Turn(number, line[2:]))
        elif found := re.fullmatch(r"\[exit (\d+)\]", line):
            turns[-1].code = int(found[1])
        elif line and turns:
            turns[-1].expected.append(line)
    return turns


def matches(expected: list[str], shown: list[str]) -> bool:
    pattern = ""
    for line in expected:
        if line == "...":
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in shown)) is not None


def play(turn: Turn, *, folder: Path, env: Mapping[str, str]) -> str | None:
    """Run one command and say what is not as expected."""
    done = subprocess.run(
        ["bash", "-c", turn.command],
        cwd=folder,
        env=dict(env),
        check=False,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        start_new_session=True,
    )
    shown = [line for line in (done.stdout + done.stderr).splitlines() if line]
    if done.returncode == turn.code and matches(turn.expected, shown):
        return None
    report = [f"line {turn.line}: $ {turn.command}", *shown, f"[exit {done.returncode}]", "expected:", *turn.expected]
    return "\n".join([*report, f"[exit {turn.code}]"])
