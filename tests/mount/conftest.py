"""Fixtures of the mount tests: a bench, and a mounted vault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mount.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mount.daemon import Daemon


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A place to make and mount vaults; the log of every daemon must be clean at the end."""
    made = Bench(tmp_path)
    try:
        yield made
    finally:
        complaints = made.finish()
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


@pytest.fixture
def daemon(bench: Bench) -> Daemon:
    """A new vault, mounted."""
    return bench.mount(bench.vault())


@pytest.fixture
def mnt(daemon: Daemon) -> Path:
    """The mountpoint of a new vault."""
    return daemon.place
