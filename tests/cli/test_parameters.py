"""How words of a command line are taken apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from wafs.cli.parameters import VaultPath, split_vault_path


def test_a_vault_alone_means_its_top(tmp_path: Path) -> None:
    assert split_vault_path(str(tmp_path)) == VaultPath(str(tmp_path), b"/")
    assert split_vault_path(f"{tmp_path}:") == VaultPath(str(tmp_path), b"/")


def test_a_path_follows_a_colon_and_may_hold_more(tmp_path: Path) -> None:
    assert split_vault_path(f"{tmp_path}:/a:b/\u00fc") == VaultPath(str(tmp_path), "/a:b/\u00fc".encode())


@pytest.mark.parametrize("name", ["my:vault", "2026-11-26T10:15:00"])
def test_a_folder_whose_name_has_colons_is_found(tmp_path: Path, name: str) -> None:
    vault = tmp_path / name
    vault.mkdir()
    assert split_vault_path(str(vault)) == VaultPath(str(vault), b"/")
    assert split_vault_path(f"{vault}:Media") == VaultPath(str(vault), b"Media")


def test_where_nothing_is_there_the_first_colon_counts() -> None:
    assert split_vault_path("no-such-folder:/a:b") == VaultPath("no-such-folder", b"/a:b")
