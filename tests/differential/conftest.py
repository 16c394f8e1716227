"""Fixtures of the differential tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from differential.vaults import Places
from wafs.fs import context
from wafs.fs.dir_handles import AT_ONCE

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


@pytest.fixture(scope="module", autouse=True)
def few_dir_handles() -> Iterator[None]:
    """Keep as few directories open as is allowed, so that one that is used for too long is closed under its user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "DIR_HANDLE_CAPACITY", AT_ONCE)
        yield
