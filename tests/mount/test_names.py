"""Names: very many, very long, of any bytes."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

NAMES = [
    b"n" * 255,
    b"\xff" * 255,
    b"e\xcc\x81",
    b"\xc3\xa9",
    b"new\nline",
    b"tab\tescape\x1b[31m",
    b" leading and trailing ",
    b"-rf",
    b"...",
    b"back\\slash",
    b"quote\"'`$(x)",
    b"wafs.dir",
    b"x.wafs",
    b"x.name",
    "\N{FAMILY}".encode() * 60,
    *(bytes([value]) for value in range(1, 256) if value not in (0x2E, 0x2F)),
    *(b"%d" % size + b"m" * (size - 3) for size in (143, 144, 145, 159, 160, 161, 239, 240, 254)),
]


def test_any_bytes_are_a_name(bench: Bench, daemon: Daemon) -> None:
    top = os.fsencode(daemon.place)
    for name in NAMES:
        with open(os.path.join(top, name), "xb") as file:
            file.write(name)
    bench.remount(daemon)
    assert sorted(os.listdir(top)) == sorted(NAMES)
    for name in NAMES:
        with open(os.path.join(top, name), "rb") as file:
            assert file.read() == name
        os.rename(
            os.path.join(top, name), os.path.join(top, name[::-1] + b"?" if len(name) < 255 else name[:-1] + b"?")
        )
    for name in os.listdir(top):
        os.unlink(os.path.join(top, name))
    assert list((daemon.vault / "tree").iterdir()) == []


def test_a_name_of_256_bytes_is_too_long(mnt: Path) -> None:
    for act in (os.mkfifo, os.mkdir, os.stat):
        with pytest.raises(OSError, match="too long") as refused:
            act(mnt / ("n" * 256))
        assert refused.value.errno == errno.ENAMETOOLONG


def test_three_thousand_files_in_one_folder(bench: Bench, daemon: Daemon) -> None:
    folder = daemon.place / "many"
    folder.mkdir()
    names = {f"IMG-20240101-WA{number:04}.jpg" for number in range(3000)}
    for name in names:
        (folder / name).write_bytes(name.encode())
    assert set(os.listdir(folder)) == names
    bench.remount(daemon)
    with os.scandir(folder) as entries:
        found = {entry.name: entry.stat().st_size for entry in entries}
    assert found == {name: len(name) for name in names}
    assert (folder / "IMG-20240101-WA2999.jpg").read_bytes() == b"IMG-20240101-WA2999.jpg"


def test_a_folder_is_listed_while_it_is_emptied(mnt: Path) -> None:
    folder = mnt / "many"
    folder.mkdir()
    for number in range(1200):
        (folder / f"file {number}").touch()
    seen = []
    with os.scandir(folder) as entries:
        for entry in entries:
            seen.append(entry.name)
            os.unlink(entry.path)
    assert len(set(seen)) == len(seen) == 1200
    folder.rmdir()


def test_folders_thirty_deep_with_long_names(bench: Bench, daemon: Daemon) -> None:
    before = os.getcwd()
    try:
        os.chdir(daemon.place)
        for number in range(30):
            name = f"{number:02}" + "d" * 253
            os.mkdir(name)
            os.chdir(name)
        with open("file", "w", encoding="ascii") as file:
            file.write("at the bottom")
    finally:
        os.chdir(before)
    bench.remount(daemon)
    handle = os.open(daemon.place, os.O_RDONLY)
    for number in range(30):
        below = os.open(f"{number:02}" + "d" * 253, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    try:
        below = os.open("file", os.O_RDONLY, dir_fd=handle)
        assert os.read(below, 100) == b"at the bottom"
        os.close(below)
    finally:
        os.close(handle)
