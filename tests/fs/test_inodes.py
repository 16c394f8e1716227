"""Inodes: held as long as somebody holds them, never mixed up, and gone after."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from fs.paths import ME, Paths
from wafs.errors import NotFoundError
from wafs.fs.dir_handles import AT_ONCE
from wafs.fs.inodes import Inode, InodeTable
from wafs.fs.rename import RENAME_EXCHANGE
from wafs.units import ROOT_INO

if TYPE_CHECKING:
    from pathlib import Path


def _stat(ino: int, kind: int = stat.S_IFREG) -> os.stat_result:
    return os.stat_result((kind | 0o600, ino, 1, 1, 0, 0, 0, 0, 0, 0))


class InodeMachine(RuleBasedStateMachine):
    """The table beside a plain count of who holds what."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.table = InodeTable(_stat(1, stat.S_IFDIR))
        self.pins: dict[int, int] = {}
        self.seen: set[int] = set()

    def _pin(self, inode: Inode) -> Inode:
        inode.pins += 1
        if inode is not self.table.root:
            self.pins[inode.number] = self.pins.get(inode.number, 0) + 1
        self.seen.add(inode.number)
        return inode

    @rule(target=held, name=st.sampled_from((b"a", b"b", b"c")), ino=st.integers(2, 5))
    def look_up_in_the_root(self, name: bytes, ino: int) -> Inode:
        return self._pin(self.table.find(self.table.root, name, _stat(ino)))

    @rule(target=held, name=st.sampled_from((b"d", b"e")), ino=st.integers(12, 14))
    def look_up_a_folder(self, name: bytes, ino: int) -> Inode:
        return self._pin(self.table.find(self.table.root, name, _stat(ino, stat.S_IFDIR)))

    @rule(target=held, folder=held, name=st.sampled_from((b"x", b"y")), ino=st.integers(20, 24))
    def look_up_below(self, folder: Inode, name: bytes, ino: int) -> Inode:
        if not folder.is_dir or folder.number not in self.pins:
            folder = self.table.root
        return self._pin(self.table.find(folder, name, _stat(ino)))

    @rule(inode=consumes(held))
    def forget(self, inode: Inode) -> None:
        self.pins[inode.number] -= 1
        self.table.unpin(inode)
        if not self.pins[inode.number]:
            del self.pins[inode.number]

    @rule(name=st.sampled_from((b"a", b"b", b"c", b"d", b"e")), is_gone=st.booleans())
    def remove(self, name: bytes, is_gone: bool) -> None:
        self.table.drop_link(self.table.root, name, is_gone=is_gone)
        assert self.table.known(self.table.root, name) is None

    @invariant()
    def who_is_held_is_there_and_reachable_by_number(self) -> None:
        for number in self.pins:
            assert self.table[number].number == number

    @invariant()
    def every_pin_is_accounted_for(self) -> None:
        inodes = {number: self.table[number] for number in self.seen if self._is_there(number)}
        for number, inode in inodes.items():
            children = sum(link.parent is inode for other in inodes.values() for link in other.links)
            assert inode.pins == self.pins.get(number, 0) + children
            assert inode.pins > 0
        assert len(self.table) == len(inodes) + 1

    def _is_there(self, number: int) -> bool:
        try:
            self.table[number]
        except NotFoundError:
            return False
        return True


TestInodeMachine = InodeMachine.TestCase
TestInodeMachine.settings = settings(stateful_step_count=40)


def _count(paths: Paths) -> int:
    return len(paths.vfs.context.inodes)


def _is_clean(paths: Paths) -> bool:
    vfs = paths.vfs
    return _count(paths) == 1 and vfs.files.is_idle() and vfs.streams.is_idle()


def test_nothing_is_left_of_what_was_forgotten(paths: Paths) -> None:
    for name in (b"a", b"a/b", b"a/b/c"):
        paths.mkdir(name)
    paths.write(b"a/b/c/file", b"plain")
    paths.link(b"a/b/c/file", b"a/link")
    paths.symlink(b"s", b"t")
    paths.mknod(b"p", stat.S_IFIFO | 0o600)
    paths.rename(b"a/b", b"moved")
    paths.rename(b"moved/c", b"a", RENAME_EXCHANGE)
    paths.walk()
    for name in (b"link", b"nothing"):
        with pytest.raises((NotFoundError, FileNotFoundError)):
            paths.unlink(name)
    assert _is_clean(paths)


def test_the_root_cannot_be_forgotten(paths: Paths) -> None:
    for number, count in ((ROOT_INO, 5), (99, 1)):
        paths.vfs.tree.forget(number, count)
    assert paths.names() == []


def test_a_number_is_never_used_twice(paths: Paths) -> None:
    seen = set()
    for _ in range(5):
        paths.write(b"file", b"plain")
        with paths.held(b"file") as number:
            assert number not in seen
            seen.add(number)
        paths.unlink(b"file")
    assert _is_clean(paths)


def test_hard_links_are_one_inode_however_found(paths: Paths) -> None:
    paths.mkdir(b"folder")
    paths.write(b"one", b"plain")
    paths.link(b"one", b"folder/two")
    with paths.held(b"one") as first, paths.held(b"folder/two") as second:
        assert first == second
        assert paths.vfs.attributes.get(first).nlink == 2
        paths.unlink(b"one")
        assert paths.vfs.attributes.get(first).nlink == 1
        assert paths.read_ino(first) == b"plain"
    paths.rename(b"folder/two", b"one")
    assert paths.read(b"one") == b"plain"
    assert _is_clean(paths)


def test_a_rename_onto_another_link_of_the_same_file_leaves_both(paths: Paths) -> None:
    paths.write(b"one", b"plain")
    paths.link(b"one", b"two")
    paths.rename(b"one", b"two")
    assert paths.names() == [b"one", b"two"]
    with paths.held(b"one") as first, paths.held(b"two") as second:
        assert first == second
        paths.rename(b"one", b"two")
    assert _is_clean(paths)


def test_an_open_file_outlives_its_last_name(paths: Paths) -> None:
    paths.write(b"file", b"plain")
    with paths.held(b"file") as number:
        fh = paths.vfs.files.open(number, os.O_RDWR).fh
        paths.unlink(b"file")
        attrs = paths.vfs.attributes.get(number)
        assert (attrs.nlink, attrs.size) == (0, 5)
        paths.vfs.files.write(fh, 5, memoryview(b" more"), paths.scratch)
        assert bytes(paths.vfs.files.read(fh, 0, 100, paths.scratch)) == b"plain more"
        # A file of the same name is another file.
        paths.write(b"file", b"new")
        with paths.held(b"file") as other:
            assert other != number
        paths.vfs.files.release(fh)
        # Known to whoever still holds it, as it was when its last name went.
        assert paths.vfs.attributes.get(number).nlink == 0
        with pytest.raises(NotFoundError):
            paths.vfs.files.open(number, os.O_RDONLY)
    assert paths.read(b"file") == b"new"
    assert _is_clean(paths)


def test_a_file_replaced_by_a_rename_outlives_it_while_it_is_open(paths: Paths) -> None:
    paths.write(b"old", b"old")
    paths.write(b"new", b"new")
    with paths.held(b"old") as number:
        fh = paths.vfs.files.open(number, os.O_RDONLY).fh
        paths.rename(b"new", b"old")
        assert bytes(paths.vfs.files.read(fh, 0, 10, paths.scratch)) == b"old"
        assert paths.vfs.attributes.get(number).nlink == 0
        paths.vfs.files.release(fh)
    assert paths.read(b"old") == b"new"
    assert _is_clean(paths)


def test_what_is_still_held_is_not_taken_for_a_file_that_got_its_inode_number(paths: Paths) -> None:
    """Two links, one of them never looked up: the file is gone after both were removed, and its number is free."""
    paths.write(b"one", b"first")
    paths.link(b"one", b"two")
    with paths.held(b"one") as number:
        identity = paths.vfs.context.inodes[number].identity
        paths.unlink(b"one")
        paths.unlink(b"two")
        reused = os.stat_result((stat.S_IFREG | 0o600, identity[1], identity[0], 1, 0, 0, 0, 0, 0, 0))
        inodes = paths.vfs.context.inodes
        other = inodes.find(inodes.root, b"three", reused)
        assert other.number != number
        inodes.drop_link(inodes.root, b"three", is_gone=True)
    assert _is_clean(paths)


def test_an_exchange_leaves_both_open_files_what_they_are(paths: Paths) -> None:
    paths.mkdir(b"folder")
    paths.write(b"one", b"1")
    paths.write(b"folder/two", b"2")
    with paths.held(b"one") as one, paths.held(b"folder/two") as two:
        paths.rename(b"one", b"folder/two", RENAME_EXCHANGE)
        assert (paths.read_ino(one), paths.read_ino(two)) == (b"1", b"2")
        assert (paths.read(b"one"), paths.read(b"folder/two")) == (b"2", b"1")
        with paths.held(b"folder/two") as here:
            assert here == one
    assert _is_clean(paths)


def test_what_was_changed_behind_our_back_is_another_inode(paths: Paths, vault_path: Path) -> None:
    for name in (b"one", b"two"):
        paths.write(name, name)
    tree = vault_path / "tree"
    sealed = {
        name: tree / os.fsdecode(paths.vfs.context.seal(paths.vfs.context.inodes.root, name).entry)
        for name in (b"one", b"two")
    }
    with paths.held(b"one") as number:
        sealed[b"two"].rename(sealed[b"one"])
        with paths.held(b"one") as other:
            assert other != number
        assert paths.read(b"one") == b"two"
        sealed[b"one"].unlink()
        with pytest.raises(NotFoundError):
            paths.read(b"one")
    assert _is_clean(paths)


def test_a_file_without_a_name_can_be_given_one(paths: Paths) -> None:
    entry, fh = paths.vfs.files.create_unnamed(ROOT_INO, 0o600, flags=os.O_RDWR, caller=ME)
    paths.vfs.files.write(fh, 0, memoryview(b"plain"), paths.scratch)
    assert paths.names() == []
    assert paths.vfs.attributes.get(entry.ino).nlink == 0
    paths.vfs.tree.forget(paths.vfs.tree.link(entry.ino, ROOT_INO, b"named").ino)
    paths.vfs.files.release(fh)
    paths.vfs.tree.forget(entry.ino)
    assert paths.read(b"named") == b"plain"
    assert _is_clean(paths)


def test_a_file_without_a_name_is_gone_when_it_is_closed(paths: Paths) -> None:
    entry, fh = paths.vfs.files.create_unnamed(ROOT_INO, 0o600, flags=os.O_RDWR, caller=ME)
    paths.vfs.files.release(fh)
    with pytest.raises(NotFoundError):
        paths.vfs.tree.link(entry.ino, ROOT_INO, b"late")
    paths.vfs.tree.forget(entry.ino)
    assert _is_clean(paths)


def test_more_folders_than_handles_are_no_trouble(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths.vfs.context.dir_handles, "_capacity", AT_ONCE)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(12):
        paths.mkdir(b"d%d" % number)
        paths.write(b"d%d/file" % number, b"%d" % number)
    assert [paths.read(b"d%d/file" % number) for number in range(12)] == [b"%d" % number for number in range(12)]
    paths.vfs.commits.run()
    assert len(os.listdir("/proc/self/fd")) <= before + AT_ONCE
