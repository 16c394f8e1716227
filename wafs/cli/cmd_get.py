"""`wafs get`: copy files and folders out of a vault, without mounting."""

import os
import stat
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, vault_paths
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.copy_out import CopyOut
    from wafs.cli.opening import Session

_EXAMPLES = (
    Example("wafs get vault /WhatsApp ~/restored", "copy a folder out"),
    Example("wafs get vault / ~/everything", "copy out all there is"),
    Example("wafs get vault /a.jpg /b.jpg .", "copy two files into this folder"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("vault", type=LOCAL_PATH)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, callback=vault_paths)
@click.argument("dest", type=LOCAL_PATH)
@unlock_options
def get(*, vault: str, paths: tuple[bytes, ...], dest: str, source: SecretSource) -> None:
    """Copy the files and folders PATH out of VAULT, to DEST.

    As with cp -a: if DEST is a folder they go into it, else the one PATH gets that name. Folders are copied with all in
    them and are merged with those already there. Kept are times, permission bits, symlinks and attributes in user.*.

    A file appears under its name when it is complete and verified; a damaged one is left out, and the exit code is 5.
    """
    from wafs.cli.copy_out import CopyOut, total_size
    from wafs.cli.failures import Failures
    from wafs.cli.opening import opened
    from wafs.cli.progress import Progress
    from wafs.errors import UsageError, WafsError

    real = os.path.realpath(vault)
    if os.path.commonpath([real, os.path.realpath(dest)]) == real:
        msg = f"{dest} lies inside the vault: what is got would lie there unencrypted"
        raise UsageError(msg, hint="choose a place outside of the vault")
    failures = Failures()
    with opened(vault, source, read_only=True) as session, Progress("get") as progress:
        if progress.watched:
            progress.expect(total_size(session, paths))
        copying = CopyOut(session, failures, progress)
        for path in paths:
            try:
                _get(session, copying, path, os.fsencode(dest), several=len(paths) > 1)
            except (WafsError, OSError) as error:
                failures.add(path, error)
    progress.summarise()
    failures.finish()


def _get(session: "Session", copying: "CopyOut", path: bytes, dest: bytes, *, several: bool) -> None:
    from wafs.cli.copy_rules import last_name
    from wafs.errors import NotADirError, NotFoundError
    from wafs.fs.walk import found

    shown = os.fsdecode(dest)
    with found(session.vfs, path) as entry:
        name = last_name(path)
        if os.path.isdir(dest):
            target = os.path.realpath(dest)
            copying.copy(path, entry, os.path.join(target, name) if name else target, contents=name is None)
            return
        if several:
            msg = f"{shown} is not a folder, several files need one"
            raise NotADirError(msg)
        if not os.path.isdir(os.path.dirname(dest.rstrip(b"/")) or b"."):
            msg = f"there is no folder {os.path.dirname(shown.rstrip('/'))}"
            raise NotFoundError(msg, hint="make it first")
        if dest.endswith(b"/") and not stat.S_ISDIR(entry.attrs.mode):
            msg = f"there is no folder {shown}"
            raise NotFoundError(msg, hint="make it first")
        copying.copy(path, entry, dest.rstrip(b"/"))
