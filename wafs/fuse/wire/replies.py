"""Replies: values as what the kernel wants to read.

Functions called `..._out` return a body; the session sends it behind `header`, in one write. A
reply of READ, READLINK, GETXATTR with a size, and so on has plain bytes as its body and needs no
function here. `notify_...` return whole messages. Times and time-outs are nanoseconds; times are
signed.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from wafs.fuse.wire import abi
from wafs.fuse.wire.opcodes import FUSE_KERNEL_VERSION, NotifyCode

HEADER_SIZE = abi.OUT_HEADER.size
"""Bytes of `header`."""

_NS = 1_000_000_000
_NO_BACKING_ID = 0
_pack_header = abi.OUT_HEADER.pack
_pack_entry = abi.ENTRY_OUT.pack
_pack_attr = abi.ATTR_OUT.pack
_pack_create = abi.CREATE_OUT.pack
_pack_dirent = abi.DIRENT.pack
_DIRENT_SIZE = abi.DIRENT.size
_PAD = (b"", b"\0" * 7, b"\0" * 6, b"\0" * 5, b"\0" * 4, b"\0" * 3, b"\0" * 2, b"\0")


class Attr(NamedTuple):
    """What the kernel keeps of an inode (fuse_attr).

    `size` in bytes, `blocks` in units of 512 bytes, times in nanoseconds since 1970 and negative
    before, `mode` with the file type, `rdev` as the kernel encodes it, `blksize` in bytes.
    """

    ino: int
    size: int
    blocks: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    nlink: int
    uid: int
    gid: int
    rdev: int
    blksize: int


AttrValues: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int, int, int]
"""An `Attr`, or any other tuple of its shape: attributes are packed too often to be copied first."""


def header(unique: int, body_size: int) -> bytes:
    """Return the 16 bytes in front of a body of `body_size` bytes that answers `unique`."""
    return _pack_header(16 + body_size, 0, unique)


def error(unique: int, errno: int) -> bytes:
    """Return the whole reply that lets the request `unique` fail with a (positive) errno."""
    return _pack_header(16, -errno, unique)


def entry_out(nodeid: int, generation: int, attr: AttrValues, *, entry_ttl_ns: int, attr_ttl_ns: int) -> bytes:
    """Return the body that answers LOOKUP, MKNOD, MKDIR, SYMLINK and LINK.

    Each reply with a nodeid other than 0 adds one to what the kernel will FORGET of the inode.

    Source: struct fuse_entry_out, 7.9; 128 bytes.
    """
    ino, size, blocks, at, mt, ct, mode, nlink, uid, gid, rdev, blksize = attr
    at_s, at = divmod(at, _NS)
    mt_s, mt = divmod(mt, _NS)
    ct_s, ct = divmod(ct, _NS)
    return _pack_entry(
        nodeid, generation,
        entry_ttl_ns // _NS, attr_ttl_ns // _NS, entry_ttl_ns % _NS, attr_ttl_ns % _NS,
        ino, size, blocks, at_s, mt_s, ct_s, at, mt, ct,
        mode, nlink, uid, gid, rdev, blksize, 0,
    )  # fmt: skip


def no_entry_out(*, entry_ttl_ns: int) -> bytes:
    """Return the body that answers a LOOKUP of a name that does not exist, to be remembered.

    The kernel keeps nodeid 0 as "no such name" for the time given; it forgets ENOENT at once.
    """
    return _pack_entry(0, 0, entry_ttl_ns // _NS, 0, entry_ttl_ns % _NS, *bytes(17))


def attr_out(attr: AttrValues, *, ttl_ns: int) -> bytes:
    """Return the body that answers GETATTR and SETATTR.

    Source: struct fuse_attr_out, 7.9; 104 bytes.
    """
    ino, size, blocks, at, mt, ct, mode, nlink, uid, gid, rdev, blksize = attr
    at_s, at = divmod(at, _NS)
    mt_s, mt = divmod(mt, _NS)
    ct_s, ct = divmod(ct, _NS)
    return _pack_attr(
        ttl_ns // _NS, ttl_ns % _NS,
        ino, size, blocks, at_s, mt_s, ct_s, at, mt, ct,
        mode, nlink, uid, gid, rdev, blksize, 0,
    )  # fmt: skip


def open_out(fh: int, open_flags: int) -> bytes:
    """Return the body that answers OPEN and OPENDIR; `open_flags` has FOPEN bits."""
    return abi.OPEN_OUT.pack(fh, open_flags, _NO_BACKING_ID)


def create_out(entry: bytes, fh: int, open_flags: int) -> bytes:
    """Return the body that answers CREATE and TMPFILE: an `entry_out`, then an `open_out`."""
    return entry + abi.OPEN_OUT.pack(fh, open_flags, _NO_BACKING_ID)


def write_out(size: int) -> bytes:
    """Return the body that answers WRITE and COPY_FILE_RANGE: bytes written."""
    return abi.WRITE_OUT.pack(size)


def copy_file_range_64_out(size: int) -> bytes:
    """Return the body that answers COPY_FILE_RANGE_64: bytes copied."""
    return abi.COPY_FILE_RANGE_OUT.pack(size)


class Statfs(NamedTuple):
    """What the kernel says of a filesystem (fuse_kstatfs).

    `blocks`, `bfree` and `bavail` count units of `frsize` bytes; `bsize` is the preferred size of
    a read or write; `namelen` the longest name in bytes.
    """

    blocks: int
    bfree: int
    bavail: int
    files: int
    ffree: int
    bsize: int
    namelen: int
    frsize: int


def statfs_out(statfs: Statfs) -> bytes:
    """Return the body that answers STATFS."""
    return abi.STATFS_OUT.pack(*statfs)


def xattr_size_out(size: int) -> bytes:
    """Return the body that answers GETXATTR and LISTXATTR of size 0: bytes a caller will need."""
    return abi.GETXATTR_OUT.pack(size)


def lseek_out(offset: int) -> bytes:
    """Return the body that answers LSEEK."""
    return abi.LSEEK_OUT.pack(offset)


def lk_out(*, start: int, end: int, type_: int, pid: int) -> bytes:
    """Return the body that answers GETLK."""
    return abi.LK_OUT.pack(start, end, type_, pid)


def bmap_out(block: int) -> bytes:
    """Return the body that answers BMAP."""
    return abi.BMAP_OUT.pack(block)


def poll_out(revents: int) -> bytes:
    """Return the body that answers POLL."""
    return abi.POLL_OUT.pack(revents)


def ioctl_out(result: int) -> bytes:
    """Return the body that answers IOCTL, in front of the data for the caller."""
    return abi.IOCTL_OUT.pack(result, 0, 0, 0)


def statx_out(attr: AttrValues, *, mask: int, ttl_ns: int, btime_ns: int = 0) -> bytes:
    """Return the body that answers STATX; `mask` has the STATX_ bits of the fields that are set.

    Source: struct fuse_statx_out, 7.39; 288 bytes.
    """
    ino, size, blocks, at, mt, ct, mode, nlink, uid, gid, rdev, blksize = attr
    # rdev as the kernel packs it into 32 bits: minor 0-7, major 8-19, minor 8-19.
    major, minor = rdev >> 8 & 0xFFF, rdev & 0xFF | rdev >> 12 & 0xFFF00
    return abi.STATX_OUT.pack(
        ttl_ns // _NS, ttl_ns % _NS,
        mask, blksize, 0, nlink, uid, gid, mode, ino, size, blocks, 0,
        at // _NS, at % _NS, btime_ns // _NS, btime_ns % _NS,
        ct // _NS, ct % _NS, mt // _NS, mt % _NS,
        major, minor, 0, 0,
    )  # fmt: skip


class InitOut(NamedTuple):
    """What the server speaks and wants (fuse_init_out); `flags` holds all 64 bits.

    `max_readahead` and `max_write` in bytes, `max_pages` in pages of 4 KiB (counts with MAX_PAGES
    in `flags`), `time_gran` in nanoseconds, `request_timeout` in seconds (0: none).
    """

    minor: int
    max_readahead: int
    flags: int
    max_background: int
    congestion_threshold: int
    max_write: int
    time_gran: int
    max_pages: int
    request_timeout: int = 0


def init_out(init: InitOut) -> bytes:
    """Return the body that answers INIT.

    max_stack_depth is 0: no other filesystem is passed through. map_alignment is 0: no DAX.

    Source: struct fuse_init_out, 7.23 and newer; 64 bytes.
    """
    return abi.INIT_OUT.pack(
        FUSE_KERNEL_VERSION, init.minor, init.max_readahead, init.flags & 0xFFFF_FFFF,
        init.max_background, init.congestion_threshold, init.max_write, init.time_gran,
        init.max_pages, 0, init.flags >> 32, 0, init.request_timeout,
    )  # fmt: skip


def dirent_size(name: bytes) -> int:
    """Return the bytes that `pack_dirent` makes for this name."""
    return (_DIRENT_SIZE + len(name) + 7) & ~7


def direntplus_size(name: bytes) -> int:
    """Return the bytes that `pack_direntplus` makes for this name."""
    return (abi.DIRENTPLUS_SIZE + len(name) + 7) & ~7


def pack_dirent(ino: int, off: int, type_: int, name: bytes) -> bytes:
    """Return one entry of a READDIR reply.

    Args:
        ino: number of the inode; 0 would make readers skip the entry.
        off: where the next READDIR goes on behind this entry; never 0.
        type_: file type as in d_type, which is `mode >> 12`.
        name: 1 to 255 bytes.

    Source: struct fuse_dirent, 7.0; padded to 8 bytes.
    """
    return _pack_dirent(ino, off, len(name), type_) + name + _PAD[len(name) & 7]


def pack_direntplus(entry: bytes, ino: int, off: int, type_: int, name: bytes) -> bytes:
    """Return one entry of a READDIRPLUS reply: an `entry_out`, then what `pack_dirent` makes.

    An entry whose nodeid is 0 is listed but not looked up; "." and ".." must have none, because
    the kernel does not count a lookup for them.

    Source: struct fuse_direntplus, 7.21; padded to 8 bytes.
    """
    return entry + _pack_dirent(ino, off, len(name), type_) + name + _PAD[len(name) & 7]


def _notify(code: NotifyCode, body: bytes, *, data_size: int = 0) -> bytes:
    return _pack_header(16 + len(body) + data_size, code, 0) + body


def notify_inval_inode(nodeid: int, *, offset: int, length: int) -> bytes:
    """Return the message that drops cached attributes, and cached data from `offset` on.

    A negative `offset` leaves the data alone, a `length` of 0 or less means up to the end.

    Source: struct fuse_notify_inval_inode_out, 7.12.
    """
    body = abi.NOTIFY_INVAL_INODE_OUT.pack(nodeid, offset, length)
    return _notify(NotifyCode.INVAL_INODE, body)


def notify_inval_entry(parent: int, name: bytes, *, flags: int = 0) -> bytes:
    """Return the message that drops the cached entry `name` of a directory.

    With EXPIRE_ONLY in `flags` it is looked up again at the next use and stays until then.

    Source: struct fuse_notify_inval_entry_out, 7.12; the flags 7.38.
    """
    body = abi.NOTIFY_INVAL_ENTRY_OUT.pack(parent, len(name), flags)
    return _notify(NotifyCode.INVAL_ENTRY, body + name + b"\0")


def notify_delete(parent: int, child: int, name: bytes) -> bytes:
    """Return the message that says `name`, the inode `child`, is gone from a directory.

    Source: struct fuse_notify_delete_out, 7.18.
    """
    body = abi.NOTIFY_DELETE_OUT.pack(parent, child, len(name))
    return _notify(NotifyCode.DELETE, body + name + b"\0")


def notify_prune(nodeids: Sequence[int]) -> bytes:
    """Return the message that has the kernel forget inodes, as far as nobody uses them.

    Sizes: 512 inodes or fewer.
    Source: struct fuse_notify_prune_out, 7.45.
    """
    body = abi.NOTIFY_PRUNE_OUT.pack(len(nodeids)) + struct.pack(f"={len(nodeids)}Q", *nodeids)
    return _notify(NotifyCode.PRUNE, body)


def notify_store(nodeid: int, *, offset: int, size: int) -> bytes:
    """Return the front of the message that puts `size` bytes into the page cache.

    The bytes follow it in the same write.

    Source: struct fuse_notify_store_out, 7.15.
    """
    body = abi.NOTIFY_STORE_OUT.pack(nodeid, offset, size)
    return _notify(NotifyCode.STORE, body, data_size=size)
