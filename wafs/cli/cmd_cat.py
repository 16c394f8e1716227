"""`wafs cat`: write files to standard output, without mounting."""

import os
import sys
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, vault_paths
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.opening import Session

_EXAMPLES = (
    Example("wafs cat vault /Databases/msgstore.db > msgstore.db", "get one file"),
    Example("wafs cat vault /notes.txt --password-file secret | less", "read a text"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("vault", type=LOCAL_PATH)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, callback=vault_paths)
@unlock_options
def cat(*, vault: str, paths: tuple[bytes, ...], source: SecretSource) -> None:
    """Write the files PATH of VAULT to standard output.

    Only what was verified is written. Where a file is damaged the output ends, and the exit code is 5.
    """
    from wafs.cli.failures import Failures
    from wafs.cli.opening import opened
    from wafs.errors import WafsError

    failures = Failures()
    with opened(vault, source, read_only=True) as session:
        for path in paths:
            try:
                _write(session, path)
            except (WafsError, OSError) as error:
                failures.add(path, error)
    failures.finish()


def _write(session: "Session", path: bytes) -> None:
    from wafs.cli.copy_rules import PIECE
    from wafs.fs.walk import found
    from wafs.vault.scratch import Scratch

    scratch = Scratch()
    files = session.vfs.files
    with found(session.vfs, path, follow=True) as entry:
        fh = files.open(entry.ino, os.O_RDONLY).fh
        try:
            offset = 0
            while piece := files.read(fh, offset, PIECE, scratch):
                session.interrupts.check()
                sys.stdout.buffer.write(piece)
                offset += len(piece)
            sys.stdout.buffer.flush()
        finally:
            files.release(fh)
