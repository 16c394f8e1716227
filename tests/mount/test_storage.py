"""Storage that fails: full, read-only or closed. The writer is told, and nothing that was written is lost."""

from __future__ import annotations

import contextlib
import errno
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from mount.filling import BLOCK, check_old_or_new, fill, make_early, no_space, overwrite_early
from mount.programs import run
from mount.storages import read_only, small_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

KINDS = ["tmpfs", "ext4"]
IN_FLIGHT = BLOCK * 8
"""Two whole chunks."""

READ_AS_IT_IS = "could not be opened to recover it|which was not closed, is opened for reading"


@pytest.fixture(params=KINDS)
def small(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Daemon]:
    """A vault on a storage of 8 MiB, mounted, with a few files in it."""
    with small_storage(request.param, bench.folder, 8) as place:
        daemon = bench.mount(bench.vault(place / "vault"))
        make_early(daemon.place)
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

    fill(small.place / "big", block=b"y" * 61)
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
    fill(place / "big", block=b"z" * 61)
    expected = bytearray(BLOCK * 9)
    # What is overwritten needs space in the journal.
    with no_space(), (place / "early 9").open("r+b", buffering=0) as file:
        file.seek(5000)
        file.write(b"overwritten in place")
        expected[5000:5020] = b"overwritten in place"
    os.truncate(place / "early 10", 100)
    (place / "early 11").rename(place / "early 12")
    again = bench.remount(small)
    assert (again.place / "early 9").read_bytes() == expected
    assert (again.place / "early 10").read_bytes() == BLOCK[:100]
    assert (again.place / "early 12").read_bytes() == BLOCK * 11
    assert not (again.place / "early 11").exists()


@pytest.mark.parametrize("block", [BLOCK, BLOCK * 80], ids=["small", "large"])
def test_what_is_overwritten_on_a_full_storage_is_old_or_new(bench: Bench, small: Daemon, block: bytes) -> None:
    fill(small.place / "big", block=block)
    fill(small.place / "big", block=b"z" * 61)
    done = overwrite_early(small.place)
    check_old_or_new(small.place, done)
    (small.place / "big").unlink()
    assert overwrite_early(small.place) == set(range(20))
    again = bench.remount(small)
    check_old_or_new(again.place, set(range(20)))


def test_a_full_storage_is_closed_and_opened_with_all_that_was_told_to_be_done(bench: Bench, small: Daemon) -> None:
    accepted = fill(small.place / "big")
    done = overwrite_early(small.place)
    again = bench.remount(small)
    check_old_or_new(again.place, done)
    assert (again.place / "big").stat().st_size >= accepted
    (again.place / "big").unlink()
    assert overwrite_early(again.place) == set(range(20))
    last = bench.remount(again)
    check_old_or_new(last.place, set(range(20)))


def test_what_cannot_be_made_on_a_full_storage_leaves_nothing(bench: Bench, small: Daemon) -> None:
    small.tolerate("record of a moved folder keeps its old place")
    place = small.place
    fill(place / "big")
    fill(place / "big", block=b"z" * 61)
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
    daemon.tolerate(READ_AS_IT_IS)
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
    daemon.tolerate(READ_AS_IT_IS)
    assert (daemon.place / "in flight").read_bytes() == IN_FLIGHT
    daemon.unmount()
    run("mount", "-o", "remount,bind,rw", sealed)
    again = bench.mount(sealed)
    with (again.place / "in flight").open("ab") as writer:
        writer.write(more)
    last = bench.remount(again)
    assert (last.place / "in flight").read_bytes() == IN_FLIGHT + more


def test_commands_on_read_only_storage(bench: Bench, sealed: Path) -> None:
    password = ("--password-file", bench.password_file)
    assert bench.wafs("cat", sealed, "/folder/file", *password).text.endswith("kept")
    (bench.folder / "source").write_text("x")
    put = bench.wafs("put", sealed, bench.folder / "source", "/", *password)
    assert put.code in (1, 7), put.text
    assert "read-only" in put.text.lower()


def test_a_damaged_header_on_read_only_storage_is_not_restored_but_opens(bench: Bench) -> None:
    vault = bench.vault()
    (vault / "wafs.vault").write_bytes(b"")
    with read_only(vault, bench.folder / "read-only") as place:
        daemon = bench.mount(place)
        daemon.expect("could not be restored")
        assert os.listdir(daemon.place) == []
        daemon.unmount()
