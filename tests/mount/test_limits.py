"""What a mount does otherwise than the disk below, or not at all: refused cleanly, or held as far as is said.

docs/posix.md tells each of these with its reason.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import random
import stat
import time
from typing import TYPE_CHECKING

import pytest

from fs.paths import ME
from mount.programs import run
from mount.tour.content import LIBC, code_of, fallocate
from wafs.units import ROOT_INO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

COLLAPSE_RANGE, INSERT_RANGE, UNSHARE_RANGE = 8, 32, 64
MANY = 100_000
FICLONE = 0x4004_9409
FS_IOC_GETFLAGS = 0x8008_6601
RENAME_WHITEOUT = 4


@pytest.fixture
def fd(mnt: Path) -> Iterator[int]:
    """A file of 40,000 bytes."""
    (mnt / "file").write_bytes(b"x" * 40_000)
    handle = os.open(mnt / "file", os.O_RDWR)
    yield handle
    os.close(handle)


@pytest.mark.parametrize("mode", [COLLAPSE_RANGE, INSERT_RANGE, UNSHARE_RANGE])
def test_other_modes_of_fallocate_are_not_supported(fd: int, mode: int) -> None:
    assert code_of(fallocate, fd, mode, 0, 4096) == errno.EOPNOTSUPP
    assert os.pread(fd, 50_000, 0) == b"x" * 40_000


def test_files_are_not_cloned(mnt: Path, fd: int) -> None:
    other = os.open(mnt / "clone", os.O_RDWR | os.O_CREAT)
    assert LIBC.ioctl(other, FICLONE, fd) == -1
    assert os.fstat(other).st_size == 0
    os.close(other)


def test_what_only_disks_have_is_refused(mnt: Path, fd: int) -> None:
    flags = ctypes.c_long()
    assert LIBC.ioctl(fd, FS_IOC_GETFLAGS, ctypes.byref(flags)) == -1
    assert ctypes.get_errno() in (errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS)
    names = os.fsencode(mnt / "file"), os.fsencode(mnt / "moved")
    assert LIBC.renameat2(-100, names[0], -100, names[1], RENAME_WHITEOUT) == -1
    assert ctypes.get_errno() == errno.EINVAL
    assert os.listdir(mnt) == ["file"]
    # The time of birth: 0 is what stat(1) writes where there is none.
    assert run("stat", "-c", "%W", mnt / "file") == "0\n"


@pytest.mark.parametrize("name", ["trusted.x", "security.x", "system.x", "system.posix_acl_access", "other"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_other_name_spaces_of_attributes_are_not_supported(mnt: Path, kind: str, name: str) -> None:
    path = mnt / "it"
    path.mkdir() if kind == "folder" else path.touch()
    assert code_of(os.setxattr, path, name, b"value") == errno.EOPNOTSUPP
    assert code_of(os.getxattr, path, name) in (errno.EOPNOTSUPP, errno.ENODATA)
    assert code_of(os.removexattr, path, name) == errno.EOPNOTSUPP
    assert os.listxattr(path) == []


def test_attributes_have_their_limits(mnt: Path) -> None:
    path = mnt / "file"
    path.touch()
    os.setxattr(path, "user." + "n" * 160, b"v")
    assert code_of(os.setxattr, path, "user." + "n" * 161, b"v") == errno.ENAMETOOLONG
    # What is too much for one block of the disk below is told as that disk tells it.
    assert code_of(os.setxattr, path, "user.large", bytes(65_536)) in (0, errno.ENOSPC, errno.E2BIG)
    assert os.getxattr(path, "user." + "n" * 160) == b"v"


def test_attributes_of_an_open_file_without_a_name_are_out_of_reach(mnt: Path, fd: int) -> None:
    os.setxattr(fd, "user.x", b"1")
    (mnt / "file").unlink()
    assert code_of(os.getxattr, fd, "user.x") == errno.ESTALE
    assert code_of(os.setxattr, fd, "user.x", b"2") == errno.ESTALE
    assert os.pread(fd, 3, 0) == b"xxx"


def test_direct_io_reads_and_writes_what_cached_io_does(bench: Bench, daemon: Daemon) -> None:
    path = daemon.place / "file"
    data = random.Random(5).randbytes(1 << 20)
    path.write_bytes(data)
    with mmap.mmap(-1, 1 << 20) as aligned:
        handle = os.open(path, os.O_RDWR | os.O_DIRECT)
        assert os.preadv(handle, [aligned], 0) == 1 << 20
        assert aligned[:] == data
        aligned[:4096] = b"d" * 4096
        assert os.pwritev(handle, [memoryview(aligned)[:4096]], 8192) == 4096
        # No block size has to be kept to.
        assert os.pwrite(handle, b"odd", 12_289) == 3
        os.close(handle)
    wanted = bytearray(data)
    wanted[8192:12_288] = b"d" * 4096
    wanted[12_289:12_292] = b"odd"
    assert path.read_bytes() == wanted
    bench.remount(daemon)
    assert path.read_bytes() == wanted


def test_a_target_that_cannot_be_deflated_is_too_long(mnt: Path) -> None:
    dice = random.Random(3)
    target = bytes(dice.randrange(1, 256) for _ in range(4095))
    assert code_of(os.symlink, target, os.fsencode(mnt / "link")) == errno.ENAMETOOLONG
    os.symlink(target[:3039], os.fsencode(mnt / "link"))
    assert os.readlink(os.fsencode(mnt / "link")) == target[:3039]
    assert os.listdir(mnt) == ["link"]


def test_inode_numbers_outlive_the_kernel_s_memory_and_the_mount(bench: Bench, daemon: Daemon) -> None:
    """They are those of the storage, so they stay as long as the storage keeps its own."""
    top = daemon.place
    (top / "folder").mkdir()
    for number in range(20):
        (top / "folder" / f"{number}").write_bytes(b"x" * number)
    (top / "link").symlink_to("folder/" + "../folder/" * 400)
    os.link(top / "folder" / "3", top / "twin")
    paths = [top / "folder", top / "link", top / "twin", *(top / "folder").iterdir()]

    def numbers() -> dict[str, int]:
        return {path.name: path.lstat().st_ino for path in paths}

    before = numbers()
    assert before["twin"] == before["3"]
    daemon = bench.remount(daemon)
    assert numbers() == before
    (top / "folder" / "1").write_bytes(b"y" * 50_000)
    (top / "folder").rename(top / "moved")
    paths = [top / "moved" if path.name == "folder" else path for path in paths[:3]]
    assert [path.lstat().st_ino for path in paths] == [before[name] for name in ("folder", "link", "twin")]


def test_set_id_and_devices_are_kept_and_have_no_effect(daemon: Daemon) -> None:
    program = daemon.place / "program"
    program.touch(mode=0o755)
    program.chmod(0o4755)
    assert stat.S_IMODE(program.stat().st_mode) == 0o4755
    flags = os.statvfs(daemon.place).f_flag
    assert flags & os.ST_NOSUID
    assert flags & os.ST_NODEV


def test_reading_leaves_the_time_of_access_to_the_disk_below(mnt: Path) -> None:
    """Mounted with relatime: the first read after a change may set it, and a read never sets it back."""
    path = mnt / "file"
    path.write_bytes(b"x" * 10_000)
    os.utime(path, ns=(1_000_000_000, 2_000_000_000))
    path.read_bytes()
    found = path.stat()
    assert found.st_atime_ns == 1_000_000_000 or found.st_atime_ns > 2_000_000_000
    assert found.st_mtime_ns == 2_000_000_000


@pytest.mark.slow
def test_a_folder_of_100_000_entries(bench: Bench) -> None:
    """Listed whole and once, while it is emptied; what is done to one entry costs what it does in a small folder."""
    vault = bench.vault()
    names = {b"IMG-20240101-WA%06d.jpg" % number for number in range(MANY)}
    with bench.vfs(vault, read_only=False) as vfs:
        folder = vfs.tree.mkdir(ROOT_INO, b"many", 0o755, ME).ino
        for name in names:
            vfs.tree.forget(vfs.tree.mknod(folder, name, stat.S_IFIFO | 0o644, device=0, caller=ME).ino)
        vfs.tree.forget(folder)
    top = os.path.join(os.fsencode(bench.mount(vault).place), b"many")
    listed = []
    with os.scandir(top) as entries:
        for entry in entries:
            listed.append(entry.name)
            if len(listed) <= 1000:
                os.unlink(entry.path)
    assert len(listed) == MANY
    assert set(listed) == names
    small = top + b"-small"
    os.mkdir(small)
    seconds = {}
    for folder_path in (top, small):
        begin = time.monotonic()
        for number in range(200):
            path = os.path.join(folder_path, b"%d" % number)
            os.mkfifo(path)
            os.rename(path, path + b"-moved")
            assert os.lstat(path + b"-moved").st_mode & 0o7777
            os.unlink(path + b"-moved")
            assert code_of(os.lstat, path) == errno.ENOENT
        seconds[folder_path] = time.monotonic() - begin
    # Nothing may grow with the folder; ten times is far from the five hundred times it then would be.
    assert seconds[top] < 10 * seconds[small] + 1
    assert code_of(os.lstat, os.path.join(top, listed[999])) == errno.ENOENT
    assert os.lstat(os.path.join(top, listed[1000])).st_nlink == 1
