"""kill -9 of the daemon: the dead mount is cleared, and what was synced or at rest is whole."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

import pytest

from mount.programs import line_of, python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

WRITER = """
import os, sys
top = sys.argv[1]
block = bytes(range(256)) * 40
number = 0
while True:
    path = f"{top}/file-{number}"
    with open(path, "wb", buffering=0) as file:
        for turn in range(number % 7 + 1):
            file.write(block)
        os.fsync(file.fileno())
        print(number, flush=True)
        # Not synced: may be there or not, but nothing else may.
        file.write(block)
    number += 1
"""
BLOCK = bytes(range(256)) * 40


@contextlib.contextmanager
def in_flight(path: Path) -> Iterator[int]:
    """Open a file whose server will be gone when it is closed; close(2) then may say so."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        yield handle
    finally:
        with contextlib.suppress(OSError):
            os.close(handle)


def test_a_dead_mount_says_so_and_is_cleared_by_the_next(bench: Bench, daemon: Daemon) -> None:
    (daemon.place / "file").write_text("kept")
    daemon.kill()
    with pytest.raises(OSError, match="not connected") as dead:
        os.listdir(daemon.place)
    assert dead.value.errno == errno.ENOTCONN
    assert daemon.mounted()
    again = bench.mount(daemon.vault, at=daemon.place)
    assert (again.place / "file").read_text() == "kept"
    again.unmount()
    assert not again.mounted(), "the dead mount is still below"


@pytest.mark.parametrize("after", [5, 40])
def test_what_was_synced_is_there(bench: Bench, daemon: Daemon, after: int) -> None:
    for number in range(30):
        (daemon.place / f"at rest {number}").write_bytes(BLOCK * number)
    writer = python(WRITER, daemon.place)
    while line_of(writer) != str(after):
        pass
    daemon.kill()
    with writer:
        synced = after + 1 + len(writer.stdout.read().split()) if writer.stdout else 0
        assert writer.wait() != 0

    again = bench.mount(daemon.vault, at=daemon.place)
    for number in range(30):
        assert (again.place / f"at rest {number}").read_bytes() == BLOCK * number
    for number in range(synced):
        data = (again.place / f"file-{number}").read_bytes()
        length = number % 7 + 1
        assert data in (BLOCK * length, BLOCK * (length + 1)), f"file {number} of {synced}"
    in_flight = again.place / f"file-{synced}"
    if in_flight.exists():
        data = in_flight.read_bytes()
        assert data in [BLOCK * turns for turns in range(synced % 7 + 2)], f"{len(data)} bytes"
        in_flight.unlink()
    with (again.place / "file-0").open("ab") as file:
        file.write(b"goes on")
    assert bench.remount(again).place.joinpath("file-0").read_bytes().endswith(b"goes on")


def test_files_in_flight_open_read_only_too(bench: Bench, daemon: Daemon) -> None:
    with contextlib.ExitStack() as files:
        for number in range(5):
            file = files.enter_context(in_flight(daemon.place / f"file-{number}"))
            for _ in range(number):
                os.write(file, BLOCK)
        daemon.kill()
    reader = bench.mount(daemon.vault, "--read-only", at="reader")
    for number in range(5):
        assert (reader.place / f"file-{number}").read_bytes() == BLOCK * number
    reader.unmount()
    again = bench.mount(daemon.vault, at=daemon.place)
    for number in range(5):
        path = again.place / f"file-{number}"
        assert path.stat().st_size == len(BLOCK) * number
        assert path.read_bytes() == BLOCK * number


def test_a_killed_truncate_or_overwrite_is_whole(bench: Bench, daemon: Daemon) -> None:
    path = daemon.place / "file"
    path.write_bytes(b"a" * 100_000)
    with in_flight(path) as file:
        os.ftruncate(file, 50_000)
        os.pwrite(file, b"b" * 10_000, 10_000)
        os.fsync(file)
        os.ftruncate(file, 200_000)
        daemon.kill()
    again = bench.mount(daemon.vault, at=daemon.place)
    start = b"a" * 10_000 + b"b" * 10_000 + b"a" * 30_000
    data = (again.place / "file").read_bytes()
    assert data[:50_000] == start
    assert data[50_000:] == bytes(len(data) - 50_000)


def test_a_killed_rename_leaves_every_folder_readable(bench: Bench, daemon: Daemon) -> None:
    source = """
import os, sys
os.chdir(sys.argv[1])
number = 0
while True:
    os.rename(f"folder-{number}", f"folder-{number + 1}")
    print(number, flush=True)
    number += 1
"""
    (daemon.place / "folder-0" / "below").mkdir(parents=True)
    (daemon.place / "folder-0" / "below" / "file").write_text("kept")
    mover = python(source, daemon.place)
    while line_of(mover) != "25":
        pass
    daemon.kill()
    with mover:
        mover.wait()
    again = bench.mount(daemon.vault, at=daemon.place)
    (folder,) = os.listdir(again.place)
    assert int(folder.removeprefix("folder-")) >= 26
    assert (again.place / folder / "below" / "file").read_text() == "kept"
    (again.place / folder).rename(again.place / "folder-0")
    assert (bench.remount(again).place / "folder-0" / "below" / "file").read_text() == "kept"


def test_unlinked_open_files_leave_nothing(bench: Bench, daemon: Daemon) -> None:
    with in_flight(daemon.place / "gone") as file:
        os.write(file, BLOCK)
        (daemon.place / "gone").unlink()
        daemon.kill()
    again = bench.mount(daemon.vault, at=daemon.place)
    assert os.listdir(again.place) == []
    assert os.listdir(daemon.vault / "tree") == []
