"""Key store file: kept beside the tree, changed atomically, read by the independent reader."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from reader import open_vault as read_vault
from vault.making import RECOVERY_KEY, make_vault, opened, recovery_only
from wafs.errors import AuthenticationError, LimitError
from wafs.format.key_store import StoredKey
from wafs.vault.key_store_file import KEY_STORE_NAME, KeyStoreFile, unlocked_key_store

if TYPE_CHECKING:
    from pathlib import Path

PHONE = StoredKey("phone", "64-digit", bytes(range(32)), 1_790_000_000, "2021-05-31")
SISTER = StoredKey("sister", "key-file", bytes(131), 1_790_000_001)


@pytest.fixture
def vault_path(tmp_path: Path) -> Path:
    return make_vault(tmp_path / "vault")


def test_keys_are_kept_and_changed(vault_path: Path) -> None:
    with unlocked_key_store(str(vault_path), recovery_only) as store:
        assert store.read() == ()
        assert not (vault_path / KEY_STORE_NAME).exists()
        store.change(lambda keys: [*keys, SISTER])
        store.change(lambda keys: [*keys, PHONE])
    with unlocked_key_store(str(vault_path), recovery_only) as store:
        assert store.read() == (PHONE, SISTER)
        store.change(lambda keys: [key for key in keys if key.label != "sister"])
        assert store.read() == (PHONE,)
    assert (vault_path / KEY_STORE_NAME).stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(vault_path)) == [
        "README-wafs.txt", "tree", KEY_STORE_NAME, "wafs.vault", "wafs.vault.copy",
    ]  # fmt: skip


def test_the_independent_reader_reads_it(vault_path: Path) -> None:
    reader = read_vault(vault_path, recovery_key=RECOVERY_KEY)
    assert reader.key_store() is None
    with unlocked_key_store(str(vault_path), recovery_only) as store:
        store.change(lambda _: [SISTER, PHONE])
    found = reader.key_store()
    assert found is not None
    assert [key["label"] for key in found.keys] == ["phone", "sister"]
    assert found.keys[0] == {
        "added": PHONE.added,
        "data": PHONE.data,
        "from": "2021-05-31",
        "kind": "64-digit",
        "label": "phone",
        "until": "",
    }


def test_an_open_vault_has_it_and_others_may_change_it_meanwhile(vault_path: Path) -> None:
    with opened(vault_path) as vault:
        inside = KeyStoreFile.of(vault)
        with unlocked_key_store(str(vault_path), recovery_only) as store:
            store.change(lambda _: [PHONE])
        assert inside.read() == (PHONE,)


def test_what_does_not_open_is_not_replaced(vault_path: Path) -> None:
    with unlocked_key_store(str(vault_path), recovery_only) as store:
        store.change(lambda _: [PHONE])
        path = vault_path / KEY_STORE_NAME
        damaged = bytearray(path.read_bytes())
        damaged[200] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(AuthenticationError):
            store.change(lambda _: [SISTER])
        assert path.read_bytes() == damaged


def test_what_has_no_room_changes_nothing(vault_path: Path) -> None:
    with unlocked_key_store(str(vault_path), recovery_only) as store:
        store.change(lambda _: [PHONE])
        with pytest.raises(LimitError):
            store.change(lambda keys: [*keys, StoredKey("x", "y", bytes(2000), 0)])
        assert store.read() == (PHONE,)
    assert not [name for name in os.listdir(vault_path) if name.endswith(".tmp")]


def test_one_of_another_vault_is_refused(vault_path: Path, tmp_path: Path) -> None:
    other = make_vault(tmp_path / "other")
    with unlocked_key_store(str(other), recovery_only) as store:
        store.change(lambda _: [PHONE])
    (vault_path / KEY_STORE_NAME).write_bytes((other / KEY_STORE_NAME).read_bytes())
    with unlocked_key_store(str(vault_path), recovery_only) as store, pytest.raises(Exception, match="another vault"):
        store.read()
