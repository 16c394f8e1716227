"""Whatever step of a change of directories fails, every entry stays readable, and nothing half made is left."""

from __future__ import annotations

import contextlib
import errno
import shutil
import stat
from typing import TYPE_CHECKING, Literal

import pytest

from fs.paths import Paths
from fs.trees import LONG, behind_a_faulty_store, ciphertext, make_tree, read_by_both
from log_police import ExpectLog
from reader import open_vault as open_with_reader
from store.faulty import Fault
from vault.making import RECOVERY_KEY, make_vault
from wafs.errors import (
    InvalidArgumentError,
)
from wafs.fs.rename import RENAME_EXCHANGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


MOVES: dict[str, Callable[[Paths], None]] = {
    "rename": lambda paths: paths.rename(b"one/moved", b"one/else"),
    "move": lambda paths: paths.rename(b"one/moved", b"two/moved"),
    "to-a-long-name": lambda paths: paths.rename(b"one/moved", b"two/" + LONG),
    "over-an-empty-folder": lambda paths: paths.rename(b"one/moved", b"two/empty"),
    "again": lambda paths: paths.rename(b"two/before", b"one/before"),
    "exchange": lambda paths: paths.rename(b"one/moved", b"two/before", RENAME_EXCHANGE),
    "exchange-with-a-file": lambda paths: paths.rename(b"one/moved", b"two/file", RENAME_EXCHANGE),
    "into-the-root": lambda paths: paths.rename(b"one/moved", b"moved"),
}


def _leaves(tree: dict[bytes, bytes]) -> list[bytes]:
    """Contents wherever they are."""
    return sorted(content for content in tree.values() if content)


@pytest.mark.parametrize(
    ("dies", "effect"), [(True, "none"), (False, "none"), (False, "whole")], ids=["killed", "error", "lost-answer"]
)
@pytest.mark.parametrize("move", MOVES)
def test_a_move_that_stops_after_any_step_leaves_a_tree_that_opens(
    tmp_path: Path, move: str, dies: bool, effect: Literal["none", "whole"], expect_log: ExpectLog
) -> None:
    expect_log("keeps its old place as well")
    make_tree(tmp_path / "made")
    whole = _leaves(read_by_both(tmp_path / "made"))
    assert whole == [b"deep", b"old", b"two"]
    for nth in range(1, 60):
        path = tmp_path / "vault"
        shutil.copytree(tmp_path / "made", path, symlinks=True)
        with behind_a_faulty_store(path) as (paths, faulty):
            faulty.arm(Fault(nth, effect=effect, dies=dies))
            with contextlib.suppress(OSError):
                MOVES[move](paths)
            fired = faulty.fired
            if fired and not dies:
                faulty.arm(None)
                # The one who got the error goes on, with what it holds in memory.
                assert _leaves({name: node.content for name, node in paths.walk().items()}) == whole
                for folder in (name for name, node in paths.walk().items() if node.kind == stat.S_IFDIR):
                    paths.write(folder + b"/later", b"later")
        found = read_by_both(path)
        assert [content for content in _leaves(found) if content != b"later"] == whole
        shutil.rmtree(path)
        if not fired:
            assert nth > 1
            return
    raise AssertionError


@pytest.mark.parametrize("effect", ["none", "half"])
def test_a_folder_that_cannot_be_given_its_own_id_is_not_made(tmp_path: Path, effect: str) -> None:
    make_tree(tmp_path / "vault")
    with behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        before = sorted(paths.walk())
        for nth in range(1, 20):
            faulty.arm(Fault(nth, code=errno.ENOSPC, effect="half" if effect == "half" else "none"))
            with contextlib.suppress(OSError):
                # "old" was moved away from here, so the next one must not have its id.
                paths.mkdir(b"two/old")
            fired = faulty.fired
            faulty.arm(None)
            if not fired:
                break
            assert sorted(paths.walk()) == before
        assert nth > 1
        assert len(ciphertext(tmp_path / "vault", "wafs.dir")) == 3
    assert b"two/old" in read_by_both(tmp_path / "vault")


@pytest.mark.parametrize("make", ["file", "folder", "symlink", "link", "node"])
def test_a_long_name_that_cannot_be_made_leaves_nothing(tmp_path: Path, make: str) -> None:
    makers: dict[str, Callable[[Paths], None]] = {
        "file": lambda paths: paths.write(LONG, b"plain"),
        "folder": lambda paths: paths.mkdir(LONG),
        "symlink": lambda paths: paths.symlink(LONG, b"target"),
        "link": lambda paths: paths.link(b"file", LONG),
        "node": lambda paths: paths.mknod(LONG, stat.S_IFREG | 0o600),
    }
    make_vault(tmp_path / "vault")
    with behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        paths.write(b"file", b"")
        before = ciphertext(tmp_path / "vault")
        for nth in range(1, 20):
            faulty.arm(Fault(nth, frozenset({"pwrite", "mkdir", "symlink", "link", "open"}), errno.ENOSPC))
            with contextlib.suppress(OSError):
                makers[make](paths)
            fired = faulty.fired
            faulty.arm(None)
            if not fired:
                break
            if LONG in paths.names():
                # The file was there before its content failed to be written.
                paths.unlink(LONG)
            assert ciphertext(tmp_path / "vault") == before
        assert nth > 1
    assert LONG in read_by_both(tmp_path / "vault")


def test_a_second_try_to_make_a_long_name_does_not_lose_the_first(tmp_path: Path) -> None:
    """The file that holds the name is written before the entry is made; it may be there already."""
    make_vault(tmp_path / "vault")
    with behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        paths.write(LONG, b"first")
        for nth in range(1, 4):
            faulty.arm(Fault(nth, frozenset({"pwrite", "truncate"}), errno.ENOSPC, "half", dies=True))
            with pytest.raises((FileExistsError, OSError)):
                paths.write(LONG, b"second")
            faulty.arm(None)
            assert paths.walk()[LONG].content == b"first"
    assert read_by_both(tmp_path / "vault") == {LONG: b"first"}


def test_a_folder_that_could_not_be_removed_keeps_its_id(tmp_path: Path) -> None:
    make_tree(tmp_path / "vault")
    with behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        # In a folder from which one was moved away, every new one has an id of its own.
        paths.mkdir(b"two/new")
        for nth in range(2, 6):
            faulty.arm(Fault(nth, frozenset({"rmdir", "unlink", "rename"}), errno.EIO))
            with contextlib.suppress(OSError):
                paths.rmdir(b"two/new")
            fired = faulty.fired
            faulty.arm(None)
            if not fired:
                break
            paths.write(b"two/new/file", b"plain")
            paths.vfs.commits.run()
            assert _read_by_both_while_open(tmp_path / "vault")[b"two/new/file"] == b"plain"
            paths.unlink(b"two/new/file")


def _read_by_both_while_open(path: Path) -> dict[bytes, bytes]:
    return {name: entry.content for name, entry in open_with_reader(path, recovery_key=RECOVERY_KEY).walk().items()}


def test_a_move_that_the_store_refuses_takes_no_id_from_the_target(tmp_path: Path) -> None:
    make_tree(tmp_path / "vault")
    with behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        paths.mkdir(b"two/new")
        with pytest.raises(InvalidArgumentError, match="into itself"):
            paths.rename(b"two", b"two/new")
        # The first two renames are of records, the third is the folder's.
        faulty.arm(Fault(3, frozenset({"rename"}), errno.EACCES))
        with pytest.raises(PermissionError):
            paths.rename(b"one", b"two/new")
        faulty.arm(None)
        paths.write(b"two/new/file", b"plain")
    assert read_by_both(tmp_path / "vault")[b"two/new/file"] == b"plain"
