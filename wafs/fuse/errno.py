"""Errno: the one table from errors to errnos."""

import errno
from typing import Final

from wafs import errors

_TABLE: Final[dict[type[BaseException], int]] = {
    errors.NotFoundError: errno.ENOENT,
    errors.ExistsError: errno.EEXIST,
    errors.NotADirError: errno.ENOTDIR,
    errors.IsADirError: errno.EISDIR,
    errors.NotEmptyError: errno.ENOTEMPTY,
    errors.NameTooLongError: errno.ENAMETOOLONG,
    errors.InvalidArgumentError: errno.EINVAL,
    errors.ReadOnlyError: errno.EROFS,
    errors.BadHandleError: errno.EBADF,
    errors.NotSupportedError: errno.EOPNOTSUPP,
    errors.NotImplementedOperationError: errno.ENOSYS,
    errors.AccessDeniedError: errno.EACCES,
    errors.NotPermittedError: errno.EPERM,
    errors.NoSuchAttributeError: errno.ENODATA,
    errors.ResultTooLargeError: errno.ERANGE,
    errors.NoSuchOffsetError: errno.ENXIO,
    errors.FileTooLargeError: errno.EFBIG,
    errors.FsError: errno.EIO,
    errors.MalformedRequestError: errno.EINVAL,
    errors.UserError: errno.EINVAL,
    # Never unauthenticated data: the reader gets an error, the log the reason.
    errors.DamageError: errno.EIO,
    errors.WafsError: errno.EIO,
}


def errno_of(error: BaseException) -> int:
    """Return the errno that a program gets to see; EIO for a bug.

    An `OSError` of the store passes through: the errno of the storage is the right answer.
    """
    if isinstance(error, OSError):
        # To the kernel ENOSYS means: never ask for this again, in the whole mount. The storage cannot mean that.
        return errno.EOPNOTSUPP if error.errno == errno.ENOSYS else error.errno or errno.EIO
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind]
    return errno.EIO
