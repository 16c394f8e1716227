"""Files, attributes and streams: what POSIX says of each, and no handle left behind."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from fs.paths import ME, Paths
from store.faulty import Fault
from vault.making import CHUNK, make_vault, opened, opened_behind_faults
from wafs.errors import (
    BadHandleError,
    DamageError,
    InvalidArgumentError,
    IsADirError,
    NoSuchOffsetError,
    NotPermittedError,
    NotSupportedError,
    ReadOnlyError,
)
from wafs.fs.attrs import SetAttrs
from wafs.fs.files import FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE, FALLOC_ZERO_RANGE
from wafs.fs.vfs import Vfs
from wafs.units import MIB, ROOT_INO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


MISSING = 999


def test_a_handle_has_the_rights_it_was_opened_with(paths: Paths) -> None:
    paths.write(b"file", b"plain")
    files = paths.vfs.files
    with paths.held(b"file") as number:
        reader, writer = files.open(number, os.O_RDONLY).fh, files.open(number, os.O_WRONLY).fh
        assert bytes(files.read(reader, 0, 9, paths.scratch)) == b"plain"
        with pytest.raises(BadHandleError):
            files.read(writer, 0, 9, paths.scratch)
        with pytest.raises(BadHandleError):
            files.write(reader, 0, memoryview(b"x"), paths.scratch)
        with pytest.raises(BadHandleError):
            files.fallocate(reader, 0, 0, size=1, scratch=paths.scratch)
        assert files.write(writer, 0, memoryview(b"P"), paths.scratch) == 1
        # One file has one content, whoever opened it.
        assert bytes(files.read(reader, 0, 9, paths.scratch)) == b"Plain"
        for fh in (reader, writer):
            files.release(fh)
            with pytest.raises(BadHandleError):
                files.release(fh)
    calls: list[Callable[[], object]] = [
        lambda: files.read(MISSING, 0, 1, paths.scratch),
        lambda: files.write(MISSING, 0, memoryview(b""), paths.scratch),
        lambda: files.sync(MISSING, data_only=True),
        lambda: files.seek(MISSING, 0, os.SEEK_DATA),
        lambda: paths.vfs.streams.read(MISSING, 0),
        lambda: paths.vfs.streams.release(MISSING),
        lambda: paths.vfs.streams.sync(MISSING),
    ]
    for call in calls:
        with pytest.raises(BadHandleError):
            call()


def test_truncation_at_opening_makes_a_damaged_file_whole(paths: Paths, vault_path: Path) -> None:
    paths.write(b"file", b"plain")
    (sealed,) = vault_path.joinpath("tree").iterdir()
    sealed.write_bytes(b"damaged")
    with paths.held(b"file") as number:
        with pytest.raises(Exception, match="bytes"):
            paths.vfs.files.open(number, os.O_RDWR)
        fh = paths.vfs.files.open(number, os.O_RDWR | os.O_TRUNC).fh
        paths.vfs.files.write(fh, 0, memoryview(b"whole"), paths.scratch)
        # And of one that is open already.
        paths.vfs.files.release(paths.vfs.files.open(number, os.O_WRONLY | os.O_TRUNC).fh)
        assert paths.vfs.attributes.get(number).size == 0
        paths.vfs.files.release(fh)
    assert paths.read(b"file") == b""


def test_cached_pages_are_good_only_while_nobody_changed_the_file(paths: Paths, vault_path: Path) -> None:
    paths.write(b"file", b"plain")
    (sealed,) = vault_path.joinpath("tree").iterdir()
    files = paths.vfs.files

    def keeps(number: int) -> bool:
        opening = files.open(number, os.O_RDONLY)
        files.release(opening.fh)
        return opening.keep_cache

    with paths.held(b"file") as number:
        keeps(number)
        assert keeps(number)
        os.utime(sealed, ns=(0, 0))
        assert not keeps(number)
        assert keeps(number)
        paths.vfs.attributes.set(number, SetAttrs(mtime=5))
        assert paths.vfs.attributes.get(number).mtime_ns == 5


def test_a_sequential_and_a_random_reader_read_the_same(paths: Paths) -> None:
    plain = os.urandom(2 * MIB)
    paths.write(b"big", plain)
    files = paths.vfs.files
    with paths.held(b"big") as number:
        fh = files.open(number, os.O_RDONLY).fh
        for offset in (*range(0, 2 * MIB, 256 * 1024), MIB, 5, 300_000, 300_005):
            assert files.read(fh, offset, 256 * 1024, paths.scratch) == plain[offset : offset + 256 * 1024]
        for offset in range(300_005 + 256 * 1024, MIB, 1000):
            assert files.read(fh, offset, 1000, paths.scratch) == plain[offset : offset + 1000]
        files.release(fh)


@pytest.mark.parametrize("far", [4 * MIB, 1 << 40])
def test_a_write_far_behind_the_end_takes_no_space_for_the_gap(paths: Paths, far: int) -> None:
    paths.write(b"file", b"x")
    files = paths.vfs.files
    with paths.held(b"file") as number:
        fh = files.open(number, os.O_RDWR).fh
        files.write(fh, far, memoryview(b"far"), paths.scratch)
        files.write(fh, far // 2, memoryview(b"half way"), paths.scratch)
        for _ in range(2):
            assert paths.vfs.attributes.get(number).blocks * 512 < MIB
            assert bytes(files.read(fh, far, 10, paths.scratch)) == b"far"
            assert bytes(files.read(fh, far // 2 - 1, 10, paths.scratch)) == b"\0half way\0"
            assert bytes(files.read(fh, 0, 3, paths.scratch)) == b"x\0\0"
            paths.vfs.commits.run()
        files.release(fh)


def test_fallocate_reserves_punches_and_zeroes(paths: Paths) -> None:
    paths.write(b"file", b"x" * (5 * CHUNK))
    files = paths.vfs.files
    with paths.held(b"file") as number:
        fh = files.open(number, os.O_RDWR).fh

        def fallocate(mode: int, offset: int, size: int) -> bytes:
            files.fallocate(fh, mode, offset, size=size, scratch=paths.scratch)
            return bytes(files.read(fh, 0, 10 * CHUNK, paths.scratch))

        punched = fallocate(FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, CHUNK, 3 * CHUNK)
        assert punched == b"x" * CHUNK + bytes(3 * CHUNK) + b"x" * CHUNK
        assert files.seek(fh, 0, os.SEEK_HOLE) == CHUNK
        assert files.seek(fh, CHUNK, os.SEEK_DATA) == 4 * CHUNK
        assert len(fallocate(FALLOC_KEEP_SIZE, 0, 9 * CHUNK)) == 5 * CHUNK
        assert len(fallocate(0, 0, 6 * CHUNK)) == 6 * CHUNK
        assert fallocate(FALLOC_ZERO_RANGE, 0, 7 * CHUNK) == bytes(7 * CHUNK)
        for mode, offset, size in ((0, -1, 1), (0, 0, 0)):
            with pytest.raises(InvalidArgumentError):
                fallocate(mode, offset, size)
        for mode in (FALLOC_PUNCH_HOLE, 8, 32):
            with pytest.raises(NotSupportedError):
                fallocate(mode, 0, 1)
        with pytest.raises(InvalidArgumentError):
            files.seek(fh, 0, os.SEEK_SET)
        with pytest.raises(NoSuchOffsetError):
            files.seek(fh, 9 * CHUNK, os.SEEK_DATA)
        files.release(fh)


def test_a_range_is_copied_between_files(paths: Paths) -> None:
    plain = os.urandom(MIB + 5000)
    paths.write(b"source", plain)
    paths.write(b"target", b"")
    files = paths.vfs.files
    with paths.held(b"source") as source, paths.held(b"target") as target:
        out, into = files.open(source, os.O_RDONLY).fh, files.open(target, os.O_RDWR).fh
        assert files.copy_range(out, 100, into, new_offset=7, size=len(plain)) == len(plain) - 100
        assert files.copy_range(out, len(plain), into, new_offset=0, size=5) == 0
        for fh in (out, into):
            files.release(fh)
    assert paths.read(b"target") == bytes(7) + plain[100:]


def test_a_copy_tells_how_far_it_came_before_damage(paths: Paths, vault_path: Path) -> None:
    paths.write(b"from", bytes(3 << 20))
    (sealed,) = vault_path.joinpath("tree").iterdir()
    with sealed.open("r+b") as file:
        file.seek(2 << 20)
        file.write(b"damage")
    paths.write(b"to", b"")
    files = paths.vfs.files
    with paths.held(b"from") as source, paths.held(b"to") as target:
        one, other = files.open(source, os.O_RDONLY).fh, files.open(target, os.O_WRONLY).fh
        copied = files.copy_range(one, 0, other, new_offset=0, size=3 << 20)
        assert copied == 1 << 20
        with pytest.raises(DamageError):
            files.copy_range(one, copied, other, new_offset=copied, size=1 << 20)
        files.release(one)
        files.release(other)
    assert paths.read(b"to") == bytes(1 << 20)


def test_a_listing_stays_right_while_entries_come_and_go(paths: Paths) -> None:
    for name in (b"a", b"b", b"c"):
        paths.write(name, b"")
    streams = paths.vfs.streams
    fh = streams.open(ROOT_INO)
    listed = list(streams.read(fh, 0))
    assert [item.name for item in listed[:2]] == [b".", b".."]
    assert {item.name for item in listed[2:]} == {b"a", b"b", b"c"}
    gone = listed[3]
    paths.unlink(gone.name)
    paths.write(b"d", b"")
    assert [item.name for item in streams.read(fh, 2)] == [item.name for item in listed[2:]]
    assert streams.enter(fh, 0, 1) == [None]
    assert streams.enter(fh, gone.offset - 1, 1) == [None]
    (entry,) = streams.enter(fh, listed[2].offset - 1, 1)
    assert entry is not None
    paths.vfs.tree.forget(entry.ino)
    assert {item.name for item in streams.read(fh, 0)} == {b".", b"..", b"d", listed[2].name, listed[4].name}
    streams.sync(fh)
    streams.release(fh)


def test_a_file_left_in_flight_is_landed_by_a_writer_and_not_by_a_reader(vault_path: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    with Vfs(opened(vault_path)) as vfs:
        paths = Paths(vfs)
        entry, fh = vfs.files.create(ROOT_INO, b"file", 0o600, flags=os.O_RDWR, caller=ME)
        vfs.files.write(fh, 0, memoryview(b"in flight"), paths.scratch)
        shutil.copytree(vault_path, copy)
        vfs.files.release(fh)
        vfs.tree.forget(entry.ino)
    (sealed,) = copy.joinpath("tree").iterdir()
    before = sealed.read_bytes()
    with Vfs(opened(copy, read_only=True)) as vfs:
        assert Paths(vfs).read(b"file") == b"in flight"
        with Paths(vfs).held(b"file") as number:
            fh = vfs.files.open(number, os.O_RDONLY).fh
            vfs.files.sync(fh, data_only=False)
            vfs.files.release(fh)
    assert sealed.read_bytes() == before
    with Vfs(opened(copy)) as vfs:
        assert Paths(vfs).read(b"file") == b"in flight"
    assert sealed.read_bytes() != before


READ_ONLY: list[Callable[[Paths], object]] = [
    lambda paths: paths.mkdir(b"x"),
    lambda paths: paths.write(b"x", b""),
    lambda paths: paths.symlink(b"x", b"y"),
    lambda paths: paths.mknod(b"x", stat.S_IFIFO),
    lambda paths: paths.link(b"file", b"x"),
    lambda paths: paths.unlink(b"file"),
    lambda paths: paths.rmdir(b"folder"),
    lambda paths: paths.rename(b"file", b"x"),
    lambda paths: paths.vfs.attributes.set(ROOT_INO, SetAttrs(mode=0o700)),
    lambda paths: paths.vfs.xattrs.set(ROOT_INO, b"user.x", b"", 0),
    lambda paths: paths.vfs.xattrs.remove(ROOT_INO, b"user.x"),
    lambda paths: paths.vfs.files.create_unnamed(ROOT_INO, 0o600, flags=os.O_RDWR, caller=ME),
]


def test_a_read_only_vault_is_read_and_not_written(vault_path: Path) -> None:
    with Vfs(opened(vault_path)) as vfs:
        Paths(vfs).write(b"file", b"plain")
        Paths(vfs).mkdir(b"folder")
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in vault_path.rglob("*"))
    with Vfs(opened(vault_path, read_only=True)) as vfs:
        paths = Paths(vfs)
        assert paths.read(b"file") == b"plain"
        for change in READ_ONLY:
            with pytest.raises(ReadOnlyError):
                change(paths)
        with paths.held(b"file") as number:
            for flags in (os.O_RDWR, os.O_WRONLY, os.O_RDONLY | os.O_TRUNC):
                with pytest.raises(ReadOnlyError):
                    vfs.files.open(number, flags)
        fh = vfs.streams.open(ROOT_INO)
        vfs.streams.sync(fh)
        vfs.streams.release(fh)
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in vault_path.rglob("*")) == before


def test_nodes_are_nodes_and_hold_nothing(paths: Paths) -> None:
    paths.mknod(b"fifo", stat.S_IFIFO | 0o600)
    paths.mknod(b"regular", 0o600)
    assert paths.read(b"regular") == b""
    with paths.held(b"fifo") as number:
        with pytest.raises(NotSupportedError):
            paths.vfs.files.open(number, os.O_RDONLY)
        with pytest.raises(NotPermittedError):
            paths.vfs.xattrs.set(number, b"user.x", b"", 0)
    with pytest.raises(IsADirError):
        paths.vfs.files.open(ROOT_INO, os.O_RDONLY)


def test_closing_seals_everything_and_tells_the_first_failure(tmp_path: Path) -> None:
    make_vault(tmp_path / "vault")
    before = sorted(os.listdir("/proc/self/fd"))
    vault, faulty = opened_behind_faults(tmp_path / "vault")
    vfs = Vfs(vault)
    paths = Paths(vfs)
    for name in (b"one", b"two"):
        _, fh = vfs.files.create(ROOT_INO, name, 0o600, flags=os.O_RDWR, caller=ME)
        vfs.files.write(fh, 0, memoryview(name), paths.scratch)
    vfs.streams.open(ROOT_INO)
    faulty.arm(Fault(1, frozenset({"pwrite"}), errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        vfs.close()
    del vfs, paths
    assert sorted(os.listdir("/proc/self/fd")) == before
    with Vfs(opened(tmp_path / "vault")) as again:
        assert {name: node.content for name, node in Paths(again).walk().items()} == {b"one": b"one", b"two": b"two"}


@pytest.mark.interpreted
def test_an_unreadable_file_of_its_owner_can_be_written(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer must read as well; the permission bits say only what the kernel has checked already."""
    paths.write(b"file", b"plain")
    store = paths.vfs.context.store
    real = store.open
    refused: list[int] = []

    def strict(parent: int, name: bytes, flags: int, mode: int = 0o600) -> int:
        allowed = store.stat(parent, name).st_mode & 0o600
        if allowed != 0o600 and not flags & os.O_CREAT:
            refused.append(allowed)
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(parent, name, flags, mode)

    monkeypatch.setattr(store, "open", strict)
    with paths.held(b"file") as number:
        paths.vfs.attributes.set(number, SetAttrs(mode=0o200))
        fh = paths.vfs.files.open(number, os.O_WRONLY).fh
        paths.vfs.files.release(fh)
        with pytest.raises(PermissionError):
            paths.vfs.files.open(number, os.O_RDONLY)
        assert stat.S_IMODE(paths.vfs.attributes.get(number).mode) == 0o200
    assert refused == [0o200, 0o200]


def test_a_size_is_told_again_only_if_it_is_another_than_was_shown(paths: Paths, vault_path: Path) -> None:
    paths.write(b"file", b"plain" * CHUNK)
    (sealed,) = vault_path.joinpath("tree").iterdir()
    files = paths.vfs.files

    def is_new(number: int) -> bool:
        opening = files.open(number, os.O_RDWR)
        files.write(opening.fh, files.size(opening.fh), memoryview(b"more"), paths.scratch)
        files.release(opening.fh)
        return opening.is_size_new

    with paths.held(b"file") as number:
        # What the kernel wrote itself it knows.
        assert [is_new(number) for _ in range(3)] == [False, False, False]
        paths.vfs.commits.run()
        whole = sealed.read_bytes()
        os.truncate(sealed, len(whole) // 2)
        paths.vfs.attributes.get(number)
        sealed.write_bytes(whole)
        assert [is_new(number) for _ in range(2)] == [True, False]
