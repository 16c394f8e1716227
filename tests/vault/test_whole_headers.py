"""A header that is whole is never lost to another: not to an old copy, not to an old wafs, not to a second init."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from vault.making import CHEAP, PASSWORD, RECOVERY_KEY, make_vault, opened
from vectors.recipes.header_writer import HeaderWriter
from wafs.errors import HeaderDamageError, NotAVaultError, UnsupportedFormatError, WrongSecretError
from wafs.vault.header_file import read_headers
from wafs.vault.vault import change_password, create_vault, open_vault

if TYPE_CHECKING:
    from pathlib import Path

    from log_police import ExpectLog

NEW_PASSWORD = b"another horse"


def test_an_old_copy_that_comes_back_does_not_undo_a_new_password(tmp_path: Path, expect_log: ExpectLog) -> None:
    path = make_vault(tmp_path / "vault")
    copy = path / "wafs.vault.copy"
    old = copy.read_bytes()
    change_password(str(path), {"password": PASSWORD}.get, NEW_PASSWORD)
    new = (path / "wafs.vault").read_bytes()
    copy.write_bytes(old)
    expect_log("differ")
    # The copy still opens with the old password; that must not make it the truth.
    open_vault(str(path), {"password": PASSWORD}.get).close()
    assert (path / "wafs.vault").read_bytes() == new
    open_vault(str(path), {"password": NEW_PASSWORD}.get).close()
    assert not read_headers(str(path)).intact
    change_password(str(path), {"recovery": RECOVERY_KEY}.get, b"third horse")
    assert read_headers(str(path)).intact
    with pytest.raises(WrongSecretError):
        open_vault(str(path), {"password": PASSWORD}.get)


def test_a_header_of_a_newer_wafs_is_final(tmp_path: Path) -> None:
    path = make_vault(tmp_path / "vault")
    writer = HeaderWriter.of("newer")
    newer = writer.header(immutable=writer.immutable(version=2))
    (path / "wafs.vault").write_bytes(newer)
    with pytest.raises(UnsupportedFormatError):
        opened(path)
    assert (path / "wafs.vault").read_bytes() == newer
    # As a copy it is of no use, and is left alone.
    older = (path / "wafs.vault.copy").read_bytes()
    (path / "wafs.vault").write_bytes(older)
    (path / "wafs.vault.copy").write_bytes(newer)
    opened(path).close()
    assert (path / "wafs.vault.copy").read_bytes() == newer


def test_a_second_init_in_the_same_folder_fails_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vault"
    path.mkdir()
    listdir = os.listdir

    def empty_until_the_other_is_done(folder: str) -> list[str]:
        found = listdir(folder)
        monkeypatch.undo()
        make_vault(path)
        return found

    # The other one makes its vault between our look into the folder and our first step.
    monkeypatch.setattr(os, "listdir", empty_until_the_other_is_done)
    with pytest.raises(FileExistsError):
        create_vault(str(path), NEW_PASSWORD, recovery_key=None, cost=CHEAP)
    opened(path).close()
    assert sorted(entry.name for entry in path.iterdir()) == [
        "README-wafs.txt",
        "tree",
        "wafs.vault",
        "wafs.vault.copy",
    ]


def test_a_vault_without_any_header_is_not_taken_for_an_empty_folder(tmp_path: Path) -> None:
    """Who is told to make a vault there may do it, and be rid of the files."""
    path = make_vault(tmp_path / "vault")
    for name in ("wafs.vault", "wafs.vault.copy"):
        (path / name).unlink()
    with pytest.raises(NotAVaultError):
        opened(path)
    (path / "tree" / ("A" * 43 + ".wafs")).write_bytes(b"")
    with pytest.raises(HeaderDamageError, match="missing") as raised:
        opened(path)
    assert "an old one will do" in str(raised.value.hint)
    assert "init" not in str(raised.value.hint)


def test_an_old_header_opens_with_the_password_of_its_time(tmp_path: Path, expect_log: ExpectLog) -> None:
    path = make_vault(tmp_path / "vault")
    old = (path / "wafs.vault").read_bytes()
    change_password(str(path), {"recovery": RECOVERY_KEY}.get, NEW_PASSWORD)
    for name in ("wafs.vault", "wafs.vault.copy"):
        (path / name).unlink()
    (path / "wafs.vault").write_bytes(old)
    expect_log("has been restored from the other")
    open_vault(str(path), {"password": PASSWORD}.get).close()
