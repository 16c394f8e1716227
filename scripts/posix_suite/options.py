"""Options: what the user asks of a run."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = """examples:
  scripts/posix-suite ~/pjdfstest                     all tests, on a vault on a new ext4
  scripts/posix-suite ~/pjdfstest chmod rename/21     two parts of it
  scripts/posix-suite ~/pjdfstest --native            the same on that ext4 itself, to compare
  scripts/posix-suite ~/pjdfstest --folder --dir /mnt/usb --json found.json

exit codes: 0 every test passed, 1 some failed or the run could not be finished, 2 usage, 130 interrupted
"""


@dataclass(frozen=True, slots=True)
class Options:
    """One run, as parsed."""

    suite: Path
    parts: tuple[str, ...]
    native: bool
    loop: bool
    folder: Path
    json: Path | None


def parse(arguments: Sequence[str]) -> Options:
    """Parse the command line.

    Raises:
        SystemExit: help was asked for (0) or the arguments make no sense (2).
    """
    parser = argparse.ArgumentParser(
        prog="posix-suite",
        description="Run pjdfstest on a new vault, mounted by root with --allow-other. Needs root.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("suite", metavar="PATH_TO_PJDFSTEST", type=Path, help="folder of the suite, in which it was built")
    add("parts", metavar="PART", nargs="*", help="what to run: chmod, rename/21; default all")
    add("--native", action="store_true", help="run on the plain folder, without wafs")
    add("--folder", action="store_true", help="use a temporary folder in DIR, not a new ext4 in a loop file there")
    add("--dir", metavar="DIR", type=Path, default=Path("/var/tmp"), help="where the vault lies; default /var/tmp")
    add("--json", metavar="FILE", type=Path, help="write the summary there, as JSON")
    given = parser.parse_intermixed_args(arguments)
    return Options(
        suite=given.suite.absolute(),
        parts=tuple(given.parts),
        native=given.native,
        loop=not given.folder,
        folder=given.dir.absolute(),
        json=given.json,
    )
