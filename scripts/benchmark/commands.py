"""Commands: run other programs, and tell what they said when they fail."""

from __future__ import annotations

import subprocess
import tempfile
from typing import TYPE_CHECKING

from benchmark.failure import BenchError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

TIMEOUT_S = 120
SHOWN_LINES = 8


def run(command: Sequence[str | os.PathLike[str]], *, accept: Sequence[int] = (0,)) -> str:
    """Run a program to its end and return what it printed on both of its outputs.

    The output goes to a file: a daemon that the program leaves behind may keep a pipe open for
    ever. The program gets its own session, so that Ctrl-C at the terminal reaches the benchmark
    alone and unmounting happens in order.

    Raises:
        BenchError: the program is missing, took over 120 s, or left with a code not accepted.
    """
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
                start_new_session=True,
                check=False,
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
