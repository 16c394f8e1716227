"""Storage that fails: full, read-only or closed. The writer is told, and nothing that was written is lost."""

from __future__ import annotations

import contextlib
import errno
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from mount.programs import run
from mount.storages import read_only, small_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

KINDS = ["tmpfs", "ext4"]
BLOCK = bytes(range(256)) * 16
IN_FLIGHT = BLOCK * 8
"""Two whole chunks."""


@contextlib.contextmanager
def no_space() -> Iterator[None]:
    """End a block where the storage is full; any other failure goes on."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def fill(path: Path, *, block: bytes = BLOCK, most: int = 64 << 20) -> int:
    """Write until there is no space left; return how many bytes were accepted."""
    accepted = 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with contextlib.closing(os.fdopen(handle, "wb", buffering=0)) as file, no_space():
        while accepted < most:
            accepted += file.write(block)
    assert accepted < most
    return accepted


@pytest.fixture(params=KINDS)
def small(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Daemon]:
    """A vault on a storage of 8 MiB, mounted, with a few files in it."""
    with small_storage(request.param, bench.folder, 8) as place:
        daemon = bench.mount(bench.vault(place / "vault"))
        for number in range(20):
            (daemon.place / f"early {number}").write_bytes(BLOCK * number)
        try:
            yield daemon
        finally:
            for other in reversed(bench.daemons):
                other.clean_up()


def check_early(place: Path) -> None:
    for number in range(20):
        assert (place / f"early {number}").read_bytes() == BLOCK * number


@pytest.mark.parametrize("size", [1000, 4096, 300_000])
def test_no_space_reaches_the_writer_and_harms_nothing(bench: Bench, small: Daemon, size: int) -> None:
    block = (BLOCK * (size // len(BLOCK) + 1))[:size]
    accepted = fill(small.place / "big", block=block)
    assert accepted > 1 << 20
    data = (small.place / "big").read_bytes()
    assert data[:accepted] == (block * (accepted // size + 1))[:accepted]
    check_early(small.place)

    fill(small.place / "big", block=b"y")
    again = bench.remount(small)
    check_early(again.place)
    again_data = (again.place / "big").read_bytes()
    assert again_data.rstrip(b"y") == data.rstrip(b"y")

    (again.place / "big").unlink()
    (again.place / "after").write_bytes(BLOCK * 200)
    last = bench.remount(again)
    assert (last.place / "after").read_bytes() == BLOCK * 200
    check_early(last.place)


def test_a_full_storage_still_lets_one_overwrite_cut_and_remove(bench: Bench, small: Daemon) -> None:
    place = small.place
    fill(place / "big")
    fill(place / "big", block=b"z")
    with (place / "early 9").open("r+b", buffering=0) as file:
        file.seek(5000)
        file.write(b"overwritten in place")
    os.truncate(place / "early 10", 100)
    (place / "early 11").rename(place / "early 12")
    again = bench.remount(small)
    expected = bytearray(BLOCK * 9)
    expected[5000:5020] = b"overwritten in place"
    assert (again.place / "early 9").read_bytes() == expected
    assert (again.place / "early 10").read_bytes() == BLOCK[:100]
    assert (again.place / "early 12").read_bytes() == BLOCK * 11
    assert not (again.place / "early 11").exists()


def test_what_cannot_be_made_on_a_full_storage_leaves_nothing(bench: Bench, small: Daemon) -> None:
    small.tolerate("record of a moved folder keeps its old place")
    place = small.place
    fill(place / "big")
    fill(place / "big", block=b"z")
    made = []
    for number in range(400):
        name = f"{number:03}" + "long name " * 25
        with no_space():
            (place / name).write_bytes(BLOCK)
            made.append(name)
        with no_space():
            (place / f"folder {number}").mkdir()
            (place / f"folder {number}").rename(place / f"moved {number}")
    again = bench.remount(small)
    listed = os.listdir(again.place)
    for name in listed:
        path = again.place / name
        if name.startswith(("folder", "moved")):
            assert os.listdir(path) == []
        elif "long" in name:
            assert path.read_bytes() == (BLOCK if name in made else path.read_bytes()[: path.stat().st_size])
    assert set(made) <= set(listed)
    check_early(again.place)
    again.unmount()
    found = bench.wafs("cat", again.vault, "/early 19", "--password-file", bench.password_file)
    assert found.code == 0


def test_put_into_a_full_storage_says_so(bench: Bench, small: Daemon) -> None:
    fill(small.place / "big")
    small.unmount()
    (bench.folder / "source").write_bytes(BLOCK * 500)
    words = (small.vault, bench.folder / "source", "/", "--password-file", bench.password_file)
    found = bench.wafs("put", *words)
    assert found.code == 7, found.text
    assert "no space left" in found.text.lower()
    again = bench.mount(small.vault)
    assert sorted(os.listdir(again.place)) == sorted(["big", *(f"early {number}" for number in range(20))])
    check_early(again.place)


@pytest.fixture
def sealed(bench: Bench) -> Iterator[Path]:
    """A vault whose storage became read-only, after a daemon was killed while it appended to a file."""
    daemon = bench.mount(bench.vault())
    (daemon.place / "folder").mkdir()
    (daemon.place / "folder" / "file").write_text("kept")
    handle = os.open(daemon.place / "in flight", os.O_WRONLY | os.O_CREAT)
    os.write(handle, IN_FLIGHT)
    daemon.kill()
    with contextlib.suppress(OSError):
        os.close(handle)
    daemon.clean_up()
    largest = max((daemon.vault / "tree").iterdir(), key=lambda path: path.lstat().st_size)
    with largest.open("ab") as file:
        file.write(b"torn chunk")
    with read_only(daemon.vault, bench.folder / "read-only") as place:
        yield place
        bench.finish()


@pytest.mark.parametrize("options", [[], ["--read-only"]])
def test_read_only_storage_is_read(bench: Bench, sealed: Path, options: list[str]) -> None:
    daemon = bench.mount(sealed, *options)
    assert (daemon.place / "folder" / "file").read_text() == "kept"
    assert (daemon.place / "in flight").read_bytes() == IN_FLIGHT
    file = daemon.place / "folder" / "file"
    for act in (
        (daemon.place / "new").touch,
        partial(file.write_text, "x"),
        file.unlink,
        partial(file.rename, daemon.place / "moved"),
        partial(file.parent.rename, daemon.place / "moved"),
        partial(file.chmod, 0o600),
    ):
        with pytest.raises(OSError, match="Read-only file system") as refused:
            act()
        assert refused.value.errno == errno.EROFS
    assert (daemon.place / "folder" / "file").read_text() == "kept"
    daemon.unmount()


@pytest.mark.parametrize("more", [b"", b"and more"])
def test_a_file_that_was_only_read_is_landed_when_it_can_be_written(bench: Bench, sealed: Path, more: bytes) -> None:
    daemon = bench.mount(sealed)
    with (daemon.place / "in flight").open("rb") as reader:
        assert reader.read() == IN_FLIGHT
        run("mount", "-o", "remount,bind,rw", sealed)
        with (daemon.place / "in flight").open("ab") as writer:
            writer.write(more)
    again = bench.remount(daemon)
    assert (again.place / "in flight").read_bytes() == IN_FLIGHT + more


def test_commands_on_read_only_storage(bench: Bench, sealed: Path) -> None:
    password = ("--password-file", bench.password_file)
    assert bench.wafs("cat", sealed, "/folder/file", *password).text == "kept"
    (bench.folder / "source").write_text("x")
    put = bench.wafs("put", sealed, bench.folder / "source", "/", *password)
    assert put.code == 7, put.text
    assert "read-only" in put.text.lower()


def test_a_damaged_header_on_read_only_storage_is_not_restored_but_opens(bench: Bench) -> None:
    vault = bench.vault()
    (vault / "wafs.vault").write_bytes(b"")
    with read_only(vault, bench.folder / "read-only") as place:
        daemon = bench.mount(place)
        daemon.expect("could not be restored")
        assert os.listdir(daemon.place) == []
        daemon.unmount()
