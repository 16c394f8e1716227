"""Growing: what the curves measure at one size of a folder, of a tree or of a file."""

from __future__ import annotations

import os
import random
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmark.failure import BenchError
from benchmark.settle import drop_caches, drop_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmark.place import Place

MIB = 1 << 20
LOOKUPS = 50
PER_FOLDER = 1000


def grow_folder(place: Place, count: int) -> dict[str, float]:
    """Fill one folder with empty files; list it, and look single names up."""
    folder = place.root / "folder"
    folder.mkdir()
    names = [f"IMG-20240101-WA{number:06d}.jpg" for number in range(count)]
    created = _seconds(lambda: _touch(os.fspath(folder), names))
    looked_up = _lookups(place, "folder", names)
    place.cold()
    folder = place.root / "folder"
    found: list[str] = []
    listed = _seconds(lambda: found.extend(entry.name for entry in os.scandir(folder)))
    if len(found) != count:
        msg = f"a listing has {len(found)} names, want {count}"
        raise BenchError(msg)
    memory = place.memory()
    return {
        "create": created / count * 1e6,
        "list": listed / count * 1e6,
        "lookup": looked_up,
        **({"memory": memory / MIB} if memory else {}),
    }


def grow_tree(place: Place, count: int) -> dict[str, float]:
    """Fill folders of 1,000 empty files; mount, list one folder, look one name up, walk through all."""
    folders = [f"{number // 100:03d}/{number:06d}" for number in range(-(-count // PER_FOLDER))]
    names = [f"IMG-20240101-WA{number:04d}.jpg" for number in range(min(count, PER_FOLDER))]
    for folder in folders:
        top = os.path.join(place.root, folder)
        os.makedirs(top)
        _touch(top, names)
    seconds = _mount_cold(place)
    one = place.root / folders[len(folders) // 2]
    listed = _seconds(lambda: os.listdir(one))
    values = {"list": listed * 1e3}
    if place.system.is_mount and place.system.cheap_password:
        values["mount"] = seconds * 1e3
    values["lookup"] = _lookups(place, folders[-1], names)
    place.cold()
    found = 0

    def walk() -> None:
        nonlocal found
        for parent, _, files in os.walk(place.root):
            # Each file is asked for its attributes, as `du` and every program that copies does.
            found += sum(os.lstat(os.path.join(parent, name)).st_size == 0 for name in files)

    walked = _seconds(walk)
    if found != len(folders) * len(names):
        msg = f"a walk found {found} files, want {len(folders) * len(names)}"
        raise BenchError(msg)
    values["walk"] = walked / found * 1e6
    if memory := place.memory():
        values["memory"] = memory / MIB
    return values


def grow_file(place: Place, size: int) -> dict[str, float]:
    """Write a file through to the disk; read its last page, and then all of it."""
    path = place.path("file")
    block = random.Random(1).randbytes(MIB)

    def write() -> None:
        with open(path, "wb", buffering=0) as file:
            for _ in range(size // MIB):
                file.write(block)
            os.fsync(file.fileno())

    values = {"write": size / _seconds(write) / 1e6}
    memory = place.memory()
    place.cold()
    begin = time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        file.seek(size - 4096)
        last = file.read(4096)
    values["last page"] = (time.perf_counter() - begin) * 1e3
    if last != block[-4096:]:
        msg = f"other bytes at the end of {path} than were written"
        raise BenchError(msg)
    place.cold()
    got = 0

    def read() -> None:
        nonlocal got
        buffer = bytearray(MIB)
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(buffer):
                got += count

    values["read"] = size / _seconds(read) / 1e6
    if got != size:
        msg = f"{got} bytes read from {path}, want {size}"
        raise BenchError(msg)
    if memory:
        values["memory"] = max(memory, place.memory()) / MIB
    return values


def _mount_cold(place: Place) -> float:
    """Mount with cold caches; return the seconds until it answers."""
    place.unmount()
    place.settle()
    drop_caches()
    return place.mount()


def _touch(folder: str, names: Sequence[str]) -> None:
    for name in names:
        os.close(os.open(f"{folder}/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))


def _lookups(place: Place, folder: str, names: Sequence[str]) -> float:
    """Return the microseconds that a lookup takes, the middle of some.

    The system is mounted anew and the kernel knows no entry, but the disk below is in memory: what it takes to
    fetch a block would hide whether the search grows.
    """
    place.settle()
    place.unmount()
    place.mount()
    drop_entries()
    top = os.path.join(place.root, folder)
    os.stat(top)
    chosen = random.Random(1).sample(names, min(len(names), LOOKUPS))
    return statistics.median(_seconds(partial(os.stat, f"{top}/{name}")) for name in chosen) * 1e6


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
