"""Storages: small, full or read-only filesystems for a vault to lie on."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from mount.programs import run
from mount.users import must_be_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def mounted(place: Path, *words: str | Path) -> Iterator[Path]:
    """Mount something for a while; skip where that is not permitted."""
    must_be_root("can mount a storage")
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *map(str, words), str(place)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount {words[1]} here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        if subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode != 0:
            run("umount", "--lazy", place)


@contextmanager
def small_storage(kind: str, folder: Path, mebibytes: int) -> Iterator[Path]:
    """Make a filesystem of a few MiB, of a kind that mount(8) knows."""
    if kind == "tmpfs":
        with mounted(folder / "small", "-t", kind, "-o", f"size={mebibytes}m", "none") as place:
            yield place
        return
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(mebibytes << 20)
    run("mkfs.ext4", "-q", "-m", "0", image)
    with mounted(folder / "small", "-t", kind, "-o", "loop", image) as place:
        yield place


@contextmanager
def read_only(folder: Path, place: Path) -> Iterator[Path]:
    """Show a folder at another place where nothing can be written."""
    with mounted(place, "--bind", folder):
        run("mount", "-o", "remount,bind,ro", place)
        assert os.statvfs(place).f_flag & os.ST_RDONLY
        yield place
