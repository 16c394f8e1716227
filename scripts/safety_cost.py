#!/usr/bin/env python3
"""Measure what the journal and the root of a file cost, each against the same work without it, in one run.

    scripts/safety_cost.py FOLDER [--size MIB] [--writes N] [--rounds N]

FOLDER is on the disk to be measured; what is made there is removed in the end. The work is done by the core, without
FUSE. Without the journal every overwrite goes to its place at once; without the root its terms are not computed. Times
are those of the processor, but for the fsync. Prints for each kind of work the medians of all rounds, with and without,
and their ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from cheap_vault import opened
from wafs.crypto.root import RootHash
from wafs.fs.attrs import Caller
from wafs.fs.vfs import Vfs
from wafs.units import KIB, MIB, ROOT_INO
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable

    from wafs.units import Fh

BLOCK = 4 * KIB
Seconds = dict[str, list[float]]


def timed(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the seconds that work takes; by default those of the processor, which others disturb least."""
    began = clock()
    work()
    return clock() - began


def measure_journal(folder: Path, size: int, writes: int, *, journal: bool) -> dict[str, float]:
    """Overwrite blocks at random, then wait for the disk; returns seconds for one write, and for the fsync."""
    with opened(folder) as vfs:
        fh = filled(vfs, size)
        if not journal:
            vfs.commits.run()
            vars(vfs.files.content_of(fh))["_checkpoint"] = None
        rng, scratch, data = random.Random(size), Scratch(), memoryview(os.urandom(BLOCK))
        places = [rng.randrange(size // BLOCK) * BLOCK for _ in range(writes)]
        vfs.files.sync(fh, data_only=False)

        def overwrite() -> None:
            for place in places:
                vfs.files.write(fh, place, data, scratch)

        def sync() -> None:
            vfs.files.sync(fh, data_only=False)

        seconds = {
            "overwrite 4 KiB, first": timed(overwrite) / writes,
            "overwrite 4 KiB, again": timed(overwrite) / writes,
        }
        seconds[f"fsync after {writes} of them"] = timed(sync, time.perf_counter)
        vfs.files.release(fh)
    return seconds


def measure_root(folder: Path, size: int, *, root: bool) -> dict[str, float]:
    """Write a file and read it again from the page cache; returns seconds."""
    without = mock.patch.object(RootHash, "terms", return_value=0)
    with contextlib.nullcontext() if root else without, opened(folder) as vfs:
        handles: list[Fh] = []
        seconds = {"write in sequence": timed(lambda: handles.append(filled(vfs, size)))}
        (fh,) = handles
        vfs.files.release(fh)
        ino = vfs.tree.lookup(ROOT_INO, b"file").ino
        fh, scratch = vfs.files.open(ino, os.O_RDONLY).fh, Scratch()

        def read() -> None:
            for offset in range(0, size, MIB):
                vfs.files.read(fh, offset, MIB, scratch)

        seconds["read in sequence"] = timed(read)
        vfs.files.release(fh)
    return seconds


def filled(vfs: Vfs, size: int) -> Fh:
    """Make a file of so many bytes and leave it open."""
    _, fh = vfs.files.create(ROOT_INO, b"file", 0o600, flags=os.O_RDWR, caller=Caller(os.geteuid(), os.getegid()))
    piece, scratch = memoryview(os.urandom(MIB)), Scratch()
    for offset in range(0, size, MIB):
        vfs.files.write(fh, offset, piece, scratch)
    return fh


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=256, metavar="MIB")
    parser.add_argument("--writes", type=int, default=1000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    size = options.size * MIB
    found: dict[bool, Seconds] = {True: {}, False: {}}
    for _ in range(options.rounds):
        for with_it in (False, True):
            parts = [
                measure_journal(options.folder, size, options.writes, journal=with_it),
                measure_root(options.folder, size, root=with_it),
            ]
            for name, one in (item for part in parts for item in part.items()):
                found[with_it].setdefault(name, []).append(one)
    for name, all_of_it in found[True].items():
        cost, before = statistics.median(all_of_it), statistics.median(found[False][name])
        print(f"{name}: {cost * 1e6:.0f} us with, {before * 1e6:.0f} us without, ratio {cost / before:.2f}")


if __name__ == "__main__":
    main()
