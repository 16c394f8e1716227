"""Vault places: where vaults are on this machine, and folders in them."""

import os
import stat

from wafs.errors import NotADirError, NotFoundError, UsageError
from wafs.fs.attrs import Caller, Entry
from wafs.fs.vfs import Vfs
from wafs.fs.walk import found, found_parent, parts_of
from wafs.units import Ino
from wafs.vault.header_file import COPY_NAME, HEADER_NAME


def is_vault(path: str) -> bool:
    """Tell whether a folder has the header of a vault."""
    return any(os.path.lexists(os.path.join(path, name)) for name in (HEADER_NAME, COPY_NAME))


def inside_vault(path: str) -> str | None:
    """Return the vault in whose own folder a path lies, where nothing plain may go; None if there is none."""
    place = os.path.realpath(path)
    while True:
        if is_vault(place):
            return place
        above = os.path.dirname(place)
        if above == place:
            return None
        place = above


def refuse_source_in(vault: str, source: str | bytes) -> None:
    """Refuse to copy a vault, or a part of it, into itself: what is copied would be met again, without end.

    Raises: UsageError.
    """
    real, shown = os.path.realpath(vault), os.fsdecode(source)
    if os.path.commonpath([real, os.path.realpath(shown)]) == real:
        msg = f"{shown} lies inside the vault itself"
        raise UsageError(msg, hint="to copy the vault as it is, encrypted, use cp -a or rsync")


def on_vault_mount(path: str) -> bool:
    """Tell whether a path is inside of a mounted vault, where everything is encrypted."""
    from wafs.fuse.mountinfo import FSTYPE, list_mounts

    device = os.stat(path).st_dev
    return any(mount.fstype == FSTYPE and os.makedev(mount.major, mount.minor) == device for mount in list_mounts())


def make_folders(vfs: Vfs, path: bytes) -> None:
    """Make a folder of a vault, and those above it, where they are missing.

    Raises: as `found` and `Tree.mkdir`.
    """
    caller = Caller(os.geteuid(), os.getegid())
    parts = parts_of(path)
    for count in range(1, len(parts) + 1):
        place = b"/" + b"/".join(parts[:count])
        try:
            with found(vfs, place, follow=True):
                continue
        except NotFoundError:
            with found_parent(vfs, place) as (parent, name):
                vfs.tree.forget(vfs.tree.mkdir(parent.ino, name, 0o700, caller).ino)


def folder_to_fill(vfs: Vfs, parent: Ino, name: bytes, caller: Caller) -> Entry:
    """Return the folder of this name, pinned: the one that is there or a new one that only its owner may enter.

    Raises: NotADirError, WafsError, OSError.
    """
    try:
        entry = vfs.tree.lookup(parent, name)
    except NotFoundError:
        return vfs.tree.mkdir(parent, name, 0o700, caller)
    if not stat.S_ISDIR(entry.attrs.mode):
        vfs.tree.forget(entry.ino)
        msg = "a folder cannot replace the file of this name in the vault"
        raise NotADirError(msg)
    return entry
