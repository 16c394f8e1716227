"""`wafs put`: copy files and folders into a vault, without mounting."""

import os
import stat
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, vault_path
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.failures import Failures
    from wafs.cli.opening import Session
    from wafs.cli.progress import Progress
    from wafs.units import Ino

_EXAMPLES = (
    Example("wafs put vault ~/WhatsApp /", "copy the folder in, as /WhatsApp"),
    Example("wafs put vault ~/WhatsApp/. /backup", "copy what is in the folder into /backup"),
    Example("wafs put vault notes.txt photo.jpg /papers", "copy two files into a folder of the vault"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("vault", type=LOCAL_PATH)
@click.argument("sources", metavar="SRC...", nargs=-1, required=True, type=LOCAL_PATH)
@click.argument("path", callback=vault_path)
@unlock_options
def put(*, vault: str, sources: tuple[str, ...], path: bytes, source: SecretSource) -> None:
    """Copy the files and folders SRC into VAULT, to PATH.

    As with cp -a: if PATH is a folder they go into it, else the one SRC gets that name. Folders are copied with all in
    them and are merged with those already there. Kept are times, permission bits, symlinks and attributes in user.*.

    A file appears under its name when it is complete and safe from a power cut, never before. A file that fails does
    not stop the others. Ctrl-C leaves no half file.
    """
    from wafs.cli.failures import Failures
    from wafs.cli.opening import opened
    from wafs.cli.progress import Progress
    from wafs.cli.vault_places import refuse_source_in

    for name in sources:
        # A symlink is copied as such.
        if not os.path.islink(name):
            refuse_source_in(vault, name)
    failures = Failures()
    local = [os.fsencode(name) for name in sources]
    with opened(vault, source, read_only=False) as session, Progress("put") as progress:
        if progress.watched:
            progress.expect(_total_size(session, local))
        _Put(session, failures, progress).put([name for name in local if _is_there(name, failures)], path)
    progress.summarise()
    failures.finish()


class _Put:
    """Finds the place for the sources, and copies them there."""

    def __init__(self, session: "Session", failures: "Failures", progress: "Progress") -> None:
        self._session = session
        self._failures = failures
        self._progress = progress

    def put(self, sources: list[bytes], path: bytes) -> None:
        from wafs.cli.copy_rules import last_name
        from wafs.errors import NotADirError, NotFoundError
        from wafs.fs.walk import found, found_parent

        vfs = self._session.vfs
        try:
            with found(vfs, path, follow=True) as target:
                if stat.S_ISDIR(target.attrs.mode):
                    self._copy(target.ino, [(name, last_name(name)) for name in sources])
                    return
        except NotFoundError:
            pass
        if len(sources) > 1:
            msg = f"{os.fsdecode(path)}: not a folder, several sources need one"
            raise NotADirError(msg)
        for name in sources:
            if path.endswith(b"/") and not os.path.isdir(name):
                msg = f"{os.fsdecode(path)}: no such folder"
                raise NotFoundError(msg)
            with found_parent(vfs, path) as (parent, new_name):
                self._copy(parent.ino, [(name, new_name)])

    def _copy(self, parent: "Ino", sources: list[tuple[bytes, bytes | None]]) -> None:
        """Copy into a folder that is held until all is in its place."""
        from wafs.cli.copy_in import CopyIn
        from wafs.cli.intake import Intake

        with Intake(self._session, self._progress, self._failures.add, verb="put") as intake:
            copying = CopyIn(self._session, self._failures, intake)
            for source, name in sources:
                copying.copy(source, parent, name)
            intake.finish()


def _is_there(path: bytes, failures: "Failures") -> bool:
    from wafs.errors import NotFoundError

    if os.path.lexists(path):
        return True
    failures.add(path, NotFoundError())
    return False


def _total_size(session: "Session", sources: list[bytes]) -> int:
    from wafs.cli.local_walk import local_walk

    total = 0
    for name in sources:
        for step in local_walk(name, lambda _path, _error: None):
            session.interrupts.check()
            if stat.S_ISREG(step.attrs.st_mode):
                total += step.attrs.st_size
    return total
