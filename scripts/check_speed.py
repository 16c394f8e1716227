#!/usr/bin/env python3
"""Measure how fast `wafs check` reads, against `cat` of the same ciphertext file in the same run, both cold.

    scripts/check_speed.py FOLDER [--size MIB] [--chunk KIB] [--rounds N]

FOLDER is on the disk to be measured and gets a file that is removed in the end. Needs root, to drop the caches of the
kernel. Prints one line for each round, then the medians and their ratio; the exit code is 1 if that is below 0.7.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.settle import drop_caches, settle
from cheap_vault import get_secret
from cheap_vault import make as make_vault
from wafs.check.headers import read_copies
from wafs.check.opening import opened
from wafs.check.vault_check import VaultCheck
from wafs.check.watch import Alone
from wafs.fs.attrs import Caller
from wafs.fs.vfs import Vfs
from wafs.units import KIB, MIB, ROOT_INO
from wafs.vault.scratch import Scratch
from wafs.vault.vault import DEFAULT_CHUNK_SIZE, open_vault

if TYPE_CHECKING:
    from collections.abc import Callable

WANTED = 0.7


def make(folder: Path, size: int, chunk_size: int) -> Path:
    """Make a vault with one file of so many bytes; returns where its ciphertext is."""
    vault = make_vault(folder, chunk_size)
    with Vfs(open_vault(vault, get_secret)) as vfs:
        me = Caller(os.geteuid(), os.getegid())
        _, fh = vfs.files.create(ROOT_INO, b"file", 0o600, flags=os.O_RDWR, caller=me)
        piece, scratch = memoryview(os.urandom(MIB)), Scratch()
        for offset in range(0, size, MIB):
            vfs.files.write(fh, offset, piece, scratch)
        vfs.files.release(fh)
    (sealed,) = Path(vault, "tree").glob("*.wafs")
    return sealed


def check(vault: str) -> None:
    """Check the vault as `wafs check` does; it must be whole."""
    copies = read_copies(vault)
    with opened(vault, get_secret, copies) as patient:
        findings = list(VaultCheck(vault, copies, patient, Alone(), quick=False).run())
    assert findings == [], findings


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that work takes with cold caches."""
    settle()
    drop_caches()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=1024, metavar="MIB")
    parser.add_argument("--chunk", type=int, default=DEFAULT_CHUNK_SIZE // KIB, metavar="KIB")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cats, checks = [], []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = make(Path(folder), options.size * MIB, options.chunk * KIB)
        vault = os.fspath(path.parent.parent)
        length = path.stat().st_size / 1e6
        for number in range(1, options.rounds + 1):
            cats.append(length / timed(lambda: subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)))
            checks.append(length / timed(lambda: check(vault)))
            print(f"round {number}: cat {cats[-1]:.0f} MB/s, check {checks[-1]:.0f} MB/s")
    ratio = statistics.median(checks) / statistics.median(cats)
    print(
        f"median: cat {statistics.median(cats):.0f} MB/s, check {statistics.median(checks):.0f} MB/s, ratio {ratio:.2f}"
    )
    return int(ratio < WANTED)


if __name__ == "__main__":
    sys.exit(main())
