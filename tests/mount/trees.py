"""Trees: a folder with everything that a copy can get wrong, and what it looks like afterwards."""

from __future__ import annotations

import os
import random
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

OLD_NS = 1_234_567_890_123_456_789


class Node(NamedTuple):
    """What is compared of one entry; `twins` are the names that share its inode."""

    kind: int
    mode: int
    mtime_ns: int
    content: bytes
    twins: tuple[bytes, ...]
    xattrs: tuple[tuple[str, bytes], ...]


def make_tree(top: Path) -> None:
    """Fill a new folder: sizes around the chunk, modes, links, holes, attributes, names of all sorts, odd times."""
    rng = random.Random(7)
    (top / "Media" / "WhatsApp Images" / "Sent").mkdir(parents=True)
    (top / "empty folder").mkdir()
    for size in (0, 1, 15, 4096, 16383, 16384, 16385, 100_000, 1_100_000):
        (top / "Media" / f"IMG-{size}.jpg").write_bytes(rng.randbytes(size))
    for number in range(40):
        (top / "Media" / "WhatsApp Images" / "Sent" / f"IMG-{number:04}.jpg").write_bytes(rng.randbytes(number * 311))
    (top / "Grüße 👋.txt").write_text("hello")
    (top / ("n" * 255)).write_text("a long name")
    (top / os.fsdecode(b"latin-1 \xe9\xff")).write_text("bytes")
    (top / "private").write_text("secret")
    (top / "private").chmod(0o600)
    (top / "program").write_text("#!/bin/sh\n")
    (top / "program").chmod(0o4755)
    (top / "hidden").mkdir(mode=0o700)
    (top / "link").symlink_to("Media/IMG-1.jpg")
    (top / "dangling").symlink_to("/nowhere/at/all " + "x" * 900)
    (top / "far").symlink_to("Media/../" * 455)
    os.link(top / "Media" / "IMG-4096.jpg", top / "hard link")
    with (top / "sparse").open("wb") as file:
        file.seek(3_000_000)
        file.write(b"in the middle")
        file.truncate(8_000_000)
    os.setxattr(top / "private", "user.comment", b"kept \0 bytes")
    os.setxattr(top / "hidden", "user.folder", b"kept too")
    for path, _, files in os.walk(top, topdown=False):
        for name in [*files, "."]:
            os.utime(os.path.join(path, name), ns=(OLD_NS, OLD_NS + len(name)), follow_symlinks=False)


def nodes(top: Path, *, folder_times: bool = True, links: bool = True, xattrs: bool = True) -> dict[bytes, Node]:
    """Return what lies below a folder, by path relative to it; what a client does not promise is left out."""
    paths = [os.fsencode(top)]
    for folder, folders, files in os.walk(os.fsencode(top), onerror=_raise):
        paths += [os.path.join(folder, name) for name in folders + files]
    inodes: dict[int, list[bytes]] = {}
    for path in paths:
        inodes.setdefault(os.lstat(path).st_ino, []).append(os.path.relpath(path, os.fsencode(top)))
    found = {}
    for path in paths:
        state = os.lstat(path)
        kind = stat.S_IFMT(state.st_mode)
        relative = os.path.relpath(path, os.fsencode(top))
        keep_time = kind != stat.S_IFLNK and (folder_times or kind != stat.S_IFDIR)
        found[relative] = Node(
            kind,
            stat.S_IMODE(state.st_mode),
            state.st_mtime_ns if keep_time else 0,
            _content(path, kind),
            tuple(sorted(inodes[state.st_ino])) if links else (),
            _xattrs(path) if xattrs and kind != stat.S_IFLNK else (),
        )
    return found


def _content(path: bytes, kind: int) -> bytes:
    if kind == stat.S_IFLNK:
        return os.readlink(path)
    if kind == stat.S_IFREG:
        with open(path, "rb") as file:
            return file.read()
    return b""


def _xattrs(path: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, os.getxattr(path, name)) for name in sorted(os.listxattr(path)))


def _raise(error: OSError) -> None:
    raise error
