"""Opening: a vault as a filesystem, for a command that needs no mount."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from wafs.cli.interrupts import Interrupts, deferred_interrupts
from wafs.cli.unlock_options import SecretSource
from wafs.errors import DamageError
from wafs.fs.vfs import Vfs
from wafs.vault.vault import open_vault


class Session(NamedTuple):
    """An open vault, and whether the person wants to stop."""

    vfs: Vfs
    interrupts: Interrupts


@contextmanager
def opened(path: str, source: SecretSource, *, read_only: bool) -> Iterator[Session]:
    """Open a vault; from then on, until it is closed again, an interrupt waits for `Interrupts.check`.

    Raises: as `open_vault` and `Vfs.close`.
    """
    vault = open_vault(path, source.get_secret, read_only=read_only)
    with deferred_interrupts() as interrupts, Vfs(vault) as vfs:
        yield Session(vfs, interrupts)


@contextmanager
def serving(vfs: Vfs, *, is_kept: bool) -> Iterator[Vfs]:
    """Close a filesystem in the end; what fails then is of no account if nothing of it is kept."""
    try:
        yield vfs
    finally:
        with suppress(*(() if is_kept else (DamageError, OSError))):
            vfs.close()
