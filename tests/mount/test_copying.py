"""Copying programs: rsync, tar, cp, find, du and shutil find on a mount what they find on a disk."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from mount.programs import run
from mount.trees import make_tree, nodes

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A folder outside of the vault, with everything that a copy can get wrong."""
    folder = tmp_path / "plain"
    folder.mkdir()
    make_tree(folder)
    return folder


def test_rsync_has_nothing_to_do_the_second_time(bench: Bench, daemon: Daemon, plain: Path) -> None:
    command = ("rsync", "-aHXS", "--checksum", "--itemize-changes", f"{plain}/", f"{daemon.place}/")
    assert run(*command).count("\n") > 50
    assert run(*command) == ""
    bench.remount(daemon)
    assert run(*command) == ""
    assert nodes(daemon.place) == nodes(plain)


def test_rsync_reads_from_a_mount(mnt: Path, plain: Path, tmp_path: Path) -> None:
    run("rsync", "-aHX", f"{plain}/", f"{mnt}/")
    back = tmp_path / "back"
    back.mkdir()
    command = ("rsync", "-aHX", "--checksum", "--itemize-changes", f"{mnt}/", f"{back}/")
    run(*command)
    assert run(*command) == ""
    assert nodes(back) == nodes(plain)


def test_rsync_updates_in_place_and_deletes(mnt: Path, plain: Path) -> None:
    command = ("rsync", "-aHX", "--delete", "--inplace", "--no-whole-file", f"{plain}/", f"{mnt}/")
    run(*command)
    with (plain / "Media" / "IMG-100000.jpg").open("r+b") as file:
        file.seek(40_000)
        file.write(b"changed in the middle")
    with (plain / "Media" / "IMG-16384.jpg").open("ab") as file:
        file.write(b"one byte more and then some")
    shutil.rmtree(plain / "Media" / "WhatsApp Images")
    run(*command)
    # Deleting below a folder changes its time, on a disk as well.
    assert nodes(mnt, folder_times=False) == nodes(plain, folder_times=False)


def test_cp_both_ways(bench: Bench, daemon: Daemon, plain: Path, tmp_path: Path) -> None:
    run("cp", "-a", f"{plain}/.", daemon.place)
    bench.remount(daemon)
    assert run("diff", "-r", "--no-dereference", plain, daemon.place) == ""
    assert nodes(daemon.place) == nodes(plain)
    run("cp", "-a", daemon.place, tmp_path / "back")
    assert nodes(tmp_path / "back") == nodes(plain)


def test_cp_within_the_mount(mnt: Path, plain: Path) -> None:
    run("cp", "-a", plain, mnt / "one")
    run("cp", "-a", mnt / "one", mnt / "two")
    assert nodes(mnt / "two") == nodes(plain)


def test_tar_out_of_a_mount_and_into_one(bench: Bench, daemon: Daemon, plain: Path, tmp_path: Path) -> None:
    run("cp", "-a", plain, daemon.place / "one")
    archive = tmp_path / "archive.tar"
    options = ("--xattrs", "--sparse", "--format=posix", "--numeric-owner")
    run("tar", *options, "-cf", archive, "-C", daemon.place / "one", ".")
    (daemon.place / "two").mkdir()
    run("tar", *options, "-xpf", archive, "-C", daemon.place / "two")
    bench.remount(daemon)
    assert nodes(daemon.place / "two") == nodes(plain)


def test_holes_stay_holes(bench: Bench, daemon: Daemon, plain: Path) -> None:
    run("cp", "--sparse=always", plain / "sparse", daemon.place)
    bench.remount(daemon)
    copy = daemon.place / "sparse"
    assert copy.read_bytes() == (plain / "sparse").read_bytes()
    assert copy.stat().st_blocks * 512 < 1_000_000
    handle = os.open(copy, os.O_RDONLY)
    try:
        data = os.lseek(handle, 0, os.SEEK_DATA)
        assert 2_900_000 < data <= 3_000_000
        assert 3_000_013 <= os.lseek(handle, data, os.SEEK_HOLE) < 3_100_000
        assert os.lseek(handle, 7_999_999, os.SEEK_HOLE) <= 8_000_000
    finally:
        os.close(handle)


def test_find_and_du_see_what_they_see_on_a_disk(mnt: Path, plain: Path) -> None:
    run("cp", "-a", f"{plain}/.", mnt)
    form = ("-printf", "%P %y %m %n %s %T@ %l\\n")
    for questions in (
        ["-type", "f"],
        ["-type", "l"],
        ["-type", "d", "-empty"],
        ["-size", "+10k"],
        ["-newermt", "2001-01-01"],
    ):
        # The size of a folder is the storage's own affair.
        kinds = ["!", "-type", "d"] if "d" not in questions else []
        answers = [sorted(run("find", top, *kinds, *questions, *form).splitlines()) for top in (plain, mnt)]
        assert answers[0] == answers[1]
        assert answers[0]
    apparent = [int(run("du", "-s", "-b", top / "Media").split()[0]) for top in (plain, mnt)]
    folders = [sum(p.stat().st_size for p in (top / "Media").rglob("*") if p.is_dir()) for top in (plain, mnt)]
    assert apparent[0] - folders[0] - (plain / "Media").stat().st_size == (
        apparent[1] - folders[1] - (mnt / "Media").stat().st_size
    )
    on_disk = int(run("du", "-s", "--block-size=1", mnt / "Media").split()[0])
    assert apparent[1] // 2 < on_disk < 2 * apparent[1]


def test_shutil_copies_and_removes(mnt: Path, plain: Path) -> None:
    shutil.copytree(plain, mnt / "copy", symlinks=True)
    assert nodes(mnt / "copy", links=False) == nodes(plain, links=False)
    shutil.rmtree(mnt / "copy")
    assert list(mnt.iterdir()) == []


def test_rm_leaves_nothing_behind_in_the_store(daemon: Daemon, plain: Path) -> None:
    run("cp", "-a", plain, daemon.place / "copy")
    run("mv", daemon.place / "copy" / "Media", daemon.place / "Media")
    run("rm", "-rf", daemon.place / "copy", daemon.place / "Media")
    assert list(daemon.place.iterdir()) == []
    # The root's own record may stay: it says that a folder of it was moved.
    assert {path.name for path in (daemon.vault / "tree").iterdir()} <= {"wafs.dir"}
