"""Directory handles: what is asked for stays open as long as promised, and nothing stays open for ever."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from vault.making import make_vault, opened_behind_faults
from wafs.errors import NotFoundError
from wafs.fs.attrs import Caller
from wafs.fs.dir_handles import AT_ONCE, DirHandles
from wafs.fs.vfs import Vfs
from wafs.units import ROOT_INO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from store.faulty import FaultyStore
    from wafs.fs.inodes import Inode
    from wafs.store.base import Handle

ME = Caller(os.geteuid(), os.getegid())
DEPTH = 3 * AT_ONCE


class World:
    """A vault with `DEPTH` folders below each other and as many beside each other; a cache of the least size."""

    def __init__(self, vfs: Vfs, faulty: FaultyStore) -> None:
        self.vfs = vfs
        self.faulty = faulty
        self.handles = self.cache(AT_ONCE)
        self.deep = self._folders(below=True)
        self.flat = self._folders(below=False)
        # The cache of the Vfs itself stays out of it.
        vfs.context.dir_handles.clear()

    def cache(self, capacity: int) -> DirHandles:
        context, vault = self.vfs.context, self.vfs.vault
        return DirHandles(vault.store, vault.tree, context.directories, context.lock, capacity)

    def _folders(self, *, below: bool) -> list[Inode]:
        folders = [self.vfs.context.inodes[ROOT_INO]]
        for number in range(DEPTH):
            parent = folders[-1].number if below else ROOT_INO
            made = self.vfs.tree.mkdir(parent, b"%d %d" % (below, number), 0o700, ME)
            folders.append(self.vfs.context.inodes[made.ino])
        return folders[1:]

    def is_open(self, handle: Handle, inode: Inode) -> bool:
        """Tell whether a handle still is that of a directory, and not closed or somebody else's by now."""
        try:
            return self.vfs.vault.store.fstat(handle).st_ino == inode.identity[1]
        except OSError:
            return False


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    make_vault(tmp_path)
    vault, faulty = opened_behind_faults(tmp_path)
    with Vfs(vault) as vfs:
        made = World(vfs, faulty)
        yield made
        made.handles.clear()
    assert not faulty.files


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_the_last_ones_that_were_asked_for_are_open(world: World) -> None:
    asked = [(world.handles.of(inode), inode) for inode in world.flat[:AT_ONCE]]
    assert all(world.is_open(handle, inode) for handle, inode in asked)


def test_a_long_way_does_not_close_what_was_asked_for_before(world: World) -> None:
    first = world.handles.of(world.flat[0])
    deepest = world.handles.of(world.deep[-1])
    assert world.is_open(first, world.flat[0])
    assert world.is_open(deepest, world.deep[-1])


def test_no_more_than_the_capacity_stay_open(world: World) -> None:
    before = _open_files()
    for inode in [*world.deep, *world.flat, *reversed(world.deep)]:
        assert world.is_open(world.handles.of(inode), inode)
        assert _open_files() <= before + AT_ONCE


def test_what_is_lent_stays_open_until_it_is_given_back(world: World) -> None:
    before = _open_files()
    lent = world.handles.lend(world.flat[0])
    assert world.handles.lend(world.flat[0]) == lent
    for inode in world.flat[1:]:
        world.handles.of(inode)
    assert world.is_open(lent, world.flat[0])
    world.handles.give_back(lent)
    assert world.is_open(lent, world.flat[0])
    world.handles.give_back(lent)
    assert not world.is_open(lent, world.flat[0])
    assert _open_files() == before + AT_ONCE


def test_what_is_lent_survives_that_its_directory_is_dropped_and_all_are_forgotten(world: World) -> None:
    before = _open_files()
    first, second = world.handles.lend(world.flat[0]), world.handles.lend(world.flat[1])
    world.handles.drop(world.flat[0])
    world.handles.clear()
    assert world.is_open(first, world.flat[0])
    assert world.is_open(second, world.flat[1])
    world.handles.give_back(first)
    world.handles.give_back(second)
    assert _open_files() == before


def test_what_is_given_back_while_it_is_cached_stays_open(world: World) -> None:
    lent = world.handles.lend(world.flat[0])
    world.handles.give_back(lent)
    assert world.handles.of(world.flat[0]) == lent
    assert world.is_open(lent, world.flat[0])


def test_a_directory_that_was_removed_is_not_found_and_leaves_nothing_open(world: World) -> None:
    world.handles.of(world.deep[-1])
    world.vfs.tree.rmdir(world.deep[-2].number, b"1 %d" % (DEPTH - 1))
    world.handles.clear()
    before = _open_files()
    with pytest.raises(NotFoundError):
        world.handles.lend(world.deep[-1])
    world.handles.clear()
    assert _open_files() == before


def test_a_cache_that_cannot_keep_the_promise_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="4 directory handles, not 3"):
        world.cache(AT_ONCE - 1)


def test_the_steps_of_a_short_way_are_kept_in_a_cache_that_is_full(world: World) -> None:
    cache = world.cache(DEPTH)
    for inode in world.flat:
        cache.of(inode)
    # Two folders below the top, then one beside the last: the way is not gone a second time.
    world.faulty.arm(None)
    cache.of(world.deep[1])
    assert world.faulty.asked["open_dir"] == 2
    cache.of(world.flat[0])
    cache.of(world.deep[2])
    assert world.faulty.asked["open_dir"] == 4
    cache.clear()
