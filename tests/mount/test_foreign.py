"""Foreign and displaced things in the tree are not shown as files, break nothing, and are logged."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

CHUNKS_AT = 256


@pytest.fixture
def filled(bench: Bench) -> Daemon:
    """A vault with two folders and some files, unmounted."""
    daemon = bench.mount(bench.vault())
    for folder in ("one", "two"):
        (daemon.place / folder).mkdir()
        (daemon.place / folder / "file").write_text(f"in {folder}")
    (daemon.place / "a").write_bytes(b"a" * 40_000)
    (daemon.place / "b").write_bytes(b"b" * 40_000)
    daemon.unmount()
    return daemon


def sealed_path(bench: Bench, vault: Path, *names: str) -> Path:
    """Where the ciphertext of a path is."""
    place = vault / "tree"
    with bench.vfs(vault) as vfs:
        number = 1
        for name in names:
            inode, _ = vfs.context.directory(number)
            place /= os.fsdecode(vfs.context.seal(inode, os.fsencode(name)).entry)
            number = vfs.tree.lookup(number, os.fsencode(name)).ino
    return place


def test_foreign_entries_are_not_shown_and_break_nothing(bench: Bench, filled: Daemon) -> None:
    tree = filled.vault / "tree"
    (tree / "README.txt").write_text("who put me here")
    (tree / ".DS_Store").write_bytes(b"x")
    (tree / "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo.wafs").write_bytes(bytes(300))
    (tree / "not base64 at all!.wafs").write_bytes(b"x")
    (tree / ("A" * 43 + ".wafl")).write_bytes(b"x")
    (tree / ("B" * 43 + ".name")).write_bytes(b"x")
    (tree / "desktop.ini.wafs").mkdir()
    (tree / "link.wafs").symlink_to("/etc/passwd")
    os.mkfifo(tree / "pipe.wafs")
    file = sealed_path(bench, filled.vault, "a")
    shutil.copy(file, file.with_name(f"{file.stem} (conflicted copy).wafs"))

    daemon = bench.mount(filled.vault, at=filled.place)
    daemon.expect("foreign")
    assert sorted(os.listdir(daemon.place)) == ["a", "b", "one", "two"]
    for name in ("README.txt", "link.wafs", "desktop.ini.wafs"):
        assert not (daemon.place / name).exists()
    assert (daemon.place / "a").read_bytes() == b"a" * 40_000
    (daemon.place / "new").write_text("goes on")
    assert sorted(path.name for path in daemon.place.rglob("*")) == ["a", "b", "file", "file", "new", "one", "two"]
    # What is said of them names ciphertext only.
    assert "in one" not in daemon.text()
    daemon.unmount()
    assert (tree / "README.txt").read_text() == "who put me here"


def test_a_folder_with_foreign_entries_is_not_removed(bench: Bench, filled: Daemon) -> None:
    folder = sealed_path(bench, filled.vault, "one")
    (folder / "README.txt").write_text("x")
    daemon = bench.mount(filled.vault, at=filled.place)
    daemon.expect("foreign")
    assert os.listdir(daemon.place / "one") == ["file"]
    (daemon.place / "one" / "file").unlink()
    with pytest.raises(OSError, match="not empty") as refused:
        (daemon.place / "one").rmdir()
    assert refused.value.errno == errno.ENOTEMPTY
    assert (folder / "README.txt").read_text() == "x"
    (folder / "README.txt").unlink()
    (daemon.place / "one").rmdir()
    daemon.unmount()


def test_a_folder_under_the_name_of_another_shows_nothing(bench: Bench, filled: Daemon) -> None:
    one, two = (sealed_path(bench, filled.vault, name) for name in ("one", "two"))
    one.rename(one.with_name("aside"))
    two.rename(one)
    (one.with_name("aside")).rename(two)
    daemon = bench.mount(filled.vault, at=filled.place)
    daemon.expect("foreign")
    assert os.listdir(daemon.place / "one") == []
    assert os.listdir(daemon.place / "two") == []
    assert not (daemon.place / "one" / "file").exists()


def test_a_ciphertext_folder_moved_elsewhere_does_not_open(bench: Bench, filled: Daemon) -> None:
    one, two = (sealed_path(bench, filled.vault, name) for name in ("one", "two"))
    one.rename(two / one.name)
    daemon = bench.mount(filled.vault, at=filled.place)
    daemon.expect("foreign")
    assert sorted(os.listdir(daemon.place)) == ["a", "b", "two"]
    assert os.listdir(daemon.place / "two") == ["file"]


def test_a_folder_that_wafs_moved_does_not_open_where_somebody_else_moved_it(bench: Bench, filled: Daemon) -> None:
    daemon = bench.mount(filled.vault, at=filled.place)
    (daemon.place / "one").rename(daemon.place / "moved")
    (daemon.place / "other").mkdir()
    daemon.unmount()
    moved, other = (sealed_path(bench, filled.vault, name) for name in ("moved", "other"))
    shutil.rmtree(other)
    moved.rename(other)
    daemon = bench.mount(filled.vault, at=filled.place)
    daemon.expect("inode")
    with pytest.raises(OSError, match="Input/output error") as refused:
        os.listdir(daemon.place / "other")
    assert refused.value.errno == errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        (daemon.place / "other" / "file").read_text()
    assert sorted(os.listdir(daemon.place)) == ["a", "b", "other", "two"]
    assert (daemon.place / "two" / "file").read_text() == "in two"
    daemon.unmount()
    other.rename(moved)
    again = bench.mount(filled.vault, at=filled.place)
    assert (again.place / "moved" / "file").read_text() == "in one"


@pytest.mark.parametrize("part", ["header", "chunks", "first chunk"])
def test_swapped_contents_are_an_error_and_never_bytes(bench: Bench, filled: Daemon, part: str) -> None:
    paths = [sealed_path(bench, filled.vault, name) for name in ("a", "b")]
    first, second = (path.read_bytes() for path in paths)
    ends = {"header": (0, CHUNKS_AT), "chunks": (CHUNKS_AT, len(first)), "first chunk": (CHUNKS_AT, CHUNKS_AT + 16_412)}
    start, end = ends[part]
    paths[0].write_bytes(first[:start] + second[start:end] + first[end:])
    paths[1].write_bytes(second[:start] + first[start:end] + second[end:])
    daemon = bench.mount(filled.vault, at=filled.place)
    daemon.expect("chunk 0 does not verify")
    for name in ("a", "b"):
        assert (daemon.place / name).stat().st_size == 40_000
        with (daemon.place / name).open("rb") as file, pytest.raises(OSError, match="Input/output error") as refused:
            file.read()
        assert refused.value.errno == errno.EIO
        if part == "first chunk":
            with (daemon.place / name).open("rb", buffering=0) as file:
                file.seek(20_480)
                assert file.read(4096) == name.encode() * 4096
    assert (daemon.place / "one" / "file").read_text() == "in one"
    daemon.unmount()
    found = bench.wafs("cat", filled.vault, "/a", "--password-file", bench.password_file)
    assert found.code == 5, found.text
    assert "b" * 100 not in found.text


def test_a_damaged_file_can_be_replaced_and_removed(bench: Bench, filled: Daemon) -> None:
    for name in ("a", "b"):
        path = sealed_path(bench, filled.vault, name)
        path.write_bytes(b"no longer a file of wafs")
    daemon = bench.mount(filled.vault, at=filled.place)
    daemon.expect("inode")
    assert sorted(os.listdir(daemon.place)) == ["a", "b", "one", "two"]
    with pytest.raises(OSError, match="Input/output error"):
        (daemon.place / "a").read_bytes()
    (daemon.place / "a").write_bytes(b"whole again")
    (daemon.place / "b").unlink()
    again = bench.remount(daemon)
    assert (again.place / "a").read_bytes() == b"whole again"
    assert not (again.place / "b").exists()


def test_changes_behind_a_mount_become_visible(bench: Bench, filled: Daemon) -> None:
    daemon = bench.mount(filled.vault, at=filled.place)
    gone, kept = (sealed_path(bench, filled.vault, name) for name in ("a", "b"))
    assert sorted(os.listdir(daemon.place)) == ["a", "b", "one", "two"]
    older = kept.read_bytes()
    gone.unlink()
    assert sorted(os.listdir(daemon.place)) == ["b", "one", "two"]
    (daemon.place / "b").write_bytes(b"newer, and longer than before" * 4000)
    # As cloud clients do: a new file in the place of the old.
    (filled.vault / "downloaded").write_bytes(older)
    (filled.vault / "downloaded").rename(kept)
    with (daemon.place / "b").open("rb") as file:
        assert file.read() == b"b" * 40_000
