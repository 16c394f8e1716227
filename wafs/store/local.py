"""LocalStore: a ciphertext tree in a folder of this machine.

Every call is one `*at()` system call relative to an open directory. The hot ones are the functions of `os` themselves,
so that the abstraction costs no Python frame.
"""

import contextlib
import os
import stat
import sys
from typing import Final

from wafs.store import libc
from wafs.store.base import Handle

_DIR_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NAMES: Final = (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
"""How names that `os` gives as text become bytes again: as in `os.fsencode`, which asks more questions."""

_FILE_FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC


class LocalStore:
    """A folder of a local (or mounted) filesystem."""

    close = staticmethod(os.close)
    fstat = staticmethod(os.fstat)
    pread = staticmethod(os.pread)
    preadv = staticmethod(os.preadv)
    pwrite = staticmethod(os.pwrite)
    truncate = staticmethod(os.ftruncate)
    seek = staticmethod(os.lseek)
    advise = staticmethod(os.posix_fadvise)
    fchmod = staticmethod(os.fchmod)
    fchown = staticmethod(os.fchown)
    fallocate = staticmethod(libc.fallocate)
    utimens = staticmethod(libc.utimensat)
    futimens = staticmethod(libc.futimens)

    def __init__(self, path: str) -> None:
        self._top = os.open(path, _DIR_FLAGS)

    def shut(self) -> None:
        """Give back the handle of the top folder; the store cannot be used after that."""
        os.close(self._top)

    def open_dir(self, parent: Handle | None, name: bytes) -> Handle:
        """Open a directory; without a parent, below the top folder."""
        return os.open(name, _DIR_FLAGS, dir_fd=self._top if parent is None else parent)

    def open(self, parent: Handle, name: bytes, flags: int, mode: int = 0o600) -> Handle:
        """Open a regular file."""
        return os.open(name, flags | _FILE_FLAGS, mode, dir_fd=parent)

    def entries(self, directory: Handle) -> list[tuple[bytes, int, int]]:
        """Return name, type and inode number of all entries."""
        # A second open: the handle's own position is shared by everyone who holds it.
        own = os.open(b".", _DIR_FLAGS, dir_fd=directory)
        try:
            with os.scandir(own) as found:
                return [(entry.name.encode(*_NAMES), _type(entry), entry.inode()) for entry in found]
        finally:
            os.close(own)

    def stat(self, parent: Handle, name: bytes) -> os.stat_result:
        """Return the attributes of an entry."""
        return os.stat(name, dir_fd=parent, follow_symlinks=False)

    def fetch(self, handle: Handle, size: int) -> bool:
        """Have the first bytes of a file brought into memory."""
        # EAGAIN is the answer for what is not there; a filesystem that does not know the question is asked each time.
        with contextlib.suppress(OSError):
            os.preadv(handle, [bytearray(1)], 0, os.RWF_NOWAIT)
            return True
        os.posix_fadvise(handle, 0, size, os.POSIX_FADV_WILLNEED)
        return False

    def statvfs(self) -> os.statvfs_result:
        """Return the space of the filesystem that holds the folder."""
        return os.fstatvfs(self._top)

    def sync(self, handle: Handle, *, data_only: bool = False) -> None:
        """Sync a file or directory."""
        if data_only:
            os.fdatasync(handle)
        else:
            os.fsync(handle)

    def sync_all(self) -> None:
        """Sync the filesystem that holds the folder."""
        libc.syncfs(self._top)

    def mkdir(self, parent: Handle, name: bytes, mode: int) -> None:
        """Make a directory."""
        os.mkdir(name, mode, dir_fd=parent)

    def mknod(self, parent: Handle, name: bytes, mode: int, device: int) -> None:
        """Make a FIFO, socket or device."""
        os.mknod(name, mode, device, dir_fd=parent)

    def symlink(self, parent: Handle, name: bytes, target: bytes) -> None:
        """Make a symlink."""
        os.symlink(target, name, dir_fd=parent)

    def readlink(self, parent: Handle, name: bytes) -> bytes:
        """Return the target of a symlink."""
        return os.readlink(name, dir_fd=parent)

    def link(self, parent: Handle, name: bytes, new_parent: Handle, new_name: bytes) -> None:
        """Make a hard link."""
        os.link(name, new_name, src_dir_fd=parent, dst_dir_fd=new_parent, follow_symlinks=False)

    def link_open(self, handle: Handle, parent: Handle, name: bytes) -> None:
        """Give a name to an open file that was opened without one."""
        os.link(b"/proc/self/fd/%d" % handle, name, dst_dir_fd=parent, follow_symlinks=True)

    def unlink(self, parent: Handle, name: bytes) -> None:
        """Remove an entry that is not a directory."""
        os.unlink(name, dir_fd=parent)

    def rmdir(self, parent: Handle, name: bytes) -> None:
        """Remove an empty directory."""
        os.rmdir(name, dir_fd=parent)

    def rename(self, parent: Handle, name: bytes, new_parent: Handle, new_name: bytes, flags: int = 0) -> None:
        """Rename atomically."""
        if flags:
            libc.renameat2(parent, name, new_parent, new_name, flags)
        else:
            os.rename(name, new_name, src_dir_fd=parent, dst_dir_fd=new_parent)

    def chmod(self, parent: Handle, name: bytes, mode: int) -> None:
        """Set the permission bits of an entry that is not a symlink."""
        # fchmodat(2) follows symlinks; the magic link of an O_PATH handle leads to the entry itself.
        entry = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.chmod(b"/proc/self/fd/%d" % entry, mode)
        finally:
            os.close(entry)

    def chown(self, parent: Handle, name: bytes, uid: int, gid: int) -> None:
        """Set owner and group; -1 leaves one as it is."""
        os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)

    def getxattr(self, parent: Handle, name: bytes, attribute: bytes) -> bytes:
        """Return the value of an attribute."""
        return os.getxattr(_path(parent, name), attribute, follow_symlinks=False)

    def setxattr(self, parent: Handle, name: bytes, attribute: bytes, value: bytes, flags: int) -> None:
        """Set an attribute."""
        os.setxattr(_path(parent, name), attribute, value, flags, follow_symlinks=False)

    def listxattr(self, parent: Handle, name: bytes) -> list[bytes]:
        """Return the names of all attributes."""
        return [os.fsencode(a) for a in os.listxattr(_path(parent, name), follow_symlinks=False)]

    def removexattr(self, parent: Handle, name: bytes, attribute: bytes) -> None:
        """Remove an attribute."""
        os.removexattr(_path(parent, name), attribute, follow_symlinks=False)


def _path(parent: Handle, name: bytes) -> bytes:
    # There are no `*at()` calls for attributes; the magic link leads to the directory itself, wherever it was moved.
    return b"/proc/self/fd/%d/%s" % (parent, name)


def _type(entry: os.DirEntry[str]) -> int:
    if entry.is_file(follow_symlinks=False):
        return stat.S_IFREG
    if entry.is_dir(follow_symlinks=False):
        return stat.S_IFDIR
    return stat.S_IFLNK if entry.is_symlink() else 0
