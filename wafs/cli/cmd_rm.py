"""`wafs rm`: remove files and folders, without mounting."""

import os
import stat
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, vault_paths
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.failures import Failures
    from wafs.cli.opening import Session
    from wafs.units import Ino

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
        elif _empty(session, failures, entry.ino, path.rstrip(b"/")):
            vfs.tree.rmdir(parent.ino, name)
        fh = vfs.streams.open(parent.ino)
        try:
            vfs.streams.sync(fh)
        finally:
            vfs.streams.release(fh)


def _empty(session: "Session", failures: "Failures", number: "Ino", path: bytes) -> bool:
    """Remove all below a folder and tell whether nothing is left; a folder that keeps something is no failure."""
    from wafs.errors import WafsError
    from wafs.fs.walk import walk

    kept: set[bytes] = set()

    def fail(where: bytes, error: Exception) -> None:
        failures.add(where, error)
        kept.update((where, os.path.dirname(where)))

    for step in walk(session.vfs, number, path, fail):
        session.interrupts.check()
        try:
            if step.leaving and step.path in kept:
                kept.add(os.path.dirname(step.path))
            elif step.leaving:
                session.vfs.tree.rmdir(step.parent, step.name)
            elif not step.is_dir:
                session.vfs.tree.unlink(step.parent, step.name)
        except (WafsError, OSError) as error:
            fail(step.path, error)
    return path not in kept
