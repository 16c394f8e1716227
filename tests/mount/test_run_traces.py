"""What a command leaves by the way under `wafs run` is on no disk: the disk itself is searched for it."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mount.bench import Bench
from mount.daemon import WAFS
from mount.storages import small_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.mount

MARK = "fjord quartz vexing nymph"
"""Stands in everything that the commands below write, and in the file of the vault that they read."""

DATABASE = """
import sqlite3
db = sqlite3.connect("made.db")
db.execute("PRAGMA cache_size=20")
db.execute("PRAGMA temp_store=FILE")
db.execute("CREATE TABLE message (text)")
text = open("note").read().strip()
with db:
    db.executemany("INSERT INTO message VALUES (?)", ((f"{i * 7919 % 9973} {text} {i}",) for i in range(9973)))
rows = db.execute("SELECT text FROM message ORDER BY text").fetchall()
assert len(rows) == 9973
db.execute("VACUUM")
"""
FILES = """
import os, pathlib, sys, tempfile
text = open("note").read()
with tempfile.NamedTemporaryFile("w", delete=False) as kept, tempfile.TemporaryFile("w") as gone:
    kept.write(text * 999)
    gone.write(text * 999)
for place in (pathlib.Path.home(), pathlib.Path(os.environ["XDG_CACHE_HOME"]), pathlib.Path("/proc/self/cwd")):
    (place / "trace").write_text(text * 99)
os.sync()
"""
SORT = """
i=0; while [ $i -lt 3000 ]; do echo "$i $(cat note) $i"; i=$((i+1)); done > unsorted
cat unsorted unsorted unsorted unsorted unsorted unsorted > more
sort -r -S 200K more > sorted && test "$(wc -l < sorted)" = 18000
"""
COMMANDS = {
    "sqlite": [sys.executable, "-c", DATABASE],
    "tempfile": [sys.executable, "-c", FILES],
    "sort": ["sh", "-c", SORT.replace("$(cat note)", MARK)],
}


class Disk:
    """An ext4 of its own: the vault and every place for temporary files are on it."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.image = folder / "image"
        self.place = place
        self.bench = Bench(folder)
        self.vault = self.bench.vault(place / "vault")
        (place / "tmp").mkdir()
        (place / "run").mkdir(mode=0o700)

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        words = [*WAFS, "run", str(self.vault), "--password-file", str(self.bench.password_file), "--", *command]
        places = {"TMPDIR": self.place / "tmp", "XDG_RUNTIME_DIR": self.place / "run", "HOME": self.place}
        env = {**os.environ, **{name: str(place) for name, place in places.items()}}
        return subprocess.run(words, cwd=self.place, env=env, capture_output=True, text=True, check=False)

    def holds(self, mark: str) -> bool:
        """Tell whether the bytes are on the disk, in files, in what files were, or in the filesystem's own journal."""
        fd = os.open(self.place, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
        os.sync()
        with self.image.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            return data.find(mark.encode()) >= 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_storage("ext4", tmp_path, 48) as place:
        made = Disk(tmp_path, place)
        yield made


@pytest.mark.parametrize("name", COMMANDS)
def test_no_trace_of_what_a_command_wrote_is_on_the_disk(disk: Disk, name: str) -> None:
    done = disk.run(["sh", "-c", f'echo {MARK} > note; exec "$@"', "sh", *COMMANDS[name]])
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert not disk.holds(MARK)
    assert os.listdir(disk.place / "tmp") == []
    assert os.listdir(disk.place / "run") == []


def test_the_search_finds_what_was_written_plainly_and_removed(disk: Disk) -> None:
    trace = disk.place / "tmp" / "trace"
    trace.write_text(MARK * 99)
    os.sync()
    trace.unlink()
    assert disk.holds(MARK)
