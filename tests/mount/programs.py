"""Programs: real clients, run as a person at a terminal runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 120.0


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program, see it end well, and return what it wrote."""
    name = str(command[0])
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(cwd or "/nonexistent"), "GIT_CONFIG_NOSYSTEM": "1"}
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        check=False,
    )
    output = result.stdout.decode("utf-8", "replace")
    assert result.returncode == 0, f"{' '.join(map(str, command))}: {result.returncode}\n{output}"
    return output


def python(source: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start another Python process; standard input and output are pipes, to wait for each other by."""
    command = [sys.executable, "-c", source, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def line_of(process: subprocess.Popen[bytes]) -> str:
    """Return the next line that a process writes, without its end."""
    assert process.stdout is not None
    return process.stdout.readline().decode().rstrip("\n")


def tell(process: subprocess.Popen[bytes], line: str = "go") -> None:
    """Write a line to a process."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())
    process.stdin.flush()


def finish(process: subprocess.Popen[bytes]) -> None:
    """See a process end well."""
    with process:
        assert process.wait(TIMEOUT_S) == 0
