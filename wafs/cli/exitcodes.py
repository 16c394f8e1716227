"""Exit codes: the one table from errors to exit codes. They are a promise; scripts rely on them."""

from typing import Final

from wafs import errors

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
WRONG_SECRET: Final = 3
NOT_A_VAULT: Final = 4
DAMAGED: Final = 5
IN_USE: Final = 6
STORAGE: Final = 7
BUG: Final = 70
INTERRUPTED: Final = 130

MEANINGS: Final = {
    OK: "done",
    FAILED: "something asked for could not be done",
    USAGE: "the command line does not make sense",
    WRONG_SECRET: "wrong password, recovery key or key of a backup",
    NOT_A_VAULT: "not a vault, or one that needs a newer wafs",
    DAMAGED: "data in the vault, or a backup, is damaged or forged",
    IN_USE: "the vault is in use by another process",
    STORAGE: "the storage failed: no space, no permission, read-only, input/output error",
    BUG: "a bug in wafs; please report it",
    INTERRUPTED: "interrupted",
}

_TABLE: Final[dict[type[BaseException], int]] = {
    errors.UsageError: USAGE,
    errors.WrongSecretError: WRONG_SECRET,
    errors.NotAVaultError: NOT_A_VAULT,
    errors.UnsupportedFormatError: NOT_A_VAULT,
    errors.DamageError: DAMAGED,
    errors.VaultInUseError: IN_USE,
    errors.WafsError: FAILED,
    MemoryError: FAILED,
    # Whoever read our output has left; the vault and its storage are well.
    BrokenPipeError: FAILED,
    OSError: STORAGE,
    KeyboardInterrupt: INTERRUPTED,
}

_GRAVITY: Final = (OK, FAILED, STORAGE, DAMAGED, BUG, INTERRUPTED)


def exit_code_of(error: BaseException) -> int:
    """Return the exit code for an error; 70 for what was not raised on purpose."""
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind]
    return BUG


def worst_of(codes: list[int]) -> int:
    """Return the exit code that tells most when several files failed: 5 before 7 before any other."""
    return max(codes, key=lambda code: _GRAVITY.index(code) if code in _GRAVITY else 1, default=OK)
