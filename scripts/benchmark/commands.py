"""Commands: run other programs, and tell what they said when they fail."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

from benchmark.failure import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMEOUT_S = 600
SHOWN_LINES = 8


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    accept: Sequence[int] = (0,),
    answers: str = "",
    cwd: str | os.PathLike[str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end and return what it printed on both of its outputs.

    The output goes to a file: a daemon that the program leaves behind may keep a pipe open for
    ever. The program gets its own session, so that Ctrl-C at the terminal reaches the benchmark
    alone and unmounting happens in order.

    Args:
        command: program and arguments.
        accept: exit codes that are no failure.
        answers: what it reads from its standard input; secrets go this way.
        cwd: the folder to run it in.
        variables: set in its environment, beside those of this process.

    Raises:
        BenchError: the program is missing, took over 600 s, or left with a code not accepted.
    """
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+", errors="replace") as output, tempfile.TemporaryFile("w+") as heard:
        heard.write(answers)
        heard.seek(0)
        try:
            done = subprocess.run(
                words,
                stdin=heard,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
                start_new_session=True,
                check=False,
                cwd=cwd,
                env={**os.environ, **(variables or {})},
            )
        except FileNotFoundError:
            msg = f"{words[0]} is not installed"
            raise BenchError(msg) from None
        except subprocess.TimeoutExpired:
            msg = f"no end after {TIMEOUT_S} s: {' '.join(words)}"
            raise BenchError(msg) from None
        output.seek(0)
        said = output.read()
    if done.returncode not in accept:
        tail = "\n  ".join(said.splitlines()[-SHOWN_LINES:])
        msg = f"exit code {done.returncode} from: {' '.join(words)}\n  {tail}"
        raise BenchError(msg)
    return said
