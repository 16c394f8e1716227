"""A store that fails below an operation on a file leaves nothing open and nothing half made."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from fs.paths import ME, Paths
from fs.trees import behind_a_faulty_store, ciphertext
from log_police import ExpectLog
from store.faulty import Fault
from vault.making import make_vault, opened
from wafs.errors import DamageError, NotFoundError
from wafs.fs.attrs import SetAttrs
from wafs.fs.vfs import Vfs
from wafs.units import ROOT_INO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    return make_vault(tmp_path / "vault")


@pytest.mark.parametrize("unnamed", [True, False])
def test_a_file_whose_header_cannot_be_written_is_not_made(vault: Path, unnamed: bool) -> None:
    with behind_a_faulty_store(vault) as (paths, faulty):
        files = paths.vfs.files
        before = len(os.listdir("/proc/self/fd"))
        faulty.arm(Fault(1, frozenset({"pwrite"}), errno.ENOSPC))
        if unnamed:
            with pytest.raises(OSError, match="No space"):
                files.create_unnamed(ROOT_INO, 0o600, flags=os.O_RDWR, caller=ME)
        else:
            with pytest.raises(OSError, match="No space"):
                files.create(ROOT_INO, b"file", 0o600, flags=os.O_RDWR, caller=ME)
        # The folder itself stays open for the next who asks.
        assert len(os.listdir("/proc/self/fd")) <= before + 1
        assert ciphertext(vault) == []
        assert files.is_idle()


def test_a_file_that_cannot_be_cut_is_closed_again(vault: Path) -> None:
    with behind_a_faulty_store(vault) as (paths, faulty):
        paths.write(b"file", b"plain")
        with paths.held(b"file") as number:
            faulty.arm(Fault(1, frozenset({"pwrite"})))
            with pytest.raises(OSError, match="Input/output"):
                paths.vfs.files.open(number, os.O_RDWR | os.O_TRUNC)
            faulty.arm(Fault(1, frozenset({"pwrite"})))
            with pytest.raises(OSError, match="Input/output"):
                paths.vfs.attributes.set(number, SetAttrs(size=2))
            faulty.arm(None)
            assert paths.vfs.files.is_idle()
            assert paths.vfs.context.inodes[number].content is None
        assert paths.read(b"file") == b"plain"
        assert len(paths.vfs.context.inodes) == 1


def _left_in_flight(vault: Path, target: Path) -> None:
    with Vfs(opened(vault)) as vfs:
        _, fh = vfs.files.create(ROOT_INO, b"file", 0o600, flags=os.O_RDWR, caller=ME)
        vfs.files.write(fh, 0, memoryview(b"in flight"), Paths(vfs).scratch)
        shutil.copytree(vault, target)
    # A flight that a reader finds: with the journal it would be landed before.
    (target / "wafs.journal").unlink()


@pytest.mark.interpreted
@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_file_in_flight_is_read_as_it_is_where_it_cannot_be_landed(
    vault: Path, tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _left_in_flight(vault, tmp_path / "copy")
    with Vfs(opened(tmp_path / "copy")) as vfs:
        store = vfs.context.store
        real = store.open

        def open_to_read(parent: int, name: bytes, flags: int, mode: int = 0o600) -> int:
            if flags & os.O_ACCMODE:
                raise OSError(code, os.strerror(code))
            return real(parent, name, flags, mode)

        monkeypatch.setattr(store, "open", open_to_read)
        assert Paths(vfs).read(b"file") == b"in flight"


def test_a_file_in_flight_that_cannot_be_landed_for_another_reason_is_an_error(vault: Path, tmp_path: Path) -> None:
    _left_in_flight(vault, tmp_path / "copy")
    with behind_a_faulty_store(tmp_path / "copy") as (paths, faulty):
        with paths.held(b"file") as number:
            before = len(os.listdir("/proc/self/fd"))
            faulty.arm(Fault(1, frozenset({"pwrite"})))
            with pytest.raises(OSError, match="Input/output"):
                paths.vfs.files.open(number, os.O_RDONLY)
            faulty.arm(None)
            assert len(os.listdir("/proc/self/fd")) == before
        assert paths.read(b"file") == b"in flight"


@pytest.mark.interpreted
def test_a_file_in_flight_that_is_damaged_while_it_is_landed_is_damage(
    vault: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _left_in_flight(vault, tmp_path / "copy")
    (sealed,) = ciphertext(tmp_path / "copy")
    with Vfs(opened(tmp_path / "copy")) as vfs:
        store = vfs.context.store
        real = store.open

        def damage_then_open(parent: int, name: bytes, flags: int, mode: int = 0o600) -> int:
            if flags & os.O_ACCMODE:
                sealed.write_bytes(sealed.read_bytes()[:200])
            return real(parent, name, flags, mode)

        monkeypatch.setattr(store, "open", damage_then_open)
        with pytest.raises(DamageError):
            Paths(vfs).read(b"file")
        assert vfs.files.is_idle()


def test_a_name_that_cannot_be_removed_after_its_entry_is_gone_all_the_same(vault: Path) -> None:
    long_name = b"l" * 200
    with behind_a_faulty_store(vault) as (paths, faulty):
        changes: list[tuple[Callable[[], None], Callable[[bytes], None]]] = [
            (lambda: paths.write(long_name, b""), paths.unlink),
            (lambda: paths.mkdir(long_name), paths.rmdir),
        ]
        for make, remove in changes:
            make()
            faulty.arm(Fault(2, frozenset({"unlink", "rmdir"})))
            with pytest.raises(OSError, match="Input/output"):
                remove(long_name)
            faulty.arm(None)
            assert paths.names() == []
            with pytest.raises(NotFoundError), paths.held(long_name):
                pass
            assert len(paths.vfs.context.inodes) == 1


def test_a_folder_renamed_over_an_empty_one_that_is_known_takes_its_place(vault: Path) -> None:
    with Vfs(opened(vault)) as vfs:
        paths = Paths(vfs)
        for name in (b"new", b"old"):
            paths.mkdir(name)
        paths.write(b"new/file", b"plain")
        with paths.held(b"old") as number:
            assert paths.names(b"old") == []
            paths.rename(b"new", b"old")
            assert paths.names(b"old") == [b"file"]
            with pytest.raises(NotFoundError):
                vfs.tree.mkdir(number, b"in the old one", 0o700, ME)


def test_a_folder_removed_behind_our_back_takes_nothing_new(vault: Path) -> None:
    with Vfs(opened(vault)) as vfs:
        paths = Paths(vfs)
        paths.mkdir(b"folder")
        (sealed,) = ciphertext(vault)
        with paths.held(b"folder") as number:
            assert paths.names(b"folder") == []
            sealed.rmdir()
            with pytest.raises(NotFoundError):
                vfs.tree.lookup(ROOT_INO, b"folder")
            with pytest.raises(NotFoundError):
                vfs.tree.mkdir(number, b"in it", 0o700, ME)
            with pytest.raises(NotFoundError):
                vfs.files.create(number, b"in it", 0o600, flags=os.O_RDWR, caller=ME)
        assert len(vfs.context.inodes) == 1


def test_an_orphaned_name_file_that_is_no_file_is_foreign(vault: Path, expect_log: ExpectLog) -> None:
    os.mkfifo(vault / "tree" / "orphan.name")
    (vault / "tree" / "folder.name").mkdir()
    expect_log("2 foreign entries")
    with Vfs(opened(vault)) as vfs:
        assert Paths(vfs).names() == []
