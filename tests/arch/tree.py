"""The source tree as the architecture tests see it."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
BELOW_L5 = ("errors.py", "units.py", "crypto", "format", "store", "vault", "fs")


@cache
def project_files() -> tuple[Path, ...]:
    """Every file that is, or would be, under version control."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = (ROOT / name for name in listing.split("\0") if name)
    return tuple(sorted(path for path in set(paths) if path.is_file()))


def sources(*folders: str) -> list[Path]:
    """The Python files below the given top-level folders, scripts without a suffix included."""
    return [
        path
        for path in project_files()
        if path.relative_to(ROOT).parts[0] in folders
        and (path.suffix == ".py" or (not path.suffix and path.read_bytes()[:2] == b"#!"))
    ]


def lower_sources() -> list[Path]:
    """The files of `wafs` that must not know what their contents are used for: L0 to L4."""
    return [p for p in sources("wafs") if p.relative_to(ROOT / "wafs").parts[0] in BELOW_L5]


def hits(paths: list[Path], pattern: str, flags: int = 0) -> list[str]:
    """Lines that match, as `path:line: text`, so that a failure can be clicked on."""
    regex = re.compile(pattern, flags)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if regex.search(line)
    ]
