"""Removing: a folder of the vault with all in it."""

import contextlib
import os
import stat
from collections.abc import Callable

from wafs.cli.opening import Session
from wafs.errors import WafsError
from wafs.fs.attrs import Entry, SetAttrs
from wafs.fs.vfs import Vfs
from wafs.fs.walk import walk
from wafs.units import Ino

Failed = Callable[[bytes, Exception], None]


def open_up(vfs: Vfs, folder: Entry) -> bool:
    """Let the owner change what is in a folder, and tell whether that was not so; who may not say so finds out later.

    Raises: DamageError.
    """
    mode = stat.S_IMODE(folder.attrs.mode)
    if mode & stat.S_IRWXU == stat.S_IRWXU:
        return False
    with contextlib.suppress(OSError):
        vfs.attributes.set(folder.ino, SetAttrs(mode=mode | stat.S_IRWXU))
    return True


def remove_below(session: Session, number: Ino, path: bytes, failed: Failed, *, opening: bool = False) -> bool:
    """Remove all below a folder and tell whether nothing is left; a folder that keeps something is no failure.

    `opening`: folders that their owner may not change are made such that he may.
    Raises: KeyboardInterrupt; what `failed` raises.
    """
    kept: set[bytes] = set()

    def fail(where: bytes, error: Exception) -> None:
        failed(where, error)
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
            elif opening:
                open_up(session.vfs, step.entry)
        except (WafsError, OSError) as error:
            fail(step.path, error)
    return path not in kept
