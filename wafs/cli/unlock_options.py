"""Unlock options: how the person says what opens a vault; the same for all commands."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import click

from wafs.cli.parameters import LOCAL_PATH
from wafs.errors import UsageError

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where the password or the recovery key comes from; without any, the terminal is asked for the password."""

    password_file: str | None = None
    password_command: str | None = None
    recovery_file: str | None = None

    def __post_init__(self) -> None:
        """Refuse more than one source.

        Raises: UsageError.
        """
        given = [self.password_file, self.password_command, self.recovery_file]
        if sum(source is not None for source in given) > 1:
            msg = "give only one of --password-file, --password-command and --recovery-file"
            raise UsageError(msg)

    def get_secret(self, slot_type: str) -> bytes | None:
        """Return the secret for a slot type, None if the person gave one of another type.

        Raises: SecretInputError, UsageError, OSError.
        """
        from wafs.cli import secret_input
        from wafs.format.slot import PASSWORD, RECOVERY

        if self.recovery_file is not None:
            return secret_input.read_recovery_file(self.recovery_file) if slot_type == RECOVERY else None
        if slot_type != PASSWORD:
            return None
        if self.password_file is not None:
            return secret_input.read_password_file(self.password_file)
        if self.password_command is not None:
            return secret_input.read_password_command(self.password_command)
        return secret_input.ask_password("Password: ")


def unlock_options(command: Command) -> Command:
    """Declare the options on a command, which gets them as the one argument `source`."""

    @click.option(
        "--password-file", type=LOCAL_PATH, metavar="FILE", help="Read the password from the first line; - is stdin."
    )
    @click.option("--password-command", metavar="COMMAND", help="Run this and read the password from its first line.")
    @click.option(
        "--recovery-file", type=LOCAL_PATH, metavar="FILE", help="Use the recovery key in this file; - is stdin."
    )
    @functools.wraps(command)
    def with_source(
        *arguments: object,
        password_file: str | None,
        password_command: str | None,
        recovery_file: str | None,
        **options: object,
    ) -> None:
        source = SecretSource(password_file, password_command, recovery_file)
        command(*arguments, source=source, **options)

    return with_source
