"""Run session: a vault, mounted for one command in a private place, with a scratch that takes every change."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

from wafs.cli.decrypt_view import decrypt_backups
from wafs.cli.opening import serving
from wafs.cli.private_mount import (
    Facts,
    Orders,
    PrivateMount,
    private_folder,
    remove_dead,
    signals_interrupt,
    start_private_mount,
)
from wafs.cli.scratch_keep import check_outside, check_target
from wafs.fs.vfs import Vfs
from wafs.fuse.mount import MountOptions, serve
from wafs.store.scratch_folder import remove_left, scratch_folder
from wafs.vault.header_file import GetSecret
from wafs.vault.vault import open_vault


class Wanted(NamedTuple):
    """What is wanted of the mount.

    `scratch_dir`: where changes are put aside. `backups`: which encrypted ones are decrypted for the mount. `keep_in`:
    the folder of the vault that gets what was changed.
    """

    vault: str
    scratch_dir: str | None = None
    backups: str | None = None
    keep_in: str | None = None


Keep = Callable[[Vfs, Orders], Facts]
"""Keeps what shall be kept of what is in the scratch, when the mount is gone; runs in the process that served it."""


@contextlib.contextmanager
def vault_for_a_command(wanted: Wanted, get_secret: GetSecret, keep: Keep) -> Iterator[PrivateMount]:
    """Mount a vault; at the end the mount is gone, with everything that was changed and not kept.

    Raises: as `open_vault`; click.exceptions.Exit, MountError, OSError.
    Thread: main, and no other may run.
    """
    scratch_dir = wanted.scratch_dir or tempfile.gettempdir()
    with signals_interrupt(), private_folder() as folder:
        scratch_dir = check_outside(wanted.vault, folder, scratch_dir)
        try:
            with _start(wanted, get_secret, keep, folder, scratch_dir) as mount:
                yield mount
        finally:
            # What was left now if the child was killed, and what was left before.
            remove_dead()
            remove_left(scratch_dir)


def _start(wanted: Wanted, get_secret: GetSecret, keep: Keep, folder: str, scratch_dir: str) -> PrivateMount:
    with scratch_folder(scratch_dir) as scratch, open_vault(wanted.vault, get_secret, scratch=scratch) as opened:

        def serve_vault(place: str, ready: Callable[[], None], await_orders: Callable[[], Orders]) -> Facts:
            try:
                with serving(Vfs(opened), is_kept=False) as vfs:
                    if wanted.keep_in is not None:
                        check_target(vfs, os.fsencode(wanted.keep_in))
                    if wanted.backups is not None:
                        decrypt_backups(vfs, wanted.backups)
                    serve(vfs, MountOptions(mountpoint=place), ready)
                    orders = await_orders()
                    return keep(vfs, orders) if orders else {}
            finally:
                scratch.remove()

        mount = start_private_mount(folder, serve_vault)
        # From here on they are the child's. Its lock must be the only one should it want to write to the vault.
        scratch.hand_over()
        return mount
