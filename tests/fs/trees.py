"""Trees: small trees for tests, as wafs and the independent reader see them, and stores that fail below them."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from fs.paths import Paths
from reader import open_vault as open_with_reader
from vault.making import RECOVERY_KEY, make_vault, opened, opened_behind_faults
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from store.faulty import FaultyStore


LONG = b"n" * 255


@contextlib.contextmanager
def behind_a_faulty_store(path: Path) -> Iterator[tuple[Paths, FaultyStore]]:
    vault, faulty = opened_behind_faults(path)
    vfs = Vfs(vault)
    try:
        yield Paths(vfs), faulty
    finally:
        with contextlib.suppress(OSError):
            vfs.close()


def ciphertext(path: Path, suffix: str = "*") -> list[Path]:
    return sorted(path.joinpath("tree").rglob(suffix))


def read_by_both(path: Path) -> dict[bytes, bytes]:
    """Contents by path, as wafs and the independent reader see them; they must agree."""
    with Vfs(opened(path, read_only=True)) as vfs:
        tree = Paths(vfs).walk()
    other = open_with_reader(path, recovery_key=RECOVERY_KEY).walk()
    assert {name: node.content for name, node in tree.items()} == {name: entry.content for name, entry in other.items()}
    return {name: node.content for name, node in tree.items()}


def make_tree(path: Path) -> None:
    with Vfs(opened(make_vault(path))) as vfs:
        paths = Paths(vfs)
        for folder in (b"one", b"two", b"one/moved", b"one/moved/deep", b"two/old", b"two/empty"):
            paths.mkdir(folder)
        paths.write(b"one/moved/deep/" + LONG, b"deep")
        paths.write(b"two/old/file", b"old")
        paths.write(b"two/file", b"two")
        paths.rename(b"two/old", b"two/before")


def sealed_path(paths: Paths, vault_path: Path, path: bytes) -> Path:
    with paths.held(path) as number:
        inode = paths.vfs.context.inodes[number]
        names = []
        while inode.links:
            link = inode.link()
            names.append(os.fsdecode(paths.vfs.context.seal(link.parent, link.name).entry))
            inode = link.parent
        return vault_path.joinpath("tree", *reversed(names))


def plant(path: Path, kind: str) -> None:
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "symlink":
            path.symlink_to("/etc/passwd")
        case "socket":
            os.mknod(path, stat.S_IFSOCK | 0o600)
        case _:
            path.write_bytes({"empty": b"", "long": bytes(1 << 20), "other": bytes(48)}[kind])
