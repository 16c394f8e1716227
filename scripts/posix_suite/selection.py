"""Selection: the test files of a suite that a run is about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.failure import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence


def choose(suite: Path, parts: Sequence[str]) -> list[Path]:
    """Return the test files of the parts, all if none is named, in the order of their paths.

    Raises:
        BenchError: the folder is no built suite, or a part names nothing in it.
    """
    tests = suite / "tests"
    if not tests.is_dir():
        msg = f"{suite} is not the folder of pjdfstest: it has no folder tests"
        raise BenchError(msg)
    if not os.access(suite / "pjdfstest", os.X_OK):
        msg = f"{suite} is not built: it has no program pjdfstest; see its README"
        raise BenchError(msg)
    everything = sorted(tests.rglob("*.t"))
    chosen: set[Path] = set()
    for part in parts:
        found = {path for path in everything if _is_in(path.relative_to(tests), part)}
        if not found:
            known = sorted({path.relative_to(tests).parts[0] for path in everything})
            msg = f"no test is called {part!r}; there are: {', '.join(known)}"
            raise BenchError(msg)
        chosen |= found
    return sorted(chosen) if parts else everything


def _is_in(path: Path, part: str) -> bool:
    wanted = Path(part.removesuffix(".t"))
    return path.with_suffix("").is_relative_to(wanted)
