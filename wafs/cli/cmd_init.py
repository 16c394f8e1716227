"""`wafs init`: make a vault."""

import os
import sys
from contextlib import ExitStack

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import CHUNK_SIZES, LOCAL_PATH
from wafs.cli.screen import escape, say, tell
from wafs.errors import ExistsError, UsageError
from wafs.units import KIB

_EXAMPLES = (
    Example("wafs init ~/Drive/backup.vault", "ask for a password, and show the recovery key once"),
    Example(
        "wafs init ~/usb/vault --recovery-file ~/usb-recovery.txt",
        "the recovery key goes to a file that only you can read",
    ),
    Example(
        "wafs init new.vault --password-command 'pass show backup' --no-recovery",
        "for scripts; without the password nobody will ever open it",
    ),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("vault", type=LOCAL_PATH)
@click.option("--password-file", type=LOCAL_PATH, metavar="FILE", help="Take the first line as password; - is stdin.")
@click.option("--password-command", metavar="COMMAND", help="Run this and take its first line as password.")
@click.option(
    "--kdf-memory",
    type=click.IntRange(8, 4096),
    metavar="MIB",
    default=256,
    show_default=True,
    help="Memory that each guess at the password costs. More is safer, and opening takes longer.",
)
@click.option(
    "--chunk-size",
    type=click.Choice(CHUNK_SIZES),
    metavar="KIB",
    help=f"Size of the pieces in which files are sealed, a power of two from {CHUNK_SIZES[0]} to {CHUNK_SIZES[-1]}."
    " The default suits databases and media.",
)
@click.option(
    "--recovery-file", type=LOCAL_PATH, metavar="FILE", help="Write the recovery key to this new file, mode 0600."
)
@click.option("--no-recovery", is_flag=True, help="Make no recovery key: a forgotten password is final.")
def init(  # noqa: PLR0913  one argument for each option
    *,
    vault: str,
    password_file: str | None,
    password_command: str | None,
    kdf_memory: int,
    chunk_size: str | None,
    recovery_file: str | None,
    no_recovery: bool,
) -> None:
    """Make a vault in the new or empty folder VAULT.

    The password is asked for twice. The recovery key, 64 digits, opens the vault when the password is forgotten; it is
    shown once, or written to a file with --recovery-file. Keep it on paper or on another device.
    """
    from wafs.cli.new_password import choose_password
    from wafs.cli.recovery_file import new_recovery_file
    from wafs.format.recovery_text import RECOVERY_KEY_SIZE
    from wafs.format.slot import Argon2Cost
    from wafs.vault.header_file import read_headers
    from wafs.vault.vault import DEFAULT_CHUNK_SIZE, create_vault

    _check(vault, password_file, password_command, recovery_file=recovery_file, no_recovery=no_recovery)
    key = None if no_recovery else os.urandom(RECOVERY_KEY_SIZE)
    password = choose_password(password_file=password_file, password_command=password_command)
    with ExitStack() as stack:
        note_id = None
        if key is not None and recovery_file is not None:
            note_id = stack.enter_context(new_recovery_file(recovery_file, key, vault=vault))
        size = int(chunk_size) * KIB if chunk_size else DEFAULT_CHUNK_SIZE
        create_vault(vault, password, recovery_key=key, cost=Argon2Cost(kdf_memory * KIB), chunk_size=size)
        vault_id = read_headers(vault).headers[0].parameters.vault_id
        if note_id is not None:
            note_id(vault_id)
    tell("", f"made the vault {vault}")
    if key is None:
        tell("note", "it has no recovery key: without the password nobody can open it")
    elif recovery_file is not None:
        tell(
            "",
            f"its recovery key is in {recovery_file}: keep it away from the vault; it helps when the password is lost",
        )
    else:
        _show(key, vault_id)
    tell("", f"next: wafs mount {vault} MOUNTPOINT, or wafs put {vault} FILE /")


def _check(
    vault: str,
    password_file: str | None,
    password_command: str | None,
    *,
    recovery_file: str | None,
    no_recovery: bool,
) -> None:
    """Refuse what cannot work before anybody types a password."""
    if password_file is not None and password_command is not None:
        msg = "give only one of --password-file and --password-command"
        raise UsageError(msg)
    if recovery_file is not None and no_recovery:
        msg = "give only one of --recovery-file and --no-recovery"
        raise UsageError(msg)
    if os.path.lexists(os.path.join(vault, "wafs.vault")):
        msg = f"{vault} is a vault already"
        raise ExistsError(msg, hint="wafs passwd changes its password")
    if os.path.isdir(vault):
        if os.listdir(vault):
            msg = f"{vault} is not empty, wanted a new or empty folder for the vault"
            raise ExistsError(msg, hint=f"choose another name, for example {os.path.join(vault, 'vault')}")
    elif os.path.lexists(vault):
        msg = f"{vault} exists and is not a folder"
        raise ExistsError(msg, hint="choose another name")


def _show(key: bytes, vault_id: bytes) -> None:
    """Print the recovery key: in a box for a person, as the text of a recovery file for a pipe."""
    from wafs.cli.recovery_file import recovery_text, vault_line
    from wafs.format.recovery_text import format_recovery_key

    if not sys.stdout.isatty():
        say(recovery_text(key) + vault_line(vault_id).rstrip("\n"))
        return
    from rich.console import Console
    from rich.panel import Panel

    rows = format_recovery_key(key)
    words = (
        "\n"
        "It opens the vault when the password is forgotten. It is shown only this once.\n"
        "Print it or write it down, and keep it away from this computer and from the vault.\n"
        "Whoever has it can read everything. If both it and the password are lost,\n"
        "nobody can open the vault any more."
    )
    title = f"recovery key of vault {escape(vault_id.hex())}"
    Console(highlight=False, soft_wrap=True).print(Panel(f"\n{rows}\n{words}", title=title, expand=False), markup=False)
