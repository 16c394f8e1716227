"""Lock: one writer for each vault on this machine."""

import errno
import fcntl
import os

from wafs.errors import VaultInUseError


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
