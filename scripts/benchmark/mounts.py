"""Mounts: take down what was mounted, whatever its state."""

from __future__ import annotations

import re
import time
from pathlib import Path

from benchmark.commands import run

MOUNTINFO = Path("/proc/self/mountinfo")
BUSY_PATIENCE_S = 15.0
POLL_S = 0.02


def mounted_below(folder: Path, mountinfo: str) -> list[Path]:
    """Return the mountpoints in and below a folder, the latest mounted first."""
    points = [Path(_decode(line.split()[4])) for line in mountinfo.splitlines() if line]
    return [point for point in reversed(points) if point.is_relative_to(folder)]


def is_mounted(point: Path) -> bool:
    """Tell whether something is mounted exactly there."""
    return point in mounted_below(point, MOUNTINFO.read_text())


def unmount(point: Path) -> None:
    """Unmount, waiting for daemons below to let go; after 15 s detach it lazily."""
    deadline = time.monotonic() + BUSY_PATIENCE_S
    while is_mounted(point):
        late = time.monotonic() > deadline
        run(["umount", *(["--lazy"] if late else []), point], accept=(0, 32))
        if is_mounted(point):
            time.sleep(POLL_S)


def unmount_below(folder: Path) -> None:
    """Unmount everything in a folder, the latest mount first."""
    for point in mounted_below(folder, MOUNTINFO.read_text()):
        unmount(point)


def _decode(field: str) -> str:
    """Undo the octal escapes that the kernel writes for blanks and backslashes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
