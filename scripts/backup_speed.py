#!/usr/bin/env python3
"""Measure `wafs backup` against `cp -a` into a mount of a vault, in turns, each time into a fresh vault.

    scripts/backup_speed.py FOLDER [--files N] [--size MIB] [--rounds N] [--only small|large]

FOLDER is on the disk to be measured and gets files that are removed in the end. Small files are like WhatsApp's voice
notes and stickers, 1 to 64 KiB; the large one is a video. `cp -a` is done when the last file is in the mount, safe from
a power cut or not; what it takes until it is (`sync -f` of the disk) is measured as well. `wafs backup` is done when
all is safe; from its time that of the same command on an empty folder is taken: to start, and to make the key from the
password. Prints medians and ratios of throughput; the exit code is 1 if one is lower than wanted.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmark.settle import settle

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB: Final = 1 << 20
WANTED: Final = {"small": 0.8, "large": 0.9}
WAFS: Final = (sys.executable, "-m", "wafs")
SECRET: Final = ("--password-file", "pw")


def run(*words: object, cwd: Path) -> float:
    """Run a command that must succeed and return the seconds that it took."""
    began = time.perf_counter()
    subprocess.run([*map(str, words)], cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - began


def make_small(folder: Path, files: int) -> None:
    """Write so many small files, at most 1,000 in one folder."""
    rng = random.Random(1)
    for number in range(files):
        path = folder / f"{number // 1000:03}" / f"PTT-{number:06}.opus"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(rng.randbytes(min(64, max(1, int(rng.lognormvariate(2, 0.9)))) * 1024))


def make_large(folder: Path, size: int) -> None:
    """Write one file of so many bytes."""
    folder.mkdir()
    with (folder / "VID-0001.mp4").open("wb") as file:
        for _ in range(0, size, MIB):
            file.write(os.urandom(MIB))


@contextmanager
def fresh_vault(place: Path) -> Iterator[None]:
    """Make the vault `v`, and remove it in the end."""
    run(*WAFS, "init", "v", *SECRET, "--kdf-memory", 8, "--no-recovery", cwd=place)
    try:
        yield
    finally:
        run("rm", "-rf", "v", cwd=place)
        settle()


def backup(place: Path, source: str) -> float:
    """Return what a first backup takes, without what an empty one takes."""
    with fresh_vault(place):
        start = run(*WAFS, "backup", "empty", "v:/empty", *SECRET, cwd=place)
        settle()
        return run(*WAFS, "backup", source, "v:/data", *SECRET, cwd=place) - start


def copy(place: Path, source: str) -> tuple[float, float]:
    """Return what `cp -a` takes, and what it takes until all is safe."""
    with fresh_vault(place):
        run(*WAFS, "mount", "v", "m", *SECRET, cwd=place)
        try:
            settle()
            copied = run("cp", "-a", f"{source}/.", "m/data", cwd=place)
            return copied, copied + run("sync", "-f", "v", cwd=place)
        finally:
            run(*WAFS, "umount", "m", cwd=place)


def measure(place: Path, source: str, rounds: int) -> bool:
    """Measure one source and print; tells whether it is as fast as wanted."""
    files = [path for path in (place / source).rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"{source}: {len(files)} files, {size / 1e6:.0f} MB")
    backups, copies, safe = [], [], []
    for number in range(1, rounds + 1):
        backups.append(backup(place, source))
        copied, synced = copy(place, source)
        copies.append(copied)
        safe.append(synced)
        print(f"  round {number}: backup {backups[-1]:.2f} s, cp -a {copied:.2f} s, cp -a and sync {synced:.2f} s")
    ours, theirs, durable = (statistics.median(times) for times in (backups, copies, safe))
    print(f"  median: backup {ours:.2f} s ({len(files) / ours:.0f} files/s, {size / ours / 1e6:.0f} MB/s)")
    print(f"  throughput against cp -a: {theirs / ours:.2f}, against cp -a and sync: {durable / ours:.2f}")
    return theirs / ours >= WANTED[source]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--size", type=int, default=1024, metavar="MIB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(WANTED))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        place = Path(folder)
        (place / "pw").write_text("four good random words\n")
        (place / "empty").mkdir()
        (place / "m").mkdir()
        kinds = [options.only] if options.only else list(WANTED)
        if "small" in kinds:
            make_small(place / "small", options.files)
        if "large" in kinds:
            make_large(place / "large", options.size * MIB)
        verdicts = [measure(place, kind, options.rounds) for kind in kinds]
    return int(not all(verdicts))


if __name__ == "__main__":
    sys.exit(main())
