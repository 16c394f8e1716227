"""Rights: set-id bits, owners, modes and the umask, for root and for others; each check gets an empty folder."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from mount.tour.content import KEEP_SIZE, PUNCH_HOLE, code_of, fallocate

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER = 12_345
"""Neither root nor whoever runs this."""


def mode_of(path: str) -> int:
    """Return the permission bits of an entry."""
    return stat.S_IMODE(os.lstat(path).st_mode)


def _changes(fd: int, source: int) -> dict[str, Callable[[], object]]:
    """Return all ways to change the content of `file`, which is open as `fd`."""
    return {
        "write": lambda: os.write(fd, b"x"),
        "pwrite": lambda: os.pwrite(fd, b"x", 5000),
        "ftruncate": lambda: os.ftruncate(fd, 10),
        "truncate": lambda: os.truncate("file", 20),
        "O_TRUNC": lambda: os.close(os.open("file", os.O_WRONLY | os.O_TRUNC)),
        "append": lambda: os.write(os.open("file", os.O_WRONLY | os.O_APPEND), b"x"),
        "fallocate": lambda: fallocate(fd, 0, 0, 100_000),
        "punch": lambda: fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 0, 5000),
        "copy_file_range": lambda: os.copy_file_range(source, fd, 100, 0, 0),
        "sendfile": lambda: os.sendfile(fd, source, 0, 100),
    }


def check_changes_by_users_drop_set_id_bits(top: str) -> None:
    """Root may keep them; set-group-id without the group's right to execute is no set-id bit."""
    with open("source", "wb") as file:
        file.write(b"s" * 1000)
    os.close(os.open("file", os.O_CREAT, 0o600))
    fd, source = os.open("file", os.O_RDWR), os.open("source", os.O_RDONLY)
    wrong = {}
    for mode in (0o4755, 0o2755, 0o6755, 0o6744):
        for name, change in _changes(fd, source).items():
            os.chmod("file", mode)
            assert mode_of("file") == mode
            change()
            kept = mode & ~stat.S_ISUID & ~(stat.S_ISGID if mode & stat.S_IXGRP else 0)
            if mode_of("file") != (mode if os.geteuid() == 0 else kept):
                wrong[name, oct(mode)] = oct(mode_of("file"))
    assert wrong == {}, wrong
    os.chmod("file", 0o6755)
    os.chown("file", os.geteuid(), os.getegid())
    assert mode_of("file") == 0o755
    os.close(source)
    os.close(fd)


def check_owners_are_changed_by_root_alone(top: str) -> None:
    os.close(os.open("file", os.O_CREAT, 0o640))
    os.symlink("file", "link")
    mine = os.geteuid(), os.getegid()
    assert (os.stat("file").st_uid, os.stat("file").st_gid) == mine
    changes = ((OTHER, -1), (-1, OTHER), (OTHER, OTHER))
    if os.geteuid() != 0:
        for change in changes:
            assert code_of(os.chown, "file", *change) == errno.EPERM
            assert code_of(os.lchown, "link", *change) == errno.EPERM
        os.chown("file", *mine)
        os.chown("file", -1, -1)
    else:
        for uid, gid in changes:
            os.chown("file", *mine)
            os.chown("file", uid, gid)
            wanted = (mine[0] if uid == -1 else uid, mine[1] if gid == -1 else gid)
            assert (os.stat("file").st_uid, os.stat("file").st_gid) == wanted
        os.lchown("link", 7, 8)
        assert (os.lstat("link").st_uid, os.lstat("link").st_gid) == (7, 8)
        assert os.stat("file").st_uid == OTHER
    assert mode_of("file") == 0o640


def check_the_umask_is_that_of_who_makes_an_entry(top: str) -> None:
    for mask in (0o022, 0o077, 0o007, 0):
        before = os.umask(mask)
        os.close(os.open("file", os.O_CREAT, 0o666))
        os.mkdir("folder", 0o777)
        os.mkfifo("pipe", 0o666)
        os.symlink("x", "link")
        os.umask(before)
        assert mode_of("file") == mode_of("pipe") == 0o666 & ~mask
        assert mode_of("folder") == 0o777 & ~mask
        assert mode_of("link") == 0o777
        for name in ("file", "pipe", "link"):
            os.unlink(name)
        os.rmdir("folder")


def check_rights_are_what_the_mode_says(top: str) -> None:
    os.close(os.open("file", os.O_CREAT, 0o600))
    os.mkdir("folder")
    rights = (os.R_OK, os.W_OK, os.X_OK)
    for mode in (0o700, 0o400, 0o200, 0o100, 0o000, 0o077):
        os.chmod("file", mode)
        found = [os.access("file", right) for right in rights]
        if os.geteuid() == 0:
            assert found == [True, True, mode & 0o111 != 0]
        else:
            assert found == [mode >> 6 & right == right for right in rights], oct(mode)
            assert code_of(lambda: os.close(os.open("file", os.O_RDONLY))) == (0 if mode & 0o400 else errno.EACCES)
            assert code_of(lambda: os.close(os.open("file", os.O_WRONLY))) == (0 if mode & 0o200 else errno.EACCES)
    os.close(os.open("folder/file", os.O_CREAT, 0o600))
    if os.geteuid() != 0:
        os.chmod("folder", 0o500)
        assert code_of(os.mkdir, "folder/below") == errno.EACCES
        assert code_of(os.unlink, "folder/file") == errno.EACCES
        assert code_of(os.rename, "folder/file", "moved") == errno.EACCES
        os.chmod("folder", 0o600)
        assert code_of(os.stat, "folder/file") == errno.EACCES
        os.chmod("folder", 0o700)
