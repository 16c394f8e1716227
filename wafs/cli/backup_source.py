"""Backup source: the folder that is backed up, what kind it is, and what each file in it is."""

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from wafs.cli.screen import tell
from wafs.whatsapp.layout import (
    LOOK_DEPTH,
    BackupKind,
    Category,
    category_of,
    ios_fixed_category,
    kind_of,
)

KIND_WORDS: Final = {
    BackupKind.ANDROID: "an Android backup",
    BackupKind.IOS: "an iOS backup",
    BackupKind.PLAIN: "a plain folder",
}
_PLIST_CAP: Final = 16 << 20


class BackupSource:
    """One source. What it finds out is told to the person once, when it is made.

    Raises: OSError.
    """

    def __init__(self, path: str) -> None:
        # A symlink as such is no folder to walk.
        path = os.path.realpath(path) if os.path.islink(path) else path
        self.path = os.fsencode(path)
        self.kind = kind_of(_names(self.path))
        self._manifest: dict[bytes, Category] | None = None
        if self.kind is BackupKind.IOS:
            self._read_manifest(path)

    def category_of(self, path: bytes) -> Category:
        """Return the category of a file by its path in the source."""
        if self.kind is not BackupKind.IOS:
            return category_of(path)
        return (self._manifest or {}).get(path) or ios_fixed_category(path)

    def _read_manifest(self, path: str) -> None:
        from wafs.whatsapp.ios_manifest import LocalManifest, categories_in, is_encrypted

        plist = b""
        try:
            with open(os.path.join(path, "Manifest.plist"), "rb") as file:
                plist = file.read(_PLIST_CAP)
        except FileNotFoundError:
            pass
        # A copy may have come through a system that wrote the names in capitals.
        with contextlib.suppress(FileNotFoundError), open(os.path.join(path, "Manifest.db"), "rb", buffering=0) as file:
            self._manifest = categories_in(LocalManifest(file.fileno()), lambda: None)
        if is_encrypted(plist):
            tell("note", "this iOS backup is encrypted: it is copied as it is, and what its files are cannot be told")
            self._manifest = None
        elif self._manifest is None:
            tell("note", "the manifest of this iOS backup cannot be read: what its files are cannot be told")


def _names(top: bytes) -> Iterator[bytes]:
    """Return the paths of files and folders below `top`, as deep as tells the kind; what cannot be read has none."""
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(os.path.join(top, folder)) as entries:
                for entry in entries:
                    path = os.path.join(folder, entry.name)
                    yield path
                    if path.count(b"/") + 1 < LOOK_DEPTH and entry.is_dir(follow_symlinks=False):
                        waiting.append(path)
        except OSError:
            continue
