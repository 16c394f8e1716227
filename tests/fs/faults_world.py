"""World: a vault behind a store that fails, and what a person sees of it as plain facts."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from fs.paths import ME, Paths
from store.faulty import Fault, FaultyStore
from vault.making import make_vault, opened
from wafs.errors import WafsError
from wafs.fs.attrs import SetAttrs
from wafs.fs.vfs import Vfs
from wafs.fs.walk import names_in
from wafs.store.local import LocalStore
from wafs.units import Fh, Ino
from wafs.vault import vault as vault_module
from wafs.vault.journal import JOURNAL_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 4096
LONG = b"l" * 200
LONG_FOLDER = b"f" * 200
OLD = 10**18
"""The modification time of every file of the base, in ns; any other is told as that of now."""
SET = OLD + 10**9
NOW_SEEN = -1

BIG = bytes(range(1, 256)) * 49
"""Three whole chunks and a part of a fourth."""


@contextlib.contextmanager
def folder_in(top: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=top) as folder:
        yield Path(folder)


@contextlib.contextmanager
def memory_folder(other: Path) -> Iterator[Path]:
    """A folder in memory, where there is one that knows extended attributes: nobody waits for its syncs."""
    with contextlib.ExitStack() as stack:
        folder = other
        with contextlib.suppress(OSError):
            quick = stack.enter_context(folder_in(Path("/dev/shm")))
            os.setxattr(quick, "user.probe", b"")
            folder = quick
        yield folder


class Fact(NamedTuple):
    """What is to be seen of one entry; `content` is the target of a symlink."""

    kind: int
    mode: int
    nlink: int
    content: bytes
    mtime: int
    xattrs: tuple[tuple[bytes, bytes], ...]


Model = dict[bytes, Fact]


class World:
    """One open vault, and everything that a program holds in it."""

    def __init__(self, vfs: Vfs, faulty: FaultyStore) -> None:
        self.vfs = vfs
        self.paths = Paths(vfs)
        self.faulty = faulty
        self.scratch = self.paths.scratch
        self._fhs: list[Fh] = []
        self._streams: list[Fh] = []
        self._pins: list[Ino] = []

    def pin(self, number: Ino) -> Ino:
        self._pins.append(number)
        return number

    def keep(self, fh: Fh) -> Fh:
        self._fhs.append(fh)
        return fh

    def ino(self, path: bytes) -> Ino:
        here = Ino(1)
        for name in filter(None, path.split(b"/")):
            here = self.pin(self.vfs.tree.lookup(here, name).ino)
        return here

    def open(self, path: bytes, flags: int = os.O_RDWR) -> Fh:
        return self.keep(self.vfs.files.open(self.ino(path), flags).fh)

    def stream(self, path: bytes) -> Fh:
        fh = self.vfs.streams.open(self.ino(path))
        self._streams.append(fh)
        return fh

    def created(self, parent: Ino, name: bytes) -> Fh:
        entry, fh = self.vfs.files.create(parent, name, 0o600, flags=os.O_RDWR, caller=ME)
        self.pin(entry.ino)
        return self.keep(fh)

    def unnamed(self) -> tuple[Ino, Fh]:
        entry, fh = self.vfs.files.create_unnamed(1, 0o600, flags=os.O_RDWR, caller=ME)
        return self.pin(entry.ino), self.keep(fh)

    def write(self, fh: Fh, offset: int, data: bytes, *, drop_setid: bool = False) -> int:
        return self.vfs.files.write(fh, offset, memoryview(data), self.scratch, drop_setid=drop_setid)

    def read(self, fh: Fh, offset: int, size: int) -> bytes:
        return bytes(self.vfs.files.read(fh, offset, size, self.scratch))

    def set(self, number: Ino, **changes: Any) -> None:
        self.vfs.attributes.set(number, SetAttrs(**changes))

    def finish(self) -> None:
        """Give everything back; what the operation itself gave back is gone already."""
        for fh in self._fhs:
            with contextlib.suppress(WafsError):
                self.vfs.files.release(fh)
        for fh in self._streams:
            with contextlib.suppress(WafsError):
                self.vfs.streams.release(fh)
        for number in self._pins:
            self.vfs.tree.forget(number)
        self.vfs.commits.run()

    def left_open(self) -> list[str]:
        """What is still held after `finish`."""
        found = [f"store handle of {name!r}" for name in self.faulty.files.values() if name not in JOURNAL_NAMES]
        if not (self.vfs.files.is_idle() and self.vfs.streams.is_idle()):
            found.append("a handle of the filesystem")
        if len(self.vfs.context.inodes) != 1:
            found.append(f"{len(self.vfs.context.inodes) - 1} inodes")
        return found


def open_behind(path: Path, faulty: list[FaultyStore], fault: Fault | None = None) -> Vfs:
    """Open a vault whose store is put into `faulty`, with a fault that may strike from the first call on."""

    def make(top: str) -> Any:
        faulty.append(FaultyStore(LocalStore(top)))
        faulty[-1].arm(fault)
        return faulty[-1].store

    with mock.patch.object(vault_module, "LocalStore", make):
        return Vfs(opened(path), give_to_caller=True)


@contextlib.contextmanager
def world(path: Path) -> Iterator[World]:
    stores: list[FaultyStore] = []
    vfs = open_behind(path, stores)
    it = World(vfs, stores[0])
    try:
        yield it
    finally:
        it.faulty.arm(None)
        with contextlib.suppress(OSError):
            vfs.close()


def facts(paths: Paths, below: bytes = b"") -> Model:
    """Read everything that a person can see."""
    with paths.held(below) as folder:
        return _facts(paths, below, folder)


def _facts(paths: Paths, below: bytes, folder: int) -> Model:
    found: Model = {}
    vfs = paths.vfs
    for listed in names_in(vfs, folder):
        path = below + b"/" + listed.name if below else listed.name
        number = vfs.tree.lookup(folder, listed.name).ino
        attrs = vfs.attributes.get(number)
        kind = stat.S_IFMT(attrs.mode)
        content = b""
        if kind == stat.S_IFREG:
            content = paths.read_ino(number)
        elif kind == stat.S_IFLNK:
            content = vfs.tree.readlink(number)
        xattrs = tuple((name, vfs.xattrs.get(number, name)) for name in sorted(vfs.xattrs.names(number)))
        nlink, mtime = (attrs.nlink, attrs.mtime_ns) if kind == stat.S_IFREG else (1, OLD)
        seen = mtime if mtime in (OLD, SET) else NOW_SEEN
        found[path] = Fact(kind, stat.S_IMODE(attrs.mode), nlink, content, seen, xattrs)
        if kind == stat.S_IFDIR:
            found |= _facts(paths, path, number)
        vfs.tree.forget(number)
    return found


def make_base(path: Path) -> Path:
    """Make the vault on which every program begins."""
    with Vfs(opened(make_vault(path, CHUNK))) as vfs:
        paths = Paths(vfs)
        for folder in (b"dir", b"dir/sub", b"dir/empty", b"old", b"moved", LONG_FOLDER):
            paths.mkdir(folder)
        # The place from which a folder was moved keeps ids of its own from then on.
        paths.mkdir(b"old/gone")
        paths.rename(b"old/gone", b"moved/gone")
        contents = {b"small": b"s" * 100, b"big": BIG, b"empty": b"", b"edge": b"e" * 2 * CHUNK, LONG: b"long"}
        contents |= {b"dir/in": b"inside", b"dir/sub/deep": b"deep", b"setid": b"x" * 50, b"moved/gone/f": b"kept"}
        for name, data in contents.items():
            paths.write(name, data)
        paths.link(b"small", b"dir/other")
        paths.symlink(b"sym", b"dir/in")
        for name in (b"dir/in", b"dir"):
            with paths.held(name) as number:
                vfs.xattrs.set(number, b"user.kept", b"value", 0)
        for name in contents:
            with paths.held(name) as number:
                mode = 0o4755 if name == b"setid" else 0o640
                vfs.attributes.set(number, SetAttrs(mode=mode))
                vfs.attributes.set(number, SetAttrs(mtime=OLD, atime=OLD))
    return path


def clone(source: Path, target: Path) -> Path:
    """Copy a vault with its hard links, modes, times and attributes."""
    seen: dict[int, str] = {}
    _clone(str(source), str(target), seen)
    return target


def _clone(source: str, target: str, seen: dict[int, str]) -> None:
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            to = os.path.join(target, entry.name)
            found = entry.stat(follow_symlinks=False)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), to)
            elif entry.is_dir():
                _clone(entry.path, to, seen)
            elif found.st_ino in seen:
                os.link(seen[found.st_ino], to)
            else:
                seen[found.st_ino] = to
                _copy(entry.path, to, found)
    _copy_about(source, target, os.stat(source))


def _copy(source: str, target: str, found: os.stat_result) -> None:
    with open(source, "rb") as old, open(target, "wb") as new:
        new.write(old.read())
    _copy_about(source, target, found)


def _copy_about(source: str, target: str, found: os.stat_result) -> None:
    for name in os.listxattr(source):
        os.setxattr(target, name, os.getxattr(source, name))
    os.chmod(target, stat.S_IMODE(found.st_mode))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
