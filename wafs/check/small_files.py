"""Small files: the few bytes of a record or of a long name."""

import errno
import os
from typing import Final

from wafs.errors import MalformedError
from wafs.store.base import Handle, Store

_NO_REGULAR_FILE: Final = (errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ESPIPE)
"""What opening and reading a directory, a symlink, a socket or a FIFO gives."""


def read_small(store: Store, folder: Handle, name: bytes, most: int) -> bytes:
    """Read a small file, at most one byte more than `most`.

    Raises: MalformedError if it is no regular file; OSError.
    """
    try:
        file = store.open(folder, name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return store.pread(file, most + 1, 0)
        finally:
            store.close(file)
    except OSError as error:
        if error.errno not in _NO_REGULAR_FILE:
            raise
        msg = "not a regular file"
        raise MalformedError(msg) from None
