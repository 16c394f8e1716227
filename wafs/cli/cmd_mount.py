"""`wafs mount`: make a vault a normal folder."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, duration_s
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.scratch_end import ScratchEnd
    from wafs.store.scratch_folder import ScratchFolder

_EXAMPLES = (
    Example("mkdir -p ~/backup && wafs mount vault ~/backup", "ask for the password and mount"),
    Example("wafs mount --read-only --idle 15m vault ~/backup", "only look, and unmount after a quarter of an hour"),
    Example("wafs mount --scratch vault ~/backup", "let programs write what they like, and throw it away in the end"),
    Example("wafs mount --scratch --decrypt-backups vault ~/backup", "with msgstore.db beside msgstore.db.crypt15"),
    Example("wafs mount --foreground -v vault ~/backup", "stay in the terminal and say what happens"),
)


@click.command(cls=Command, examples=_EXAMPLES, usual_values={"--decrypt-backups": "latest"})
@click.argument("vault", type=LOCAL_PATH)
@click.argument("mountpoint", type=LOCAL_PATH)
@unlock_options
@click.option("-f", "--foreground", is_flag=True, help="Stay in the terminal; log to standard error.")
@click.option("--read-only", is_flag=True, help="Refuse every change. Any number of these can be mounted at a time.")
@click.option("--scratch", is_flag=True, help="Take every change, and keep none: the vault stays as it is.")
@click.option(
    "--scratch-dir", type=LOCAL_PATH, metavar="DIR", help="Put what is changed here, encrypted, until the end."
)
@click.option(
    "--keep", type=LOCAL_PATH, metavar="DIR", help="At the end copy what was written to this new or empty folder."
)
@click.option("--keep-in", metavar="PATH", help="At the end put what was written into this folder of the vault.")
@click.option(
    "--decrypt-backups",
    "backups",
    type=click.Choice(["latest", "all"]),
    help="With --scratch or --read-only: show WhatsApp's encrypted backups decrypted, too; all: also dated ones.",
)
@click.option("--allow-other", is_flag=True, help="Other users may use the mount, as permission bits allow.")
@click.option("--nonempty", is_flag=True, help="Mount on a folder that has entries; they are hidden meanwhile.")
@click.option("--idle", metavar="TIME", callback=duration_s, help="Unmount when unused for so long: 90s, 15m, 2h.")
@click.option("--save-power", is_flag=True, help="Let processors sleep while the mount is busy; slower (root only).")
@click.option("--log-file", type=LOCAL_PATH, metavar="FILE", help="Log to this file and not to the system's log.")
@click.option("-v", "--verbose", is_flag=True, help="Log more; this can name files.")
def mount(  # noqa: PLR0913  one argument for each option
    *,
    vault: str,
    mountpoint: str,
    source: SecretSource,
    foreground: bool,
    read_only: bool,
    scratch: bool,
    scratch_dir: str | None,
    keep: str | None,
    keep_in: str | None,
    backups: str | None,
    allow_other: bool,
    nonempty: bool,
    idle: float | None,
    save_power: bool,
    log_file: str | None,
    verbose: bool,
) -> None:
    """Mount VAULT on the folder MOUNTPOINT.

    Returns when the mount answers; from then on it is a normal folder for every program of yours. Unmount it with
    wafs umount. Only one mount at a time may write to a vault.

    With --scratch programs may change, create and delete what they like, and the vault stays as it is: every change
    goes to a private temporary folder, encrypted, and is thrown away in the end. wafs umount then tells what they
    changed; --keep and --keep-in copy the files that were created, changed or moved. Any number of these can be mounted
    at a time, but nothing can be written to the vault meanwhile.

    With --decrypt-backups a read-only file appears beside each .crypt12, .crypt14 and .crypt15 that a key of the vault
    opens: msgstore.db beside msgstore.db.crypt15. It is decrypted before the mount answers, into the scratch; so
    nothing can be written to the vault meanwhile. Backups with a date in their name are left out unless it says
    --decrypt-backups=all.
    """
    from wafs.cli.daemon import run_in_background, run_in_foreground
    from wafs.cli.opening import serving
    from wafs.errors import UsageError
    from wafs.fs.vfs import Vfs
    from wafs.fuse.mount import MountOptions, check_mountpoint, serve
    from wafs.fuse.mountinfo import absolute
    from wafs.vault.header_file import read_headers
    from wafs.vault.vault import open_vault

    if scratch and read_only:
        msg = "give only one of --read-only, which refuses changes, and --scratch, which takes them"
        raise UsageError(msg)
    if not scratch and (scratch_dir, keep, keep_in) != (None, None, None):
        msg = "--scratch-dir, --keep and --keep-in are for --scratch"
        raise UsageError(msg)
    _check_backups(backups, throws_away=scratch or read_only)
    read_headers(vault)
    check_mountpoint(vault, mountpoint, nonempty=nonempty)
    end = _scratch_end(vault, mountpoint, foreground=foreground, keep=keep, keep_in=keep_in) if scratch else None
    options = MountOptions(
        mountpoint=os.fsdecode(absolute(mountpoint)),
        allow_other=allow_other,
        read_only=read_only,
        nonempty=nonempty,
        idle_s=idle,
        save_power=save_power,
        report_to=end.report_to if end is not None else None,
    )
    run = run_in_foreground if foreground else run_in_background
    with (
        _folder(vault, mountpoint, scratch_dir, scratch=scratch or backups is not None) as folder,
        # What is decrypted needs a place to be written to, also where the mount itself takes no changes.
        open_vault(vault, source.get_secret, read_only=read_only and folder is None, scratch=folder) as opened,
    ):

        def serve_vault(ready: Callable[[], None]) -> None:
            # Made by the process that serves; the one that waits for it only gives its handles back.
            try:
                with serving(Vfs(opened, give_to_caller=allow_other), is_kept=folder is None) as vfs:
                    if end is not None:
                        end.check(vfs)
                    if backups is not None:
                        from wafs.cli.decrypt_view import decrypt_backups

                        decrypt_backups(vfs, backups)
                    serve(vfs, options, ready)
                    if end is not None:
                        end.finish(vfs)
            finally:
                if folder is not None:
                    folder.remove()

        run(serve_vault, verbose=verbose, log_file=log_file)
        if folder is not None:
            folder.hand_over()


def _check_backups(backups: str | None, *, throws_away: bool) -> None:
    from wafs.errors import UsageError

    if backups is not None and not throws_away:
        msg = "--decrypt-backups is for --scratch and --read-only: the vault is not to get the plain files"
        raise UsageError(msg)


def _scratch_end(
    vault: str, mountpoint: str, *, foreground: bool, keep: str | None, keep_in: str | None
) -> "ScratchEnd":
    from wafs.cli.scratch_end import ScratchEnd
    from wafs.cli.scratch_keep import check_folder

    place = check_folder(vault, mountpoint, keep) if keep is not None else None
    path = os.fsencode(keep_in) if keep_in is not None else None
    return ScratchEnd(foreground=foreground, keep=place, keep_in=path)


@contextmanager
def _folder(vault: str, mountpoint: str, place: str | None, *, scratch: bool) -> Iterator["ScratchFolder | None"]:
    if not scratch:
        yield None
        return
    import tempfile

    from wafs.cli.scratch_keep import check_outside
    from wafs.store.scratch_folder import scratch_folder

    with scratch_folder(check_outside(vault, mountpoint, place or tempfile.gettempdir())) as folder:
        yield folder
