"""Folder life: one process that changes a folder at random and knows what it holds."""

from __future__ import annotations

import mmap
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from endurance.folder_model import PAGE, Operation, Tree, apply, payload
from wafs.store.libc import fallocate

if TYPE_CHECKING:
    import random
    from pathlib import Path

_KEEP_SIZE: Final = 1
_PUNCH_HOLE: Final = 2
_MOST_OPEN: Final = 6
_MOST_FILES: Final = 60
_MOST_FOLDERS: Final = 12
_MOST_DEPTH: Final = 3
_MOST_BYTES: Final = 8 << 20
_CHUNK: Final = 16_384


class FolderLife:
    """Chooses operations that must succeed, does them, and keeps the model up to date.

    Some files stay open from one operation to the next, so that they are in flight most of the time.
    """

    def __init__(self, top: Path, rng: random.Random, tree: Tree) -> None:
        self._top = top
        self._rng = rng
        self._open: OrderedDict[str, int] = OrderedDict()
        self.tree = tree

    def choose(self) -> Operation:
        """Return an operation that is possible now."""
        if self._bytes() > _MOST_BYTES:
            return Operation("unlink", max(self._files(), key=lambda path: len(self._data(path))))
        weighted: dict[Callable[[], Operation | None], int] = {
            self._write: 30, self._append: 14, self._map: 5, self._truncate: 5, self._punch: 3, self._create: 9,
            self._rename: 9, self._mkdir: 3, self._rmdir: 2, self._unlink: 4, self._link: 2, self._symlink: 1,
            self._sync: 5,
        }  # fmt: skip
        while True:
            (choice,) = self._rng.choices(list(weighted), list(weighted.values()))
            if (chosen := choice()) is not None:
                return chosen

    def perform(self, wanted: Operation) -> None:
        """Do it, in the folder and then in the model.

        Raises: OSError; the model is then as it was.
        """
        getattr(self, f"do_{wanted.kind}")(wanted)
        apply(self.tree, wanted)

    def check(self) -> None:
        """Read a part of some file and see that it is as the model says.

        Raises: OSError, also if it is not.
        """
        path, data = self._file()
        if path is None:
            return
        offset, size = self._offset(len(data)), self._size()
        if os.pread(self._fd(path), size, offset) != data[offset : offset + size]:
            msg = f"{path} reads wrong between {offset} and {offset + size}"
            raise OSError(msg)

    def close(self) -> None:
        """Close all files.

        Raises: OSError.
        """
        while self._open:
            os.close(self._open.popitem()[1])

    # How each operation is done

    def do_create(self, wanted: Operation) -> None:
        """Make a file and keep it open."""
        self._keep(wanted.path, os.open(self._path(wanted.path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))

    def do_write(self, wanted: Operation) -> None:
        """Write somewhere through a descriptor that may have been open for long."""
        data, fd = memoryview(payload(wanted.seed, wanted.size)), self._fd(wanted.path)
        while data:
            done = os.pwrite(fd, data, wanted.offset + wanted.size - len(data))
            data = data[done:]

    def do_append(self, wanted: Operation) -> None:
        """Append as a logger does, and leave the place to the kernel."""
        fd = os.open(self._path(wanted.path), os.O_WRONLY | os.O_APPEND)
        try:
            data = memoryview(payload(wanted.seed, wanted.size))
            while data:
                data = data[os.write(fd, data) :]
        finally:
            os.close(fd)

    def do_map(self, wanted: Operation) -> None:
        """Write through a shared mapping and wait for msync(2)."""
        start = wanted.offset // PAGE * PAGE
        end = wanted.offset + wanted.size
        with mmap.mmap(self._fd(wanted.path), end - start, offset=start) as view:
            view[wanted.offset - start : end - start] = payload(wanted.seed, wanted.size)
            view.flush()

    def do_truncate(self, wanted: Operation) -> None:
        """Cut or extend, by name or by descriptor."""
        if wanted.seed % 2:
            os.truncate(self._path(wanted.path), wanted.size)
        else:
            os.ftruncate(self._fd(wanted.path), wanted.size)

    def do_punch(self, wanted: Operation) -> None:
        """Make a hole."""
        fallocate(self._fd(wanted.path), _KEEP_SIZE | _PUNCH_HOLE, wanted.offset, wanted.size)

    def do_rename(self, wanted: Operation) -> None:
        """Rename; what is open stays open under its new name."""
        os.rename(self._path(wanted.path), self._path(wanted.other))
        # What is open of the old target, and below a folder that moved, is closed: the names would be wrong.
        for path in [wanted.other, *(path for path in self._open if path.startswith(wanted.path + "/"))]:
            self._drop(path)
        fd = self._open.pop(wanted.path, None)
        if fd is not None:
            self._keep(wanted.other, fd)

    def do_mkdir(self, wanted: Operation) -> None:
        """Make a folder."""
        os.mkdir(self._path(wanted.path), 0o700)

    def do_rmdir(self, wanted: Operation) -> None:
        """Remove an empty folder."""
        os.rmdir(self._path(wanted.path))

    def do_unlink(self, wanted: Operation) -> None:
        """Remove a name, of a file that may be open."""
        os.unlink(self._path(wanted.path))
        self._drop(wanted.path)

    def do_link(self, wanted: Operation) -> None:
        """Make a hard link."""
        os.link(self._path(wanted.path), self._path(wanted.other))

    def do_symlink(self, wanted: Operation) -> None:
        """Make a symlink."""
        os.symlink(wanted.other, self._path(wanted.path))

    def do_sync(self, wanted: Operation) -> None:
        """Wait for the disk."""
        os.fsync(self._fd(wanted.path))

    def _path(self, relative: str) -> str:
        return os.path.join(self._top, relative)

    def _fd(self, path: str) -> int:
        fd = self._open.pop(path, None)
        if fd is None:
            fd = os.open(self._path(path), os.O_RDWR)
        self._keep(path, fd)
        return fd

    def _keep(self, path: str, fd: int) -> None:
        self._open[path] = fd
        while len(self._open) > _MOST_OPEN:
            os.close(self._open.popitem(last=False)[1])

    def _drop(self, path: str) -> None:
        fd = self._open.pop(path, None)
        if fd is not None:
            os.close(fd)

    # What may be done now

    def _write(self) -> Operation | None:
        path, data = self._file()
        if path is None:
            return None
        size = self._size()
        at_most = len(data) + (20_000 if self._rng.random() < 0.1 else 0)
        return self._changing("write", path, self._offset(at_most), size)

    def _append(self) -> Operation | None:
        path, data = self._file()
        return None if path is None else self._changing("append", path, len(data), self._size())

    def _map(self) -> Operation | None:
        path, data = self._file()
        if path is None or not data:
            return None
        offset = self._offset(len(data) - 1)
        return self._changing("map", path, offset, min(self._size(), len(data) - offset))

    def _truncate(self) -> Operation | None:
        path, data = self._file()
        if path is None:
            return None
        longer = len(data) + self._rng.choice((0, 0, 50_000))
        return self._changing("truncate", path, 0, self._offset(longer))

    def _punch(self) -> Operation | None:
        path, data = self._file()
        if path is None or not data:
            return None
        return self._changing("punch", path, self._offset(len(data) - 1), self._size())

    def _sync(self) -> Operation | None:
        path, _ = self._file()
        return None if path is None else Operation("sync", path)

    def _create(self) -> Operation | None:
        name = self._new_name()
        return Operation("create", name) if len(self._files()) < _MOST_FILES and name else None

    def _mkdir(self) -> Operation | None:
        name = self._new_name()
        shallow = name is not None and name.count("/") < _MOST_DEPTH
        return Operation("mkdir", name) if name and shallow and len(self._folders()) < _MOST_FOLDERS else None

    def _symlink(self) -> Operation | None:
        name = self._new_name()
        return Operation("symlink", name, "target " * self._rng.randint(1, 100)) if name else None

    def _link(self) -> Operation | None:
        path, _ = self._file()
        name = self._new_name()
        return Operation("link", path, name) if path and name and len(self._files()) < _MOST_FILES else None

    def _unlink(self) -> Operation | None:
        paths = [path for path, node in self.tree.items() if node is not None]
        return Operation("unlink", self._rng.choice(paths)) if paths else None

    def _rmdir(self) -> Operation | None:
        empty = self._empty_folders()
        return Operation("rmdir", self._rng.choice(empty)) if empty else None

    def _rename(self) -> Operation | None:
        if not self.tree:
            return None
        path = self._rng.choice(list(self.tree))
        other = self._new_name()
        if self._rng.random() < 0.4:
            replaced = self._empty_folders() if self.tree[path] is None else self._files()
            other = self._rng.choice(replaced) if replaced else None
        if other is None or f"{other}/".startswith(f"{path}/"):
            return None
        return Operation("rename", path, other)

    def _changing(self, kind: str, path: str, offset: int, size: int) -> Operation:
        return Operation(kind, path, "", offset, size, self._rng.getrandbits(32))

    def _file(self) -> tuple[str | None, bytearray]:
        """Choose a file, if there is one; those that are open come more often."""
        files = self._files()
        if not files:
            return None, bytearray()
        open_files = [path for path in self._open if path in self.tree]
        path = self._rng.choice(open_files if open_files and self._rng.random() < 0.7 else files)
        return path, self._data(path)

    def _data(self, path: str) -> bytearray:
        data = self.tree[path]
        assert isinstance(data, bytearray)
        return data

    def _files(self) -> list[str]:
        return [path for path, node in self.tree.items() if isinstance(node, bytearray)]

    def _folders(self) -> list[str]:
        return [path for path, node in self.tree.items() if node is None]

    def _empty_folders(self) -> list[str]:
        parents = {os.path.dirname(path) for path in self.tree}
        return [path for path in self._folders() if path not in parents]

    def _bytes(self) -> int:
        return sum(len(self._data(path)) for path in self._files())

    def _new_name(self) -> str | None:
        """Choose a path that is free; one in eight has a name too long for the ciphertext."""
        folder = self._rng.choice(["", *self._folders()])
        name = f"IMG-{self._rng.randrange(200)}" + " long" * (45 if self._rng.random() < 0.12 else 0)
        path = os.path.join(folder, name)
        return None if path in self.tree or len(path) > 2000 else path

    def _offset(self, most: int) -> int:
        """Choose an offset up to `most`, half of them near the border of a chunk."""
        offset = self._rng.randint(0, most)
        if self._rng.random() < 0.5:
            offset = min(max(round(offset / _CHUNK) * _CHUNK + self._rng.randint(-2, 2), 0), most)
        return offset

    def _size(self) -> int:
        return self._rng.randint(1, self._rng.choice((300, 6_000, 6_000, 70_000, 70_000, 1_500_000)))
