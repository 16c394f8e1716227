"""Mounted: a vault with chunks of 4 KiB, mounted by a process of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from differential.operations import CHUNK_SIZE
from mount.bench import CHEAP, PASSWORD, Bench
from wafs.vault.vault import create_vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def mounted_vault(folder: Path) -> Iterator[Bench]:
    """Mount a new vault as the first daemon of a bench; in the end no daemon may have complained."""
    bench = Bench(folder)
    vault = folder / "vault"
    create_vault(str(vault), PASSWORD, recovery_key=None, cost=CHEAP, chunk_size=CHUNK_SIZE)
    try:
        bench.mount(vault)
        yield bench
    finally:
        complaints = bench.finish()
    assert complaints == []
