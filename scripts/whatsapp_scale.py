#!/usr/bin/env python3
"""Take a large made-up backup through everything that wafs does for WhatsApp, and measure each step.

    scripts/whatsapp_scale.py FOLDER [--messages N] [--media-files N] [--media-bytes N] [--ios] [--keep]

FOLDER gets the backup and a vault, which are removed in the end unless --keep is given. The steps: two snapshots of it,
the doctor, WhatsApp's encrypted database decrypted with a key that the vault keeps, an export as JSON, everything
removed in a scratch, the newest snapshot restored, the vault checked. Each is followed by a look at what it left: the
restored tree and the decrypted database are those that went in, no byte of the vault changed in the scratch.

Prints seconds and largest memory of each; `ls -R` only opens the vault and lists all files, for comparison. The exit
code is 1 if something was not as it should be, or if the doctor took longer than a minute.
"""

from __future__ import annotations

import argparse
import hashlib
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
from sample_backup.encrypted_files import write_encrypted
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
CRYPT15 = "WhatsApp/Databases/msgstore.db.crypt15"


class Run(NamedTuple):
    """What a command did: output, seconds and largest memory in MiB."""

    out: bytes
    seconds: float
    memory: float


class StepError(Exception):
    """Something is not as it should be."""


def run(title: str, *words: str, cwd: Path, codes: tuple[int, ...] = (0,)) -> Run:
    """Run wafs in a process of its own, and print what it took.

    Raises:
        StepError: it ended with another exit code.
    """
    began = time.perf_counter()
    line = [sys.executable, "-c", MEASURED, *words]
    done = subprocess.run(line, cwd=cwd, env={**os.environ, "PYTHONPATH": ROOT}, check=False, capture_output=True)
    seconds = time.perf_counter() - began
    if done.returncode not in codes:
        msg = f"{title}: exit code {done.returncode}\n{done.stderr.decode(errors='replace')}"
        raise StepError(msg)
    memory = next(line for line in done.stderr.splitlines() if line.startswith(b"VmHWM:"))
    measured = Run(done.stdout, seconds, int(memory.split()[1]) / 1024)
    print(f"{title:32} {seconds:7.1f} s {measured.memory:6.0f} MiB", flush=True)
    return measured


def make(folder: Path, options: Options, *, ios: bool) -> None:
    """Make the backup, and an empty vault."""
    plan = make_plan(options)
    write_android(plan, folder / "phone")
    write_encrypted(folder / "phone")
    shutil.move(folder / "phone/keys", folder / "keys")
    if ios:
        write_ios(plan, folder / "phone/iphone")
    (folder / "pw").write_bytes(PASSWORD + b"\n")


def tree_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return mode, modification time and digest of every file below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
            attrs = path.stat()
            found[os.fspath(path.relative_to(folder))] = (attrs.st_mode, attrs.st_mtime_ns, digest)
    return found


def require(condition: object, what: str) -> None:
    """Stop unless something holds.

    Raises:
        StepError: it does not.
    """
    if not condition:
        raise StepError(what)


def take_through(folder: Path) -> float:
    """Do every step; return the seconds of the doctor."""
    opens = ("--password-file", "pw")
    run("init", "init", "v", "--kdf-memory", "8", "--no-recovery", *opens, cwd=folder)
    before = tree_of(folder / "phone")
    run("backup --snapshot, first", "backup", "--snapshot=first", "phone", "v:/dated", *opens, cwd=folder)
    used = space(folder / "v")
    run("backup --snapshot, second", "backup", "--snapshot=second", "phone", "v:/dated", *opens, cwd=folder)
    require(space(folder / "v") < 1.05 * used, "the second snapshot takes as much space as the first")
    run("ls -R", "ls", "-R", "v", *opens, cwd=folder)
    # 5: what it has to say of keys that are in no vault
    doctor = run("doctor", "doctor", "--json", "v:/dated/second", *opens, cwd=folder, codes=(0, 5))
    report(json.loads(doctor.out))
    key = ("--key-file", "keys/encrypted_backup.key", "--label", "phone")
    run("whatsapp key add", "whatsapp", "key", "add", "v", *key, *opens, cwd=folder)
    encrypted = f"v:/dated/second/{CRYPT15}"
    run("whatsapp decrypt", "whatsapp", "decrypt", encrypted, "-o", "plain.db", *opens, cwd=folder)
    require((folder / "plain.db").read_bytes() == (folder / "phone/msgstore.db").read_bytes(), "decrypted otherwise")
    if (Path(sys.executable).parent / "wtsexporter").exists():
        source = "v:/dated/second/msgstore.db"
        run("export --json --no-media", "export", source, "--json", "--no-media", "-o", "out", *opens, cwd=folder)
        require(any((folder / "out").rglob("*.json")), "the export left no JSON")
    else:
        print("export: left out, whatsapp-chat-exporter is not installed")
    sealed = tree_of(folder / "v")
    run("run -- rm -rf of everything", "run", *opens, "v", "--", "sh", "-c", "rm -rf dated", cwd=folder)
    require(tree_of(folder / "v") == sealed, "the vault changed under a scratch")
    run("restore", "restore", "--snapshot", "second", "v:/dated", "restored", *opens, cwd=folder)
    require(tree_of(folder / "restored") == before, "restored otherwise")
    run("check", "check", "v", *opens, cwd=folder)
    return doctor.seconds


def space(folder: Path) -> int:
    """Return the bytes that the files below a folder take, each counted once whatever names it has."""
    files = {(found.st_ino, found.st_size) for found in (path.stat() for path in folder.rglob("*") if path.is_file())}
    return sum(size for _, size in files)


def report(found: dict[str, list[dict[str, list[dict[str, int]]]]]) -> None:
    """Print what the doctor counted."""
    for backup in found["backups"]:
        for database in backup["databases"][:1]:
            print(f"    {backup['kind']}: {database['messages']:,} messages in {database['bytes'] / 1e6:.0f} MB")
    print(f"    findings: {found['counts']}")


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
    folder = Path(tempfile.mkdtemp(dir=parsed.folder, prefix="whatsapp-scale-"))
    try:
        make(folder, options, ios=parsed.ios)
        return int(take_through(folder) > SECONDS_MOST)
    except StepError as error:
        print(f"whatsapp_scale: {error}", file=sys.stderr)
        return 1
    finally:
        if parsed.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
