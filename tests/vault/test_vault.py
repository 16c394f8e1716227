"""Vaults: made whole or not at all, opened by any copy of the header, written by one process at a time."""

from __future__ import annotations

import errno
import gc
import multiprocessing
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from log_police import ExpectLog
from reader import open_vault as open_with_reader
from vault.making import CHEAP, PASSWORD, RECOVERY_KEY, make_vault, opened, recovery_only
from wafs.crypto.kdf import argon2id
from wafs.crypto.secret import Secret
from wafs.errors import (
    ExistsError,
    HeaderDamageError,
    LimitError,
    MalformedError,
    NotAVaultError,
    VaultInUseError,
    WrongSecretError,
)
from wafs.format import slot as slot_module
from wafs.format.encoding import Value
from wafs.format.slot import PASSWORD as PASSWORD_SLOT
from wafs.format.slot import Argon2Cost, Slot
from wafs.format.vault_header import parse_vault_header
from wafs.vault.header_file import replace_headers
from wafs.vault.vault import DEFAULT_CHUNK_SIZE, change_password, create_vault, open_vault

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

HEADERS = ("wafs.vault", "wafs.vault.copy")


def with_password(password: bytes) -> object:
    return lambda slot_type: password if slot_type == PASSWORD_SLOT else None


def _opens(path: Path, secret: object = recovery_only) -> bool:
    with open_vault(str(path), secret, read_only=True) as vault:  # type: ignore[arg-type]
        return vault.read_only


def test_a_new_vault_has_its_files_and_opens_with_either_secret(tmp_path: Path) -> None:
    path = make_vault(tmp_path / "vault")
    assert sorted(os.listdir(path)) == ["README-wafs.txt", "tree", *HEADERS]
    assert {name: (path / name).stat().st_mode & 0o777 for name in (".", "tree", "wafs.vault")} == {
        ".": 0o700,
        "tree": 0o700,
        "wafs.vault": 0o600,
    }
    assert (path / HEADERS[0]).read_bytes() == (path / HEADERS[1]).read_bytes()
    assert _opens(path)
    assert _opens(path, with_password(PASSWORD))
    assert open_with_reader(path, PASSWORD.decode()).walk() == {}
    with opened(path) as vault:
        assert (vault.chunk_size, vault.path) == (4096, str(path.resolve()))


def test_a_vault_without_a_recovery_key_has_one_slot(tmp_path: Path) -> None:
    create_vault(str(tmp_path / "v"), PASSWORD, recovery_key=None, cost=CHEAP)
    header = parse_vault_header((tmp_path / "v/wafs.vault").read_bytes())
    assert [slot.type for slot in header.slots] == [PASSWORD_SLOT]
    assert header.parameters.chunk_size == DEFAULT_CHUNK_SIZE
    with pytest.raises(WrongSecretError):
        opened(tmp_path / "v")


def test_a_vault_is_made_in_a_new_or_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(mode=0o755)
    assert _opens(make_vault(tmp_path / "empty"))
    with pytest.raises(ExistsError, match="not empty"):
        make_vault(tmp_path / "empty")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_vault(tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        make_vault(tmp_path / "no" / "such")


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("call", ["mkdir", "open", "fsync", "rename"])
def test_a_vault_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, call: str, is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(os, call)
    path = tmp_path / "vault"
    codes = set()
    for nth in range(1, 30):
        if not is_new:
            path.mkdir()
        left = [nth]

        def failing(*arguments: object, left: list[int] = left, **options: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                make_vault(path)
            except OSError as error:
                codes.add(error.errno)
            else:
                break
        assert (os.listdir(path) if path.is_dir() else None) == (None if is_new else [])
        if path.is_dir():
            path.rmdir()
    assert codes == {errno.ENOSPC}
    assert _opens(path)


@pytest.mark.parametrize(
    ("cost", "chunk_size"), [(Argon2Cost(1 << 40, 1, 1), 4096), (CHEAP, 4097), (Argon2Cost(8192, 99, 1), 4096)]
)
def test_absurd_parameters_are_refused_before_anything_is_made(
    tmp_path: Path, cost: Argon2Cost, chunk_size: int
) -> None:
    with pytest.raises(LimitError):
        create_vault(str(tmp_path / "v"), PASSWORD, recovery_key=None, cost=cost, chunk_size=chunk_size)
    assert os.listdir(tmp_path) == []


def test_what_is_no_vault_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotAVaultError, match=r"no wafs\.vault"):
        opened(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((NotAVaultError, NotADirectoryError)):
        opened(tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        opened(tmp_path / "missing")


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("damage", ["missing", "empty", "flipped", "cut", "long", "other-version", "no-checksum"])
def test_one_whole_header_is_enough_and_the_other_is_restored(
    tmp_path: Path, name: str, damage: str, expect_log: ExpectLog
) -> None:
    path = make_vault(tmp_path / "vault")
    good = (path / name).read_bytes()
    bad = {
        "empty": b"",
        "flipped": good[:100] + bytes([good[100] ^ 1]) + good[101:],
        "cut": good[:-1],
        "long": bytes(70_000),
        "other-version": good.replace(b"\xa7version\x01", b"\xa7version\x02"),
        "no-checksum": good[:-32] + bytes(32),
    }
    if damage == "missing":
        (path / name).unlink()
    else:
        (path / name).write_bytes(bad[damage])
    before = sorted((entry.name, entry.stat().st_mtime_ns) for entry in path.iterdir())
    assert _opens(path)
    assert sorted((entry.name, entry.stat().st_mtime_ns) for entry in path.iterdir()) == before
    expect_log("has been restored from the other")
    opened(path).close()
    assert (path / HEADERS[0]).read_bytes() == (path / HEADERS[1]).read_bytes()
    assert open_with_reader(path, recovery_key=RECOVERY_KEY).walk() == {}


def test_two_damaged_headers_are_damage_with_a_hint(tmp_path: Path) -> None:
    path = make_vault(tmp_path / "vault")
    for name in HEADERS:
        (path / name).write_bytes(bytes(100))
    with pytest.raises(HeaderDamageError) as caught:
        opened(path)
    assert "bring wafs.vault or wafs.vault.copy back from a backup" in (caught.value.hint or "")


def test_a_header_that_cannot_be_restored_does_not_stand_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectLog
) -> None:
    path = make_vault(tmp_path / "vault")
    (path / HEADERS[1]).unlink()
    expect_log("could not be restored")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "rename", refuse)
    opened(path).close()
    assert not (path / HEADERS[1]).exists()
    assert [name for name in os.listdir(path) if name.endswith(".tmp")] == []


def test_a_forged_slot_table_is_found_and_the_copy_used(tmp_path: Path, expect_log: ExpectLog) -> None:
    path = make_vault(tmp_path / "vault")
    header = parse_vault_header((path / HEADERS[0]).read_bytes())
    kept = (path / HEADERS[1]).read_bytes()
    with opened(path) as vault:
        # The right slots under a MAC of another key: what somebody without a key can write.
        replace_headers(str(path), header.parameters, header.slots[1:], Secret(bytes(32)))
        assert vault.header == header
    with pytest.raises(HeaderDamageError, match="changed by someone without a key"):
        opened(path)
    (path / HEADERS[1]).write_bytes(kept)
    expect_log("two copies of the vault header differ")
    opened(path).close()
    assert _opens(path)


@pytest.mark.parametrize("secret", [None, b"wrong"])
def test_a_wrong_secret_is_told_apart_from_damage(tmp_path: Path, secret: bytes | None) -> None:
    path = make_vault(tmp_path / "vault")
    asked: list[str] = []

    def ask(slot_type: str) -> bytes | None:
        asked.append(slot_type)
        return secret

    for name in HEADERS:
        if secret is None:
            (path / name).touch()
    with pytest.raises(WrongSecretError):
        open_vault(str(path), ask)
    assert sorted(asked) == ["password", "recovery"]
    opened(path).close()


def test_a_password_is_tried_once_for_each_slot_and_absurd_costs_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_vault(tmp_path / "vault")
    paid: list[int] = []
    real = argon2id

    def counting(password: bytes, *, salt: bytes, memory_kib: int, passes: int, lanes: int) -> bytes:
        paid.append(memory_kib)
        return real(password, salt=salt, memory_kib=memory_kib, passes=passes, lanes=lanes)

    monkeypatch.setattr(slot_module, "argon2id", counting)
    assert _opens(path, with_password(PASSWORD))
    assert paid == [8192]
    _opens(path)
    assert paid == [8192]
    with opened(path) as vault:
        header, master_key = vault.header, vault.keyring.master_key
        costly: Value = {"lanes": 1, "memory_kib": 1 << 40, "name": "argon2id", "passes": 1}
        absurd = Slot({**header.slots[0].fields, "kdf": costly})
        replace_headers(str(path), header.parameters, (absurd, *header.slots[1:]), master_key)
    with pytest.raises(LimitError):
        _opens(path, with_password(PASSWORD))
    with pytest.raises(LimitError):
        _opens(path)
    assert paid == [8192]


def test_a_new_password_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = make_vault(tmp_path / "vault")
    before = parse_vault_header((path / HEADERS[0]).read_bytes())
    change_password(str(path), with_password(PASSWORD), b"another")  # type: ignore[arg-type]
    with pytest.raises(WrongSecretError):
        _opens(path, with_password(PASSWORD))
    assert _opens(path, with_password(b"another"))
    assert _opens(path)
    after = parse_vault_header((path / HEADERS[0]).read_bytes())
    assert after.immutable == before.immutable
    assert after.slots[1] == before.slots[1]
    assert after.slots[0].cost == CHEAP
    assert {after.slots[0].fields[key] == before.slots[0].fields[key] for key in ("salt", "nonce", "wrapped")} == {
        False
    }
    assert (path / HEADERS[0]).read_bytes() == (path / HEADERS[1]).read_bytes()


def test_a_forgotten_password_is_set_with_the_recovery_key(tmp_path: Path) -> None:
    path = make_vault(tmp_path / "vault")
    change_password(str(path), recovery_only, b"another")
    assert _opens(path, with_password(b"another"))
    with pytest.raises(WrongSecretError):
        change_password(str(path), with_password(PASSWORD), b"third")  # type: ignore[arg-type]


def test_slots_of_another_day_survive_a_new_password(tmp_path: Path) -> None:
    path = make_vault(tmp_path / "vault")
    with opened(path) as vault:
        unknown = Slot({"type": "smartcard", "blob": b"kept", "list": [1]})
        slots = (unknown, vault.header.slots[1])
        replace_headers(str(path), vault.header.parameters, slots, vault.keyring.master_key)
    change_password(str(path), recovery_only, b"first of all")
    header = parse_vault_header((path / HEADERS[0]).read_bytes())
    assert [slot.type for slot in header.slots] == ["password", "smartcard", "recovery"]
    assert header.slots[1] == unknown
    assert header.slots[0].cost == Argon2Cost()


@pytest.mark.parametrize("nth", [1, 2])
def test_a_password_change_that_is_cut_short_leaves_a_vault_that_opens(
    tmp_path: Path, nth: int, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectLog
) -> None:
    path = make_vault(tmp_path / "vault")
    real, left = os.rename, [nth]

    def failing(*arguments: object, **options: object) -> object:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", failing)
        with pytest.raises(OSError, match="Input/output"):
            change_password(str(path), with_password(PASSWORD), b"another")  # type: ignore[arg-type]
    assert [name for name in os.listdir(path) if name.endswith(".tmp")] == []
    assert _opens(path, with_password(PASSWORD))
    if nth == 2:
        assert _opens(path, with_password(b"another"))
        expect_log("two copies of the vault header differ")
    opened(path).close()
    assert _opens(path, with_password(PASSWORD))


def _hold(path: str, told: Connection) -> None:
    with opened(Path(path)):
        told.send("open")
        told.recv()


def test_one_process_writes_and_others_read(tmp_path: Path) -> None:
    path = make_vault(tmp_path / "vault")
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    other = context.Process(target=_hold, args=(str(path), there))
    other.start()
    try:
        assert here.recv() == "open"
        with pytest.raises(VaultInUseError, match="in use"):
            opened(path)
        assert _opens(path)
        other.kill()
        other.join()
        # The kernel drops the lock with the process: nothing stale is left to take over.
        opened(path).close()
    finally:
        other.kill()
        other.join()
        here.close()
        there.close()


def test_a_vault_lets_go_of_all_it_held(tmp_path: Path) -> None:
    path = make_vault(tmp_path / "vault")
    # What tests before this one left to the collector is not to go in the middle of it.
    gc.collect()
    before = sorted(os.listdir("/proc/self/fd"))
    vault = opened(path)
    assert vault.keyring.master_key.reveal() != bytes(32)
    vault.close()
    assert vault.keyring.master_key.reveal() == bytes(32)
    assert sorted(os.listdir("/proc/self/fd")) == before
    with pytest.raises(WrongSecretError):
        open_vault(str(path), lambda _: b"wrong")
    os.rename(path / "tree", path / "gone")
    with pytest.raises(MalformedError, match="no folder tree"):
        opened(path)
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("kind", ["folder", "symlink", "fifo"])
def test_a_header_that_is_no_file_is_passed_over_for_the_copy(tmp_path: Path, kind: str) -> None:
    path = make_vault(tmp_path / "vault")
    first = path / HEADERS[0]
    first.unlink()
    if kind == "folder":
        first.mkdir()
    elif kind == "symlink":
        first.symlink_to(HEADERS[1])
    else:
        os.mkfifo(first)
    assert _opens(path)
    (path / HEADERS[1]).unlink()
    with pytest.raises((OSError, HeaderDamageError)):
        _opens(path)
