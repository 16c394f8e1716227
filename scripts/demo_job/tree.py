"""Tree: copying a folder with a progress bar, and comparing two folders in every respect."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies below a folder: relative path -> lstat; and what cannot be copied at all."""

    entries: dict[str, os.stat_result]
    special: list[str]

    @property
    def files(self) -> list[str]:
        """The regular files."""
        return [path for path, info in self.entries.items() if stat.S_ISREG(info.st_mode)]

    @property
    def bytes(self) -> int:
        """Size of all regular files together."""
        return sum(self.entries[path].st_size for path in self.files)


def listing(root: Path) -> Listing:
    """List everything below `root`, folders before what is in them; links are not followed."""
    found = Listing({}, [])
    for path, info in _walk(root, ""):
        kind = stat.S_IFMT(info.st_mode)
        if kind in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
            found.entries[path] = info
        else:
            found.special.append(path)
    return found


def _walk(root: Path, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(root / folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = f"{folder}{entry.name}"
            yield path, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, f"{path}/")


def copy(source: Path, target: Path, found: Listing, advance: Callable[[int], None]) -> None:
    """Copy what was listed into the existing folder `target`, with modes and times."""
    for path, info in found.entries.items():
        if stat.S_ISDIR(info.st_mode):
            (target / path).mkdir(mode=0o700)
        elif stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(source / path), target / path)
        else:
            _copy_file(source / path, target / path, advance)
            _stamp(target / path, info)
    # What is made inside a folder changes its time, and needs its mode: folders come last.
    for path, info in reversed(found.entries.items()):
        if stat.S_ISDIR(info.st_mode):
            _stamp(target / path, info)


def _copy_file(source: Path, target: Path, advance: Callable[[int], None]) -> None:
    with source.open("rb") as reader, target.open("xb", buffering=0) as writer:
        while block := reader.read(BLOCK):
            writer.write(block)
            advance(len(block))


def _stamp(path: Path, info: os.stat_result) -> None:
    path.chmod(stat.S_IMODE(info.st_mode))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


@dataclass(frozen=True, slots=True)
class Changes:
    """What a program is known to have changed in a copy: it is expected there, and nothing else."""

    files: dict[str, Path] = field(default_factory=dict)  # new or changed -> a file of those bytes
    removed: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)  # written in, so that their time is another


def differences(source: Path, copied: Path, changes: Changes, advance: Callable[[int], None]) -> list[str]:
    """Compare names, kinds, modes, link targets, times to the nanosecond, and all bytes."""
    wanted, got = listing(source).entries, listing(copied).entries
    new_folders = {
        str(parent)
        for path in changes.files
        for parent in Path(path).parents
        if str(parent) != "." and str(parent) not in wanted
    } | (changes.folders - {""} - set(wanted))
    expected = (set(wanted) - changes.removed) | set(changes.files) | new_folders
    problems = [f"missing: {path}" for path in sorted(expected - set(got))]
    problems += [f"nobody put this here: {path}" for path in sorted(set(got) - expected)]
    for path in sorted(expected & set(got)):
        if path in changes.files:
            problems += _different_bytes(path, changes.files[path], copied / path, advance)
        elif path in wanted:
            problems += _different_facts(path, wanted[path], got[path], changes)
            if stat.S_ISREG(wanted[path].st_mode):
                problems += _different_bytes(path, source / path, copied / path, advance)
            elif stat.S_ISLNK(wanted[path].st_mode):
                links = os.readlink(source / path), os.readlink(copied / path)
                if links[0] != links[1]:
                    problems.append(f"points to {links[1]}, not to {links[0]}: {path}")
    return problems


def _different_facts(path: str, wanted: os.stat_result, got: os.stat_result, changes: Changes) -> list[str]:
    if stat.S_IFMT(wanted.st_mode) != stat.S_IFMT(got.st_mode):
        return [f"another kind of file: {path}"]
    problems = []
    if stat.S_IMODE(wanted.st_mode) != stat.S_IMODE(got.st_mode):
        problems.append(f"mode {got.st_mode & 0o7777:o}, not {wanted.st_mode & 0o7777:o}: {path}")
    timeless = stat.S_ISLNK(wanted.st_mode) or path in changes.folders
    if not timeless and wanted.st_mtime_ns != got.st_mtime_ns:
        problems.append(f"time {got.st_mtime_ns} ns, not {wanted.st_mtime_ns} ns: {path}")
    return problems


def _different_bytes(path: str, wanted: Path, got: Path, advance: Callable[[int], None]) -> list[str]:
    if not stat.S_ISREG(got.lstat().st_mode):
        return [f"not a regular file: {path}"]
    with wanted.open("rb") as left, got.open("rb") as right:
        offset = 0
        while True:
            block = left.read(BLOCK)
            if block != right.read(BLOCK):
                return [f"bytes differ at or after {offset}: {path}"]
            if not block:
                return []
            offset += len(block)
            advance(len(block))
