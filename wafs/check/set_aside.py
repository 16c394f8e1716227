"""Set aside: a folder in the vault's folder for what must go out of the way, with the paths it had."""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Final

from wafs.store.base import Handle, Store

ASIDE_PREFIX: Final = "set-aside-"
"""How the folders begin into which `repair` moves what is out of place; a date follows."""

_MODE: Final = 0o700


def opened_folder(store: Store, path: bytes) -> "contextlib.AbstractContextManager[Handle]":
    """Open a folder by its ciphertext path below the vault's folder; the empty path is that folder itself.

    Raises: OSError.
    """
    return _walked(store, path, make=False)


class SetAside:
    """Takes what is out of place, under the path that it had; the folder is made when it is first needed.

    Nothing of the names in the vault becomes known by it: paths are those of the ciphertext.
    Thread: that of the repair, which holds the lock of the vault.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.folder: bytes | None = None

    def move(self, entry: bytes) -> bytes:
        """Move an entry, given by its path below the vault's folder; returns its new path.

        The times of the folder it was in stay.
        Raises: OSError; nothing was moved then.
        """
        target = self._target(entry)
        folder, name = os.path.split(entry)
        aside = _walked(self._store, os.path.dirname(target), make=True)
        with opened_folder(self._store, folder) as here, aside as there:
            before = self._store.fstat(here)
            self._store.rename(here, name, there, name)
            with contextlib.suppress(OSError):
                self._store.futimens(here, None, before.st_mtime_ns)
            self._store.sync(there)
            self._store.sync(here)
        return target

    def _target(self, entry: bytes) -> bytes:
        if self.folder is None:
            self.folder = self._make()
        return os.path.join(self.folder, entry)

    def _make(self) -> bytes:
        base = (ASIDE_PREFIX + time.strftime("%Y-%m-%d")).encode()
        with opened_folder(self._store, b"") as top:
            number = 1
            while True:
                name = base if number == 1 else b"%s-%d" % (base, number)
                try:
                    self._store.mkdir(top, name, _MODE)
                except FileExistsError:
                    number += 1
                else:
                    self._store.sync(top)
                    return name


@contextlib.contextmanager
def _walked(store: Store, path: bytes, *, make: bool) -> Iterator[Handle]:
    handle = store.open_dir(None, b".")
    try:
        for name in filter(None, path.split(b"/")):
            if make:
                with contextlib.suppress(FileExistsError):
                    store.mkdir(handle, name, _MODE)
            below = store.open_dir(handle, name)
            store.close(handle)
            handle = below
        yield handle
    finally:
        store.close(handle)
