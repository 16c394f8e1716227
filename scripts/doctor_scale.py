#!/usr/bin/env python3
"""Measure `wafs doctor` on a large made-up backup: Android, and iOS with --ios.

    scripts/doctor_scale.py FOLDER [--messages N] [--media-files N] [--media-bytes N] [--ios] [--keep]

FOLDER gets the backup and a vault, which are removed in the end unless --keep is given. Prints how long each run took,
its largest memory, and that of a run which only opens the vault and lists all files (`wafs ls -R`), in the same vault.
The exit code is 1 if a doctor took longer than a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from sample_backup.android import write_android
from sample_backup.ios import write_ios
from sample_backup.plan import Options, make_plan

ROOT = os.fspath(Path(__file__).parents[1])
PASSWORD = b"measure"
# What the kernel says of a child when it has ended counts the memory of its parent, too.
MEASURED = """
import sys
from wafs.cli.main import run
code = run(sys.argv[1:])
sys.stderr.write(open("/proc/self/status").read())
sys.exit(code)
"""
SECONDS_MOST = 60


class Run(NamedTuple):
    """What a command did: exit code, output, seconds and largest memory in MiB."""

    code: int
    out: bytes
    seconds: float
    memory: float


def run(*words: str, cwd: Path) -> Run:
    """Run wafs in a process of its own."""
    began = time.perf_counter()
    line = [sys.executable, "-c", MEASURED, *words, "--password-file", "pw"]
    done = subprocess.run(line, cwd=cwd, env={**os.environ, "PYTHONPATH": ROOT}, check=False, capture_output=True)
    seconds = time.perf_counter() - began
    memory = next(line for line in done.stderr.splitlines() if line.startswith(b"VmHWM:"))
    return Run(done.returncode, done.stdout, seconds, int(memory.split()[1]) / 1024)


def make(folder: Path, options: Options, *, ios: bool) -> None:
    """Make the backup and put it into a vault."""
    plan = make_plan(options)
    write_android(plan, folder / "src/android")
    if ios:
        write_ios(plan, folder / "src/iphone")
    (folder / "pw").write_bytes(PASSWORD + b"\n")
    for words in (("init", "v", "--kdf-memory", "8", "--no-recovery"), ("put", "v", "src/.", "/")):
        done = run(*words, cwd=folder)
        assert done.code == 0, done.out
        print(f"{words[0]}: {done.seconds:.1f} s")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--messages", type=int, default=150_000)
    parser.add_argument("--media-files", type=int, default=20_000)
    parser.add_argument("--media-bytes", type=int, default=500_000_000)
    parser.add_argument("--ios", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parsed = parser.parse_args()
    options = Options(parsed.messages, parsed.media_files, parsed.media_bytes, contacts=200)
    folder = Path(tempfile.mkdtemp(dir=parsed.folder, prefix="doctor-scale-"))
    try:
        make(folder, options, ios=parsed.ios)
        listing = run("ls", "-R", "v", cwd=folder)
        print(f"ls -R: {listing.seconds:.1f} s, {listing.memory:.0f} MiB, {len(listing.out.splitlines()):,} entries")
        doctor = run("doctor", "--json", "v", cwd=folder)
        found = json.loads(doctor.out)
        print(f"doctor: {doctor.seconds:.1f} s, {doctor.memory:.0f} MiB, exit code {doctor.code}")
        for backup in found["backups"]:
            database = backup["databases"][0]
            size = database["bytes"] / 1e6
            print(f"  {backup['kind']}: {database['messages']:,} messages in {size:.0f} MB, {database['media']}")
        print(f"  findings: {found['counts']}")
        return int(doctor.seconds > SECONDS_MOST)
    finally:
        if parsed.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
