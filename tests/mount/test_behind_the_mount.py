"""The vault changes behind a mount, as a cloud client changes it: no wrong bytes, no write in a wrong place."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from wafs.format.layout import chunk_offset
from wafs.vault.vault import DEFAULT_CHUNK_SIZE

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

DATA = os.urandom(3 * DEFAULT_CHUNK_SIZE + 500)
ONE_CHUNK = chunk_offset(1, DEFAULT_CHUNK_SIZE)


def _only_file(vault: Path) -> Path:
    (path,) = (path for path in (vault / "tree").iterdir() if path.suffix == ".wafs")
    return path


def _show_cut(daemon: Daemon, bench: Bench) -> Path:
    """Have the mount tell a size that is too small, because the ciphertext is cut at that moment."""
    again = bench.remount(daemon)
    path = _only_file(again.vault)
    whole = path.read_bytes()
    os.truncate(path, ONE_CHUNK)
    assert (again.place / "file").stat().st_size == DEFAULT_CHUNK_SIZE
    with path.open("r+b") as file:
        file.write(whole)
    return again.place / "file"


def test_a_file_that_was_cut_for_a_moment_is_read_in_whole(bench: Bench, daemon: Daemon) -> None:
    (daemon.place / "file").write_bytes(DATA)
    assert _show_cut(daemon, bench).read_bytes() == DATA


def test_nothing_is_appended_in_the_middle(bench: Bench, daemon: Daemon) -> None:
    (daemon.place / "file").write_bytes(DATA)
    path = _show_cut(daemon, bench)
    # Refused where the kernel still believes the old size, else done at the true end.
    with contextlib.suppress(OSError), path.open("ab") as file:
        file.write(b"appended")
    bench.daemons[-1].unmount()
    with bench.vfs(daemon.vault) as vfs:
        found = vfs.files.open(vfs.tree.lookup(1, b"file").ino, os.O_RDONLY)
        size = vfs.files.size(found.fh)
        assert size in (len(DATA), len(DATA) + len(b"appended"))
    again = bench.mount(daemon.vault, at=daemon.place)
    assert (again.place / "file").read_bytes() == DATA + b"appended"[: size - len(DATA)]


def test_a_newer_file_under_an_old_name_is_not_taken_for_the_old_one(bench: Bench, daemon: Daemon) -> None:
    place, tree = daemon.place, daemon.vault / "tree"
    (place / "newer").write_bytes(DATA)
    newer = _only_file(daemon.vault)
    (place / "old").write_bytes(b"old")
    (old,) = (path for path in tree.iterdir() if path.suffix == ".wafs" and path != newer)
    reader = os.open(place / "old", os.O_RDONLY)
    newer.rename(old)
    try:
        # The kernel may still know the old one by this name; it must never be written as if it were.
        with contextlib.suppress(OSError), (place / "old").open("ab") as file:
            file.write(b"!")
        assert os.pread(reader, 10, 0) == b"old"
    finally:
        os.close(reader)
    again = bench.remount(daemon)
    assert (again.place / "old").read_bytes() in (DATA, DATA + b"!")
