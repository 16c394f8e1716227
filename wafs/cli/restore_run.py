"""Restore run: opens the vault, finds what is to be restored, and has it brought out."""

import os
import stat
from collections.abc import Callable
from typing import Final, NamedTuple

from wafs.cli.failures import Failures
from wafs.cli.opening import Session, opened
from wafs.cli.outcomes import Outcomes
from wafs.cli.outlet import Outlet
from wafs.cli.parameters import VaultPath
from wafs.cli.progress import Progress
from wafs.cli.restore import Restore
from wafs.cli.screen import count_words, tell
from wafs.cli.selection import Selection
from wafs.cli.snapshot_store import SnapshotStore
from wafs.cli.tally import Outcome
from wafs.cli.unlock_options import SecretSource
from wafs.errors import NotADirError, NotFoundError, UsageError, WafsError
from wafs.fs.walk import found, listing, walk
from wafs.units import MIB, Ino
from wafs.vault.scratch import Scratch
from wafs.whatsapp.layout import BackupKind, Category, category_of, ios_fixed_category, kind_of

_OUTCOMES: Final = (
    Outcome.NEW,
    Outcome.CHANGED,
    Outcome.UNCHANGED,
    Outcome.NEWER,
    Outcome.SKIPPED,
    Outcome.FAILED,
)
_PLIST_CAP: Final = 16 * MIB


class Request(NamedTuple):
    """What is asked for."""

    place: VaultPath
    dest: str
    selection: Selection
    snapshot: str | None = None
    force: bool = False
    dry_run: bool = False


def run_restore(request: Request, secret: SecretSource, failures: Failures) -> tuple[bytes, Outcomes]:
    """Restore, and return from which folder and what came of it; what fails for one file goes to the failures.

    Raises: WafsError, OSError, KeyboardInterrupt.
    """
    _check_dest(request)
    with opened(request.place.vault, secret, read_only=True) as session, Progress("restore") as progress:
        path = _chosen(session, request)
        with found(session.vfs, path, follow=True) as source:
            outcomes = Outcomes(b"", _categories(session, path, source.ino), failures, progress, _OUTCOMES)
            if progress.watched:
                progress.expect(_total_size(session, source.ino))
            outlet = None if request.dry_run else Outlet(session, progress, verb="restore")
            work = Restore(session, request.selection, outlet, outcomes, force=request.force)
            work.run(source, os.path.realpath(os.fsencode(request.dest)))
    progress.summarise()
    return path, outcomes


def _check_dest(request: Request) -> None:
    dest = request.dest
    vault, real = os.path.realpath(request.place.vault), os.path.realpath(dest)
    if os.path.commonpath([vault, real]) == vault:
        msg = f"{dest} lies inside the vault: what is restored would lie there unencrypted"
        raise UsageError(msg, hint="choose a place outside of the vault")
    if os.path.lexists(real) and not os.path.isdir(real):
        msg = f"{dest} is not a folder"
        raise NotADirError(msg)
    if not os.path.isdir(os.path.dirname(real)):
        msg = f"there is no folder {os.path.dirname(real)}"
        raise NotFoundError(msg, hint="make it first")


def _chosen(session: Session, request: Request) -> bytes:
    """Return the path of what is to be restored: that which was named, or a snapshot in it.

    Raises: UsageError if there are snapshots and none was chosen.
    """
    path = request.place.path
    with found(session.vfs, path, follow=True) as folder:
        if not stat.S_ISDIR(folder.attrs.mode):
            msg = f"{os.fsdecode(path)}: not a folder"
            raise NotADirError(msg, hint="wafs get copies single files")
        store = SnapshotStore(session, folder.ino)
        if request.snapshot is not None:
            chosen = store.find(request.snapshot)
            if chosen.failed:
                words = f"{count_words(chosen.failed, 'file')} could not be read when this snapshot was made"
                tell("warning", f"{words}: {os.fsdecode(chosen.name)}")
            return os.path.join(path, chosen.name)
        if store.all():
            msg = f"there are snapshots in {os.fsdecode(path)}: which one is wanted"
            raise UsageError(msg, hint="--snapshot latest, or a name that wafs snapshots list shows; all: wafs get")
    return path


def _categories(session: Session, path: bytes, number: Ino) -> Callable[[bytes], Category]:
    """Return what tells the category of a path below a folder of the vault."""
    names = listing(session.vfs, number)
    if kind_of(names) is not BackupKind.IOS:
        return category_of
    from wafs.whatsapp.ios_manifest import categories_in, is_encrypted
    from wafs.whatsapp.plain_source import PlainSource

    manifest: dict[bytes, Category] | None = None
    try:
        if not is_encrypted(bytes(_content(session, number, b"Manifest.plist", _PLIST_CAP))):
            with PlainSource(session.vfs, os.path.join(path, b"Manifest.db")) as file:
                manifest = categories_in(file, session.interrupts.check)
    except (WafsError, OSError):
        # Who restores it is told.
        manifest = None
    if manifest is None:
        tell("note", "the manifest of this iOS backup cannot be read: what its files are cannot be told")
    known = manifest or {}
    return lambda path: known.get(path) or ios_fixed_category(path)


def _content(session: Session, number: Ino, name: bytes, cap: int) -> bytearray:
    """Return the bytes of a file, none if there is no such file or it is larger than `cap`."""
    vfs = session.vfs
    data = bytearray()
    try:
        entry = vfs.tree.lookup(number, name)
    except NotFoundError:
        return data
    scratch = Scratch()
    try:
        fh = vfs.files.open(entry.ino, os.O_RDONLY).fh
        try:
            while len(data) < min(vfs.files.size(fh), cap):
                session.interrupts.check()
                data += vfs.files.read(fh, len(data), MIB, scratch)
        finally:
            vfs.files.release(fh)
    finally:
        vfs.tree.forget(entry.ino)
    return data if len(data) <= cap else bytearray()


def _total_size(session: Session, number: Ino) -> int:
    total = 0
    for step in walk(session.vfs, number, b"", lambda _path, _error: None):
        session.interrupts.check()
        if stat.S_ISREG(step.entry.attrs.mode):
            total += step.entry.attrs.size
    return total
