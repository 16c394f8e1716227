"""Attributes: what stat(2), times and extended attributes promise; each check gets an empty folder."""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

from mount.tour.content import code_of

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = 1_000_000_000
TIMES = (
    0,
    1,
    -1,
    -SECOND - 500_000_001,
    -2_000_000_000 * SECOND + 7,
    (1 << 31) * SECOND - 1,
    (1 << 31) * SECOND + 123_456_789,
    (1 << 32) * SECOND + 1,
    9_000_000_000 * SECOND + 999_999_999,
)
"""From 1906 to 2255, around each border at which 32 bits end."""


def check_times_keep_their_nanoseconds(top: str) -> None:
    os.mkdir("folder")
    os.symlink("nowhere", "link")
    os.close(os.open("file", os.O_CREAT, 0o600))
    for at in TIMES:
        for name in ("file", "folder", "link"):
            os.utime(name, ns=(at + 1, at), follow_symlinks=False)
            found = os.lstat(name)
            assert (found.st_atime_ns, found.st_mtime_ns) == (at + 1, at), name


def check_times_are_set_to_now_or_left_alone(top: str) -> None:
    fd = os.open("file", os.O_RDWR | os.O_CREAT, 0o600)
    os.utime(fd, ns=(1, 2))
    before = time.time_ns()
    os.utime(fd)
    found = os.fstat(fd)
    # The kernel's clock for files ticks every few milliseconds.
    assert min(found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns) > before - SECOND
    os.utime(fd, ns=(1, 2))
    os.write(fd, b"x")
    found = os.fstat(fd)
    assert found.st_mtime_ns > before - SECOND
    os.utime(fd, ns=(1, 2))
    os.chmod(fd, 0o640)
    changed = os.fstat(fd)
    assert (changed.st_atime_ns, changed.st_mtime_ns) == (1, 2)
    assert changed.st_ctime_ns > before - SECOND
    os.close(fd)
    assert os.stat("file").st_mtime_ns == 2


def check_a_folder_s_time_is_that_of_its_last_change(top: str) -> None:
    os.mkdir("folder")
    acts: tuple[Callable[[], None], ...] = (
        lambda: os.close(os.open("folder/file", os.O_CREAT)),
        lambda: os.link("folder/file", "folder/link"),
        lambda: os.rename("folder/link", "folder/other"),
        lambda: os.unlink("folder/other"),
        lambda: os.mkdir("folder/below"),
        lambda: os.rmdir("folder/below"),
        lambda: os.symlink("x", "folder/symlink"),
    )
    for act in acts:
        os.utime("folder", ns=(5, 5))
        act()
        assert os.stat("folder").st_mtime_ns > SECOND
    os.utime("folder", ns=(5, 5))
    os.listdir("folder")
    with open("folder/file", "w", encoding="utf-8") as file:
        file.write("x")
    assert os.stat("folder").st_mtime_ns == 5


def check_attributes_of_users_are_kept(top: str) -> None:
    os.mkdir("folder")
    os.close(os.open("file", os.O_CREAT, 0o600))
    for path in ("file", "folder"):
        os.setxattr(path, "user.one", b"1", os.XATTR_CREATE)
        os.setxattr(path, "user.empty", b"")
        os.setxattr(path, "user.two", bytes(range(256)) * 4)
        assert code_of(os.setxattr, path, "user.one", b"2", os.XATTR_CREATE) == errno.EEXIST
        assert code_of(os.setxattr, path, "user.none", b"2", os.XATTR_REPLACE) == errno.ENODATA
        os.setxattr(path, "user.one", b"replaced", os.XATTR_REPLACE)
        assert {name: os.getxattr(path, name) for name in os.listxattr(path) if name.startswith("user.")} == {
            "user.one": b"replaced",
            "user.empty": b"",
            "user.two": bytes(range(256)) * 4,
        }
        os.removexattr(path, "user.two")
        assert code_of(os.getxattr, path, "user.two") == errno.ENODATA
        assert code_of(os.removexattr, path, "user.two") == errno.ENODATA
    os.rename("file", "moved")
    assert os.getxattr("moved", "user.one") == b"replaced"
    os.link("moved", "twin")
    assert os.getxattr("twin", "user.one") == b"replaced"
    os.symlink("moved", "link")
    assert code_of(lambda: os.setxattr("link", "user.x", b"", follow_symlinks=False)) == errno.EPERM


def check_inode_numbers_are_those_of_the_files(top: str) -> None:
    """A number stays with its file, is the same by every way to it, and is nobody else's meanwhile."""
    os.mkdir("folder")
    numbers = {}
    for number in range(50):
        name = f"folder/{number}"
        os.close(os.open(name, os.O_CREAT, 0o600))
        numbers[name] = os.stat(name).st_ino
    os.mkdir("folder/below")
    numbers["folder/below"] = os.stat("folder/below").st_ino
    os.symlink("x", "folder/link")
    numbers["folder/link"] = os.lstat("folder/link").st_ino
    assert len({*numbers.values(), os.stat("folder").st_ino, os.stat(".").st_ino}) == len(numbers) + 2
    with os.scandir("folder") as entries:
        assert {entry.path: entry.inode() for entry in entries} == numbers
    os.rename("folder/0", "moved")
    os.rename("folder/below", "below")
    os.link("folder/1", "twin")
    with open("folder/2", "w", encoding="utf-8") as file:
        file.write("x")
        assert os.fstat(file.fileno()).st_ino == numbers["folder/2"]
    assert os.stat("moved").st_ino == numbers["folder/0"]
    assert os.stat("below").st_ino == numbers["folder/below"]
    assert os.stat("twin").st_ino == os.stat("folder/1").st_ino == numbers["folder/1"]
    assert len({os.stat(name).st_dev for name in ("moved", "below", "twin", ".")}) == 1


def check_the_filesystem_tells_its_space(top: str) -> None:
    found = os.statvfs(".")
    assert found.f_blocks >= found.f_bfree >= found.f_bavail > 0
    assert found.f_files >= found.f_ffree >= 0
    assert found.f_frsize > 0
    assert found.f_bsize > 0
    assert found.f_namemax == os.pathconf(".", "PC_NAME_MAX") == 255
    # Others take and free space of the same disk meanwhile, but not as much each time.
    assert any(_space_taken(f"file-{number}", 32 << 20) >= 16 << 20 for number in range(20))


def _space_taken(name: str, size: int) -> int:
    """Return how much less space there is with a new file of this size."""
    before = os.statvfs(".")
    fd = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    os.posix_fallocate(fd, 0, size)
    os.fsync(fd)
    os.close(fd)
    return (before.f_bfree - os.statvfs(".").f_bfree) * before.f_frsize


def check_types_are_told_without_a_look_at_each(top: str) -> None:
    os.mkdir("folder")
    os.mkfifo("pipe")
    os.symlink("folder", "link")
    os.close(os.open("file", os.O_CREAT, 0o600))
    kinds = {}
    with os.scandir(".") as entries:
        for entry in entries:
            kinds[entry.name] = (entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False))
    assert kinds == {"folder": (True, False), "pipe": (False, False), "link": (False, False), "file": (False, True)}
    assert stat.S_ISFIFO(os.lstat("pipe").st_mode)
    assert os.lstat("link").st_size == len("folder")
