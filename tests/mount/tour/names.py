"""Names: how long names, paths and targets may be, and what `..` leads to; each check gets an empty folder."""

from __future__ import annotations

import errno
import os

from mount.tour.content import code_of

NAME_MAX = 255
PATH_MAX = 4096
"""In bytes, the zero at the end included."""


def check_names_have_up_to_255_bytes(top: str) -> None:
    for name in (b"n" * NAME_MAX, b"\xff" * NAME_MAX, "\N{PILE OF POO}".encode() * 63):
        os.close(os.open(name, os.O_CREAT | os.O_EXCL, 0o600))
        os.mkdir(name[:-1])
        os.rename(name, name[:-1] + b"?")
        os.rename(name[:-1] + b"?", name)
        assert set(os.listdir(b".")) == {name, name[:-1]}
        too_long = b"n" * (NAME_MAX + 1)
        for act in (
            os.mkdir,
            os.stat,
            os.unlink,
            lambda path: os.symlink(b"x", path),
            lambda path, name=name: os.link(name, path),
        ):
            assert code_of(act, too_long) == errno.ENAMETOOLONG
        assert code_of(os.rename, name, too_long) == errno.ENAMETOOLONG
        os.rmdir(name[:-1])
        os.unlink(name)


def check_paths_have_up_to_4095_bytes(top: str) -> None:
    """By one call each; a path that is longer can still be reached in steps."""
    folders = "/".join(["d" * 200] * 20)
    os.makedirs(folders)
    path = f"{folders}/" + "f" * (PATH_MAX - 1 - len(folders) - 1)
    assert len(path) == PATH_MAX - 1
    with open(path, "w", encoding="utf-8") as file:
        file.write("deep")
    assert os.stat(path).st_size == 4
    os.rename(path, path[:-1] + "g")
    os.rename(path[:-1] + "g", path)
    assert code_of(os.stat, path + "x") == errno.ENAMETOOLONG
    assert code_of(os.mkdir, path + "x") == errno.ENAMETOOLONG
    os.chdir(folders)
    os.makedirs(folders)
    os.chdir(folders)
    os.mkdir("bottom")
    assert os.listdir("..") == ["d" * 200]
    os.chdir(top)
    os.rename("d" * 200, "moved")
    assert os.path.getsize("moved" + path[200:]) == 4


def check_targets_have_up_to_4095_bytes(top: str) -> None:
    os.mkdir("folder")
    for size in (1, 3039, 3040, 4095):
        target = ("folder/../" * 410)[:size]
        os.symlink(target, "link")
        assert os.readlink("link") == target
        assert os.lstat("link").st_size == size
        os.unlink("link")
    os.symlink("folder/../" * 409, "link")
    assert os.stat("link").st_ino == os.stat(".").st_ino
    assert code_of(os.symlink, "x" * PATH_MAX, "too long") == errno.ENAMETOOLONG
    assert code_of(os.symlink, "", "empty") == errno.ENOENT
    os.symlink("round", "round")
    assert code_of(os.stat, "round") == errno.ELOOP


def check_dots_lead_to_where_a_folder_is_now(top: str) -> None:
    os.makedirs("a/b/c")
    os.makedirs("x/y")
    fd = os.open("a/b/c", os.O_RDONLY)
    os.chdir("a/b/c")
    for old, new, above in (
        ("a/b/c", "x/y/c", "x/y"),
        ("x/y", "a/y", "a/y"),
        ("a", "x/a", "x/a/y"),
    ):
        os.rename(os.path.join(top, old), os.path.join(top, new))
        wanted = os.stat(os.path.join(top, above)).st_ino
        assert os.stat("..").st_ino == os.stat("..", dir_fd=fd).st_ino == wanted
        assert os.getcwd() == os.path.join(top, above, "c")
    assert os.listdir("../../../..") == ["x"]
    os.close(os.open("../beside", os.O_CREAT | os.O_WRONLY, 0o600))
    assert sorted(os.listdir(os.path.join(top, "x/a/y"))) == ["beside", "c"]
    os.rename("../../../a/y/c", os.path.join(top, "top"))
    assert os.stat("..").st_ino == os.stat(top).st_ino
    # A folder does not move below itself, by whatever way it is named.
    assert code_of(os.rename, "../x", "../x/a/x") == errno.EINVAL
    assert code_of(os.rename, "../x", "../x/a/../a/y/x") == errno.EINVAL
    os.rmdir(os.path.join(top, "top"))
    assert code_of(os.mkdir, "below") == errno.ENOENT
    assert os.fstat(fd).st_nlink == 0
    os.chdir(top)
    os.close(fd)


def check_dots_are_no_names(top: str) -> None:
    os.makedirs("folder/below")
    assert code_of(os.rmdir, "folder/.") == errno.EINVAL
    assert code_of(os.rmdir, "folder/below/..") == errno.ENOTEMPTY
    assert code_of(os.rename, "folder/.", "other") == errno.EBUSY
    assert code_of(os.mkdir, "folder/..") == errno.EEXIST
    assert code_of(os.unlink, "folder/..") == errno.EISDIR
    assert os.listdir("folder") == ["below"]
