"""Flags: bits in requests and replies.

INIT flags are an IntFlag, because they are printed and met once per mount. All others are plain
integers: they are tested thousands of times a second.
"""

from enum import IntFlag
from typing import Final


class InitFlag(IntFlag):
    """What kernel and server can do; bits 32 and up travel in the field flags2.

    Source: linux/fuse.h, INIT request/reply flags.
    """

    ASYNC_READ = 1 << 0
    POSIX_LOCKS = 1 << 1
    FILE_OPS = 1 << 2
    ATOMIC_O_TRUNC = 1 << 3
    EXPORT_SUPPORT = 1 << 4
    BIG_WRITES = 1 << 5
    DONT_MASK = 1 << 6
    SPLICE_WRITE = 1 << 7
    SPLICE_MOVE = 1 << 8
    SPLICE_READ = 1 << 9
    FLOCK_LOCKS = 1 << 10
    HAS_IOCTL_DIR = 1 << 11
    AUTO_INVAL_DATA = 1 << 12
    DO_READDIRPLUS = 1 << 13
    READDIRPLUS_AUTO = 1 << 14
    ASYNC_DIO = 1 << 15
    WRITEBACK_CACHE = 1 << 16
    NO_OPEN_SUPPORT = 1 << 17
    PARALLEL_DIROPS = 1 << 18
    HANDLE_KILLPRIV = 1 << 19
    POSIX_ACL = 1 << 20
    ABORT_ERROR = 1 << 21
    MAX_PAGES = 1 << 22
    CACHE_SYMLINKS = 1 << 23
    NO_OPENDIR_SUPPORT = 1 << 24
    EXPLICIT_INVAL_DATA = 1 << 25
    MAP_ALIGNMENT = 1 << 26
    SUBMOUNTS = 1 << 27
    HANDLE_KILLPRIV_V2 = 1 << 28
    SETXATTR_EXT = 1 << 29
    INIT_EXT = 1 << 30
    INIT_RESERVED = 1 << 31
    SECURITY_CTX = 1 << 32
    HAS_INODE_DAX = 1 << 33
    CREATE_SUPP_GROUP = 1 << 34
    HAS_EXPIRE_ONLY = 1 << 35
    DIRECT_IO_ALLOW_MMAP = 1 << 36
    PASSTHROUGH = 1 << 37
    NO_EXPORT_SUPPORT = 1 << 38
    HAS_RESEND = 1 << 39
    ALLOW_IDMAP = 1 << 40
    OVER_IO_URING = 1 << 41
    REQUEST_TIMEOUT = 1 << 42


# fuse_open_out.open_flags
FOPEN_DIRECT_IO: Final = 1 << 0
FOPEN_KEEP_CACHE: Final = 1 << 1
FOPEN_NONSEEKABLE: Final = 1 << 2
FOPEN_CACHE_DIR: Final = 1 << 3
FOPEN_STREAM: Final = 1 << 4
FOPEN_NOFLUSH: Final = 1 << 5
FOPEN_PARALLEL_DIRECT_WRITES: Final = 1 << 6
FOPEN_PASSTHROUGH: Final = 1 << 7

# fuse_setattr_in.valid
FATTR_MODE: Final = 1 << 0
FATTR_UID: Final = 1 << 1
FATTR_GID: Final = 1 << 2
FATTR_SIZE: Final = 1 << 3
FATTR_ATIME: Final = 1 << 4
FATTR_MTIME: Final = 1 << 5
FATTR_FH: Final = 1 << 6
FATTR_ATIME_NOW: Final = 1 << 7
FATTR_MTIME_NOW: Final = 1 << 8
FATTR_LOCKOWNER: Final = 1 << 9
FATTR_CTIME: Final = 1 << 10
FATTR_KILL_SUIDGID: Final = 1 << 11

# fuse_getattr_in.getattr_flags, also in fuse_statx_in
GETATTR_FH: Final = 1 << 0

# fuse_open_in.open_flags, also in fuse_create_in
OPEN_KILL_SUIDGID: Final = 1 << 0

# fuse_read_in.read_flags
READ_LOCKOWNER: Final = 1 << 1

# fuse_write_in.write_flags
WRITE_CACHE: Final = 1 << 0
WRITE_LOCKOWNER: Final = 1 << 1
WRITE_KILL_SUIDGID: Final = 1 << 2

# fuse_release_in.release_flags
RELEASE_FLUSH: Final = 1 << 0
RELEASE_FLOCK_UNLOCK: Final = 1 << 1

# fuse_fsync_in.fsync_flags
FSYNC_FDATASYNC: Final = 1 << 0

# fuse_setxattr_in.setxattr_flags
SETXATTR_ACL_KILL_SGID: Final = 1 << 0

# fuse_lk_in.lk_flags
LK_FLOCK: Final = 1 << 0

# fuse_poll_in.flags
POLL_SCHEDULE_NOTIFY: Final = 1 << 0

# fuse_ioctl_in.flags
IOCTL_COMPAT: Final = 1 << 0
IOCTL_UNRESTRICTED: Final = 1 << 1
IOCTL_RETRY: Final = 1 << 2
IOCTL_32BIT: Final = 1 << 3
IOCTL_DIR: Final = 1 << 4
IOCTL_COMPAT_X32: Final = 1 << 5

# fuse_attr.flags
ATTR_SUBMOUNT: Final = 1 << 0
ATTR_DAX: Final = 1 << 1

# fuse_notify_inval_entry_out.flags
EXPIRE_ONLY: Final = 1 << 0

# fuse_in_header.unique: the request was sent before and is sent again
UNIQUE_RESEND: Final = 1 << 63
