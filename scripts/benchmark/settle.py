"""Settle: bring the machine to rest, and empty the kernel's caches."""

from __future__ import annotations

import os
import time
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
DROP_CACHES = Path("/proc/sys/vm/drop_caches")

# Other programs always dirty a little; one MiB takes a disk a few milliseconds.
RESTING_DIRTY = 1 << 20
PATIENCE_S = 20.0
POLL_S = 0.02


def unwritten(meminfo: str) -> tuple[int, int]:
    """Return (dirty, under writeback) in bytes, as the text of /proc/meminfo tells."""
    fields = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    dirty, writeback = (int(fields[name].split()[0]) * 1024 for name in ("Dirty", "Writeback"))
    return dirty, writeback


def settle() -> bool:
    """Write everything back and wait until the counters of the kernel are at rest.

    Returns:
        False when something else kept writing for all of 20 s.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        os.sync()
        dirty, writeback = unwritten(MEMINFO.read_text())
        if dirty <= RESTING_DIRTY and writeback == 0:
            return True
        time.sleep(POLL_S)
    return False


def drop_caches() -> None:
    """Drop page cache, entries and inodes of all filesystems; only what is clean is dropped."""
    DROP_CACHES.write_text("3\n")


def drop_entries() -> None:
    """Drop entries and inodes of all filesystems; what of the disk is in memory stays there."""
    DROP_CACHES.write_text("2\n")
