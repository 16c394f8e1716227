"""Attributes: requests about what an inode is, and about its extended attributes.

REMOVEXATTR has a name and nothing else: `framing.parse_text`. STATFS has no body.
"""

from typing import NamedTuple

from wafs.errors import MalformedRequestError
from wafs.fuse.wire import abi
from wafs.fuse.wire.requests.framing import Body, fixed, parse_text, split_text, unpacker

_NS_PER_S = 1_000_000_000


class GetattrIn(NamedTuple):
    """GETATTR; `fh` means something only with GETATTR_FH in `getattr_flags`."""

    getattr_flags: int
    fh: int


class SetattrIn(NamedTuple):
    """SETATTR; the FATTR bits in `valid` say which fields mean something.

    Times are whole seconds, signed, and nanoseconds to be added, as the kernel sends them.
    """

    valid: int
    fh: int
    size: int
    lock_owner: int
    atime: int
    mtime: int
    ctime: int
    atimensec: int
    mtimensec: int
    ctimensec: int
    mode: int
    uid: int
    gid: int

    @property
    def atime_ns(self) -> int:
        """Last access in nanoseconds since 1970, negative before."""
        return self.atime * _NS_PER_S + self.atimensec

    @property
    def mtime_ns(self) -> int:
        """Last modification in nanoseconds since 1970, negative before."""
        return self.mtime * _NS_PER_S + self.mtimensec

    @property
    def ctime_ns(self) -> int:
        """Last change of the inode in nanoseconds since 1970, negative before."""
        return self.ctime * _NS_PER_S + self.ctimensec


class StatxIn(NamedTuple):
    """STATX; `fh` means something only with GETATTR_FH, `mask` has STATX_ bits of statx(2)."""

    getattr_flags: int
    fh: int
    flags: int
    mask: int


class AccessIn(NamedTuple):
    """ACCESS: may the caller do what `mask` (R_OK, W_OK, X_OK) says?"""

    mask: int


class SetxattrIn(NamedTuple):
    """SETXATTR; `flags` are XATTR_CREATE and XATTR_REPLACE."""

    flags: int
    setxattr_flags: int
    name: bytes
    value: bytes


class GetxattrIn(NamedTuple):
    """GETXATTR; with `size` 0 only the size of the value is asked for."""

    size: int
    name: bytes


class ListxattrIn(NamedTuple):
    """LISTXATTR; with `size` 0 only the size of the list is asked for."""

    size: int


parse_getattr = fixed(abi.GETATTR_IN, GetattrIn, "GETATTR")
parse_setattr = fixed(abi.SETATTR_IN, SetattrIn, "SETATTR")
parse_statx = fixed(abi.STATX_IN, StatxIn, "STATX")
parse_access = fixed(abi.ACCESS_IN, AccessIn, "ACCESS")
parse_listxattr = fixed(abi.GETXATTR_IN, ListxattrIn, "LISTXATTR")
_unpack_setxattr = unpacker(abi.SETXATTR_IN, "SETXATTR")
_unpack_setxattr_ext = unpacker(abi.SETXATTR_IN_EXT, "SETXATTR with flags")
_unpack_getxattr = unpacker(abi.GETXATTR_IN, "GETXATTR")


def parse_setxattr(body: Body, *, extended: bool) -> SetxattrIn:
    """Parse SETXATTR; `extended` if INIT settled on SETXATTR_EXT.

    Raises: MalformedRequestError for a short struct, a bad name, or a value of another size than
        announced.
    Source: struct fuse_setxattr_in; 16 bytes with SETXATTR_EXT (7.33), else 8.
    """
    if extended:
        size, flags, setxattr_flags = _unpack_setxattr_ext(body)
        name, value = split_text(body[abi.SETXATTR_IN_EXT.size :])
    else:
        size, flags = _unpack_setxattr(body)
        setxattr_flags = 0
        name, value = split_text(body[abi.SETXATTR_IN.size :])
    if len(value) != size:
        msg = f"SETXATTR with {len(value)} bytes of value, want {size}"
        raise MalformedRequestError(msg)
    return SetxattrIn(flags, setxattr_flags, name, value)


def parse_getxattr(body: Body) -> GetxattrIn:
    """Parse GETXATTR.

    Raises: MalformedRequestError for a short struct or a bad name.
    Source: struct fuse_getxattr_in, 7.0.
    """
    (size,) = _unpack_getxattr(body)
    return GetxattrIn(size, parse_text(body[abi.GETXATTR_IN.size :]))
