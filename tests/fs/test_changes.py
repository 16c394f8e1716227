"""What was changed in a scratch is told in plain paths, and the vault below it stays as it is."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs.paths import Node, Paths
from fs.scratches import ciphertext_of, found_changes, scratch_of
from vault.making import make_vault, opened
from wafs.errors import WafsError
from wafs.fs.attrs import SetAttrs
from wafs.fs.changes import Change, changes_of
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def fill(path: Path) -> None:
    with Vfs(opened(make_vault(path))) as vfs:
        paths = Paths(vfs)
        for folder in (b"a", b"a/b", b"a/b/c", b"d"):
            paths.mkdir(folder)
        paths.write(b"a/one", b"1" * 10_000)
        paths.write(b"a/b/two", b"2")
        paths.write(b"a/b/c/three", b"3")
        paths.write(b"d/four", b"4" * 100)
        paths.link(b"a/one", b"d/link")
        paths.symlink(b"d/symlink", b"four")


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("changes") / "vault"
    fill(path)
    return path


def write_at(paths: Paths, path: bytes, offset: int, data: bytes) -> None:
    with paths.held(path) as number:
        fh = paths.vfs.files.open(number, os.O_RDWR).fh
        paths.vfs.files.write(fh, offset, memoryview(data), paths.scratch)
        paths.vfs.files.release(fh)


def set_attrs(paths: Paths, path: bytes, changes: SetAttrs) -> None:
    with paths.held(path) as number:
        paths.vfs.attributes.set(number, changes)


def remove_tree(paths: Paths, path: bytes) -> None:
    for name in paths.names(path):
        below = path + b"/" + name
        if stat.S_ISDIR(paths.attrs(below).mode):
            remove_tree(paths, below)
        else:
            paths.unlink(below)
    paths.rmdir(path)


def replace(paths: Paths, path: bytes) -> None:
    """Save as editors do."""
    paths.write(b"temporary", b"new version")
    paths.rename(b"temporary", path)


def backup_and_write(paths: Paths) -> None:
    paths.rename(b"a/b/two", b"a/b/two~")
    paths.write(b"a/b/two", b"22")


def touch_and_undo(paths: Paths) -> None:
    paths.write(b"a/gone", b"gone")
    paths.unlink(b"a/gone")
    paths.mkdir(b"gone")
    paths.rmdir(b"gone")
    paths.rename(b"d/four", b"d/other")
    paths.rename(b"d/other", b"d/four")
    set_attrs(paths, b"a/b/two", SetAttrs(mode=0o644))
    set_attrs(paths, b"a/b/two", SetAttrs(mode=0o600))


def move_out_of_what_goes(paths: Paths) -> None:
    paths.rename(b"a/b/c/three", b"d/three")
    remove_tree(paths, b"a/b")


def change_in_what_moves(paths: Paths) -> None:
    paths.rename(b"a/b", b"d/b")
    paths.write(b"d/b/c/new", b"new")
    write_at(paths, b"d/b/two", 0, b"x")


def under_a_name_that_goes(paths: Paths) -> None:
    write_at(paths, b"a/one", 0, b"x")
    paths.unlink(b"a/one")


def make_new(paths: Paths) -> None:
    paths.mkdir(b"new")
    paths.write(b"new/file", b"12345")


def set_modes(paths: Paths) -> None:
    set_attrs(paths, b"d/four", SetAttrs(mode=0o644))
    set_attrs(paths, b"a/b", SetAttrs(mode=0o755))
    set_attrs(paths, b"", SetAttrs(mode=0o755))


CASES: dict[str, tuple[Callable[[Paths], object], list[Change]]] = {
    "nothing": (lambda paths: None, []),
    "read": (lambda paths: len(paths.walk()), []),
    "undone": (touch_and_undo, []),
    "made": (
        make_new,
        [Change("created", b"/new", is_dir=True, size=0), Change("created", b"/new/file", is_dir=False, size=5)],
    ),
    "written": (
        lambda paths: write_at(paths, b"a/one", 5000, b"x"),
        # One chunk of 4 KiB and what is sealed with it; told once, under the name by which it was written.
        [Change("changed", b"/a/one", is_dir=False, size=4284)],
    ),
    "replaced": (lambda paths: replace(paths, b"d/four"), [Change("changed", b"/d/four", is_dir=False, size=11)]),
    "backup": (
        backup_and_write,
        [
            Change("created", b"/a/b/two", is_dir=False, size=2),
            Change("moved", b"/a/b/two~", is_dir=False, size=0, old_path=b"/a/b/two"),
        ],
    ),
    "removed": (
        lambda paths: remove_tree(paths, b"a/b"),
        [
            Change("deleted", b"/a/b", is_dir=True, size=0),
            Change("deleted", b"/a/b/c", is_dir=True, size=0),
            Change("deleted", b"/a/b/c/three", is_dir=False, size=1),
            Change("deleted", b"/a/b/two", is_dir=False, size=1),
        ],
    ),
    "moved": (
        lambda paths: paths.rename(b"a", b"z"),
        [Change("moved", b"/z", is_dir=True, size=0, old_path=b"/a")],
    ),
    "moved out": (
        move_out_of_what_goes,
        [
            Change("deleted", b"/a/b", is_dir=True, size=0),
            Change("deleted", b"/a/b/c", is_dir=True, size=0),
            Change("deleted", b"/a/b/two", is_dir=False, size=1),
            Change("moved", b"/d/three", is_dir=False, size=0, old_path=b"/a/b/c/three"),
        ],
    ),
    "changed in what moved": (
        change_in_what_moves,
        [
            Change("moved", b"/d/b", is_dir=True, size=0, old_path=b"/a/b"),
            Change("created", b"/d/b/c/new", is_dir=False, size=3),
            Change("changed", b"/d/b/two", is_dir=False, size=1),
        ],
    ),
    "attributes": (
        set_modes,
        [
            Change("changed", b"/", is_dir=True, size=0),
            Change("changed", b"/a/b", is_dir=True, size=0),
            Change("changed", b"/d/four", is_dir=False, size=0),
        ],
    ),
    "under a name that goes": (
        under_a_name_that_goes,
        [
            Change("deleted", b"/a/one", is_dir=False, size=10_000),
            Change("changed", b"/d/link", is_dir=False, size=4284),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_what_was_changed_is_told(vault: Path, case: str) -> None:
    act, expected = CASES[case]
    before = ciphertext_of(vault)
    with scratch_of(vault) as paths:
        act(paths)
        assert found_changes(paths) == expected
    assert ciphertext_of(vault) == before


@pytest.mark.interpreted
def test_only_folders_are_looked_at_in_which_something_was_changed(vault: Path) -> None:
    with scratch_of(vault) as paths:
        write_at(paths, b"a/b/two", 0, b"9")
        paths.vfs.context.dir_handles.clear()
        with patch.object(paths.vfs.tree, "lookup", wraps=paths.vfs.tree.lookup) as lookup:
            assert [change.path for change in found_changes(paths)] == [b"/a/b/two"]
    assert {call.args[1] for call in lookup.call_args_list} == {b"a", b"b", b"c", b"d", b"one", b"two"}


def test_a_vault_without_a_scratch_has_none(vault: Path) -> None:
    with Vfs(opened(vault, read_only=True)) as vfs, pytest.raises(ValueError, match="scratch"):
        changes_of(vfs, lambda path, error: None)


PLACES = st.sampled_from([b"a", b"a/one", b"a/b", b"a/b/two", b"a/b/c", b"a/b/c/three", b"d", b"d/four", b"d/x", b"x"])
STEPS = st.one_of(
    st.tuples(st.just("write"), PLACES),
    st.tuples(st.just("mkdir"), PLACES),
    st.tuples(st.just("unlink"), PLACES),
    st.tuples(st.just("rmdir"), PLACES),
    st.tuples(st.just("rename"), PLACES, PLACES),
    st.tuples(st.just("link"), PLACES, PLACES),
    st.tuples(st.just("change"), PLACES),
)


def run(paths: Paths, steps: list[tuple[Any, ...]]) -> None:
    for number, (call, *args) in enumerate(steps):
        try:
            if call == "change":
                write_at(paths, args[0], 0, b"%d" % number)
            elif call == "write":
                paths.write(args[0], b"%d" % number)
            else:
                getattr(paths, call)(*args)
        except (WafsError, OSError):
            continue


def applied(before: dict[bytes, Node], changes: list[Change]) -> set[bytes]:
    """The paths that there must be after these changes."""
    there = {b"/" + path for path in before}
    moved = [change for change in changes if change.kind == "moved"]
    gone = {change.path for change in changes if change.kind == "deleted"}
    came: set[bytes] = {change.path for change in changes if change.kind in ("created", "changed")}
    for change in moved:
        below = change.old_path or b""
        taken = {path for path in there if path == below or path.startswith(below + b"/")}
        gone |= taken
        inner_gone = {c.path for c in changes if c.kind == "deleted"}
        inner_moved = {c.old_path for c in moved if c is not change}
        came |= {
            change.path + path[len(below) :]
            for path in taken
            if path not in inner_gone and not any(o and (path == o or path.startswith(o + b"/")) for o in inner_moved)
        }
    return (there - gone) | came


@pytest.mark.slow
@settings(max_examples=settings().max_examples)
@given(steps=st.lists(STEPS, max_size=8))
def test_changes_lead_from_the_vault_to_the_scratch(vault: Path, steps: list[tuple[Any, ...]]) -> None:
    with scratch_of(vault) as paths:
        before = paths.walk()
        run(paths, steps)
        after = paths.walk()
        number = {path: paths.attrs(path).ino for path in after}
        changes = found_changes(paths)
        told = {change.path for change in changes if change.kind != "deleted"}
        moved = [change.path for change in changes if change.kind == "moved"]
    is_deep = any(change.is_dir and change.kind == "moved" for change in changes)
    if not is_deep:
        assert applied(before, changes) == {b"/" + path for path in after}
    for path, node in after.items():
        where = b"/" + path
        is_below = any(where.startswith(folder + b"/") for folder in moved)
        # A file with several names is told once.
        twins = {b"/" + other for other in after if number[other] == number[path]}
        if before.get(path) != node and not is_below:
            assert twins & told, f"{where!r} is not told"
    for path in before.keys() - after.keys():
        assert any(
            (b"/" + path == (change.old_path or change.path) and change.kind in ("deleted", "moved"))
            or (change.kind == "moved" and (b"/" + path).startswith((change.old_path or b"?") + b"/"))
            for change in changes
        ), f"{path!r} is gone and nothing is told"


def test_what_was_there_when_it_was_settled_is_no_change(vault: Path) -> None:
    with scratch_of(vault) as paths:
        paths.write(b"settled", b"s" * 5000)
        paths.write(b"a/settled", b"s" * 5000)
        paths.vfs.commits.finish()
        assert paths.vfs.vault.scratch is not None
        paths.vfs.vault.scratch.settle()
        paths.write(b"new", b"n")
        paths.write(b"a/new", b"n")
        assert [(change.kind, change.path) for change in found_changes(paths)] == [
            ("created", b"/a/new"),
            ("created", b"/new"),
        ]
        write_at(paths, b"settled", 10, b"x")
        assert ("created", b"/settled") in [(change.kind, change.path) for change in found_changes(paths)]
