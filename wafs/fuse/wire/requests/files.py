"""Files: requests on open files and directories.

OPENDIR is parsed as OPEN, READDIR and READDIRPLUS as READ, RELEASEDIR as RELEASE, FSYNCDIR as
FSYNC.
"""

from typing import NamedTuple

from wafs.errors import MalformedRequestError
from wafs.fuse.wire import abi
from wafs.fuse.wire.requests.framing import Body, fixed, new, unpacker


class OpenIn(NamedTuple):
    """OPEN and OPENDIR; `flags` are those of open(2) without O_CREAT, O_EXCL and O_NOCTTY."""

    flags: int
    open_flags: int


class ReadIn(NamedTuple):
    """READ, READDIR and READDIRPLUS; in the last two `offset` is the `off` of an entry."""

    fh: int
    offset: int
    size: int
    read_flags: int
    lock_owner: int
    flags: int


class WriteIn(NamedTuple):
    """WRITE; `data` is a view of the body, of `size` bytes."""

    fh: int
    offset: int
    size: int
    write_flags: int
    lock_owner: int
    flags: int
    data: memoryview


class ReleaseIn(NamedTuple):
    """RELEASE and RELEASEDIR: the last user of the handle is gone."""

    fh: int
    flags: int
    release_flags: int
    lock_owner: int


class FlushIn(NamedTuple):
    """FLUSH: one descriptor of the handle was closed."""

    fh: int
    lock_owner: int


class FsyncIn(NamedTuple):
    """FSYNC and FSYNCDIR; with FSYNC_FDATASYNC the times may stay behind."""

    fh: int
    fsync_flags: int


class LseekIn(NamedTuple):
    """LSEEK; `whence` is SEEK_DATA or SEEK_HOLE, the kernel does the others; `offset` is signed."""

    fh: int
    offset: int
    whence: int


class FallocateIn(NamedTuple):
    """FALLOCATE; `mode` has FALLOC_FL_ bits."""

    fh: int
    offset: int
    length: int
    mode: int


class CopyFileRangeIn(NamedTuple):
    """COPY_FILE_RANGE and COPY_FILE_RANGE_64; the source inode is the header's nodeid."""

    fh_in: int
    off_in: int
    nodeid_out: int
    fh_out: int
    off_out: int
    length: int
    flags: int


class LkIn(NamedTuple):
    """GETLK, SETLK and SETLKW: bytes `start` to `end` inclusive; `type` is F_RDLCK and so on."""

    fh: int
    owner: int
    start: int
    end: int
    type: int
    pid: int
    lk_flags: int


class BmapIn(NamedTuple):
    """BMAP: where does this block of the file lie on the device?"""

    block: int
    blocksize: int


class IoctlIn(NamedTuple):
    """IOCTL; `data` is what the caller handed in, a view of the body."""

    fh: int
    flags: int
    cmd: int
    arg: int
    in_size: int
    out_size: int
    data: memoryview


class PollIn(NamedTuple):
    """POLL; `kh` is the kernel's name for whoever waits."""

    fh: int
    kh: int
    flags: int
    events: int


parse_open = fixed(abi.OPEN_IN, OpenIn, "OPEN")
parse_read = fixed(abi.READ_IN, ReadIn, "READ")
parse_release = fixed(abi.RELEASE_IN, ReleaseIn, "RELEASE")
parse_flush = fixed(abi.FLUSH_IN, FlushIn, "FLUSH")
parse_fsync = fixed(abi.FSYNC_IN, FsyncIn, "FSYNC")
parse_lseek = fixed(abi.LSEEK_IN, LseekIn, "LSEEK")
parse_fallocate = fixed(abi.FALLOCATE_IN, FallocateIn, "FALLOCATE")
parse_copy_file_range = fixed(abi.COPY_FILE_RANGE_IN, CopyFileRangeIn, "COPY_FILE_RANGE")
parse_lk = fixed(abi.LK_IN, LkIn, "GETLK or SETLK")
parse_bmap = fixed(abi.BMAP_IN, BmapIn, "BMAP")
parse_poll = fixed(abi.POLL_IN, PollIn, "POLL")

_WRITE_SIZE = abi.WRITE_IN.size
_unpack_write = unpacker(abi.WRITE_IN, "WRITE")
_unpack_ioctl = unpacker(abi.IOCTL_IN, "IOCTL")


def parse_write(body: Body) -> WriteIn:
    """Parse WRITE without copying the data.

    Raises: MalformedRequestError if there are fewer than `size` bytes of data.
    Thread: `data` is valid until the receive buffer is filled again.
    Source: struct fuse_write_in, 7.9.
    """
    fields = _unpack_write(body)
    size = fields[2]
    data = memoryview(body)[_WRITE_SIZE : _WRITE_SIZE + size]
    if len(data) != size:
        msg = f"WRITE with {len(data)} bytes of data, want {size}"
        raise MalformedRequestError(msg)
    return new(WriteIn, (*fields, data))


def parse_ioctl(body: Body) -> IoctlIn:
    """Parse IOCTL without copying the data.

    Raises: MalformedRequestError if there are fewer than `in_size` bytes of data.
    Source: struct fuse_ioctl_in, 7.11.
    """
    start = abi.IOCTL_IN.size
    fh, flags, cmd, arg, in_size, out_size = _unpack_ioctl(body)
    data = memoryview(body)[start : start + in_size]
    if len(data) != in_size:
        msg = f"IOCTL with {len(data)} bytes of data, want {in_size}"
        raise MalformedRequestError(msg)
    return IoctlIn(fh, flags, cmd, arg, in_size, out_size, data)
