"""Parameters: the kinds of words that stand on a command line."""

import os
import re
from typing import Final, NamedTuple

import click

CHUNK_SIZES: Final = tuple(str(1 << power) for power in range(2, 11))
"""Sizes of a chunk that a vault can have, in KiB."""

LOCAL_PATH: Final = click.Path(readable=False)
"""A path on this machine; whether it is fit is for the command to say, with its own exit code."""

decrypt_backups_option: Final = click.option(
    "--decrypt-backups",
    "backups",
    type=click.Choice(["latest", "all"]),
    help="Show WhatsApp's encrypted backups decrypted, too; all: also dated ones.",
)
"""For a mount that throws away what is written; a command with it needs `usual_values`."""

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600}


def vault_path(ctx: click.Context, param: click.Parameter, value: str) -> bytes:
    """Return a path inside a vault as the bytes that were typed, whatever the locale says."""
    del ctx, param
    return os.fsencode(value)


def vault_paths(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return paths inside a vault as the bytes that were typed."""
    del ctx, param
    return tuple(os.fsencode(path) for path in value)


class VaultPath(NamedTuple):
    """A vault, and a path inside it: `/` if none was given."""

    vault: str
    path: bytes


def vault_with_path(ctx: click.Context, param: click.Parameter, value: str) -> VaultPath:
    """Take VAULT[:PATH] apart: at the first colon before which there is a folder, if not all of it is one."""
    del ctx, param
    return split_vault_path(value)


def split_vault_path(value: str) -> VaultPath:
    """Take VAULT[:PATH] apart: at the first colon before which there is a folder, if not all of it is one.

    Where there is no such folder it is taken apart at the first colon, and the command says that there is no vault.
    """
    colons = [place for place, letter in enumerate(value) if letter == ":"]
    if not colons or os.path.isdir(value):
        return VaultPath(value, b"/")
    place = next((place for place in colons if os.path.isdir(value[:place])), colons[0])
    return VaultPath(value[:place], os.fsencode(value[place + 1 :]) or b"/")


def duration_s(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a time such as 90s, 15m or 2h in seconds.

    Raises: click.BadParameter.
    """
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})([smh])", value)
    if match is None or not int(match[1]):
        msg = f"{value!r} is not a time such as 90s, 15m or 2h"
        raise click.BadParameter(msg, ctx, param)
    return float(int(match[1]) * _UNITS_S[match[2]])
