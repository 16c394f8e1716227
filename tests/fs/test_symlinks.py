"""Symlinks: targets of every length, and the size that is shown of them."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from fs.paths import ME, Paths
from fs.trees import behind_a_faulty_store
from vault.making import opened
from wafs.errors import DamageError, NameTooLongError, NotFoundError
from wafs.fs.vfs import Vfs
from wafs.units import ROOT_INO

if TYPE_CHECKING:
    from pathlib import Path

FAR = b"../" * 1365


def _place(paths: Paths, vault_path: Path, name: bytes) -> Path:
    context = paths.vfs.context
    return vault_path / "tree" / os.fsdecode(context.seal(context.inodes.root, name).entry)


@pytest.mark.parametrize("size", [1, 3038, 3039, 3040, 3041, 4094, 4095])
def test_a_target_is_kept_and_its_size_shown_everywhere(vault_path: Path, size: int) -> None:
    target = FAR[:size]
    with Vfs(opened(vault_path)) as vfs:
        made = vfs.tree.symlink(ROOT_INO, b"link", target, ME)
        assert made.attrs.size == vfs.attributes.get(made.ino).size == size
        vfs.tree.forget(made.ino)
    with Vfs(opened(vault_path)) as vfs:
        paths = Paths(vfs)
        assert paths.attrs(b"link").size == size
        assert paths.node(b"link").content == target
        fh = vfs.streams.open(ROOT_INO)
        (offset,) = (entry.offset for entry in vfs.streams.read(fh, 0) if entry.name == b"link")
        (listed,) = vfs.streams.enter(fh, offset - 1, 1)
        assert listed is not None
        assert listed.attrs.size == size
        vfs.tree.forget(listed.ino)
        vfs.streams.release(fh)


def test_a_target_that_does_not_fit_is_refused_and_leaves_nothing(paths: Paths) -> None:
    for target in (FAR + b"x", random.Random(1).randbytes(4095).replace(b"\0", b"0")):
        with pytest.raises(NameTooLongError):
            paths.symlink(b"link", target)
    with pytest.raises(NotFoundError):
        paths.symlink(b"link", b"")
    assert paths.names() == []


def test_a_deflated_link_lives_as_others_do(paths: Paths) -> None:
    paths.symlink(b"one", FAR)
    paths.link(b"one", b"two")
    paths.write(b"file", b"x")
    with paths.held(b"one") as number, paths.held(b"two"):
        paths.rename(b"one", b"three")
        assert paths.vfs.attributes.get(number).size == len(FAR)
        paths.rename(b"file", b"three")
        assert (paths.vfs.attributes.get(number).size, paths.vfs.attributes.get(number).nlink) == (len(FAR), 1)
        paths.unlink(b"two")
        gone = paths.vfs.attributes.get(number)
        assert (gone.size, gone.nlink) == (len(FAR), 0)
    assert paths.names() == [b"three"]


def test_a_deflated_link_that_is_damaged_is_shown_and_not_followed(paths: Paths, vault_path: Path) -> None:
    paths.symlink(b"link", FAR)
    place = _place(paths, vault_path, b"link")
    text = os.readlink(place)
    place.unlink()
    place.symlink_to(text[:-1] + ("0" if text[-1] != "0" else "1"))
    with paths.held(b"link") as number:
        assert paths.vfs.attributes.get(number).size == 0
        with pytest.raises(DamageError):
            paths.vfs.tree.readlink(number)
    paths.unlink(b"link")
    assert paths.names() == []


def test_only_a_deflated_target_is_read_to_know_its_size(vault_path: Path) -> None:
    with behind_a_faulty_store(vault_path) as (paths, faulty):
        paths.symlink(b"near", FAR[:3039])
        paths.symlink(b"far", FAR)
        with paths.held(b"near") as near, paths.held(b"far") as far:
            faulty.arm(None)
            paths.vfs.attributes.get(near)
            assert faulty.asked["readlink"] == 0
            paths.vfs.attributes.get(far)
            assert faulty.asked["readlink"] == 1
