"""Report: the summary of a run, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posix_suite.tap import FileResult, Listener


@dataclass(frozen=True, slots=True)
class Report:
    """What was run where, and how it ended; `complaints` are errors that wafs logged meanwhile."""

    heard: Listener
    exit_code: int
    chosen: int
    seconds: float
    filesystem: str
    kernel: str
    wafs: str | None
    complaints: list[str]

    @property
    def tests(self) -> int:
        """How many tests were run."""
        return sum(file.ran for file in self.heard.files)

    @property
    def failing(self) -> list[FileResult]:
        """The files that did not pass."""
        return [file for file in self.heard.files if file.problems]

    @property
    def failures(self) -> int:
        """How many tests failed or were not run."""
        return sum(len(file.problems) for file in self.failing)

    @property
    def is_complete(self) -> bool:
        """Whether prove counts the same files and tests as we do, and every file that was chosen is among them."""
        return self.heard.totals == (len(self.heard.files), self.tests) and len(self.heard.files) == self.chosen

    @property
    def passed(self) -> bool:
        """Whether every test passed, and prove says so too."""
        return not self.failures and self.is_complete and self.exit_code == 0 and self.tests > 0 and not self.complaints


def short(name: str) -> str:
    """Return the part of a file's path that the suite is told by: `rename/21.t`."""
    return "/".join(Path(name).parts[-2:])


def as_lines(done: Report) -> Iterator[str]:
    """Put the summary into words."""
    for file in done.failing:
        yield f"{short(file.name)}: {len(file.problems)} of {file.planned or file.ran} tests failed"
        for failure in file.problems:
            yield f"  {failure.number}: {failure.said}" if failure.number else f"  {failure.said}"
    yield from (f"wafs logged: {line}" for line in done.complaints)
    if not done.is_complete:
        yield f"not all was run, or not all understood: {len(done.heard.files)} of {done.chosen} files"
    in_vain = sum(len(file.passed_in_vain) for file in done.heard.files)
    if in_vain:
        yield f"{in_vain} tests passed that the suite expects to fail here"
    yield f"{len(done.heard.files)} files, {done.tests} tests, {done.failures} failures, {done.seconds:.0f} s"
    yield f"on {done.filesystem}, Linux {done.kernel}" + (f", {done.wafs}" if done.wafs else "")
    yield "passed" if done.passed else "FAILED"


def as_json(done: Report) -> dict[str, Any]:
    """Put the summary into what json.dumps takes."""
    return {
        "passed": done.passed,
        "files": len(done.heard.files),
        "tests": done.tests,
        "failures": [
            {"file": short(file.name), "test": failure.number, "said": failure.said}
            for file in done.failing
            for failure in file.problems
        ],
        "passed_in_vain": {short(file.name): file.passed_in_vain for file in done.heard.files if file.passed_in_vain},
        "complete": done.is_complete,
        "complaints": done.complaints,
        "seconds": round(done.seconds, 1),
        "filesystem": done.filesystem,
        "kernel": done.kernel,
        "wafs": done.wafs,
    }
