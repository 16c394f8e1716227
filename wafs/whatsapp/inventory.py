"""Inventory: the files of a vault, or of a folder in it, with what is known of them without opening them."""

import stat
from collections.abc import Callable
from typing import NamedTuple

from wafs.errors import FsError
from wafs.fs.attrs import Attrs
from wafs.fs.vfs import Vfs
from wafs.fs.walk import found, parts_of, walk
from wafs.whatsapp.doctor_watch import Watch

_ALONGSIDE = (b"-wal", b"-journal")


class VaultFile(NamedTuple):
    """One regular file. `path` begins with a slash, at the top of the vault; `inode` is the same for all its names."""

    path: bytes
    size: int
    mtime_ns: int
    inode: int


def take_inventory(
    vfs: Vfs, path: bytes, on_error: Callable[[bytes, Exception], None], watch: Watch
) -> list[VaultFile]:
    """Return all regular files at or below a path, in the order of a walk. What cannot be read goes to `on_error`.

    Raises: as `found`; what `watch` raises.
    """
    top = b"/" + b"/".join(parts_of(path))
    files: list[VaultFile] = []
    with found(vfs, path, follow=True) as entry:
        if not stat.S_ISDIR(entry.attrs.mode):
            return _alone(vfs, top, entry.attrs)
        for step in walk(vfs, entry.ino, top, on_error):
            watch.check()
            if step.leaving:
                continue
            if step.is_dir:
                watch.looking_at(step.path)
            elif stat.S_ISREG(step.entry.attrs.mode):
                files.append(_file(step.path, step.entry.attrs))
    return files


def _alone(vfs: Vfs, path: bytes, attrs: Attrs) -> list[VaultFile]:
    """Return one file, and what belongs to it if it is a database."""
    files = [_file(path, attrs)]
    for suffix in _ALONGSIDE:
        try:
            with found(vfs, path + suffix) as entry:
                files.append(_file(path + suffix, entry.attrs))
        except FsError:
            continue
    return files


def _file(path: bytes, attrs: Attrs) -> VaultFile:
    return VaultFile(path, attrs.size, attrs.mtime_ns, attrs.ino)
