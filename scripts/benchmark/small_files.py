"""Small files: make, walk, read and remove many of 8 KiB, as a media folder has them."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from benchmark.failure import BenchError

if TYPE_CHECKING:
    from benchmark.place import Place
    from benchmark.scale import Scale

FILE_SIZE = 8192
READ_SIZE = 2 * FILE_SIZE  # one call is enough for the whole file


def run(place: Place, scale: Scale) -> None:
    """Measure the rows of the job `small`, one after the other on one tree."""
    paths = _make_folders(place, scale)
    place.settle()
    _create(place, scale, paths)
    if place.wants("walk"):
        place.cold()
        _walk(place, len(paths))
    if place.wants("read-small"):
        place.cold()
        _read(place, scale, paths)
    if place.wants("unlink"):
        place.settle()
        with place.timed("unlink", count=len(paths)):
            for path in paths:
                os.unlink(path)


def _make_folders(place: Place, scale: Scale) -> list[str]:
    """Make the folders; return the paths of the files to come, folder by folder."""
    paths = []
    for number in range(scale.small_folders):
        folder = place.path(f"2024{number:02d}")
        os.mkdir(folder)
        each = scale.small_files // scale.small_folders
        paths += [f"{folder}/IMG-2024{number:02d}-WA{count:04d}.jpg" for count in range(each)]
    return paths


def _create(place: Place, scale: Scale, paths: list[str]) -> None:
    content = random.Random(scale.seed).randbytes(FILE_SIZE)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    with place.timed("create", count=len(paths)):
        for path in paths:
            fd = os.open(path, flags, 0o644)
            os.write(fd, content)
            os.close(fd)


def _walk(place: Place, files: int) -> None:
    folders = [str(place.root)]
    found = size = 0
    with place.timed("walk", count=files):
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        found += 1
                        size += entry.stat(follow_symlinks=False).st_size
    if (found, size) != (files, files * FILE_SIZE):
        msg = f"{place.system.name}: a walk found {found} files of {size} bytes, want {files}"
        raise BenchError(msg)


def _read(place: Place, scale: Scale, paths: list[str]) -> None:
    order = random.Random(scale.seed).sample(paths, len(paths))
    got = 0
    with place.timed("read-small", count=len(order)):
        for path in order:
            fd = os.open(path, os.O_RDONLY)
            got += len(os.read(fd, READ_SIZE))
            os.close(fd)
    if got != FILE_SIZE * len(paths):
        msg = f"{place.system.name}: {got} bytes in small files, want {FILE_SIZE * len(paths)}"
        raise BenchError(msg)
