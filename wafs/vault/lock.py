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
    """An advisory lock on the vault's folder, held by the process that may write.

    The kernel drops it when the process ends, however it ends, so a lock cannot be left behind.
    Source: flock(2). Filesystems that know no lock on folders (some network ones) give none: then nothing is locked.
    """

    def __init__(self, vault_path: str) -> None:
        self._fd = os.open(vault_path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EBADF, errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP):
                return
            os.close(self._fd)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                msg = f"vault {vault_path} is in use by another process that writes to it"
                raise VaultInUseError(
                    msg, hint="see `wafs status`; use the mounted folder, or open the vault read-only"
                ) from None
            raise

    def release(self) -> None:
        """Let others write."""
        os.close(self._fd)
