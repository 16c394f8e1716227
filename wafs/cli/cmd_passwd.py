"""`wafs passwd`: change the password, or set a new one with the recovery key."""

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH
from wafs.cli.screen import tell
from wafs.cli.unlock_options import SecretSource, unlock_options
from wafs.errors import UsageError

_EXAMPLES = (
    Example("wafs passwd vault", "ask for the old password, and twice for the new one"),
    Example(
        "wafs passwd vault --recovery-file recovery.txt", "the password is forgotten: the recovery key opens the vault"
    ),
    Example("wafs passwd vault --password-file old --new-password-file new", "for scripts"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("vault", type=LOCAL_PATH)
@unlock_options
@click.option("--new-password-file", type=LOCAL_PATH, metavar="FILE", help="Take the new password from its first line.")
@click.option("--new-password-command", metavar="COMMAND", help="Run this and take its first line as new password.")
def passwd(
    *, vault: str, source: SecretSource, new_password_file: str | None, new_password_command: str | None
) -> None:
    """Give VAULT another password.

    The files are not touched: only the lock of their key is. With --recovery-file no old password is needed. Given both
    --password-file - and --new-password-file -, the first line of stdin is the old password, the second the new one.
    """
    from wafs.cli.interrupts import deferred_interrupts
    from wafs.cli.new_password import choose_password
    from wafs.format.slot import PASSWORD, RECOVERY
    from wafs.vault.header_file import read_headers, unlock
    from wafs.vault.vault import change_password

    if new_password_file is not None and new_password_command is not None:
        msg = "give only one of --new-password-file and --new-password-command"
        raise UsageError(msg)
    headers = read_headers(vault)
    kind = PASSWORD if source.recovery_file is None else RECOVERY
    secret = source.get_secret(kind)

    def get_secret(slot_type: str) -> bytes | None:
        return secret if slot_type == kind else None

    if new_password_file is None and new_password_command is None:
        # Before a person thinks of a new password twice, the old one is tried.
        unlock(headers, get_secret).master_key.wipe()
    new = choose_password(password_file=new_password_file, password_command=new_password_command)
    with deferred_interrupts():
        change_password(vault, get_secret, new)
    tell("", "the password is changed")
    if any(slot.type == RECOVERY for slot in headers.headers[0].slots):
        tell("note", "the recovery key did not change: it still opens the vault")
    tell(
        "note",
        "an old copy of wafs.vault, in the history of a cloud drive for example, still opens with the old password",
    )
