"""Paths and walks over an open vault: symlinks as the kernel follows them, and no pin left behind."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wafs.errors import InvalidArgumentError, NameTooLongError, NotADirError, NotFoundError
from wafs.format.slot import RECOVERY, Argon2Cost
from wafs.fs.attrs import Caller
from wafs.fs.vfs import Vfs
from wafs.fs.walk import found, found_parent, names_in, parts_of, walk
from wafs.units import ROOT_INO, Ino
from wafs.vault.vault import create_vault, open_vault

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = bytes(range(32))
ME = Caller(os.geteuid(), os.getegid())


@pytest.fixture
def vfs(tmp_path: Path) -> Iterator[Vfs]:
    """A vault with a/b/file, a/empty, top and a few symlinks; nothing in it stays pinned."""
    path = str(tmp_path / "vault")
    create_vault(path, b"password", recovery_key=KEY, cost=Argon2Cost(8192, 1, 1))
    with Vfs(open_vault(path, lambda kind: KEY if kind == RECOVERY else None)) as vfs:
        a = make_dir(vfs, ROOT_INO, b"a")
        b = make_dir(vfs, a, b"b")
        make_dir(vfs, a, b"empty")
        make_file(vfs, b, b"file")
        make_file(vfs, ROOT_INO, b"top")
        links = {b"to_b": b"a/b", b"up": b"a/b/../../top", b"loop": b"loop", b"out": b"/etc", b"out2": b"a/../../x"}
        for name, target in links.items():
            vfs.tree.forget(vfs.tree.symlink(ROOT_INO, name, target, ME).ino)
        vfs.tree.forget(a)
        vfs.tree.forget(b)
        assert len(vfs.context.inodes) == 1
        yield vfs
        assert len(vfs.context.inodes) == 1


def make_dir(vfs: Vfs, parent: Ino, name: bytes) -> Ino:
    entry = vfs.tree.mkdir(parent, name, 0o755, ME)
    if name == b"empty":
        vfs.tree.forget(entry.ino)
    return entry.ino


def make_file(vfs: Vfs, parent: Ino, name: bytes) -> None:
    vfs.tree.forget(vfs.tree.mknod(parent, name, stat.S_IFREG | 0o644, device=0, caller=ME).ino)


def ignore(path: bytes, error: Exception) -> None:
    raise AssertionError(path) from error


def test_parts() -> None:
    assert parts_of(b"//a/./b c//..//") == [b"a", b"b c", b".."]
    assert parts_of(b"/") == parts_of(b"") == parts_of(b".") == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (b"/", stat.S_IFDIR),
        (b"", stat.S_IFDIR),
        (b"..", stat.S_IFDIR),
        (b"/../..", stat.S_IFDIR),
        (b"a/b/file", stat.S_IFREG),
        (b"/a//b/./file", stat.S_IFREG),
        (b"a/b/../b/file", stat.S_IFREG),
        (b"a/", stat.S_IFDIR),
        (b"to_b", stat.S_IFLNK),
        (b"to_b/", stat.S_IFDIR),
        (b"to_b/.", stat.S_IFDIR),
        (b"to_b/file", stat.S_IFREG),
        (b"to_b/../empty", stat.S_IFDIR),
        (b"loop", stat.S_IFLNK),
    ],
)
def test_paths_that_are_there(vfs: Vfs, path: bytes, kind: int) -> None:
    with found(vfs, path) as entry:
        assert stat.S_IFMT(entry.attrs.mode) == kind


def test_the_last_symlink_is_followed_where_asked(vfs: Vfs) -> None:
    with found(vfs, b"up", follow=True) as entry, found(vfs, b"top") as top:
        assert entry.ino == top.ino


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        (b"nope", NotFoundError, "nope: no such file or directory"),
        (b"a/nope/x", NotFoundError, "a/nope/x: no such file or directory"),
        (b"top/x", NotADirError, "top/x: not a directory"),
        (b"top/", NotADirError, "top/: not a folder"),
        (b"loop/x", InvalidArgumentError, "too many symlinks"),
        (b"out/passwd", NotFoundError, "leads out of the vault"),
        (b"out2/x", NotFoundError, "leads out of the vault"),
        (b"x" * 256, NameTooLongError, "name too long"),
        (b"a\0b", InvalidArgumentError, "a.*b: "),
    ],
)
def test_paths_that_are_not_there(vfs: Vfs, path: bytes, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said), found(vfs, path):
        pytest.fail("it was found")


@pytest.mark.parametrize(("path", "name"), [(b"new", b"new"), (b"/a/new/", b"new"), (b"to_b/x/.", b"x"), (b"a", b"a")])
def test_a_parent_and_a_name(vfs: Vfs, path: bytes, name: bytes) -> None:
    with found_parent(vfs, path) as (parent, last):
        assert last == name
        assert stat.S_ISDIR(parent.attrs.mode)


@pytest.mark.parametrize("path", [b"/", b"", b".", b"..", b"a/.."])
def test_what_has_no_last_name(vfs: Vfs, path: bytes) -> None:
    with pytest.raises(InvalidArgumentError), found_parent(vfs, path):
        pytest.fail("it has one")


def test_a_parent_that_is_not_there(vfs: Vfs) -> None:
    with pytest.raises(NotFoundError, match="/a/x/: no such"), found_parent(vfs, b"/a/x/y"):
        pytest.fail("it was found")
    with pytest.raises(NotADirError), found_parent(vfs, b"top/y"):
        pytest.fail("it was found")


def test_names_are_in_the_order_of_their_bytes(vfs: Vfs) -> None:
    assert [entry.name for entry in names_in(vfs, ROOT_INO)] == [b"a", b"loop", b"out", b"out2", b"to_b", b"top", b"up"]


def test_a_walk_meets_folders_before_and_after_what_is_in_them(vfs: Vfs) -> None:
    steps = [(step.path, step.leaving) for step in walk(vfs, ROOT_INO, b"/", ignore) if step.is_dir]
    assert steps == [
        (b"/a", False),
        (b"/a/b", False),
        (b"/a/b", True),
        (b"/a/empty", False),
        (b"/a/empty", True),
        (b"/a", True),
    ]
    assert [step.path for step in walk(vfs, ROOT_INO, b"", ignore) if not step.is_dir] == [
        b"a/b/file",
        b"loop",
        b"out",
        b"out2",
        b"to_b",
        b"top",
        b"up",
    ]


def test_a_folder_can_be_passed_over(vfs: Vfs) -> None:
    seen = []
    for step in walk(vfs, ROOT_INO, b"", ignore):
        seen.append(step.path)
        step.prune = step.name == b"b"
    assert seen.count(b"a/b") == 1
    assert b"a/b/file" not in seen


def test_a_walk_that_is_left_early_holds_nothing(vfs: Vfs) -> None:
    for _ in range(3):
        for step in walk(vfs, ROOT_INO, b"", ignore):
            if step.name == b"file":
                break
        assert len(vfs.context.inodes) == 1


def test_what_cannot_be_read_is_reported_and_the_walk_goes_on(vfs: Vfs) -> None:
    failed = []
    seen = []
    for step in walk(vfs, ROOT_INO, b"", lambda path, error: failed.append((path, type(error)))):
        seen.append(step.path)
        if step.name == b"a" and not step.leaving:
            # Removed under the walker's feet: its name was already listed.
            vfs.tree.unlink(ROOT_INO, b"top")
        if step.name == b"empty" and not step.leaving:
            vfs.tree.rmdir(step.parent, b"empty")
    assert failed == [(b"top", NotFoundError)]
    assert seen[-1] == b"up"


def test_deep_trees_need_no_deep_stack(vfs: Vfs) -> None:
    folders = [ROOT_INO]
    for _ in range(1200):
        folders.append(vfs.tree.mkdir(folders[-1], b"d", 0o700, ME).ino)
    for number in folders[1:]:
        vfs.tree.forget(number)
    assert sum(1 for step in walk(vfs, ROOT_INO, b"", ignore) if step.name == b"d" and not step.leaving) == 1200
    for step in walk(vfs, ROOT_INO, b"", ignore):
        if step.leaving and step.name == b"d":
            vfs.tree.rmdir(step.parent, step.name)
