"""Commands: running wafs in this process, and in one of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from wafs.cli.main import run

ROOT = Path(__file__).parents[2]
PASSWORD = b"correct horse battery staple"
WITH_PASSWORD = ("--password-file", "pw")


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: bytes
    err: str

    def lines(self) -> list[str]:
        return self.out.decode("utf-8", "surrogateescape").splitlines()


class Wafs:
    """Runs command lines in this process."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self._capture = capture

    def __call__(self, *words: object) -> Result:
        self._capture.readouterr()
        code = run([os.fsdecode(word) if isinstance(word, bytes) else str(word) for word in words])
        sys.stdout.flush()
        out, err = self._capture.readouterr()
        return Result(code, out, err.decode("utf-8", "backslashreplace"))

    def ok(self, *words: object) -> Result:
        """Run what must succeed."""
        result = self(*words)
        assert result.code == 0, result.err
        return result

    def unlocked(self, *words: object) -> Result:
        """Run with the password of the vault."""
        return self(*words, *WITH_PASSWORD)

    def do(self, *words: object) -> Result:
        """Run with the password what must succeed."""
        return self.ok(*words, *WITH_PASSWORD)

    def names(self, path: str = "/") -> list[str]:
        """Names of all that is below a folder of the vault."""
        return self.do("ls", "-R", "v", path).lines()

    def cat(self, path: str) -> bytes:
        return self.do("cat", "v", path).out


def command(*words: object) -> list[str]:
    """The command line that runs wafs in a process of its own."""
    return [sys.executable, "-m", "wafs", *map(str, words)]


def environment() -> dict[str, str]:
    """What such a process needs to find wafs from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


def spawn(*words: object, stdin: bytes = b"", **options: object) -> Result:
    """Run wafs in a process of its own."""
    done = subprocess.run(
        command(*words),
        input=stdin,
        capture_output=True,
        check=False,
        env=environment(),
        **options,  # type: ignore[call-overload]
    )
    return Result(done.returncode, done.stdout, done.stderr.decode("utf-8", "backslashreplace"))


def powerless(*words: object) -> subprocess.CompletedProcess[str]:
    """Run wafs without the power of root to pass over permission bits."""
    line = command(*words)
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root passes over permission bits, and setpriv (util-linux) is missing")
        line = [setpriv, "--inh-caps=-all", "--bounding-set=-all", *line]
    return subprocess.run(line, check=False, capture_output=True, text=True, env=environment())
