"""Removing: a folder of the vault with all in it."""

import os
from collections.abc import Callable

from wafs.cli.opening import Session
from wafs.errors import WafsError
from wafs.fs.walk import walk
from wafs.units import Ino

Failed = Callable[[bytes, Exception], None]


def remove_below(session: Session, number: Ino, path: bytes, failed: Failed) -> bool:
    """Remove all below a folder and tell whether nothing is left; a folder that keeps something is no failure.

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
        except (WafsError, OSError) as error:
            fail(step.path, error)
    return path not in kept
