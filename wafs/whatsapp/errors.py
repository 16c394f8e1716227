"""Errors: what can be wrong with encrypted backups and their keys."""

from wafs.errors import DamageError, LimitError, UserError, WrongSecretError


class NotABackupError(UserError):
    """This is not an encrypted WhatsApp backup."""


class KeyFormatError(UserError):
    """This is not a key of WhatsApp backups."""


class WrongKeyError(WrongSecretError):
    """No key fits this backup."""

    hint: str | None = (
        "a backup opens with the key of its time only: after end-to-end encryption was turned off and on again,"
        " or on another phone, there is another one"
    )


class BackupDamageError(DamageError):
    """The encrypted backup is damaged or cut off."""


class BackupLimitError(LimitError):
    """The backup grows beyond all measure when it is unpacked."""


class DatabaseError(DamageError):
    """A database is damaged, or is none."""


class DatabaseCostError(DatabaseError):
    """A database would take far more time or memory than one of its size should."""
