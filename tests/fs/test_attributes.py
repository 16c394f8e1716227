"""Attributes, owners and extended attributes."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from fs.paths import ME, Paths
from log_police import ExpectLog
from vault.making import opened
from wafs.errors import (
    AuthenticationError,
    InvalidArgumentError,
    IsADirError,
    NameTooLongError,
    NoSuchAttributeError,
    NotFoundError,
    NotPermittedError,
    NotSupportedError,
)
from wafs.fs.attrs import Caller, SetAttrs
from wafs.fs.vfs import Vfs
from wafs.store.base import NOW
from wafs.units import ROOT_INO

if TYPE_CHECKING:
    from pathlib import Path


def test_attributes_are_set_on_open_and_closed_files_folders_and_symlinks(paths: Paths) -> None:
    paths.write(b"file", b"plain")
    paths.mkdir(b"folder")
    paths.symlink(b"link", b"file")
    change = SetAttrs(mode=0o640, uid=os.geteuid(), gid=os.getegid(), atime=1_500_000_000_123_456_789, mtime=-5)
    for name in (b"file", b"folder"):
        with paths.held(name) as number:
            attrs = paths.vfs.attributes.set(number, change)
            assert (stat.S_IMODE(attrs.mode), attrs.atime_ns, attrs.mtime_ns) == (0o640, 1_500_000_000_123_456_789, -5)
    with paths.held(b"file") as number:
        fh = paths.vfs.files.open(number, os.O_RDWR).fh
        paths.vfs.files.write(fh, 5, memoryview(b"!"), paths.scratch)
        attrs = paths.vfs.attributes.set(number, change._replace(size=2, mtime=7))
        assert (attrs.size, attrs.mtime_ns) == (2, 7)
        paths.vfs.files.release(fh)
        assert paths.vfs.attributes.get(number).mtime_ns == 7
        assert paths.vfs.attributes.set(number, SetAttrs(size=9)).size == 9
        assert paths.vfs.attributes.set(number, SetAttrs(atime=NOW)).atime_ns > 1_500_000_000_123_456_789
    with paths.held(b"link") as number:
        assert paths.vfs.attributes.set(number, SetAttrs(mtime=9)).mtime_ns == 9
        assert paths.vfs.attributes.get(number).size == 4
    with pytest.raises(IsADirError):
        paths.vfs.attributes.set(ROOT_INO, SetAttrs(size=0))
    assert paths.vfs.attributes.set(ROOT_INO, SetAttrs(mode=0o711)).mode & 0o777 == 0o711
    with paths.held(b"folder") as number:
        paths.rmdir(b"folder")
        with pytest.raises(NotFoundError):
            paths.vfs.attributes.set(number, SetAttrs(mode=0o700))
    assert paths.vfs.attributes.statvfs().f_bsize > 0


def test_a_write_by_an_ordinary_user_drops_the_setid_bits(paths: Paths) -> None:
    paths.write(b"file", b"")
    for mode, kept in ((0o6755, 0o755), (0o2644, 0o2644), (0o644, 0o644)):
        with paths.held(b"file") as number:
            paths.vfs.attributes.set(number, SetAttrs(mode=mode))
            fh = paths.vfs.files.open(number, os.O_RDWR).fh
            paths.vfs.files.write(fh, 0, memoryview(b"x"), paths.scratch, drop_setid=True)
            paths.vfs.files.release(fh)
            assert stat.S_IMODE(paths.vfs.attributes.get(number).mode) == kept
            paths.vfs.attributes.set(number, SetAttrs(mode=mode))
            attrs = paths.vfs.attributes.set(number, SetAttrs(size=1, drop_setid=True))
            assert stat.S_IMODE(attrs.mode) == kept


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_entries_belong_to_who_makes_them_on_a_shared_mount(vault_path: Path) -> None:
    other = Caller(12345, 54321)
    with Vfs(opened(vault_path), give_to_caller=True) as vfs:
        entry, fh = vfs.files.create(ROOT_INO, b"file", 0o4711, flags=os.O_RDWR, caller=other)
        vfs.files.release(fh)
        attrs = vfs.attributes.get(entry.ino)
        assert (attrs.uid, attrs.gid, stat.S_IMODE(attrs.mode)) == (12345, 54321, 0o4711)
        folder = vfs.tree.mkdir(ROOT_INO, b"folder", 0o755, ME)
        vfs.attributes.set(folder.ino, SetAttrs(mode=0o2755))
        below = vfs.tree.symlink(folder.ino, b"link", b"target", other)
        assert (below.attrs.uid, below.attrs.gid) == (12345, os.getegid())
        unnamed, fh = vfs.files.create_unnamed(ROOT_INO, 0o600, flags=os.O_RDWR, caller=other)
        assert vfs.attributes.get(unnamed.ino).uid == 12345
        vfs.files.release(fh)


def test_attributes_of_users_are_sealed_and_bound(paths: Paths, vault_path: Path, expect_log: ExpectLog) -> None:
    paths.write(b"file", b"")
    paths.write(b"other", b"")
    paths.mkdir(b"folder")
    xattrs = paths.vfs.xattrs
    with paths.held(b"file") as number:
        try:
            xattrs.set(number, b"user.origin", b"phone", 0)
        except OSError as error:
            if error.errno != errno.ENOTSUP:
                raise
            pytest.skip("the temporary folder has no user attributes")
        with pytest.raises(FileExistsError):
            xattrs.set(number, b"user.origin", b"again", os.XATTR_CREATE)
        fh = paths.vfs.files.open(number, os.O_RDONLY).fh
        assert (xattrs.names(number), xattrs.get(number, b"user.origin")) == ([b"user.origin"], b"phone")
        paths.vfs.files.release(fh)
        place, other = (_sealed(paths, vault_path, name) for name in (b"file", b"other"))
        (stored,) = os.listxattr(place)
        os.setxattr(other, stored, os.getxattr(place, stored))
        os.setxattr(other, "user.theirs", b"not ours")
        with paths.held(b"other") as stranger:
            expect_log("1 extended attributes of an entry do not open")
            assert xattrs.names(stranger) == []
        os.setxattr(place, stored, os.getxattr(place, stored)[:-1])
        with pytest.raises(AuthenticationError):
            xattrs.get(number, b"user.origin")
        xattrs.remove(number, b"user.origin")
        assert xattrs.names(number) == []
    with paths.held(b"folder") as number:
        xattrs.set(number, b"user." + b"x" * 160, b"", 0)
        paths.rename(b"folder", b"moved")
        assert xattrs.names(number) == [b"user." + b"x" * 160]


def _sealed(paths: Paths, vault_path: Path, name: bytes) -> Path:
    context = paths.vfs.context
    return vault_path / "tree" / os.fsdecode(context.seal(context.inodes.root, name).entry)


def test_attributes_that_cannot_be_kept_are_refused(paths: Paths) -> None:
    paths.write(b"file", b"")
    paths.symlink(b"link", b"file")
    xattrs = paths.vfs.xattrs
    with paths.held(b"file") as number, paths.held(b"link") as link:
        for name, expected in (
            (b"user.", InvalidArgumentError),
            (b"trusted.x", NotSupportedError),
            (b"user." + b"x" * 161, NameTooLongError),
        ):
            with pytest.raises(expected):
                xattrs.set(number, name, b"", 0)
        with pytest.raises(InvalidArgumentError):
            xattrs.set(number, b"user.x", bytes(65_537), 0)
        with pytest.raises(OSError, match="No data"):
            xattrs.get(number, b"user.missing")
        with pytest.raises(NotPermittedError):
            xattrs.set(link, b"user.x", b"", 0)
        with pytest.raises(NoSuchAttributeError):
            xattrs.get(link, b"user.x")
        assert xattrs.names(link) == []
