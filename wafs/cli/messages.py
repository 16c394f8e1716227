"""Messages: what is said about an error."""

import errno
import os
from typing import Final, NamedTuple

from wafs.errors import WafsError, WrongSecretError

_HINTS: Final = {
    errno.ENOSPC: "free some space there, then run the same command again",
    errno.EDQUOT: "free some space there, then run the same command again",
    errno.EACCES: "see who owns it and what its permissions are",
    errno.EROFS: "the storage is mounted read-only",
}


class Message(NamedTuple):
    """What happened, and what to do next if that is known."""

    text: str
    hint: str | None = None


def message_of(error: BaseException) -> Message:
    """Return the sentence for an error raised on purpose or by the operating system."""
    if isinstance(error, WrongSecretError):
        return Message(str(error), error.hint or "forgotten? a recovery key opens it: see wafs passwd --help")
    if isinstance(error, WafsError):
        return Message(str(error), error.hint)
    if isinstance(error, MemoryError):
        return Message("not enough memory", "making a key from a password takes what `wafs info` shows as its memory")
    if isinstance(error, OSError):
        return _storage_message(error)
    return Message(f"{type(error).__name__}: {error}")


def _storage_message(error: OSError) -> Message:
    words = error.strerror or os.strerror(error.errno or errno.EIO)
    text = words[:1].lower() + words[1:]
    # Ciphertext names are bytes and tell a person nothing; paths of the machine are str.
    if isinstance(error.filename, str):
        text = f"{error.filename}: {text}"
    return Message(text, _HINTS.get(error.errno or 0))
