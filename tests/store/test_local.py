"""LocalStore keeps the contract of a store: relative to handles, never through a symlink, failing with an errno."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NoReturn

import pytest

from store.faulty import Fault, FaultyStore
from wafs.store.base import NOW, Store
from wafs.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    local = LocalStore(str(tmp_path))
    yield local
    local.shut()


@pytest.fixture
def top(store: Store) -> Iterator[int]:
    handle = store.open_dir(None, b".")
    yield handle
    store.close(handle)


def _put(store: Store, top: int, name: bytes, data: bytes = b"") -> None:
    handle = store.open(top, name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    store.pwrite(handle, data, 0)
    store.close(handle)


def test_bytes_are_written_and_read_at_offsets(store: Store, top: int, tmp_path: Path) -> None:
    handle = store.open(top, b"file", os.O_RDWR | os.O_CREAT, 0o640)
    assert store.pwrite(handle, memoryview(b"plain"), 3) == 5
    assert store.pread(handle, 100, 0) == b"\0\0\0plain"
    buffer = bytearray(4)
    assert store.preadv(handle, [memoryview(buffer)], 3) == 4
    assert buffer == b"plai"
    store.truncate(handle, 5)
    store.fallocate(handle, 1, 0, 100)
    store.advise(handle, 0, 0, os.POSIX_FADV_RANDOM)
    assert store.fetch(handle, 100)
    store.sync(handle)
    store.sync(handle, data_only=True)
    assert store.seek(handle, 0, os.SEEK_DATA) == 0
    with pytest.raises(OSError, match="No such device or address") as caught:
        store.seek(handle, 10, os.SEEK_DATA)
    assert caught.value.errno == errno.ENXIO
    store.fchmod(handle, 0o600)
    store.fchown(handle, -1, -1)
    assert store.fstat(handle).st_size == 5
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    store.close(handle)
    with pytest.raises(OSError, match="Bad file descriptor"):
        store.fstat(handle)


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EOPNOTSUPP])
def test_what_is_not_in_memory_or_cannot_be_asked_about_is_fetched(
    store: Store, top: int, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    _put(store, top, b"file", b"plain")
    handle = store.open(top, b"file", os.O_RDONLY)
    told = []

    def refused(_handle: int, _buffers: object, _offset: int, flags: int) -> NoReturn:
        assert flags == os.RWF_NOWAIT
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, "preadv", refused)
        patched.setattr(os, "posix_fadvise", lambda *asked: told.append(asked))
        assert not store.fetch(handle, 100)
    assert told == [(handle, 0, 100, os.POSIX_FADV_WILLNEED)]
    store.close(handle)


def test_entries_tell_name_type_and_number(store: Store, top: int, tmp_path: Path) -> None:
    _put(store, top, b"\xff file")
    store.mkdir(top, b"folder", 0o700)
    store.symlink(top, b"link", b"\xff file")
    store.mknod(top, b"fifo", stat.S_IFIFO | 0o600, 0)
    kinds = {b"\xff file": stat.S_IFREG, b"folder": stat.S_IFDIR, b"link": stat.S_IFLNK, b"fifo": 0}
    for _ in range(2):
        found = {name: (kind, ino) for name, kind, ino in store.entries(top)}
        assert {name: kind for name, (kind, _) in found.items()} == kinds
        assert all(store.stat(top, name).st_ino == ino for name, (_, ino) in found.items())
    assert store.readlink(top, b"link") == b"\xff file"
    assert store.statvfs().f_bsize == os.statvfs(tmp_path).f_bsize


def test_handles_follow_what_is_moved(store: Store, top: int, tmp_path: Path) -> None:
    store.mkdir(top, b"folder", 0o700)
    folder = store.open_dir(top, b"folder")
    (tmp_path / "folder").rename(tmp_path / "moved")
    _put(store, folder, b"file", b"plain")
    assert (tmp_path / "moved/file").read_bytes() == b"plain"
    store.sync(folder)
    store.close(folder)


def test_names_are_linked_renamed_exchanged_and_removed(store: Store, top: int) -> None:
    _put(store, top, b"one", b"1")
    _put(store, top, b"two", b"2")
    store.link(top, b"one", top, b"three")
    assert store.stat(top, b"three").st_nlink == 2
    with pytest.raises(FileExistsError):
        store.rename(top, b"one", top, b"two", RENAME_NOREPLACE)
    store.rename(top, b"one", top, b"two", RENAME_EXCHANGE)
    assert store.stat(top, b"two").st_nlink == 2
    store.rename(top, b"three", top, b"four")
    store.unlink(top, b"four")
    with pytest.raises(FileNotFoundError):
        store.unlink(top, b"four")
    store.mkdir(top, b"folder", 0o700)
    store.rmdir(top, b"folder")
    unnamed = store.open(top, b".", os.O_RDWR | os.O_TMPFILE)
    store.link_open(unnamed, top, b"named")
    store.close(unnamed)
    assert sorted(name for name, _, _ in store.entries(top)) == [b"named", b"one", b"two"]


def test_times_are_set_in_nanoseconds_before_1970_as_well(store: Store, top: int) -> None:
    _put(store, top, b"file")
    store.symlink(top, b"link", b"file")
    for name in (b"file", b"link"):
        store.utimens(top, name, -1, 1_600_000_000_123_456_789)
        found = store.stat(top, name)
        assert (found.st_atime_ns, found.st_mtime_ns) == (-1, 1_600_000_000_123_456_789)
        store.utimens(top, name, None, NOW)
        after = store.stat(top, name)
        assert after.st_atime_ns == -1
        assert after.st_mtime_ns > found.st_mtime_ns
    handle = store.open(top, b"file", os.O_RDWR)
    store.futimens(handle, 5, None)
    assert (store.fstat(handle).st_atime_ns, store.fstat(handle).st_mtime_ns) == (
        5,
        store.stat(top, b"file").st_mtime_ns,
    )
    store.close(handle)
    with pytest.raises(FileNotFoundError):
        store.utimens(top, b"missing", 1, 1)
    with pytest.raises(OSError, match="Bad file descriptor"):
        store.futimens(handle, 1, 1)


def test_a_symlink_is_never_followed(store: Store, top: int, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(mode=0o755)
    (tmp_path / "file").write_bytes(b"theirs")
    store.symlink(top, b"to-folder", b"target")
    store.symlink(top, b"to-file", b"file")
    with pytest.raises(NotADirectoryError):
        store.open_dir(top, b"to-folder")
    with pytest.raises(OSError, match="symbolic links"):
        store.open(top, b"to-file", os.O_RDONLY)
    with pytest.raises(OSError, match=r"Operation not supported|symbolic links"):
        store.chmod(top, b"to-file", 0o777)
    store.chown(top, b"to-file", -1, -1)
    store.link(top, b"to-file", top, b"second")
    assert stat.S_ISLNK(store.stat(top, b"second").st_mode)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) != 0o777
    with pytest.raises(OSError, match=r"not supported|not permitted"):
        store.setxattr(top, b"to-file", b"user.x", b"v", 0)
    assert os.listxattr(tmp_path / "file") == []


def test_attributes_are_set_read_listed_and_removed(store: Store, top: int) -> None:
    _put(store, top, b"file")
    store.chmod(top, b"file", 0o644)
    assert stat.S_IMODE(store.stat(top, b"file").st_mode) == 0o644
    try:
        store.setxattr(top, b"file", b"user.x", b"\0value", os.XATTR_CREATE)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip("the temporary folder has no user attributes")
    assert (list(store.listxattr(top, b"file")), store.getxattr(top, b"file", b"user.x")) == ([b"user.x"], b"\0value")
    store.removexattr(top, b"file", b"user.x")
    with pytest.raises(OSError, match="No data"):
        store.removexattr(top, b"file", b"user.x")


def test_a_folder_that_is_none_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LocalStore(str(tmp_path / "missing"))
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(NotADirectoryError):
        LocalStore(str(tmp_path / "link"))


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Fault(1, code=errno.ENOSPC), b"before"),
        (Fault(1, effect="half"), b"AAAore"),
        (Fault(1, effect="whole"), b"AAAAAA"),
        (Fault(2), b"AAAAAA"),
    ],
)
def test_the_faulty_store_fails_as_it_was_told(store: Store, top: int, fault: Fault, left: bytes) -> None:
    _put(store, top, b"file", b"before")
    faulty = FaultyStore(store)
    handle = store.open(top, b"file", os.O_RDWR)
    faulty.arm(fault)
    writes: list[Callable[[], object]] = [lambda: faulty.store.pwrite(handle, b"AAAAAA", 0)] * fault.nth
    for write in writes[:-1]:
        write()
    with pytest.raises(OSError, match=os.strerror(fault.code)):
        writes[-1]()
    assert faulty.fired
    assert store.pread(handle, 10, 0) == left
    assert faulty.store.pwrite(handle, b"BBBBBB", 0) == 6
    faulty.arm(Fault(1, effect="short"))
    assert faulty.store.pwrite(handle, b"CCCCCC", 0) == 3
    faulty.arm(Fault(1, dies=True))
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            faulty.store.pwrite(handle, b"D", 0)
    faulty.store.close(handle)
