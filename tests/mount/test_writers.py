"""One writer at a time: a second one is refused, readers are not, and a dead one is in nobody's way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mount.users import LOOK_INSIDE, must_be_root

if TYPE_CHECKING:
    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount


def test_a_second_writer_is_refused(bench: Bench, daemon: Daemon) -> None:
    place = bench.folder / "second"
    place.mkdir()
    found = bench.refused(daemon.vault, place)
    assert found.code == 6, found.text
    assert "in use" in found.text
    assert "wafs: hint: " in found.text
    assert not os.path.ismount(place)
    (daemon.place / "file").write_text("the first goes on")


@pytest.mark.parametrize("options", [[], ["--read-only"], ["--nonempty", "--read-only"]])
def test_a_second_mount_on_the_same_place_is_refused(bench: Bench, daemon: Daemon, options: list[str]) -> None:
    found = bench.refused(daemon.vault, daemon.place, *options)
    assert found.code == 1, found.text
    assert "already" in found.text
    (daemon.place / "file").write_text("the first goes on")
    daemon.unmount()
    assert not daemon.mounted()


def test_a_reader_beside_a_writer(bench: Bench, daemon: Daemon) -> None:
    (daemon.place / "before").write_text("old")
    reader = bench.mount(daemon.vault, "--read-only", at="reader")
    assert (reader.place / "before").read_text() == "old"
    (daemon.place / "after").write_text("new")
    assert (reader.place / "after").read_text() == "new"
    assert reader.status()["read_only"] is True
    assert daemon.status()["read_only"] is False
    with pytest.raises(OSError, match="Read-only file system"):
        (reader.place / "mine").touch()
    with pytest.raises(OSError, match="Read-only file system"):
        (reader.place / "before").unlink()


def test_a_reader_takes_a_growing_file_as_it_is(bench: Bench, daemon: Daemon) -> None:
    reader = bench.mount(daemon.vault, "--read-only", at="reader")
    with (daemon.place / "growing").open("wb", buffering=0) as file:
        file.write(b"a" * 100_000)
        data = (reader.place / "growing").read_bytes()
        assert data == b"a" * len(data)
        file.write(b"b" * 10)
    assert (daemon.place / "growing").read_bytes() == b"a" * 100_000 + b"b" * 10


def test_two_readers(bench: Bench, daemon: Daemon) -> None:
    (daemon.place / "file").write_text("kept")
    daemon.unmount()
    readers = [bench.mount(daemon.vault, "--read-only", at=f"reader-{number}") for number in range(2)]
    assert [(reader.place / "file").read_text() for reader in readers] == ["kept", "kept"]


def test_the_lock_of_a_killed_writer_is_taken_over(bench: Bench, daemon: Daemon) -> None:
    (daemon.place / "file").write_text("kept")
    daemon.kill()
    other = bench.mount(daemon.vault, at="other")
    assert (other.place / "file").read_text() == "kept"
    other.unmount()
    bench.remount(bench.mount(daemon.vault, at=daemon.place))


def test_programs_started_from_a_mount_do_not_keep_the_lock(bench: Bench, daemon: Daemon) -> None:
    """A killed writer's children would keep an inherited lock; there are none, and handles close on exec."""
    must_be_root(LOOK_INSIDE)
    folder = f"/proc/{daemon.pid}/fdinfo"
    flags = {}
    for number in os.listdir(folder):
        with open(f"{folder}/{number}", encoding="ascii") as file:
            facts = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
        flags[int(number)] = int(facts["flags"], 8)
    inherited = sorted(number for number, value in flags.items() if not value & os.O_CLOEXEC)
    assert inherited == [0, 1, 2]
    assert Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text() == ""


def test_wafs_without_a_mount_respects_the_writer(bench: Bench, daemon: Daemon) -> None:
    (daemon.place / "file").write_text("mounted")
    (bench.folder / "new").write_text("put")
    password = ("--password-file", bench.password_file)
    put = bench.wafs("put", daemon.vault, bench.folder / "new", "/", *password)
    assert put.code == 6, put.text
    cat = bench.wafs("cat", daemon.vault, "/file", *password)
    assert (cat.code, cat.text) == (0, "mounted")
