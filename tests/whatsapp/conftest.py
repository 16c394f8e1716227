"""Fixtures: made-up backups as files by name, and a vault that they are put into to be examined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sample_backup.android import write_android
from sample_backup.encrypted_files import write_encrypted
from sample_backup.ios import write_ios
from whatsapp.examining import PLAN, Look, Tree, examine
from whatsapp.vault_files import fill, tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from wafs.whatsapp.doctor_report import Report


@pytest.fixture(scope="session")
def android(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    folder = tmp_path_factory.mktemp("android")
    write_android(PLAN, folder)
    return tree_of(folder)


@pytest.fixture(scope="session")
def encrypted_android(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    folder = tmp_path_factory.mktemp("encrypted")
    write_android(PLAN, folder)
    write_encrypted(folder)
    return {name: data for name, data in tree_of(folder).items() if not name.startswith("cloud/")}


@pytest.fixture(scope="session")
def ios(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    folder = tmp_path_factory.mktemp("ios")
    write_ios(PLAN, folder)
    return tree_of(folder)


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Put files into a vault and examine it."""

    def look(tree: Tree) -> Report:
        fill(tmp_path / "v", tree)
        return examine(tmp_path / "v")

    return look
