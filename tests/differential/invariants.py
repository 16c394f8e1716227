"""Invariants: what must be true of a `Vfs` that nobody uses any more, and of the vault that a program left."""

from __future__ import annotations

import os

from differential.drivers.posix import plain_time
from differential.program import Tree
from differential.vaults import RECOVERY_KEY, Place
from reader import open_vault as read_vault
from wafs.fs.vfs import Vfs

KINDS = {"file": "-", "dir": "d", "symlink": "l", "other": "p"}


def assert_nothing_held(vfs: Vfs) -> None:
    """Only the root is left when everything was closed and forgotten."""
    inodes = vfs.context.inodes
    assert len(inodes) == 1
    assert inodes.root.pins == 1
    assert inodes._by_name == {}
    assert list(inodes._by_identity.values()) == [inodes.root]
    assert vfs.files.is_idle()
    assert vfs.streams.is_idle()


def open_files() -> int:
    """How many descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))


def assert_no_litter(place: Place) -> None:
    """Each long name has its file and each file its long name, and nothing temporary is left."""
    for folder, _, names in os.walk(os.fsencode(place.vault / "tree")):
        entries = {name for name in os.listdir(folder) if name.endswith(b".wafl")}
        sealed = {name for name in names if name.endswith(b".name")}
        assert {name[:-5] for name in entries} == {name[:-5] for name in sealed}, folder
        assert b"wafs.dir.tmp" not in names, folder


def assert_reader_agrees(place: Place, tree: Tree) -> None:
    """The reader that knows only the format's page sees the same tree."""
    vault = read_vault(place.vault, recovery_key=RECOVERY_KEY)
    entries = vault.walk()
    assert vault.foreign == []
    assert entries.keys() == tree.keys()
    for path, node in tree.items():
        entry = entries[path]
        assert KINDS[entry.kind] == node.kind, path
        assert entry.content == node.content, path
        assert entry.mode & 0o7777 == node.mode, path
        assert plain_time(entry.mtime_ns) == node.mtime, path
        assert node.kind == "d" or entry.nlink == node.nlink, path
        assert tuple(sorted(entry.xattrs.items())) == node.xattrs, path
