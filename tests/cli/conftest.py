"""Fixtures of the command line: a place of its own, and a cheap vault in it."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from cli.backups import PLAN
from cli.commands import PASSWORD, Wafs
from sample_backup.android import write_android

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder and HOME of a test, with the password of its vaults in the file `pw`."""
    folder = tmp_path / "place"
    folder.mkdir()
    (folder / "pw").write_bytes(PASSWORD + b"\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", os.fspath(folder))
    return folder


@pytest.fixture
def wafs(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Iterator[Wafs]:
    """Runs command lines in this process; afterwards nothing that they set for the process is left."""
    logger = logging.getLogger("wafs")
    handlers, level = list(logger.handlers), logger.level
    yield Wafs(capfdbinary)
    logger.handlers[:] = [handler for handler in logger.handlers if handler in handlers]
    logger.setLevel(level)


@pytest.fixture
def vault(wafs: Wafs) -> Wafs:
    """The same, with the vault `v` and without a recovery key."""
    wafs.ok("init", "v", "--password-file", "pw", "--kdf-memory", "8", "--no-recovery")
    return wafs


@pytest.fixture
def phone(place: Path) -> Path:
    """An Android backup as it comes off a phone."""
    write_android(PLAN, place / "phone")
    return place / "phone"
