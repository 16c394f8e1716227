"""Errors: every exception that wafs raises on purpose.

Messages are sentences in lower case without a full stop: what was wanted, what was found. Key bytes never appear in
one; plaintext names only where the person at the terminal typed them. `hint` says what to do next.

Failures of the storage below are `OSError` with the errno of the operating system, and are passed on as they are.
The edges turn both into errnos (`wafs.fuse.errno`) and exit codes (`wafs.cli.exitcodes`).
"""

import functools


class WafsError(Exception):
    """Root of all errors raised on purpose."""

    hint: str | None = None

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message or self.default_message())
        if hint is not None:
            self.hint = hint

    @classmethod
    @functools.cache
    def default_message(cls) -> str:
        """Return the sentence for an error raised without one."""
        return (cls.__doc__ or cls.__name__).split("\n")[0].rstrip(".").lower()


class UserError(WafsError):
    """What was asked for cannot be done."""


class UsageError(UserError):
    """The command line does not make sense."""


class WrongSecretError(UserError):
    """No key slot accepts this password or recovery key."""


class SecretInputError(UserError):
    """The password or recovery key could not be read."""


class NotAVaultError(UserError):
    """This folder is not a vault."""


class UnsupportedFormatError(UserError):
    """This vault needs a newer wafs."""


class VaultInUseError(UserError):
    """The vault is in use by another process."""


class FileChangedError(UserError):
    """Changed while being read."""


class MountError(UserError):
    """The vault could not be mounted or unmounted."""


class FsError(WafsError):
    """A file operation that cannot be done, in the way POSIX defines."""


class NotFoundError(FsError):
    """No such file or directory."""


class ExistsError(FsError):
    """File exists."""


class NotADirError(FsError):
    """Not a directory."""


class IsADirError(FsError):
    """Is a directory."""


class NotEmptyError(FsError):
    """Directory not empty."""


class NameTooLongError(FsError):
    """Name too long."""


class InvalidArgumentError(FsError):
    """Invalid argument."""


class ReadOnlyError(FsError):
    """Read-only file system."""


class BadHandleError(FsError):
    """Bad file handle."""


class NotSupportedError(FsError):
    """Operation not supported."""


class NotImplementedOperationError(FsError):
    """Operation not implemented: the kernel is not to ask again."""


class AccessDeniedError(FsError):
    """Permission denied."""


class NotPermittedError(FsError):
    """Operation not permitted."""


class NoSuchAttributeError(FsError):
    """No such attribute."""


class ResultTooLargeError(FsError):
    """Result does not fit in the buffer."""


class NoSuchOffsetError(FsError):
    """Offset lies beyond the end of the file."""


class FileTooLargeError(FsError):
    """File too large."""


class MalformedRequestError(WafsError):
    """A request from the kernel is not of the shape its protocol defines."""


class DamageError(WafsError):
    """Data in the vault is damaged or forged."""


class HeaderDamageError(DamageError):
    """The vault header is damaged or forged."""


class AuthenticationError(DamageError):
    """A tag does not verify: the data was changed, moved or damaged."""


class TruncatedError(DamageError):
    """Data is shorter or longer than its authenticated size."""


class MalformedError(DamageError):
    """Data does not have the shape that the format defines."""


class LimitError(DamageError):
    """A value passes a limit of the format."""
