"""Neighbours: who opens the files of a folder in order has the next ones asked for, and nobody else has."""

from __future__ import annotations

import errno
import os
import random
import stat
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fs.paths import Paths
from vault.making import make_vault, opened_behind_faults
from wafs.fs import neighbours as module
from wafs.fs.inodes import Inode, Link
from wafs.fs.neighbours import Neighbours
from wafs.fs.vfs import Vfs
from wafs.store.local import LocalStore
from wafs.units import Ino
from wafs.vault.directory import Listed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.interpreted

COUNT = 20
MADE = {place: 1000 + 7 * place for place in range(COUNT)}
"""Inode numbers by the order in which the files were made; a listing shows them in another one."""


def name(ino: int) -> bytes:
    return b"%d.wafs" % ino


@dataclass
class World:
    """A store that notes what it is asked to fetch, and the folders in it, by number."""

    folders: dict[int, list[int]] = field(default_factory=dict)
    fetched: list[bytes] = field(default_factory=list)
    listed: list[int] = field(default_factory=list)
    lent: list[int] = field(default_factory=list)
    in_memory: bool = False
    takes_s: float = 0.0
    error: OSError | None = None
    size: int = 4096
    now: float = 0.0

    def __post_init__(self) -> None:
        self.asked = Neighbours(cast("Any", self), cast("Any", self), threading.RLock())

    # As a store and as directory handles.

    def lend(self, folder: Inode) -> int:
        self.lent.append(folder.number)
        return folder.number

    def give_back(self, handle: int) -> None:
        self.lent.remove(handle)

    def fstat(self, _handle: int) -> SimpleNamespace:
        return SimpleNamespace(st_size=self.size)

    def entries(self, handle: int) -> list[tuple[bytes, int, int]]:
        self.listed.append(handle)
        self.now += self.takes_s
        inner = [(b"wafs.dir", stat.S_IFREG, 1), (b"folder.wafs", stat.S_IFDIR, 2)]
        return inner + [(name(ino), stat.S_IFREG, ino) for ino in self.folders[handle]]

    def open(self, _parent: int, entry: bytes, flags: int) -> bytes:
        assert flags == os.O_RDONLY | os.O_NONBLOCK | os.O_NOATIME
        self.now += self.takes_s
        if self.error is not None:
            raise self.error
        return entry

    def fetch(self, handle: bytes, size: int) -> bool:
        assert size > 0
        self.fetched.append(handle)
        return self.in_memory

    def close(self, _handle: bytes) -> None:
        """Take a handle back."""

    # What a mount does.

    def add(self, number: int, inos: list[int], *, is_listed: bool) -> Inode:
        folder = Inode(Ino(number), stat.S_IFDIR, (1, number))
        self.folders[number] = inos
        if is_listed:
            listed = [Listed(b"plain", name(ino), stat.S_IFREG, ino) for ino in inos]
            self.asked.note_listed(folder, [*listed, Listed(b"sub", b"sub.wafs", stat.S_IFDIR, 3)])
        return folder

    def opens(self, folder: Inode, ino: int) -> list[bytes]:
        """Open a file, do the chores that this leaves; return what was fetched."""
        inode = Inode(Ino(10_000 + ino), stat.S_IFREG, (1, ino))
        inode.links = [Link(folder, b"plain")]
        before = len(self.fetched)
        self.asked.note_open(inode)
        while self.asked.chores:
            self.asked.chores.popleft()()
        assert not self.lent
        return self.fetched[before:]


def _shown() -> list[int]:
    """The files as a listing shows them."""
    inos = list(MADE.values())
    random.Random(1).shuffle(inos)
    return inos


def _walk(world: World, folder: Inode, inos: list[int]) -> list[list[bytes]]:
    return [world.opens(folder, ino) for ino in inos]


@pytest.fixture(params=["as listed", "as made"])
def order(request: pytest.FixtureRequest) -> list[int]:
    return _shown() if request.param == "as listed" else sorted(_shown())


@pytest.mark.parametrize("is_listed", [True, False])
def test_who_opens_one_after_the_other_has_each_of_the_next_fetched_once(order: list[int], *, is_listed: bool) -> None:
    world = World()
    folder = world.add(5, _shown(), is_listed=is_listed)
    fetched = _walk(world, folder, order)
    assert fetched[:2] == [[], []]
    assert fetched[2] == [name(ino) for ino in order[3:7]]
    assert fetched[3:] == [[name(order[place + 4])] if place + 4 < COUNT else [] for place in range(3, COUNT)]
    assert world.listed == ([] if is_listed else [5])


@pytest.mark.parametrize("is_listed", [True, False])
def test_it_goes_on_at_once_in_the_next_folder(order: list[int], *, is_listed: bool) -> None:
    world = World()
    _walk(world, world.add(5, _shown(), is_listed=is_listed), order)
    other = world.add(6, [ino + 5000 for ino in _shown()], is_listed=is_listed)
    fetched = _walk(world, other, [ino + 5000 for ino in order])
    first = 0 if is_listed else 1
    assert [len(found) for found in fetched[: first + 2]] == [0] * first + [4, 1]
    assert fetched[first] == [name(ino + 5000) for ino in order[first + 1 : first + 5]]


def test_some_may_be_left_out(order: list[int]) -> None:
    world = World()
    folder = world.add(5, _shown(), is_listed=True)
    assert [len(found) for found in _walk(world, folder, order[::3][:5])] == [0, 0, 4, 3, 3]


def test_who_opens_here_and_there_has_nothing_fetched() -> None:
    world = World()
    inos = list(range(2000))
    folder = world.add(5, inos, is_listed=True)
    drawn = random.Random(2).sample(inos, 500)
    assert sum(map(len, _walk(world, folder, drawn))) < 20


def test_who_goes_on_elsewhere_has_to_be_followed_anew() -> None:
    world = World()
    inos = list(range(100))
    folder = world.add(5, inos, is_listed=True)
    assert [len(found) for found in _walk(world, folder, [0, 1, 2, 50, 51, 52, 53])] == [0, 0, 4, 0, 0, 4, 1]


def test_two_files_of_a_folder_do_not_have_it_listed() -> None:
    world = World()
    folder = world.add(5, _shown(), is_listed=False)
    world.opens(folder, MADE[0])
    assert world.listed == []


def test_a_large_folder_is_not_listed_for_this_alone(order: list[int]) -> None:
    world = World(size=1 << 20)
    assert not any(_walk(world, world.add(5, _shown(), is_listed=False), order))
    assert world.listed == []


def test_so_many_files_are_not_remembered() -> None:
    world = World()
    huge = list(range(40_000))
    assert not any(_walk(world, world.add(5, huge, is_listed=True), huge[:10]))
    folders = [world.add(number, [number * 10_000 + ino for ino in range(9000)], is_listed=True) for number in range(9)]
    sizes = [
        len(_walk(world, folder, [folder.number * 10_000 + ino for ino in range(3)])[2]) for folder in folders[-3:]
    ]
    assert sizes[0] == 4
    assert sum(known.size for known in world.asked._folders.values()) <= 32_768
    for number in range(20, 40):
        world.add(number, [1], is_listed=True)
    assert len(world.asked._folders) == 8


def test_the_bounds_hold_also_where_nobody_does_the_chores() -> None:
    world = World()
    folders = [
        world.add(number, [100_000 * number + ino for ino in range(30_000)], is_listed=False) for number in range(9)
    ]
    chores = []
    for folder in folders:
        for ino in range(1000):
            inode = Inode(Ino(1), stat.S_IFREG, (1, 100_000 * folder.number + ino))
            inode.links = [Link(folder, b"plain")]
            world.asked.note_open(inode)
        assert len(world.asked.chores) == 1
        chores.append(world.asked.chores.popleft())
    assert sum(len(known.opened) for known in world.asked._folders.values()) == 8 * 4
    for chore in chores:
        chore()
    assert sum(known.size for known in world.asked._folders.values()) <= 32_768


def test_a_folder_that_takes_long_to_list_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(takes_s=0.03)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: world.now))
    for number in (5, 6):
        _walk(world, world.add(number, _shown(), is_listed=False), _shown()[:2])
    assert world.listed == [5]


def test_what_is_in_memory_is_not_asked_for_on_and_on() -> None:
    world = World(in_memory=True)
    inos = list(range(1000))
    fetched = _walk(world, world.add(5, inos, is_listed=True), inos)
    assert 0 < sum(map(len, fetched)) <= 4 * 8


def test_a_store_that_is_far_away_is_not_asked_twice_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(takes_s=0.01)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: world.now))
    inos = list(range(1000))
    fetched = _walk(world, world.add(5, inos, is_listed=True), inos)
    assert 0 < sum(map(len, fetched)) <= 4 * 4


def test_what_the_store_refuses_is_nobodys_concern(order: list[int]) -> None:
    world = World(error=OSError(errno.ENOENT, "gone"))
    assert not any(_walk(world, world.add(5, _shown(), is_listed=True), order))


def test_a_file_without_a_name_has_no_neighbours() -> None:
    world = World()
    world.asked.note_open(Inode(Ino(7), stat.S_IFREG, (1, 7)))
    assert not world.asked.chores


def test_files_of_a_vault_that_are_read_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine a store in memory may look as if it were far away.
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: 0.0))
    make_vault(tmp_path)
    vault, faulty = opened_behind_faults(tmp_path)
    with Vfs(vault) as vfs:
        paths = Paths(vfs)
        names = [b"IMG-%04d.jpg" % number for number in range(8)]
        for each in names:
            paths.write(each, each)
        made = [paths.attrs(each).ino for each in names]
        entries = LocalStore.entries

        def as_made(store: LocalStore, directory: int) -> list[tuple[bytes, int, int]]:
            # Storages list in an order of their own, which may look like another one by chance.
            return sorted(
                entries(store, directory), key=lambda item: made.index(item[2]) if item[2] in made else len(made)
            )

        monkeypatch.setattr(LocalStore, "entries", as_made)
        faulty.arm(None)
        chores: list[Callable[[], None]] = []
        for each in names[:4]:
            assert paths.read(each) == each
            while vfs.context.neighbours.chores:
                chores.append(vfs.context.neighbours.chores.popleft())
                chores[-1]()
        assert faulty.asked["fetch"] == 5
        assert len(chores) == 6
        vfs.context.neighbours.chores.append(lambda: None)
    assert not vfs.context.neighbours.chores
    assert not faulty.files
