"""Entries: requests that make, move and remove names in directories.

LOOKUP, UNLINK and RMDIR have a name and nothing else: `framing.parse_name`. READLINK has no body.
"""

from typing import NamedTuple

from wafs.errors import MalformedRequestError
from wafs.fuse.wire import abi
from wafs.fuse.wire.requests.framing import Body, parse_name, split_text, unpacker


class MknodIn(NamedTuple):
    """MKNOD: make a file, pipe, socket or device."""

    mode: int
    rdev: int
    umask: int
    name: bytes


class MkdirIn(NamedTuple):
    """MKDIR: make a directory; `mode` has no file type bits."""

    mode: int
    umask: int
    name: bytes


class SymlinkIn(NamedTuple):
    """SYMLINK: make a symlink called `name` that points to `target`."""

    name: bytes
    target: bytes


class RenameIn(NamedTuple):
    """RENAME and RENAME2: move `name` in the header's nodeid to `newname` in `newdir`.

    `flags` are those of renameat2(2): RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT.
    """

    newdir: int
    flags: int
    name: bytes
    newname: bytes


class LinkIn(NamedTuple):
    """LINK: give the inode `oldnodeid` the further name `name` in the header's nodeid."""

    oldnodeid: int
    name: bytes


class CreateIn(NamedTuple):
    """CREATE and TMPFILE: make a file and open it.

    TMPFILE has a name too ("/", in Linux 6.18); it means nothing and is not checked.
    """

    flags: int
    mode: int
    umask: int
    open_flags: int
    name: bytes


_unpack_mknod = unpacker(abi.MKNOD_IN, "MKNOD")
_unpack_mkdir = unpacker(abi.MKDIR_IN, "MKDIR")
_unpack_rename = unpacker(abi.RENAME_IN, "RENAME")
_unpack_rename2 = unpacker(abi.RENAME2_IN, "RENAME2")
_unpack_link = unpacker(abi.LINK_IN, "LINK")
_unpack_create = unpacker(abi.CREATE_IN, "CREATE")
_unpack_tmpfile = unpacker(abi.CREATE_IN, "TMPFILE")


def parse_mknod(body: Body) -> MknodIn:
    """Parse MKNOD.

    Raises: MalformedRequestError for a short struct or a bad name.
    Source: struct fuse_mknod_in, 7.12.
    """
    mode, rdev, umask = _unpack_mknod(body)
    return MknodIn(mode, rdev, umask, parse_name(body[abi.MKNOD_IN.size :]))


def parse_mkdir(body: Body) -> MkdirIn:
    """Parse MKDIR.

    Raises: MalformedRequestError for a short struct or a bad name.
    Source: struct fuse_mkdir_in, 7.12.
    """
    mode, umask = _unpack_mkdir(body)
    return MkdirIn(mode, umask, parse_name(body[abi.MKDIR_IN.size :]))


def parse_symlink(body: Body) -> SymlinkIn:
    """Parse SYMLINK: the name, then the target, which may hold any byte but NUL.

    Raises: MalformedRequestError if one of the two is empty or lacks its NUL.
    """
    name, rest = split_text(body)
    target, excess = split_text(rest)
    _check(name, excess)
    return SymlinkIn(name, target)


def parse_rename(body: Body) -> RenameIn:
    """Parse RENAME; its `flags` are 0.

    Raises: MalformedRequestError for a short struct or a bad name.
    Source: struct fuse_rename_in, 7.0.
    """
    (newdir,) = _unpack_rename(body)
    return RenameIn(newdir, 0, *_two_names(body[abi.RENAME_IN.size :]))


def parse_rename2(body: Body) -> RenameIn:
    """Parse RENAME2.

    Raises: MalformedRequestError for a short struct or a bad name.
    Source: struct fuse_rename2_in, 7.23.
    """
    newdir, flags = _unpack_rename2(body)
    return RenameIn(newdir, flags, *_two_names(body[abi.RENAME2_IN.size :]))


def parse_link(body: Body) -> LinkIn:
    """Parse LINK.

    Raises: MalformedRequestError for a short struct or a bad name.
    Source: struct fuse_link_in, 7.0.
    """
    (oldnodeid,) = _unpack_link(body)
    return LinkIn(oldnodeid, parse_name(body[abi.LINK_IN.size :]))


def parse_create(body: Body) -> CreateIn:
    """Parse CREATE.

    Raises: MalformedRequestError for a short struct or a bad name.
    Source: struct fuse_create_in, 7.12; open_flags since 7.33.
    """
    flags, mode, umask, open_flags = _unpack_create(body)
    return CreateIn(flags, mode, umask, open_flags, parse_name(body[abi.CREATE_IN.size :]))


def parse_tmpfile(body: Body) -> CreateIn:
    """Parse TMPFILE: CREATE for a file without a name.

    Raises: MalformedRequestError for a short struct, or if the stand-in name lacks its NUL.
    Source: struct fuse_create_in; the request since 7.37.
    """
    flags, mode, umask, open_flags = _unpack_tmpfile(body)
    name, excess = split_text(body[abi.CREATE_IN.size :])
    if excess:
        msg = f"{len(excess)} bytes after the name of TMPFILE, want none"
        raise MalformedRequestError(msg)
    return CreateIn(flags, mode, umask, open_flags, name)


def _two_names(body: Body) -> tuple[bytes, bytes]:
    name, rest = split_text(body)
    newname, excess = split_text(rest)
    _check(name, excess)
    _check(newname, b"")
    return name, newname


def _check(name: bytes, excess: bytes) -> None:
    if b"/" in name:
        msg = f"name of {len(name)} bytes has a '/' in it"
        raise MalformedRequestError(msg)
    if excess:
        msg = f"{len(excess)} bytes after the last name, want none"
        raise MalformedRequestError(msg)
