"""Fixtures: a small vault and its Vfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fs.paths import Paths
from vault.making import make_vault, opened
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def vault_path(tmp_path: Path) -> Path:
    return make_vault(tmp_path / "vault")


@pytest.fixture
def paths(vault_path: Path) -> Iterator[Paths]:
    with Vfs(opened(vault_path)) as vfs:
        yield Paths(vfs)
