"""Fixtures of the differential tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from differential.vaults import Places

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(tmp_path_factory.mktemp("differential"))


@pytest.fixture(scope="module", autouse=True)
def no_umask() -> Iterator[None]:
    """Let every mode through, as the process that serves a mount does."""
    before = os.umask(0)
    yield
    os.umask(before)
