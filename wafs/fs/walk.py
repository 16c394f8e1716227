"""Walk: paths and whole trees, for people who have names and not inode numbers.

Paths are bytes and begin at the top of the vault, with or without a slash. Symlinks in the middle of a path are
followed as the kernel does it, as long as they stay inside the vault; the last one only where that is asked for.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from wafs.errors import FsError, InvalidArgumentError, NotADirError, NotFoundError, WafsError
from wafs.fs.attrs import Attrs, DirEntry, Entry
from wafs.fs.vfs import Vfs
from wafs.units import ROOT_INO, Ino

MAX_SYMLINKS: Final = 40
"""Symlinks followed in one path, as in Linux."""

_PAGE: Final = 1024
"""Entries that are looked at in one go, each pinned meanwhile."""

OnError = Callable[[bytes, Exception], None]


def parts_of(path: bytes) -> list[bytes]:
    """Split a path into names; empty ones and `.` mean nothing."""
    return [name for name in path.split(b"/") if name not in (b"", b".")]


def top(vfs: Vfs) -> Entry:
    """Return the entry of the top folder, which needs no pin."""
    return Entry(ROOT_INO, vfs.attributes.get(ROOT_INO))


@contextmanager
def found(vfs: Vfs, path: bytes, *, follow: bool = False) -> Iterator[Entry]:
    """Find a path and hold its entry; `follow` the symlink at its end. A slash at the end asks for a folder.

    Raises: NotFoundError, NotADirError, NameTooLongError, InvalidArgumentError, DamageError, OSError.
    """
    wants_folder = path.endswith((b"/", b"/."))
    entry = _Resolver(vfs, path).resolve(follow=follow or wants_folder)
    try:
        if wants_folder and not stat.S_ISDIR(entry.attrs.mode):
            raise NotADirError(_about(path, "not a folder"))
        yield entry
    finally:
        vfs.tree.forget(entry.ino)


@contextmanager
def found_parent(vfs: Vfs, path: bytes) -> Iterator[tuple[Entry, bytes]]:
    """Find the folder in which the last name of a path stands, and that name; there may be nothing under it.

    Raises: InvalidArgumentError if the path has no last name, as `/` and `..` have none; as `found`.
    """
    *above, name = parts_of(path) or [b".."]
    if name == b"..":
        raise InvalidArgumentError(_about(path, "this does not name something in a folder"))
    folder = b"/".join([b""] * path.startswith(b"/") + [*above, b""])
    with found(vfs, folder) as parent:
        yield parent, name


def names_in(vfs: Vfs, number: int) -> list[DirEntry]:
    """Return the entries of a folder in the order of their bytes, without `.` and `..`.

    Raises: NotFoundError, NotADirError, DamageError, OSError.
    """
    fh = vfs.streams.open(number)
    try:
        return sorted(entry for entry in vfs.streams.read(fh, 0) if entry.name not in (b".", b".."))
    finally:
        vfs.streams.release(fh)


def listing(vfs: Vfs, number: int) -> dict[bytes, Attrs]:
    """Return the attributes of all that is in a folder, by name; what does not open is not among it.

    Raises: NotFoundError, NotADirError, DamageError, OSError.
    """
    fh = vfs.streams.open(number)
    try:
        names = [entry.name for entry in vfs.streams.read(fh, 0)]
        found: dict[bytes, Attrs] = {}
        for start in range(0, len(names), _PAGE):
            for name, entry in zip(names[start : start + _PAGE], vfs.streams.enter(fh, start, _PAGE), strict=True):
                if entry is not None:
                    found[name] = entry.attrs
                    vfs.tree.forget(entry.ino)
        return found
    finally:
        vfs.streams.release(fh)


class Step:
    """One station of a walk. A folder is met twice: before its entries, and `leaving` it after them.

    Set `prune` on the first of the two to pass over its entries and the second meeting.
    """

    __slots__ = ("entry", "leaving", "name", "parent", "path", "prune")

    def __init__(self, path: bytes, parent: Ino, name: bytes, entry: Entry) -> None:
        self.path = path
        self.parent = parent
        self.name = name
        self.entry = entry
        self.leaving = False
        self.prune = False

    @property
    def is_dir(self) -> bool:
        """Tell whether it is a folder."""
        return stat.S_ISDIR(self.entry.attrs.mode)


def walk(vfs: Vfs, number: Ino, path: bytes, on_error: OnError) -> Iterator[Step]:
    """Walk everything below a folder, in the order of names; symlinks are met and not followed.

    `path` is what the paths of the steps begin with. An entry stays pinned until the walk goes on. What cannot be
    read goes to `on_error` with its path, and the walk goes on.
    """
    # One frame for each folder that is open: its names yet to come, and the step that stands for it.
    frames: list[tuple[Iterator[DirEntry], Step | None, Ino, bytes]] = []
    held: Step | None = None
    try:
        _enter(vfs, frames, (None, number, path), on_error)
        while frames:
            names, folder, parent, prefix = frames[-1]
            listed = next(names, None)
            if listed is None:
                frames.pop()
                if folder is not None:
                    held = folder
                    folder.leaving = True
                    yield folder
                    held = None
                    vfs.tree.forget(folder.entry.ino)
                continue
            where = os.path.join(prefix, listed.name)
            try:
                entry = vfs.tree.lookup(parent, listed.name)
            except (WafsError, OSError) as error:
                on_error(where, error)
                continue
            held = step = Step(where, parent, listed.name, entry)
            yield step
            held = None
            if not step.is_dir or step.prune or not _enter(vfs, frames, (step, entry.ino, where), on_error):
                vfs.tree.forget(entry.ino)
    finally:
        for left in [held, *(frame[1] for frame in frames)]:
            if left is not None:
                vfs.tree.forget(left.entry.ino)


def _enter(
    vfs: Vfs,
    frames: list[tuple[Iterator[DirEntry], Step | None, Ino, bytes]],
    folder: tuple[Step | None, Ino, bytes],
    on_error: OnError,
) -> bool:
    step, number, path = folder
    try:
        names = names_in(vfs, number)
    except (WafsError, OSError) as error:
        on_error(path, error)
        return False
    frames.append((iter(names), step, number, path))
    return True


class _Resolver:
    """Goes along one path. `_trail` has the pinned folders from below the top to where it stands."""

    def __init__(self, vfs: Vfs, path: bytes) -> None:
        self._vfs = vfs
        self._path = path
        self._trail: list[Entry] = []
        self._left = MAX_SYMLINKS

    def resolve(self, *, follow: bool) -> Entry:
        try:
            self._go(parts_of(self._path), follow=follow)
            # The last pin is handed over; those above are held by it.
            return self._trail.pop() if self._trail else top(self._vfs)
        except FsError as error:
            if str(error).startswith(_about(self._path, "")):
                raise
            raise type(error)(_about(self._path, str(error)), hint=error.hint) from None
        finally:
            for entry in self._trail:
                self._vfs.tree.forget(entry.ino)

    def _go(self, names: list[bytes], *, follow: bool) -> None:
        names = names[::-1]
        while names:
            name = names.pop()
            if name == b"..":
                self._up()
                continue
            here = self._trail[-1] if self._trail else top(self._vfs)
            entry = self._vfs.tree.lookup(here.ino, name)
            if not stat.S_ISLNK(entry.attrs.mode) or not (names or follow):
                self._trail.append(entry)
                continue
            try:
                target = self._vfs.tree.readlink(entry.ino)
            finally:
                self._vfs.tree.forget(entry.ino)
            names += self._target(target)[::-1]

    def _target(self, target: bytes) -> list[bytes]:
        self._left -= 1
        if self._left < 0:
            raise InvalidArgumentError(_about(self._path, "too many symlinks"))
        if target.startswith(b"/"):
            raise NotFoundError(_about(self._path, "a symlink leads out of the vault"))
        return parts_of(target)

    def _up(self) -> None:
        if self._trail:
            self._vfs.tree.forget(self._trail.pop().ino)
        elif self._left < MAX_SYMLINKS:
            raise NotFoundError(_about(self._path, "a symlink leads out of the vault"))


def _about(path: bytes, words: str) -> str:
    return f"{os.fsdecode(path)}: {words}"
