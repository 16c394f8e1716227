"""A file that a rename replaces: whoever found it before can open it after, once, and nothing is held for longer."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from fs.trees import behind_a_faulty_store
from store.faulty import Fault
from wafs.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fs.paths import Paths
    from store.faulty import FaultyStore


@pytest.fixture
def bench(vault_path: Path) -> Iterator[tuple[Paths, FaultyStore]]:
    with behind_a_faulty_store(vault_path) as (paths, faulty):
        paths.write(b"old", b"old")
        paths.write(b"new", b"new")
        faulty.arm(None)
        yield paths, faulty


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
def test_it_is_opened_by_who_found_it_before(bench: tuple[Paths, FaultyStore], flags: int) -> None:
    paths, faulty = bench
    files = paths.vfs.files
    with paths.held(b"old") as number:
        paths.rename(b"new", b"old")
        fh = files.open(number, flags).fh
        assert bytes(files.read(fh, 0, 10, paths.scratch)) == b"old"
        if flags == os.O_RDWR:
            files.write(fh, 3, memoryview(b"er"), paths.scratch)
            assert bytes(files.read(fh, 0, 10, paths.scratch)) == b"older"
        assert paths.vfs.attributes.get(number).nlink == 0
        again = files.open(number, os.O_RDONLY).fh
        files.release(fh)
        files.release(again)
        with pytest.raises(NotFoundError):
            files.open(number, flags)
    assert paths.read(b"old") == b"new"
    assert kept(faulty) == 0


def kept(faulty: FaultyStore) -> int:
    """Return how many files are open in the store, the journal not counted."""
    return sum(not name.startswith(b"wafs.journal") for name in faulty.files.values())


def test_nothing_is_held_once_it_is_forgotten_or_the_vault_closed(bench: tuple[Paths, FaultyStore]) -> None:
    paths, faulty = bench
    with paths.held(b"old"):
        paths.rename(b"new", b"old")
        assert kept(faulty) == 1
    assert kept(faulty) == 0
    paths.write(b"new", b"newer")
    paths.vfs.tree.lookup(1, b"old")
    paths.rename(b"new", b"old")
    assert kept(faulty) == 1
    paths.vfs.close()
    assert kept(faulty) == 0


def test_only_what_can_be_asked_for_is_kept(bench: tuple[Paths, FaultyStore]) -> None:
    paths, faulty = bench
    paths.rename(b"new", b"old")
    assert (faulty.asked["open"], kept(faulty)) == (0, 0)
    paths.link(b"old", b"other name")
    paths.write(b"new", b"newer")
    paths.mknod(b"pipe", stat.S_IFIFO | 0o600)
    faulty.arm(None)
    with paths.held(b"old"), paths.held(b"pipe"):
        paths.rename(b"new", b"old")
        paths.rename(b"old", b"pipe")
    assert faulty.asked["open"] == 0


def test_a_rename_that_fails_keeps_nothing(bench: tuple[Paths, FaultyStore]) -> None:
    paths, faulty = bench
    with paths.held(b"old") as number:
        faulty.arm(Fault(1, frozenset({"rename"}), errno.EIO))
        with pytest.raises(OSError, match="Input"):
            paths.rename(b"new", b"old")
        assert kept(faulty) == 0
        assert paths.read_ino(number) == b"old"
    assert paths.read(b"new") == b"new"


def test_what_can_only_be_read_is_kept_to_be_read(bench: tuple[Paths, FaultyStore]) -> None:
    paths, faulty = bench
    with paths.held(b"old") as number:
        # The first try is for reading and writing.
        faulty.arm(Fault(1, frozenset({"open"}), errno.EACCES))
        paths.rename(b"new", b"old")
        with pytest.raises(NotFoundError):
            paths.vfs.files.open(number, os.O_RDWR)
        assert paths.read_ino(number) == b"old"
    assert paths.read(b"old") == b"new"
    assert kept(faulty) == 0
