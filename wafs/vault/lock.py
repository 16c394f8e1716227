"""Lock: one writer for each vault on this machine."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from typing import Final

from wafs.errors import VaultInUseError

TREE_NAME: Final = "tree"


@contextlib.contextmanager
def header_lock(vault_path: str) -> Iterator[None]:
    """Wait until nobody else reads and rewrites the header of the vault, and keep others waiting meanwhile.

    Apart from `VaultLock`, since a password can be changed while the vault is mounted.
    """
    fd = os.open(os.path.join(vault_path, TREE_NAME), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class VaultLock:
    """An advisory lock on the vault's folder, held by the process that may write, or by those that need it to stay.

    `shared`: any number may hold it at a time, and nobody writes meanwhile.
    The kernel drops it when the process ends, however it ends, so a lock cannot be left behind.
    Source: flock(2). Filesystems that know no lock on folders (some network ones) give none: then nothing is locked.
    """

    def __init__(self, vault_path: str, *, shared: bool = False) -> None:
        self._fd = os.open(vault_path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if self._lock(fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
                return
            problem = self._in_use(vault_path, shared=shared)
        except BaseException:
            self.release()
            raise
        self.release()
        raise problem

    def release(self) -> None:
        """Let others write; nothing if that was done before."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _lock(self, kind: int) -> bool:
        """Take the lock; False if somebody else has one that forbids it."""
        try:
            fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP):
                raise
        return True

    def _in_use(self, vault_path: str, *, shared: bool) -> VaultInUseError:
        if not shared and self._lock(fcntl.LOCK_SH):
            msg = f"vault {vault_path} is in use by a scratch mount, under which it must not change"
            return VaultInUseError(msg, hint="see `wafs status`; unmount that first, or open the vault read-only")
        msg = f"vault {vault_path} is in use by another process that writes to it"
        return VaultInUseError(msg, hint="see `wafs status`; use the mounted folder, or open the vault read-only")
