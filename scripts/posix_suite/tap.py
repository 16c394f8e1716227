"""TAP: what `prove --verbose` says, line by line, as results of files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FILE = re.compile(r"^(\S.*\.t) \.+ *(?:skipped: (.*)|(ok|No subtests run.*|Failed .*|Dubious.*))?$")
_PLAN = re.compile(r"^1\.\.(\d+)(?:\s*# *SKIP\S*\s*(.*))?$", re.IGNORECASE)
_TEST = re.compile(r"^(not )?ok (\d+)(.*)$")
_EXPECTED = re.compile(r"# *todo\b", re.IGNORECASE)
_TOTALS = re.compile(r"^Files=(\d+), Tests=(\d+),")


@dataclass(frozen=True, slots=True)
class Failure:
    """One test that failed, and what it said."""

    number: int
    said: str


@dataclass(slots=True)
class FileResult:
    """One test file: `planned` tests, of which `ran` were run."""

    name: str
    planned: int | None = None
    ran: int = 0
    failures: list[Failure] = field(default_factory=list)
    passed_in_vain: list[int] = field(default_factory=list)
    """Tests that passed although the suite expects this filesystem to fail them."""

    @property
    def problems(self) -> list[Failure]:
        """What keeps the file from having passed; tests that never ran among it."""
        if self.planned is None:
            return [*self.failures, Failure(0, "ended before it said how many tests it has")]
        missing = [Failure(number, "was not run") for number in range(self.ran + 1, self.planned + 1)]
        return [*self.failures, *missing]


class Listener:
    """Takes the output of prove; `files` are the results so far, `totals` files and tests as prove counts them."""

    def __init__(self) -> None:
        self.files: list[FileResult] = []
        self.totals: tuple[int, int] | None = None

    def hear(self, line: str) -> None:
        """Take one line, without its end."""
        if match := _FILE.match(line):
            self.files.append(FileResult(match[1]))
            if match[2] is not None:
                self.files[-1].planned = 0
        elif match := _TOTALS.match(line):
            self.totals = int(match[1]), int(match[2])
        elif self.files and self.totals is None:
            self._hear_test(self.files[-1], line)

    def _hear_test(self, file: FileResult, line: str) -> None:
        if match := _PLAN.match(line):
            file.planned = int(match[1])
        elif match := _TEST.match(line):
            file.ran += 1
            is_expected = _EXPECTED.search(match[3]) is not None
            if match[1] and not is_expected:
                file.failures.append(Failure(int(match[2]), match[3].lstrip(" -")))
            elif is_expected and not match[1]:
                file.passed_in_vain.append(int(match[2]))
