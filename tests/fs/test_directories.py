"""Directories: their ids survive every move, and every step of it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from fs.paths import ME, Paths
from fs.trees import LONG, ciphertext, plant, read_by_both, sealed_path
from log_police import ExpectLog
from vault.making import opened
from wafs.errors import (
    AuthenticationError,
    DamageError,
    ExistsError,
    InvalidArgumentError,
    IsADirError,
    NameTooLongError,
    NotADirError,
    NotFoundError,
    NotPermittedError,
)
from wafs.format.directory import EXPLICIT
from wafs.fs.rename import RENAME_EXCHANGE, RENAME_NOREPLACE
from wafs.fs.vfs import Vfs
from wafs.units import ROOT_INO

if TYPE_CHECKING:
    from pathlib import Path


def _record(paths: Paths, path: bytes) -> tuple[bytes, int]:
    with paths.held(path) as number:
        paths.vfs.context.directory(number)
        record = paths.vfs.context.inodes[number].record
        assert record is not None
        return record.dir_id, record.flags


def test_an_id_is_implied_at_birth_recorded_at_the_first_move_and_kept(paths: Paths, vault_path: Path) -> None:
    paths.mkdir(b"a")
    paths.mkdir(b"a/deep")
    paths.write(b"a/deep/file", b"plain")
    assert ciphertext(vault_path, "wafs.dir") == []
    before = _record(paths, b"a"), _record(paths, b"a/deep")
    paths.rename(b"a", b"b")
    # The folder that was moved, and the root, whose next "a" must have another id.
    assert len(ciphertext(vault_path, "wafs.dir")) == 2
    assert (_record(paths, b"b"), _record(paths, b"b/deep")) == before
    assert _record(paths, b"") == (bytes(16), EXPLICIT)
    assert paths.read(b"b/deep/file") == b"plain"
    for record in ciphertext(vault_path, "wafs.dir"):
        assert record.stat().st_size == 48
    paths.mkdir(b"a")
    assert _record(paths, b"a")[0] != before[0][0]
    paths.write(b"a/file", b"other")
    paths.vfs.commits.run()
    assert read_by_both(vault_path) == {
        b"a": b"",
        b"a/file": b"other",
        b"b": b"",
        b"b/deep": b"",
        b"b/deep/file": b"plain",
    }


def test_a_move_there_and_back_keeps_everything(paths: Paths, vault_path: Path) -> None:
    for name in (b"x", b"y", b"x/moved"):
        paths.mkdir(name)
    paths.write(b"x/moved/file", b"plain")
    before = _record(paths, b"x/moved")
    for _ in range(2):
        paths.rename(b"x/moved", b"y/" + LONG)
        paths.rename(b"y/" + LONG, b"x/moved")
    assert _record(paths, b"x/moved") == before
    paths.vfs.commits.run()
    assert read_by_both(vault_path)[b"x/moved/file"] == b"plain"
    assert ciphertext(vault_path, "*.name") == []


def test_a_folder_moved_by_somebody_else_does_not_open(paths: Paths, vault_path: Path, expect_log: ExpectLog) -> None:
    for name in (b"here", b"there", b"here/implied", b"here/recorded"):
        paths.mkdir(name)
    paths.rename(b"here/recorded", b"here/renamed")
    for name in (b"here/implied", b"here/renamed"):
        paths.write(name + b"/file", b"plain")
    folders = {name: sealed_path(paths, vault_path, name) for name in (b"there", b"here/implied", b"here/renamed")}
    for name in (b"here/implied", b"here/renamed"):
        shutil.move(folders[name], folders[b"there"])
    expect_log("2 foreign entries")
    # Neither name opens there, so neither is shown.
    assert paths.names(b"there") == []
    assert paths.names(b"here") == []


def test_a_recorded_folder_under_the_name_of_another_is_refused(paths: Paths, vault_path: Path) -> None:
    for name in (b"one", b"one/folder", b"two", b"two/folder", b"two/x"):
        paths.mkdir(name)
    paths.rename(b"two/x", b"two/moved")
    paths.write(b"two/moved/file", b"plain")
    victim, moved = sealed_path(paths, vault_path, b"one/folder"), sealed_path(paths, vault_path, b"two/moved")
    victim.rmdir()
    moved.rename(victim)
    with pytest.raises(AuthenticationError, match="moved by someone without a key"):
        paths.names(b"one/folder")
    with pytest.raises(AuthenticationError):
        paths.mkdir(b"one/folder/new")


def test_names_in_an_implied_folder_under_the_name_of_another_are_foreign(
    paths: Paths, vault_path: Path, expect_log: ExpectLog
) -> None:
    for name in (b"one", b"two"):
        paths.mkdir(name)
    paths.write(b"two/file", b"plain")
    victim, other = sealed_path(paths, vault_path, b"one"), sealed_path(paths, vault_path, b"two")
    victim.rmdir()
    other.rename(victim)
    expect_log("1 foreign entries")
    assert paths.names(b"one") == []
    with pytest.raises(NotFoundError):
        paths.read(b"one/file")


@pytest.mark.parametrize("kind", ["fifo", "folder", "symlink", "socket", "empty", "long", "other"])
def test_a_record_that_is_not_one_is_damage_and_does_not_hang(vault_path: Path, kind: str) -> None:
    with Vfs(opened(vault_path)) as vfs:
        paths = Paths(vfs)
        paths.mkdir(b"a")
        paths.rename(b"a", b"b")
        record = sealed_path(paths, vault_path, b"b") / "wafs.dir"
    record.unlink()
    plant(record, kind)
    for read_only in (True, False):
        with Vfs(opened(vault_path, read_only=read_only)) as vfs:
            with pytest.raises(DamageError):
                Paths(vfs).names(b"b")
            assert Paths(vfs).names() == [b"b"]


def test_a_record_that_arrives_after_its_folder_is_seen_at_the_next_listing(
    paths: Paths, vault_path: Path, expect_log: ExpectLog
) -> None:
    paths.mkdir(b"a")
    paths.write(b"a/file", b"plain")
    paths.rename(b"a", b"b")
    record = sealed_path(paths, vault_path, b"b") / "wafs.dir"
    late = record.rename(vault_path / "late")
    expect_log("foreign entries")
    with paths.held(b"b"):
        paths.vfs.context.dir_handles.clear()
        assert paths.names(b"b") == []
        late.rename(record)
        assert paths.names(b"b") == [b"file"]
        assert paths.read(b"b/file") == b"plain"


@pytest.mark.parametrize("kind", ["fifo", "folder", "symlink", "socket", "empty", "long", "other"])
def test_a_name_file_that_is_not_one_makes_its_entry_foreign(
    paths: Paths, vault_path: Path, kind: str, expect_log: ExpectLog
) -> None:
    paths.write(LONG, b"plain")
    paths.write(b"short", b"plain")
    (name_file,) = ciphertext(vault_path, "*.name")
    name_file.unlink()
    plant(name_file, kind)
    expect_log("foreign entries")
    assert paths.names() == [b"short"]
    # Its name is known to whoever asks for it by name.
    assert paths.read(LONG) == b"plain"
    if kind in ("empty", "long", "other"):
        # And whoever writes it anew makes it whole.
        with pytest.raises(FileExistsError):
            paths.write(LONG, b"again")
        assert paths.names() == [LONG, b"short"]


@pytest.mark.parametrize("kind", ["fifo", "folder", "symlink", "socket"])
def test_a_planted_temporary_record_is_not_written_through_and_does_not_hang(
    paths: Paths, vault_path: Path, kind: str
) -> None:
    paths.mkdir(b"a")
    planted = sealed_path(paths, vault_path, b"a") / "wafs.dir.tmp"
    plant(planted, kind)
    if kind == "folder":
        with pytest.raises(OSError, match=r"\[Errno"):
            paths.rename(b"a", b"b")
        assert paths.names() == [b"a"]
        planted.rmdir()
    paths.rename(b"a", b"b")
    assert paths.names() == [b"b"]
    assert not planted.exists()


def test_what_is_foreign_is_reported_not_shown_and_not_changed(
    paths: Paths, vault_path: Path, expect_log: ExpectLog
) -> None:
    paths.mkdir(b"folder")
    folder = sealed_path(paths, vault_path, b"folder")
    for name in ("desktop.ini", "A.wafs", "x.wafl", "wafs.dir.old", ".wafs", "foreign.name"):
        (folder / name).write_bytes(b"theirs")
    expect_log("6 foreign entries in a folder of the vault are not shown")
    assert paths.names(b"folder") == []
    with pytest.raises(OSError, match="not empty"):
        paths.rmdir(b"folder")
    assert sorted(os.listdir(folder)) == sorted(
        ["desktop.ini", "A.wafs", "x.wafl", "wafs.dir.old", ".wafs", "foreign.name"]
    )
    assert {entry.read_bytes() for entry in folder.iterdir()} == {b"theirs"}


def test_leftovers_of_an_interrupted_writer_do_not_keep_a_folder(paths: Paths, vault_path: Path) -> None:
    for name in (b"left", b"target", b"moved"):
        paths.mkdir(name)
    paths.rename(b"left", b"folder")
    folder, target = (sealed_path(paths, vault_path, name) for name in (b"folder", b"target"))
    for place, name in ((folder, b"folder/" + LONG), (target, b"target/" + LONG)):
        paths.write(name, b"")
        (kept,) = place.glob("*.name")
        data = kept.read_bytes()
        paths.unlink(name)
        kept.write_bytes(data)
        (place / "wafs.dir.tmp").write_bytes(b"cut")
    assert paths.names(b"folder") == []
    paths.rename(b"moved", b"target")
    paths.rmdir(b"folder")
    assert paths.names() == [b"target"]
    paths.vfs.commits.run()
    assert read_by_both(vault_path) == {b"target": b""}


def test_names_have_the_limits_of_posix(paths: Paths, vault_path: Path) -> None:
    for name in (b"x" * 144, b"x" * 145, b"x" * 255, b"\xff\xfe", b"new\nline", b".hidden", b"wafs.dir", b"a.name"):
        paths.mkdir(name)
        paths.write(name + b"/" + name, name)
    with pytest.raises(NameTooLongError):
        paths.mkdir(b"x" * 256)
    for name in (b".", b".."):
        with pytest.raises(InvalidArgumentError):
            paths.mkdir(name)
    paths.vfs.commits.run()
    assert len(read_by_both(vault_path)) == 16


def test_operations_on_the_wrong_kind_are_refused_as_posix_says(paths: Paths) -> None:
    paths.mkdir(b"folder")
    paths.write(b"file", b"")
    paths.symlink(b"link", b"file")
    with pytest.raises(IsADirError):
        paths.unlink(b"folder")
    with pytest.raises(NotADirectoryError):
        paths.rmdir(b"file")
    with pytest.raises(NotADirError):
        paths.names(b"file")
    with pytest.raises(NotPermittedError):
        paths.link(b"folder", b"other")
    with pytest.raises(FileExistsError):
        paths.mkdir(b"file")
    with pytest.raises(NotFoundError):
        paths.rename(b"missing", b"x")
    with pytest.raises(ExistsError):
        paths.rename(b"file", b"link", RENAME_NOREPLACE)
    with pytest.raises(NotFoundError):
        paths.rename(b"file", b"missing", RENAME_EXCHANGE)
    with pytest.raises(InvalidArgumentError):
        paths.rename(b"file", b"link", 4)
    with pytest.raises(IsADirectoryError):
        paths.rename(b"file", b"folder")
    with pytest.raises(NotADirectoryError):
        paths.rename(b"folder", b"file")
    with pytest.raises(InvalidArgumentError), paths.held(b"file") as number:
        paths.vfs.tree.readlink(number)
    paths.rename(b"file", b"file")
    with paths.held(b"folder") as number:
        assert _stream_of_a_removed_folder(paths, number) == [b".", b".."]
    with pytest.raises(NotFoundError):
        paths.vfs.tree.unlink(ROOT_INO, b"folder") if b"folder" in paths.names() else paths.names(b"folder")


def _stream_of_a_removed_folder(paths: Paths, number: int) -> list[bytes]:
    paths.rmdir(b"folder")
    with pytest.raises(NotFoundError):
        paths.vfs.tree.mkdir(number, b"in it", 0o700, ME)
    with pytest.raises(NotFoundError):
        paths.vfs.files.create(number, b"in it", 0o600, flags=os.O_RDWR, caller=ME)
    fh = paths.vfs.streams.open(number)
    try:
        paths.vfs.streams.sync(fh)
        return [item.name for item in paths.vfs.streams.read(fh, 0)]
    finally:
        paths.vfs.streams.release(fh)
