"""Many processes do everything at once in one small tree: no I/O error, no complaint, and every file whole."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from mount.daemon import WAIT_S
from mount.programs import finish, line_of, python, tell

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = [pytest.mark.mount, pytest.mark.slow]

# Every file begins with the length and the letter that the rest consists of, and is always replaced as a whole.
WORKER = """
import errno, os, random, shutil, sys
top, seed, turns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
fine = {
    errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR, errno.ENOTDIR, errno.EINVAL, errno.ELOOP, errno.EPERM,
    errno.ENAMETOOLONG,
}

def some():
    deep = rng.choice((1, 2, 2, 3))
    return os.path.join(top, *(rng.choice(("a", "b", "c", "long " * 50)) for _ in range(deep)))

def content():
    size, letter = rng.choice((0, 10, 5000, 40_000, 70_000)), rng.choice(b"xyz")
    return b"%08d" % size + bytes([letter]) * size

def check(data):
    assert len(data) == 8 + int(data[:8]), (len(data), data[:8])
    assert data[8:] == data[8:9] * (len(data) - 8)

def replace():
    temporary = os.path.join(top, f".new-{seed}")
    with open(temporary, "wb") as file:
        file.write(content())
        if rng.random() < 0.3:
            file.flush()
            os.fsync(file.fileno())
    os.replace(temporary, some())

def read():
    with open(some(), "rb") as file:
        check(file.read())

def orphan():
    path = some()
    with open(path, "rb") as file:
        os.unlink(path)
        check(file.read())

def walk():
    for folder, _, files in os.walk(top):
        for name in files:
            os.stat(os.path.join(folder, name))

acts = [replace] * 6 + [read] * 6 + [
    orphan, walk,
    lambda: os.mkdir(some()), lambda: os.mkdir(some()), lambda: os.makedirs(some()),
    lambda: os.rename(some(), some()), lambda: os.rename(some(), some()),
    lambda: os.unlink(some()), lambda: os.rmdir(some()), lambda: os.link(some(), some()),
    lambda: os.symlink("a", some()), lambda: os.listdir(some()), lambda: os.chmod(some(), 0o700),
    lambda: os.setxattr(some(), "user.seed", b"%d" % seed), lambda: os.utime(some()),
]
print("ready", flush=True)
sys.stdin.readline()
done = 0
for turn in range(turns):
    if turn % 100 == 0:
        print(turn, flush=True)
    try:
        rng.choice(acts)()
        done += 1
    except OSError as error:
        if error.errno not in fine:
            raise
assert done > turns // 10, done
"""


def every_file(top: Path) -> int:
    """See that all files are whole, and return how many there are; paths may have become too long for one call."""
    count = 0
    for _, _, names, folder in os.fwalk(top, onerror=_raise):
        for name in names:
            if stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
                continue
            with open(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
                data = file.read()
            assert len(data) == 8 + int(data[:8])
            assert data[8:] == data[8:9] * (len(data) - 8)
            count += 1
    return count


def _raise(error: OSError) -> None:
    raise error


@pytest.mark.parametrize("workers", [6])
def test_processes_at_once(bench: Bench, daemon: Daemon, workers: int) -> None:
    processes = [python(WORKER, daemon.place, str(seed), "500") for seed in range(workers)]
    for process in processes:
        assert line_of(process) == "ready"
    for process in processes:
        tell(process)
    for process in processes:
        finish(process)
    found = every_file(daemon.place)
    again = bench.remount(daemon)
    assert every_file(again.place) == found
    # At the end nothing is left that only wafs knows of.
    for entry in again.place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    assert {path.name for path in (again.vault / "tree").iterdir()} <= {"wafs.dir"}


def test_processes_at_once_and_a_killed_daemon(bench: Bench, daemon: Daemon) -> None:
    processes = [python(WORKER, daemon.place, str(seed), "1000000") for seed in range(10, 15)]
    for process in processes:
        assert line_of(process) == "ready"
    for process in processes:
        tell(process)
    while line_of(processes[0]) != "300":
        pass
    daemon.kill()
    for process in processes:
        with process:
            assert process.wait(WAIT_S) != 0
    again = bench.mount(daemon.vault, at=daemon.place)
    # These were being written. They open, but nobody promised that they are complete.
    for path in again.place.glob(".new-*"):
        path.read_bytes()
        path.unlink()
    found = every_file(again.place)
    assert found
    assert every_file(bench.remount(again).place) == found
