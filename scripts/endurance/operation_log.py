"""Operation log: what a process was about to do and what it has done, kept outside the mount.

A line each before and after: a JSON list of number and operation, or of the number alone. Only the daemon is killed,
never who writes here, so a line that was written is there.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from endurance.folder_model import Operation

if TYPE_CHECKING:
    from pathlib import Path


class OperationLog:
    """Writes; `beat` is a pipe that gets a byte for each operation that was done, for who counts them."""

    def __init__(self, path: Path, beat: int) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._beat = beat
        self._number = 0

    def begin(self, operation: Operation) -> None:
        """Note what comes next."""
        self._put([self._number, *operation])

    def done(self) -> None:
        """Note that it has succeeded."""
        self._put([self._number])
        self._number += 1
        os.write(self._beat, b".")

    def _put(self, record: list[object]) -> None:
        os.write(self._fd, json.dumps(record).encode() + b"\n")


def read_log(path: Path) -> tuple[list[Operation], Operation | None]:
    """Return what was done, and what was begun last and not done."""
    done: list[Operation] = []
    begun: Operation | None = None
    lines = path.read_text().splitlines() if path.exists() else []
    for line in lines:
        number, *fields = json.loads(line)
        assert number == len(done)
        if fields:
            begun = Operation(*fields)
        else:
            assert begun is not None
            done.append(begun)
            begun = None
    return done, begun
