"""Salvage target: the folder into which things are saved, written through handles however deep it goes."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from typing import Final

from wafs.check.folders import Folder, FolderHandles
from wafs.store.base import Handle, Store

TEMPORARY_PREFIX: Final = b".wafs-salvage-"
_MAX_NAME: Final = 255
_TRIES: Final = 1000
_BAD_NAME: Final = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG})
_FATAL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENODEV, errno.ENXIO})


def is_fatal(error: OSError) -> bool:
    """Tell whether a target that fails so takes nothing more, whatever comes next."""
    return error.errno in _FATAL


class Target:
    """The folder into which things are saved. Names are never used twice in one run; `force` replaces older files.

    Raises of all methods: OSError of the target.
    Thread: one.
    """

    def __init__(self, store: Store, top: Handle, kept: tuple[int, int]) -> None:
        self.store = store
        self.top = Folder(None, b"", b"")
        self._handles = FolderHandles(store, top)
        # On a disk that ignores case two names can mean one file; that is found by what it is.
        self._made = {kept}

    def make_folder(self, parent: Folder, name: bytes, label: bytes = b"folder", *, fresh: bool = False) -> Folder:
        """Make a folder, or take the one that is there unless it must be `fresh`.

        `label` is for a target that does not take `name`, as FAT does with a colon.
        """
        for candidate in _names(name, label):
            handle = self._handles.of(parent)
            try:
                self.store.mkdir(handle, candidate, 0o700)
            except FileExistsError:
                if fresh or not stat.S_ISDIR(self.store.stat(handle, candidate).st_mode):
                    continue
            except OSError as error:
                if error.errno not in _BAD_NAME:
                    raise
                continue
            return Folder(parent, candidate, candidate)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    @contextlib.contextmanager
    def new_file(self, parent: Folder) -> Iterator[tuple[bytes, Handle]]:
        """Make a file under a temporary name, which is removed again unless it was placed."""
        directory = self._handles.of(parent)
        temporary = TEMPORARY_PREFIX + secrets.token_hex(8).encode()
        handle = self.store.open(directory, temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            yield temporary, handle
        finally:
            self.store.close(handle)
            with contextlib.suppress(OSError):
                self.store.unlink(self._handles.of(parent), temporary)

    def symlink(self, parent: Folder, target: bytes) -> bytes:
        """Make a symlink under a temporary name, and return that."""
        temporary = TEMPORARY_PREFIX + secrets.token_hex(8).encode()
        self.store.symlink(self._handles.of(parent), temporary, target)
        return temporary

    def place(self, parent: Folder, temporary: bytes, name: bytes, label: bytes) -> bytes:
        """Give what is complete its name, or one like it if that is taken; returns the name.

        `label` as in `make_folder`.
        """
        directory = self._handles.of(parent)
        try:
            found = self.store.stat(directory, temporary)
            for candidate in _names(name, label):
                try:
                    if not self._is_taken(directory, candidate):
                        self.store.rename(directory, temporary, directory, candidate)
                        self._made.add((found.st_dev, found.st_ino))
                        return candidate
                except OSError as error:
                    if error.errno not in _BAD_NAME:
                        raise
        except BaseException:
            with contextlib.suppress(OSError):
                self.store.unlink(directory, temporary)
            raise
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    def set_attributes(self, parent: Folder, name: bytes, found: os.stat_result) -> None:
        """Give an entry the permission bits and times that it has in the vault."""
        directory = self._handles.of(parent)
        if not stat.S_ISLNK(found.st_mode):
            self.store.chmod(directory, name, _kept_mode(found))
        self.store.utimens(directory, name, found.st_atime_ns, found.st_mtime_ns)

    def set_xattr(self, parent: Folder, name: bytes, attribute: bytes, value: bytes) -> None:
        """Set an extended attribute."""
        self.store.setxattr(self._handles.of(parent), name, attribute, value, 0)

    def path_of(self, parent: Folder, name: bytes) -> bytes:
        """Return a path below the target."""
        return parent.path_of(name).lstrip(b"/")

    def close(self) -> None:
        """Give all handles back."""
        self._handles.close()

    def _is_taken(self, directory: Handle, name: bytes) -> bool:
        try:
            found = self.store.stat(directory, name)
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(found.st_mode) or (found.st_dev, found.st_ino) in self._made


def _names(name: bytes, label: bytes) -> Iterator[bytes]:
    """Yield a name and others like it, from the second on also of its label."""
    yield name
    for number in range(2, _TRIES):
        for base in (name, label):
            stem, suffix = os.path.splitext(base)
            mark = b" (%d)" % number + suffix
            yield stem[: _MAX_NAME - len(mark)] + mark


def _kept_mode(found: os.stat_result) -> int:
    """Return the permission bits of a copy; set-id bits only if it has the same owner."""
    bits = stat.S_IMODE(found.st_mode)
    return bits if found.st_uid == os.geteuid() else bits & ~(stat.S_ISUID | stat.S_ISGID)
