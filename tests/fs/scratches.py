"""Scratches: vaults that are opened so that they do not change."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from fs.paths import Paths
from vault.making import recovery_only
from wafs.fs.changes import Change, changes_of
from wafs.fs.vfs import Vfs
from wafs.store.scratch_folder import scratch_folder
from wafs.vault.vault import open_vault

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def scratch_of(vault: Path) -> Iterator[Paths]:
    """Open a vault of `make_vault` with a scratch beside it, and see that nothing is left of that."""
    with scratch_folder(str(vault.parent)) as folder:
        with Vfs(open_vault(str(vault), recovery_only, scratch=folder)) as vfs:
            yield Paths(vfs)
        place = folder.path
    assert not os.path.exists(place)


def found_changes(paths: Paths) -> list[Change]:
    """What was changed; everything can be read."""
    errors: list[object] = []
    found = changes_of(paths.vfs, lambda *error: errors.append(error))
    assert errors == []
    return found


def ciphertext_of(vault: Path) -> dict[str, object]:
    """Every byte of a vault, and what the storage says of its files but when they were read."""
    found: dict[str, object] = {}
    # Symlinks are not to be followed: sealed targets lead nowhere, or are too long to try.
    for path in sorted(Path(top, name) for top, folders, files in os.walk(vault) for name in folders + files):
        state = path.lstat()
        facts = state.st_mode, state.st_ino, state.st_nlink, state.st_size, state.st_mtime_ns, state.st_ctime_ns
        content: object = path.read_bytes() if stat.S_ISREG(state.st_mode) else None
        if stat.S_ISLNK(state.st_mode):
            content = os.readlink(path)
        found[str(path.relative_to(vault))] = (facts, content)
    return found
