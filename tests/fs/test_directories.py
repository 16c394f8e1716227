"""Directories: their ids survive every move, and every step of it."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import shutil
import stat
from typing import TYPE_CHECKING, Literal

import pytest
from fs.paths import ME, Paths
from log_police import ExpectLog
from reader import open_vault as open_with_reader
from store.faulty import Fault, FaultyStore
from vault.making import RECOVERY_KEY, make_vault, opened

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
    from collections.abc import Callable, Iterator
    from pathlib import Path

LONG = b"n" * 255


@contextlib.contextmanager
def _behind_a_faulty_store(path: Path) -> Iterator[tuple[Paths, FaultyStore]]:
    vault = opened(path)
    faulty = FaultyStore(vault.store)
    vfs = Vfs(dataclasses.replace(vault, store=faulty.store))
    try:
        yield Paths(vfs), faulty
    finally:
        with contextlib.suppress(OSError):
            vfs.close()


def _ciphertext(path: Path, suffix: str = "*") -> list[Path]:
    return sorted(path.joinpath("tree").rglob(suffix))


def _read_by_both(path: Path) -> dict[bytes, bytes]:
    """Contents by path, as wafs and the independent reader see them; they must agree."""
    with Vfs(opened(path, read_only=True)) as vfs:
        tree = Paths(vfs).walk()
    other = open_with_reader(path, recovery_key=RECOVERY_KEY).walk()
    assert {name: node.content for name, node in tree.items()} == {name: entry.content for name, entry in other.items()}
    return {name: node.content for name, node in tree.items()}


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
    assert _ciphertext(vault_path, "wafs.dir") == []
    before = _record(paths, b"a"), _record(paths, b"a/deep")
    paths.rename(b"a", b"b")
    # The folder that was moved, and the root, whose next "a" must have another id.
    assert len(_ciphertext(vault_path, "wafs.dir")) == 2
    assert (_record(paths, b"b"), _record(paths, b"b/deep")) == before
    assert _record(paths, b"") == (bytes(16), EXPLICIT)
    assert paths.read(b"b/deep/file") == b"plain"
    for record in _ciphertext(vault_path, "wafs.dir"):
        assert record.stat().st_size == 48
    paths.mkdir(b"a")
    assert _record(paths, b"a")[0] != before[0][0]
    paths.write(b"a/file", b"other")
    assert _read_by_both(vault_path) == {
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
    assert _read_by_both(vault_path)[b"x/moved/file"] == b"plain"
    assert _ciphertext(vault_path, "*.name") == []


MOVES: dict[str, Callable[[Paths], None]] = {
    "rename": lambda paths: paths.rename(b"one/moved", b"one/else"),
    "move": lambda paths: paths.rename(b"one/moved", b"two/moved"),
    "to-a-long-name": lambda paths: paths.rename(b"one/moved", b"two/" + LONG),
    "over-an-empty-folder": lambda paths: paths.rename(b"one/moved", b"two/empty"),
    "again": lambda paths: paths.rename(b"two/before", b"one/before"),
    "exchange": lambda paths: paths.rename(b"one/moved", b"two/before", RENAME_EXCHANGE),
    "exchange-with-a-file": lambda paths: paths.rename(b"one/moved", b"two/file", RENAME_EXCHANGE),
    "into-the-root": lambda paths: paths.rename(b"one/moved", b"moved"),
}


def _make_tree(path: Path) -> None:
    with Vfs(opened(make_vault(path))) as vfs:
        paths = Paths(vfs)
        for folder in (b"one", b"two", b"one/moved", b"one/moved/deep", b"two/old", b"two/empty"):
            paths.mkdir(folder)
        paths.write(b"one/moved/deep/" + LONG, b"deep")
        paths.write(b"two/old/file", b"old")
        paths.write(b"two/file", b"two")
        paths.rename(b"two/old", b"two/before")


def _leaves(tree: dict[bytes, bytes]) -> list[bytes]:
    """Contents wherever they are."""
    return sorted(content for content in tree.values() if content)


@pytest.mark.parametrize(
    ("dies", "effect"), [(True, "none"), (False, "none"), (False, "whole")], ids=["killed", "error", "lost-answer"]
)
@pytest.mark.parametrize("move", MOVES)
def test_a_move_that_stops_after_any_step_leaves_a_tree_that_opens(
    tmp_path: Path, move: str, dies: bool, effect: Literal["none", "whole"], expect_log: ExpectLog
) -> None:
    expect_log("keeps its old place as well")
    _make_tree(tmp_path / "made")
    whole = _leaves(_read_by_both(tmp_path / "made"))
    assert whole == [b"deep", b"old", b"two"]
    for nth in range(1, 60):
        path = tmp_path / "vault"
        shutil.copytree(tmp_path / "made", path, symlinks=True)
        with _behind_a_faulty_store(path) as (paths, faulty):
            faulty.arm(Fault(nth, effect=effect, dies=dies))
            with contextlib.suppress(OSError):
                MOVES[move](paths)
            fired = faulty.fired
            if fired and not dies:
                faulty.arm(None)
                # The one who got the error goes on, with what it holds in memory.
                assert _leaves({name: node.content for name, node in paths.walk().items()}) == whole
                for folder in (name for name, node in paths.walk().items() if node.kind == stat.S_IFDIR):
                    paths.write(folder + b"/later", b"later")
        found = _read_by_both(path)
        assert [content for content in _leaves(found) if content != b"later"] == whole
        shutil.rmtree(path)
        if not fired:
            assert nth > 1
            return
    raise AssertionError


@pytest.mark.parametrize("effect", ["none", "half"])
def test_a_folder_that_cannot_be_given_its_own_id_is_not_made(
    tmp_path: Path, effect: str
) -> None:
    _make_tree(tmp_path / "vault")
    with _behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        before = sorted(paths.walk())
        for nth in range(1, 20):
            faulty.arm(Fault(nth, code=errno.ENOSPC, effect="half" if effect == "half" else "none"))
            with contextlib.suppress(OSError):
                # "old" was moved away from here, so the next one must not have its id.
                paths.mkdir(b"two/old")
            fired = faulty.fired
            faulty.arm(None)
            if not fired:
                break
            assert sorted(paths.walk()) == before
        assert nth > 1
        assert len(_ciphertext(tmp_path / "vault", "wafs.dir")) == 3
    assert b"two/old" in _read_by_both(tmp_path / "vault")


@pytest.mark.parametrize("make", ["file", "folder", "symlink", "link", "node"])
def test_a_long_name_that_cannot_be_made_leaves_nothing(tmp_path: Path, make: str) -> None:
    makers: dict[str, Callable[[Paths], None]] = {
        "file": lambda paths: paths.write(LONG, b"plain"),
        "folder": lambda paths: paths.mkdir(LONG),
        "symlink": lambda paths: paths.symlink(LONG, b"target"),
        "link": lambda paths: paths.link(b"file", LONG),
        "node": lambda paths: paths.mknod(LONG, stat.S_IFREG | 0o600),
    }
    make_vault(tmp_path / "vault")
    with _behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        paths.write(b"file", b"")
        before = _ciphertext(tmp_path / "vault")
        for nth in range(1, 20):
            faulty.arm(Fault(nth, frozenset({"pwrite", "mkdir", "symlink", "link", "open"}), errno.ENOSPC))
            with contextlib.suppress(OSError):
                makers[make](paths)
            fired = faulty.fired
            faulty.arm(None)
            if not fired:
                break
            if LONG in paths.names():
                # The file was there before its content failed to be written.
                paths.unlink(LONG)
            assert _ciphertext(tmp_path / "vault") == before
        assert nth > 1
    assert LONG in _read_by_both(tmp_path / "vault")


def test_a_second_try_to_make_a_long_name_does_not_lose_the_first(tmp_path: Path) -> None:
    """The file that holds the name is written before the entry is made; it may be there already."""
    make_vault(tmp_path / "vault")
    with _behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        paths.write(LONG, b"first")
        for nth in range(1, 4):
            faulty.arm(Fault(nth, frozenset({"pwrite", "truncate"}), errno.ENOSPC, "half", dies=True))
            with pytest.raises((FileExistsError, OSError)):
                paths.write(LONG, b"second")
            faulty.arm(None)
            assert paths.walk()[LONG].content == b"first"
    assert _read_by_both(tmp_path / "vault") == {LONG: b"first"}


def test_a_folder_moved_by_somebody_else_does_not_open(
    paths: Paths, vault_path: Path, expect_log: ExpectLog
) -> None:
    for name in (b"here", b"there", b"here/implied", b"here/recorded"):
        paths.mkdir(name)
    paths.rename(b"here/recorded", b"here/renamed")
    for name in (b"here/implied", b"here/renamed"):
        paths.write(name + b"/file", b"plain")
    folders = {name: _sealed_path(paths, vault_path, name) for name in (b"there", b"here/implied", b"here/renamed")}
    for name in (b"here/implied", b"here/renamed"):
        shutil.move(folders[name], folders[b"there"])
    expect_log("2 foreign entries")
    # Neither name opens there, so neither is shown.
    assert paths.names(b"there") == []
    assert paths.names(b"here") == []


def _sealed_path(paths: Paths, vault_path: Path, path: bytes) -> Path:
    with paths.held(path) as number:
        inode = paths.vfs.context.inodes[number]
        names = []
        while inode.links:
            link = inode.link()
            names.append(os.fsdecode(paths.vfs.context.seal(link.parent, link.name).entry))
            inode = link.parent
        return vault_path.joinpath("tree", *reversed(names))


def test_a_recorded_folder_under_the_name_of_another_is_refused(paths: Paths, vault_path: Path) -> None:
    for name in (b"one", b"one/folder", b"two", b"two/folder", b"two/x"):
        paths.mkdir(name)
    paths.rename(b"two/x", b"two/moved")
    paths.write(b"two/moved/file", b"plain")
    victim, moved = _sealed_path(paths, vault_path, b"one/folder"), _sealed_path(paths, vault_path, b"two/moved")
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
    victim, other = _sealed_path(paths, vault_path, b"one"), _sealed_path(paths, vault_path, b"two")
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
        record = _sealed_path(paths, vault_path, b"b") / "wafs.dir"
    record.unlink()
    _plant(record, kind)
    for read_only in (True, False):
        with Vfs(opened(vault_path, read_only=read_only)) as vfs:
            with pytest.raises(DamageError):
                Paths(vfs).names(b"b")
            assert Paths(vfs).names() == [b"b"]


def _plant(path: Path, kind: str) -> None:
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "symlink":
            path.symlink_to("/etc/passwd")
        case "socket":
            os.mknod(path, stat.S_IFSOCK | 0o600)
        case _:
            path.write_bytes({"empty": b"", "long": bytes(1 << 20), "other": bytes(48)}[kind])


@pytest.mark.parametrize("kind", ["fifo", "folder", "symlink", "socket", "empty", "long", "other"])
def test_a_name_file_that_is_not_one_makes_its_entry_foreign(
    paths: Paths, vault_path: Path, kind: str, expect_log: ExpectLog
) -> None:
    paths.write(LONG, b"plain")
    paths.write(b"short", b"plain")
    (name_file,) = _ciphertext(vault_path, "*.name")
    name_file.unlink()
    _plant(name_file, kind)
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
def test_a_planted_temporary_record_stops_a_move_and_does_not_hang_it(
    paths: Paths, vault_path: Path, kind: str
) -> None:
    """What it must not do is to write through it; that it is removed then is as good."""
    paths.mkdir(b"a")
    _plant(_sealed_path(paths, vault_path, b"a") / "wafs.dir.tmp", kind)
    with pytest.raises(OSError, match=r"\[Errno"):
        paths.rename(b"a", b"b")
    assert paths.names() == [b"a"]


def test_what_is_foreign_is_reported_not_shown_and_not_changed(
    paths: Paths, vault_path: Path, expect_log: ExpectLog
) -> None:
    paths.mkdir(b"folder")
    folder = _sealed_path(paths, vault_path, b"folder")
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
    folder, target = (_sealed_path(paths, vault_path, name) for name in (b"folder", b"target"))
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
    assert _read_by_both(vault_path) == {b"target": b""}


def test_a_folder_that_could_not_be_removed_keeps_its_id(tmp_path: Path) -> None:
    _make_tree(tmp_path / "vault")
    with _behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        # In a folder from which one was moved away, every new one has an id of its own.
        paths.mkdir(b"two/new")
        for nth in range(2, 6):
            faulty.arm(Fault(nth, frozenset({"rmdir", "unlink", "rename"}), errno.EIO))
            with contextlib.suppress(OSError):
                paths.rmdir(b"two/new")
            fired = faulty.fired
            faulty.arm(None)
            if not fired:
                break
            paths.write(b"two/new/file", b"plain")
            assert _read_by_both_while_open(tmp_path / "vault")[b"two/new/file"] == b"plain"
            paths.unlink(b"two/new/file")


def _read_by_both_while_open(path: Path) -> dict[bytes, bytes]:
    return {name: entry.content for name, entry in open_with_reader(path, recovery_key=RECOVERY_KEY).walk().items()}


def test_a_move_that_the_store_refuses_takes_no_id_from_the_target(tmp_path: Path) -> None:
    _make_tree(tmp_path / "vault")
    with _behind_a_faulty_store(tmp_path / "vault") as (paths, faulty):
        paths.mkdir(b"two/new")
        with pytest.raises(InvalidArgumentError, match="into itself"):
            paths.rename(b"two", b"two/new")
        # The first two renames are of records, the third is the folder's.
        faulty.arm(Fault(3, frozenset({"rename"}), errno.EACCES))
        with pytest.raises(PermissionError):
            paths.rename(b"one", b"two/new")
        faulty.arm(None)
        paths.write(b"two/new/file", b"plain")
    assert _read_by_both(tmp_path / "vault")[b"two/new/file"] == b"plain"


def test_names_have_the_limits_of_posix(paths: Paths, vault_path: Path) -> None:
    for name in (b"x" * 144, b"x" * 145, b"x" * 255, b"\xff\xfe", b"new\nline", b".hidden", b"wafs.dir", b"a.name"):
        paths.mkdir(name)
        paths.write(name + b"/" + name, name)
    with pytest.raises(NameTooLongError):
        paths.mkdir(b"x" * 256)
    for name in (b".", b".."):
        with pytest.raises(InvalidArgumentError):
            paths.mkdir(name)
    assert len(_read_by_both(vault_path)) == 16


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
