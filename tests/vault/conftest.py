"""What several tests of the vault begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vault.journals import Desk, opened_desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A folder opened as a desk."""
    with opened_desk(tmp_path) as opened:
        yield opened
