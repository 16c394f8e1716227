"""`wafs rm`: remove files and folders, without mounting."""

import stat
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, vault_paths
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.failures import Failures
    from wafs.cli.opening import Session

_EXAMPLES = (
    Example("wafs rm vault /notes.txt", "remove a file"),
    Example("wafs rm -r vault /2019 /2020", "remove two folders and all in them"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("-r", "--recursive", is_flag=True, help="Remove folders and all in them.")
@click.argument("vault", type=LOCAL_PATH)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, callback=vault_paths)
@unlock_options
def rm(*, vault: str, paths: tuple[bytes, ...], recursive: bool, source: SecretSource) -> None:
    """Remove the files PATH of VAULT.

    They are gone for good: a vault has no trash. The top folder cannot be removed.
    """
    from wafs.cli.failures import Failures
    from wafs.cli.opening import opened
    from wafs.errors import WafsError

    failures = Failures()
    with opened(vault, source, read_only=False) as session:
        for path in paths:
            session.interrupts.check()
            try:
                _remove(session, failures, path, recursive=recursive)
            except (WafsError, OSError) as error:
                failures.add(path, error)
    failures.finish()


def _remove(session: "Session", failures: "Failures", path: bytes, *, recursive: bool) -> None:
    from wafs.cli.removing import remove_below
    from wafs.errors import IsADirError, NotPermittedError
    from wafs.fs.walk import found, found_parent, parts_of

    vfs = session.vfs
    if not parts_of(path):
        msg = "the top folder cannot be removed"
        raise NotPermittedError(msg, hint="name what is in it, as wafs ls shows it")
    with found_parent(vfs, path) as (parent, name), found(vfs, path.rstrip(b"/")) as entry:
        if not stat.S_ISDIR(entry.attrs.mode):
            vfs.tree.unlink(parent.ino, name)
        elif not recursive:
            msg = "is a folder"
            raise IsADirError(msg, hint="wafs rm -r removes it with all in it")
        elif remove_below(session, entry.ino, path.rstrip(b"/"), failures.add):
            vfs.tree.rmdir(parent.ino, name)
        fh = vfs.streams.open(parent.ino)
        try:
            vfs.streams.sync(fh)
        finally:
            vfs.streams.release(fh)
