"""Recovery file: the recovery key as a text file that people can print and wafs can read."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wafs.errors import ExistsError, UsageError
from wafs.format.recovery_text import format_recovery_key


def recovery_text(key: bytes) -> str:
    """Return the text of a recovery file: lines with words begin with `#`, and the four rows of the key.

    Raises: ValueError if the key has not 32 bytes.
    """
    words = (
        "# Recovery key of a wafs vault.\n"
        "# It opens the vault when the password is forgotten:  wafs passwd VAULT --recovery-file THIS-FILE\n"
        "# Whoever has it can read the vault. Keep it, printed for example, away from the vault and this computer.\n"
    )
    return f"{words}\n{format_recovery_key(key)}\n"


def vault_line(vault_id: bytes) -> str:
    """Return the line that says which vault a key is for; `wafs info` shows the same id."""
    return f"# Vault id: {vault_id.hex()}\n"


@contextmanager
def new_recovery_file(path: str, key: bytes, *, vault: str) -> Iterator[Callable[[bytes], None]]:
    """Write a recovery file that is there before the vault is, and away again if the vault is not made.

    Gives a function that takes the vault's id once it is known. Mode 0600; nothing is ever overwritten.
    Raises: ExistsError, UsageError if it would lie in the vault itself, OSError.
    """
    real_vault = os.path.realpath(vault)
    if os.path.commonpath([os.path.realpath(path), real_vault]) == real_vault:
        msg = f"the recovery file {path} would lie inside the vault"
        raise UsageError(msg, hint="whoever gets the vault would have its key; choose another place")
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        msg = f"the recovery file {path} exists, and it is not overwritten: it may be the key of another vault"
        raise ExistsError(msg, hint="choose another name") from None
    try:
        with open(fd, "w", encoding="ascii") as file:

            def write(text: str) -> None:
                file.write(text)
                file.flush()
                os.fsync(fd)

            write(recovery_text(key))
            yield lambda vault_id: write(vault_line(vault_id))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
