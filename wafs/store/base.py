"""Store: what the core asks of a storage. The contract, in prose and types.

A store is one folder tree. Everything is addressed relative to a handle of a directory, so that nobody can redirect an
operation by moving a folder or planting a symlink. Names are single path components (bytes). Symlinks are never
followed. The only failure is `OSError` with an errno of POSIX; an operation that raised has either not happened, or
the caller cannot tell (a short write, a rename whose answer was lost). Handles are small integers that the store gives
out; they stay valid until `close`, also when the thing they name is renamed or removed.

Thread: all methods may be called from any thread.
"""

import os
from collections.abc import Iterable
from typing import Final, Protocol

Handle = int

NOW: Final = "now"
Time = int | str | None
"""Nanoseconds since 1970 (negative before), `NOW`, or None to leave a time as it is."""


class Store(Protocol):
    """One ciphertext tree."""

    def open_dir(self, parent: Handle | None, name: bytes) -> Handle:
        """Return a handle of a directory; without a parent, `name` is below the top of the store."""

    def open(self, parent: Handle, name: bytes, flags: int, mode: int = 0o600) -> Handle:
        """Return a handle of a regular file, opened with the flags of open(2)."""

    def close(self, handle: Handle) -> None:
        """Give a handle back."""

    def entries(self, directory: Handle) -> Iterable[tuple[bytes, int, int]]:
        """Return name, type (S_IFMT bits, 0 if unknown) and inode number of all entries but `.` and `..`."""

    def stat(self, parent: Handle, name: bytes) -> os.stat_result:
        """Return the attributes of an entry."""

    def fstat(self, handle: Handle) -> os.stat_result:
        """Return the attributes of an open file or directory."""

    def statvfs(self) -> os.statvfs_result:
        """Return the space of the storage."""

    def pread(self, handle: Handle, size: int, offset: int) -> bytes:
        """Read; short only at the end of the file."""

    def preadv(self, handle: Handle, buffers: "list[memoryview]", offset: int) -> int:
        """Read into buffers; returns the number of bytes."""

    def pwrite(self, handle: Handle, data: bytes | bytearray | memoryview, offset: int) -> int:
        """Write; returns the number of bytes, which may be less than asked."""

    def truncate(self, handle: Handle, size: int) -> None:
        """Cut, or extend with a hole."""

    def fallocate(self, handle: Handle, mode: int, offset: int, size: int) -> None:
        """Reserve or punch as fallocate(2) does with the same mode."""

    def seek(self, handle: Handle, offset: int, whence: int) -> int:
        """Find data or a hole, as lseek(2) with SEEK_DATA or SEEK_HOLE."""

    def advise(self, handle: Handle, offset: int, size: int, advice: int) -> None:
        """Tell how a file will be read, as posix_fadvise(2); may do nothing."""

    def fetch(self, handle: Handle, size: int) -> bool:
        """Have the first bytes of a file brought into memory, without waiting; returns whether they were there."""

    def sync(self, handle: Handle, *, data_only: bool = False) -> None:
        """Return when what was written is safe from a power cut; for a directory, its entries."""

    def sync_all(self) -> None:
        """Return when all that was written to the storage so far, by whomever, is safe from a power cut."""

    def mkdir(self, parent: Handle, name: bytes, mode: int) -> None:
        """Make a directory."""

    def mknod(self, parent: Handle, name: bytes, mode: int, device: int) -> None:
        """Make a FIFO, socket or device."""

    def symlink(self, parent: Handle, name: bytes, target: bytes) -> None:
        """Make a symlink."""

    def readlink(self, parent: Handle, name: bytes) -> bytes:
        """Return the target of a symlink."""

    def link(self, parent: Handle, name: bytes, new_parent: Handle, new_name: bytes) -> None:
        """Give a file another name, a hard link."""

    def link_open(self, handle: Handle, parent: Handle, name: bytes) -> None:
        """Give a name to an open file that was opened without one (O_TMPFILE)."""

    def unlink(self, parent: Handle, name: bytes) -> None:
        """Remove an entry that is not a directory."""

    def rmdir(self, parent: Handle, name: bytes) -> None:
        """Remove an empty directory."""

    def rename(self, parent: Handle, name: bytes, new_parent: Handle, new_name: bytes, flags: int = 0) -> None:
        """Rename atomically; flags of renameat2(2)."""

    def chmod(self, parent: Handle, name: bytes, mode: int) -> None:
        """Set the permission bits of an entry that is not a symlink."""

    def fchmod(self, handle: Handle, mode: int) -> None:
        """Set the permission bits of an open file."""

    def chown(self, parent: Handle, name: bytes, uid: int, gid: int) -> None:
        """Set owner and group; -1 leaves one as it is."""

    def fchown(self, handle: Handle, uid: int, gid: int) -> None:
        """Set owner and group of an open file."""

    def utimens(self, parent: Handle, name: bytes, atime: Time, mtime: Time) -> None:
        """Set times of an entry."""

    def futimens(self, handle: Handle, atime: Time, mtime: Time) -> None:
        """Set times of an open file."""

    def getxattr(self, parent: Handle, name: bytes, attribute: bytes) -> bytes:
        """Return the value of an attribute."""

    def setxattr(self, parent: Handle, name: bytes, attribute: bytes, value: bytes, flags: int) -> None:
        """Set an attribute; flags of setxattr(2)."""

    def listxattr(self, parent: Handle, name: bytes) -> Iterable[bytes]:
        """Return the names of all attributes."""

    def removexattr(self, parent: Handle, name: bytes, attribute: bytes) -> None:
        """Remove an attribute."""
