"""Unions: the same steps on two stores, and what they leave."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wafs.store.base import Handle, Store

LONG_AGO = 10**18
"""Times before this were set by a program, and are compared."""


def pattern(seed: int, size: int) -> bytes:
    return bytes((seed * 37 + at + at // 251) % 255 + 1 for at in range(size))


def prepared(folder: Path) -> None:
    """Make a folder with one of each kind."""
    folder.mkdir()
    (folder / "a").write_bytes(pattern(1, 70_000))
    os.setxattr(folder / "a", "user.kept", b"value")
    (folder / "b").write_bytes(b"small")
    os.link(folder / "a", folder / "c")
    (folder / "d/e").mkdir(parents=True)
    (folder / "d/e").chmod(0o755)
    os.setxattr(folder / "d/e", "user.kept", b"value of a folder")
    (folder / "d/a").write_bytes(pattern(2, 12_000))
    (folder / "d/e/b").write_bytes(b"")
    (folder / "d/link").symlink_to("../a")
    (folder / "d").chmod(0o2755)
    (folder / "link").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    with (folder / "d/e/c").open("wb") as file:
        file.truncate(100_000)
        file.seek(40_960)
        file.write(pattern(3, 4096))


def dump(folder: Path) -> list[tuple[object, ...]]:
    """Return everything there is below a folder of this machine, but the times of reading."""
    found: list[tuple[object, ...]] = []
    for path in [folder, *sorted(folder.rglob("*"))]:
        state = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(state.st_mode) else b""
        kept = (state.st_mode, state.st_ino, state.st_nlink, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        found.append((str(path.relative_to(folder)), *kept, data))
    return found


class Half:
    """One of the two stores; `slots` are what the program has open."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.top = store.open_dir(None, b".")
        self.slots: dict[int, Handle] = {}

    def folder(self, names: tuple[bytes, ...]) -> Handle:
        handle = self.store.open_dir(self.top, b".")
        for name in names:
            try:
                below = self.store.open_dir(handle, name)
            finally:
                self.store.close(handle)
            handle = below
        return handle

    def within(self, names: tuple[bytes, ...], act: Callable[[Handle], T]) -> T:
        handle = self.folder(names)
        try:
            return act(handle)
        finally:
            self.store.close(handle)

    def run(self, step: tuple[Any, ...]) -> Any:
        """Return what a step gives, or the name of its errno."""
        try:
            return getattr(self, step[0])(*step[1:])
        except KeyError:
            return "nothing is open"
        except OSError as error:
            return errno.errorcode[error.errno or 0]

    def put(self, slot: int, handle: Handle) -> None:
        if slot in self.slots:
            self.store.close(self.slots.pop(slot))
        self.slots[slot] = handle

    def open(self, slot: int, names: tuple[bytes, ...], name: bytes, flags: int) -> None:
        def act(folder: Handle) -> Handle:
            kind = stat.S_IFREG
            with contextlib.suppress(FileNotFoundError):
                kind = stat.S_IFMT(self.store.stat(folder, name).st_mode)
            if kind == stat.S_IFIFO:
                # A vault never opens one; what is made in the scratch cannot be opened.
                raise OSError(errno.ENXIO, "a FIFO")
            return self.store.open(folder, name, flags | os.O_NONBLOCK, 0o640)

        self.put(slot, self.within(names, act))

    def open_unnamed(self, slot: int, names: tuple[bytes, ...]) -> None:
        self.put(slot, self.within(names, lambda folder: self.store.open(folder, b".", os.O_RDWR | os.O_TMPFILE)))

    def open_folder(self, slot: int, names: tuple[bytes, ...]) -> None:
        self.put(slot, self.folder(names))

    def close(self, slot: int) -> None:
        self.store.close(self.slots.pop(slot))

    def read(self, slot: int, offset: int, size: int) -> bytes:
        data = self.store.pread(self.slots[slot], size, offset)
        one, two = bytearray(size // 2), bytearray(size - size // 2)
        count = self.store.preadv(self.slots[slot], [memoryview(one), memoryview(two)], offset)
        assert (one + two)[:count] == data
        return data

    def write(self, slot: int, offset: int, size: int) -> int:
        return self.store.pwrite(self.slots[slot], pattern(offset + size, size), offset)

    def truncate(self, slot: int, size: int) -> None:
        self.store.truncate(self.slots[slot], size)

    def fallocate(self, slot: int, mode: int, offset: int, size: int) -> None:
        if mode == 16 and size:
            # The scratch knows no FALLOC_FL_ZERO_RANGE; the vault does not use it.
            return
        self.store.fallocate(self.slots[slot], mode, offset, size)

    def holes(self, slot: int, offset: int) -> str:
        """See that a hole is told only of zeros; where exactly one begins is the storage's to say."""
        handle, store = self.slots[slot], self.store
        size = store.fstat(handle).st_size
        if stat.S_ISDIR(store.fstat(handle).st_mode):
            return "a folder"
        if offset >= size:
            store.seek(handle, offset, os.SEEK_DATA)
        end = store.seek(handle, offset, os.SEEK_HOLE)
        data = size
        with contextlib.suppress(OSError):
            data = store.seek(handle, offset, os.SEEK_DATA)
        assert offset <= data <= size
        assert offset <= end <= size
        assert (data > offset) != (end > offset)
        with contextlib.suppress(OSError):
            # Who may only write cannot see it.
            assert not any(store.pread(handle, data - offset, offset))
        return "fine"

    def fstat(self, slot: int) -> tuple[int, ...]:
        return shown(self.store.fstat(self.slots[slot]))

    def fchmod(self, slot: int, mode: int) -> None:
        self.store.fchmod(self.slots[slot], mode)

    def futimens(self, slot: int, seconds: int) -> None:
        self.store.futimens(self.slots[slot], None, seconds)

    def list_folder(self, names: tuple[bytes, ...]) -> list[tuple[bytes, int]]:
        return self.within(names, self.listed)

    def listed(self, handle: Handle) -> list[tuple[bytes, int]]:
        shown_kinds = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
        entries = list(self.store.entries(handle))
        assert all(self.store.stat(handle, name).st_ino == ino for name, _, ino in entries)
        return sorted((name, kind if kind in shown_kinds else 0) for name, kind, _ in entries)

    def list_open(self, slot: int) -> list[tuple[bytes, int]]:
        return self.listed(self.slots[slot])

    def stat(self, names: tuple[bytes, ...], name: bytes) -> tuple[int, ...]:
        return self.within(names, lambda folder: shown(self.store.stat(folder, name)))

    def mkdir(self, names: tuple[bytes, ...], name: bytes, mode: int) -> None:
        self.within(names, lambda folder: self.store.mkdir(folder, name, mode))

    def mkfifo(self, names: tuple[bytes, ...], name: bytes) -> None:
        self.within(names, lambda folder: self.store.mknod(folder, name, stat.S_IFIFO | 0o600, 0))

    def symlink(self, names: tuple[bytes, ...], name: bytes) -> None:
        self.within(names, lambda folder: self.store.symlink(folder, name, b"some target"))

    def readlink(self, names: tuple[bytes, ...], name: bytes) -> bytes:
        return self.within(names, lambda folder: self.store.readlink(folder, name))

    def link(self, names: tuple[bytes, ...], name: bytes, new_names: tuple[bytes, ...], new_name: bytes) -> None:
        self.within(
            names,
            lambda folder: self.within(new_names, lambda new: self.store.link(folder, name, new, new_name)),
        )

    def link_open(self, slot: int, names: tuple[bytes, ...], name: bytes) -> None:
        handle = self.slots[slot]
        if stat.S_ISDIR(self.store.fstat(handle).st_mode):
            return
        self.within(names, lambda folder: self.store.link_open(handle, folder, name))

    def unlink(self, names: tuple[bytes, ...], name: bytes) -> None:
        self.within(names, lambda folder: self.store.unlink(folder, name))

    def rmdir(self, names: tuple[bytes, ...], name: bytes) -> None:
        self.within(names, lambda folder: self.store.rmdir(folder, name))

    def rename(
        self, names: tuple[bytes, ...], name: bytes, new_names: tuple[bytes, ...], new_name: bytes, flags: int
    ) -> None:
        self.within(
            names,
            lambda folder: self.within(new_names, lambda new: self.store.rename(folder, name, new, new_name, flags)),
        )

    def make_in(self, slot: int, name: bytes) -> None:
        self.store.mkdir(self.slots[slot], name, 0o700)

    def chmod(self, names: tuple[bytes, ...], name: bytes, mode: int) -> None:
        self.within(names, lambda folder: self.store.chmod(folder, name, mode))

    def chown(self, names: tuple[bytes, ...], name: bytes) -> None:
        self.within(names, lambda folder: self.store.chown(folder, name, -1, os.getegid()))

    def utimens(self, names: tuple[bytes, ...], name: bytes, seconds: int) -> None:
        self.within(names, lambda folder: self.store.utimens(folder, name, seconds, 2 * seconds))

    def setxattr(self, names: tuple[bytes, ...], name: bytes, flags: int) -> None:
        self.within(names, lambda folder: self.store.setxattr(folder, name, b"user.kept", b"new", flags))

    def getxattr(self, names: tuple[bytes, ...], name: bytes) -> bytes:
        return self.within(names, lambda folder: self.store.getxattr(folder, name, b"user.kept"))

    def listxattr(self, names: tuple[bytes, ...], name: bytes) -> list[bytes]:
        return self.within(names, lambda folder: sorted(self.store.listxattr(folder, name)))

    def removexattr(self, names: tuple[bytes, ...], name: bytes) -> None:
        self.within(names, lambda folder: self.store.removexattr(folder, name, b"user.kept"))

    def tree(self) -> dict[tuple[bytes, ...], object]:
        """Return all that is there; files of one inode have the same `twin`."""
        found: dict[tuple[bytes, ...], object] = {}
        twins: dict[int, tuple[bytes, ...]] = {}
        waiting: list[tuple[bytes, ...]] = [()]
        while waiting:
            names = waiting.pop()
            handle = self.folder(names)
            for name, _, _ in sorted(self.store.entries(handle)):
                state = self.store.stat(handle, name)
                path = (*names, name)
                kind = stat.S_IFMT(state.st_mode)
                content: object = None
                if kind == stat.S_IFDIR:
                    waiting.append(path)
                elif kind == stat.S_IFLNK:
                    content = self.store.readlink(handle, name)
                elif kind == stat.S_IFREG:
                    file = self.store.open(handle, name, os.O_RDONLY)
                    content = self.store.pread(file, 1 << 20, 0)
                    self.store.close(file)
                found[path] = (shown(state), twins.setdefault(state.st_ino, path), content)
            self.store.close(handle)
        return found

    def close_all(self) -> None:
        for handle in (*self.slots.values(), self.top):
            self.store.close(handle)
        self.slots.clear()


def shown(state: os.stat_result) -> tuple[int, ...]:
    """What is compared: not what the clock gave, and not the size of a folder."""
    size = 0 if stat.S_ISDIR(state.st_mode) else state.st_size
    mtime = state.st_mtime_ns if state.st_mtime_ns < LONG_AGO else 0
    return state.st_mode, state.st_nlink, state.st_uid, state.st_gid, size, mtime


class Pair:
    """A plain store, and one that is to be no different."""

    def __init__(self, wanted: Store, found: Store) -> None:
        self.wanted = Half(wanted)
        self.found = Half(found)

    def run(self, step: tuple[Any, ...]) -> tuple[Any, Any]:
        return self.wanted.run(step), self.found.run(step)

    def trees(self) -> tuple[object, object]:
        return self.wanted.tree(), self.found.tree()

    def close(self) -> None:
        self.wanted.close_all()
        self.found.close_all()
