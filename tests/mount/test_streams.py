"""Bytes in bulk: dd in its ways, long files, and several writers at once."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from mount.programs import finish, line_of, python, run, tell
from wafs.units import MIB

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

WRITER = """
import os, sys
path, seed, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
block = bytes((seed + i) % 251 for i in range(10_007))
print("ready", flush=True)
sys.stdin.readline()
for turn in range(number):
    with open(f"{path}-{turn}", "wb", buffering=0) as file:
        for _ in range(60):
            file.write(block)
        file.seek(5)
        file.write(b"over")
        os.fsync(file.fileno())
"""


def test_dd_appends_and_overwrites_and_seeks(bench: Bench, daemon: Daemon, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(70_000))
    data = source.read_bytes()
    path = daemon.place / "file"
    quiet = ("status=none",)
    run("dd", f"if={source}", f"of={path}", "bs=1000", *quiet)
    run("dd", f"if={source}", f"of={path}", "bs=777", "oflag=append", "conv=notrunc", *quiet)
    run("dd", f"if={source}", f"of={path}", "bs=100", "count=5", "seek=163", "conv=notrunc", *quiet)
    run("dd", f"if={source}", f"of={path}", "bs=1000", "count=1", "seek=500", "conv=notrunc,fsync", *quiet)
    expected = bytearray(data + data)
    expected[16_300:16_800] = data[:500]
    expected += bytes(360_000) + data[:1000]
    assert path.read_bytes() == expected
    run("dd", f"if={source}", f"of={path}", "bs=1000", "count=2", "seek=20", *quiet)
    del expected[20_000:]
    expected += data[:2000]
    bench.remount(daemon)
    assert path.read_bytes() == expected
    assert run("dd", f"if={path}", "bs=1", "skip=16380", "count=8", *quiet).encode("utf-8", "replace")


def test_two_processes_append_to_one_file(mnt: Path) -> None:
    source = """
import os, sys
handle = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
print("ready", flush=True)
sys.stdin.readline()
for number in range(400):
    os.write(handle, f"{sys.argv[2]} {number:05}\\n".encode())
"""
    path = mnt / "log"
    writers = [python(source, path, name) for name in ("one", "two")]
    for writer in writers:
        assert line_of(writer) == "ready"
    for writer in writers:
        tell(writer)
    for writer in writers:
        finish(writer)
    lines = path.read_text().splitlines()
    for name in ("one", "two"):
        assert [line for line in lines if line.startswith(name)] == [f"{name} {number:05}" for number in range(400)]
    assert len(lines) == 800


@pytest.mark.slow
def test_a_file_of_three_hundred_mebibytes(bench: Bench, daemon: Daemon) -> None:
    path = daemon.place / "video.mp4"
    block = os.urandom(MIB)
    written = hashlib.blake2b()
    with path.open("wb", buffering=0) as file:
        for number in range(300):
            piece = number.to_bytes(4, "big") + block[4:]
            assert file.write(piece) == MIB
            written.update(piece)
        os.fsync(file.fileno())
    bench.remount(daemon)
    assert path.stat().st_size == 300 * MIB
    read = hashlib.blake2b()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(MIB):
            read.update(piece)
    assert read.digest() == written.digest()


def test_eight_processes_write_their_own_files(bench: Bench, daemon: Daemon) -> None:
    writers = [python(WRITER, daemon.place / f"writer-{seed}", str(seed), "3") for seed in range(8)]
    for writer in writers:
        assert line_of(writer) == "ready"
    for writer in writers:
        tell(writer)
    for writer in writers:
        finish(writer)
    bench.remount(daemon)
    assert len(os.listdir(daemon.place)) == 24
    for seed in range(8):
        expected = bytearray(bytes((seed + i) % 251 for i in range(10_007)) * 60)
        expected[5:9] = b"over"
        for turn in range(3):
            assert (daemon.place / f"writer-{seed}-{turn}").read_bytes() == expected


def test_a_reader_follows_a_writer(mnt: Path) -> None:
    path = mnt / "growing"
    with path.open("wb", buffering=0) as writer, path.open("rb", buffering=0) as reader:
        for number in range(300):
            line = b"line %d\n" % number * (number % 90)
            writer.write(line)
            assert path.stat().st_size == writer.tell()
            assert reader.read() == line
