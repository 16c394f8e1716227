"""Memory: a walk through many files does not make the daemon hold them all."""

from __future__ import annotations

import os
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wafs.fs.attrs import Caller
from wafs.fs.inodes import CROWD
from wafs.units import ROOT_INO

if TYPE_CHECKING:
    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = [pytest.mark.mount, pytest.mark.slow]

COUNT = CROWD * 3 // 2
PATIENCE_S = 60.0
MOST_KIB = 150 << 10


def _fill(bench: Bench, vault: Path) -> None:
    """Make many entries; pipes, which cost the least."""
    with bench.vfs(vault, read_only=False) as vfs:
        caller = Caller(os.getuid(), os.getgid())
        for number in range(COUNT):
            entry = vfs.tree.mknod(ROOT_INO, b"%d" % number, stat.S_IFIFO | 0o600, device=0, caller=caller)
            vfs.tree.forget(entry.ino)


def _forgotten(daemon: Daemon) -> int:
    times = daemon.status()["times"]
    return sum(times[name]["count"] for name in ("FORGET", "BATCH_FORGET") if name in times)


def test_a_walk_through_many_files_leaves_few_behind(bench: Bench) -> None:
    vault = bench.vault()
    _fill(bench, vault)
    daemon = bench.mount(vault)
    with os.scandir(daemon.place) as entries:
        assert sum(stat.S_ISFIFO(entry.stat(follow_symlinks=False).st_mode) for entry in entries) == COUNT
    deadline = time.monotonic() + PATIENCE_S
    while not _forgotten(daemon):
        assert time.monotonic() < deadline
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{daemon.pid}/status").read_text())
    assert peak is not None
    assert int(peak[1]) < MOST_KIB
    assert stat.S_ISFIFO((daemon.place / "0").stat().st_mode)
