"""Vaults: an empty one is made once and copied for each program, so that a program costs no key derivation."""

from __future__ import annotations

import itertools
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from differential.operations import CHUNK_SIZE
from wafs.format.slot import MIN_MEMORY_KIB, RECOVERY, Argon2Cost
from wafs.fs.dir_handles import AT_ONCE
from wafs.fs.vfs import Vfs
from wafs.vault.vault import Vault, create_vault, open_vault

RECOVERY_KEY = bytes(range(32))


@dataclass(frozen=True)
class Place:
    """Where one program runs: a vault, and a plain folder beside it as the reference."""

    vault: Path
    plain: Path

    def open(self) -> Vault:
        return open_vault(os.fspath(self.vault), lambda kind: RECOVERY_KEY if kind == RECOVERY else None)

    def vfs(self) -> Vfs:
        """Open it with as few directories kept open as is allowed: one that is used for too long is then closed."""
        vfs = Vfs(self.open())
        vfs.context.dir_handles._capacity = AT_ONCE
        return vfs


class Places:
    """Gives a fresh place to each program."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._template = folder / "template"
        cost = Argon2Cost(memory_kib=MIN_MEMORY_KIB, passes=1, lanes=1)
        create_vault(
            os.fspath(self._template), b"password", recovery_key=RECOVERY_KEY, cost=cost, chunk_size=CHUNK_SIZE
        )

    def new(self) -> Place:
        folder = self._folder / str(next(self._numbers))
        (folder / "plain").mkdir(parents=True)
        shutil.copytree(self._template, folder / "vault")
        return Place(folder / "vault", folder / "plain")

    def remove(self, place: Place) -> None:
        shutil.rmtree(place.vault.parent)
