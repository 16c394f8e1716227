"""Crowds: when there are too many inodes, those that nobody uses are named, the oldest first."""

import threading
from pathlib import Path

import pytest

from fs.paths import ME
from vault.making import opened
from wafs.fs import inodes
from wafs.fs.inodes import Inode
from wafs.fs.vfs import Vfs
from wafs.fuse.pruner import Pruner
from wafs.fuse.wire import replies
from wafs.units import ROOT_INO

CROWD = 512

pytestmark = pytest.mark.interpreted


@pytest.fixture(autouse=True)
def small_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inodes, "CROWD", CROWD)


def _make(vfs: Vfs, count: int) -> list[int]:
    numbers: list[int] = []
    for number in range(count):
        entry, fh = vfs.files.create(ROOT_INO, b"%d" % number, 0o600, flags=1, caller=ME)
        vfs.files.release(fh)
        numbers.append(entry.ino)
    return numbers


def _numbers(found: list[Inode]) -> list[int]:
    return [inode.number for inode in found]


def test_few_inodes_are_no_crowd(vault_path: Path) -> None:
    with Vfs(opened(vault_path)) as vfs:
        _make(vfs, CROWD - 2)
        assert not vfs.context.inodes.crowded.is_set()


def test_what_is_idle_is_named_in_turn(vault_path: Path) -> None:
    with Vfs(opened(vault_path)) as vfs:
        folder = vfs.tree.mkdir(ROOT_INO, b"folder", 0o700, ME)
        made = _make(vfs, 2 * CROWD)
        table = vfs.context.inodes
        assert table.crowded.is_set()
        held = vfs.files.open(made[1], 0)
        oldest = [made[0], *made[2:11]]
        assert _numbers(table.take_idle(10)) == oldest
        for number in oldest:
            vfs.tree.forget(number)
        following = _numbers(table.take_idle(4 * CROWD))
        assert following[0] == made[11]
        assert following[-1] < made[-1] - CROWD // 2 + 2
        assert not {made[1], folder.ino} & set(following)
        assert not table.crowded.is_set()
        # Who is still held comes again with the next crowd.
        assert _numbers(table.take_idle(1)) == [made[11]]
        vfs.files.release(held.fh)


@pytest.mark.parametrize("minor", [31, 44, 45])
def test_a_kernel_that_can_be_told_inodes_is_told(vault_path: Path, minor: int) -> None:
    said: list[bytes] = []
    with Vfs(opened(vault_path)) as vfs:
        made = _make(vfs, 2 * CROWD)
        pruner = Pruner(vfs.context, said.append, lambda: minor)
        pruner.start()
        while vfs.context.inodes.crowded.is_set() and pruner._thread.is_alive():
            pruner._thread.join(0.001)
        assert pruner._thread.is_alive() == (minor >= 45)
        pruner.stop()
        # Everything below the youngest of half a crowd.
        told = made[: vfs.context.inodes._next - CROWD // 2 - made[0]] if minor >= 45 else []
        assert said == [replies.notify_prune(told[at : at + 512]) for at in range(0, len(told), 512)]


def test_a_stop_while_it_chooses_is_not_missed(vault_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Vfs(opened(vault_path)) as vfs:
        _make(vfs, 2 * CROWD)
        table, choosing, go_on = vfs.context.inodes, threading.Event(), threading.Event()
        take_idle = table.take_idle

        def slowly(count: int) -> list[Inode]:
            choosing.set()
            assert go_on.wait(30)
            return take_idle(4 * CROWD)

        monkeypatch.setattr(table, "take_idle", slowly)
        pruner = Pruner(vfs.context, lambda message: None, lambda: 45)
        pruner.start()
        assert choosing.wait(30)
        stopping = threading.Thread(target=pruner.stop)
        stopping.start()
        while not pruner._stopping:
            stopping.join(0.001)
        go_on.set()
        stopping.join(30)
        assert not stopping.is_alive()


def test_a_kernel_that_cannot_be_told_is_left_alone(vault_path: Path) -> None:
    def fail(message: bytes) -> None:
        raise OSError(22, "no")

    with Vfs(opened(vault_path)) as vfs:
        made = _make(vfs, 2 * CROWD)
        pruner = Pruner(vfs.context, fail, lambda: 45)
        pruner.start()
        while vfs.context.inodes.crowded.is_set():
            pruner._thread.join(0.001)
        pruner.stop()
        assert vfs.attributes.get(made[0]).size == 0
