"""Scratch folder: a private temporary folder for bytes that are thrown away in the end."""

import contextlib
import enum
import errno
import fcntl
import itertools
import os
import stat
import tempfile
from collections.abc import Iterator
from typing import Final

PREFIX: Final = "wafs-scratch-"
"""Begin of the name of every such folder."""

_DIR_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Lock(enum.Enum):
    """Who has the lock of a folder; UNKNOWN where the storage knows no locks on folders."""

    OURS = enum.auto()
    TAKEN = enum.auto()
    UNKNOWN = enum.auto()


class ScratchFolder:
    """A folder of numbered files, which only its owner can enter.

    It is locked as long as a process has it; one that can be locked was left by a process that was killed.
    Thread: any may make, open and drop files; `hand_over` and `remove` once, when nobody uses it any more.
    """

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd
        self._numbers = itertools.count(1)

    def make_file(self) -> tuple[bytes, int]:
        """Make an empty file; return its name and a handle of it, open for reading and writing.

        Raises: OSError.
        """
        name = b"%d" % next(self._numbers)
        return name, os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=self._fd)

    def open_file(self, name: bytes) -> int:
        """Return a new handle of a file, open for reading and writing.

        Raises: OSError.
        """
        return os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._fd)

    def stat_file(self, name: bytes) -> os.stat_result:
        """Return the attributes of a file.

        Raises: OSError.
        """
        return os.stat(name, dir_fd=self._fd, follow_symlinks=False)

    def drop_file(self, name: bytes) -> None:
        """Remove a file; what fails is of no account, for the folder goes as well."""
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=self._fd)

    def space(self) -> os.statvfs_result:
        """Return the space of the storage that the folder is on.

        Raises: OSError.
        """
        return os.fstatvfs(self._fd)

    def hand_over(self) -> None:
        """Leave the folder to a process that was forked off and goes on with it: this one will not remove it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        """Remove the folder with all that is in it; nothing if it was handed over or removed before."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                _clear(self.path, fd)
            finally:
                os.close(fd)


@contextlib.contextmanager
def scratch_folder(place: str | None = None) -> Iterator[ScratchFolder]:
    """Make a folder below `place`, that for temporary files if there is none, and remove it in the end.

    Those that killed processes of the same user left there are removed first.
    Raises: OSError.
    """
    place = os.path.abspath(place or tempfile.gettempdir())
    remove_left(place)
    folder = _make(place)
    try:
        yield folder
    finally:
        folder.remove()


def remove_left(place: str) -> None:
    """Remove the folders of this user below `place` that no process has; what fails is left for the next time."""
    with contextlib.suppress(OSError):
        for name in os.listdir(place):
            if name.startswith(PREFIX):
                with contextlib.suppress(OSError):
                    _remove_if_left(os.path.join(place, name))


def _make(place: str) -> ScratchFolder:
    while True:
        path = tempfile.mkdtemp(prefix=PREFIX, dir=place)
        fd = os.open(path, _DIR_FLAGS)
        try:
            # Somebody who removes what was left may have come between the two, and have taken it for such.
            if _lock(fd) != _Lock.TAKEN and _is_at(path, fd):
                return ScratchFolder(path, fd)
        except BaseException:
            _clear(path, fd)
            os.close(fd)
            raise
        os.close(fd)


def _remove_if_left(path: str) -> None:
    fd = os.open(path, _DIR_FLAGS)
    try:
        found = os.fstat(fd)
        if found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077 and _lock(fd) == _Lock.OURS:
            _clear(path, fd)
    finally:
        os.close(fd)


def _clear(path: str, fd: int) -> None:
    for name in os.listdir(fd):
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=fd)
    with contextlib.suppress(OSError):
        os.rmdir(path)


def _lock(fd: int) -> "_Lock":
    """Lock a folder, as long as it is open.

    Raises: OSError.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _Lock.TAKEN
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP):
            raise
        return _Lock.UNKNOWN
    return _Lock.OURS


def _is_at(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(fd))
    except FileNotFoundError:
        return False
