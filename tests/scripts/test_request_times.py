"""The script that times requests: every kind is asked, answered and told of."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "request_times.py"
ROWS = {
    "MKDIR", "LOOKUP of none", "CREATE", "GETXATTR", "WRITE", "RELEASE of a writer", "FORGET", "OPENDIR",
    "READDIRPLUS", "behind an answer", "RELEASEDIR", "LOOKUP", "OPEN", "READ", "GETATTR", "RELEASE of a reader",
    "UNLINK",
}  # fmt: skip


def _run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--folder", str(folder), "--files", "70", "--rounds", "1", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_request_is_timed_and_nothing_is_left(tmp_path: Path) -> None:
    found = _run(tmp_path)
    assert found.returncode == 0, found.stderr
    heading, *lines = found.stdout.splitlines()
    assert heading.split() == ["request", "median", "a", "fifth", "us"]
    told = {" ".join(words[:-2]): (float(words[-2]), float(words[-1])) for words in map(str.split, lines)}
    assert told.keys() == ROWS
    assert all(0 < fifth <= median for median, fifth in told.values())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("row", "code", "said"), [("CREATE", 0, "(create)"), ("SING", 2, "no row is called 'SING'")])
def test_one_request_is_looked_into(tmp_path: Path, row: str, code: int, said: str) -> None:
    found = _run(tmp_path, "--profile", row)
    assert found.returncode == code
    assert said in found.stdout + found.stderr
