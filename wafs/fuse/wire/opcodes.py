"""Opcodes: what a message is about, in both directions."""

from enum import IntEnum
from typing import Final

FUSE_KERNEL_VERSION: Final = 7
FUSE_KERNEL_MINOR_VERSION: Final = 45
"""Newest minor version whose layouts this package knows (Linux 6.18)."""
FUSE_MIN_MINOR_VERSION: Final = 31
"""Oldest minor version whose layouts this package knows (Linux 5.4)."""

FUSE_ROOT_ID: Final = 1
"""The nodeid of the root; the kernel never looks it up and never forgets it."""


class Opcode(IntEnum):
    """Requests of the kernel.

    Source: linux/fuse.h, enum fuse_opcode; the comment tells the first minor version.
    """

    LOOKUP = 1
    FORGET = 2  # never answered
    GETATTR = 3
    SETATTR = 4
    READLINK = 5
    SYMLINK = 6
    MKNOD = 8
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    LINK = 13
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    SETXATTR = 21
    GETXATTR = 22
    LISTXATTR = 23
    REMOVEXATTR = 24
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30  # 7.2
    GETLK = 31  # 7.7
    SETLK = 32  # 7.7
    SETLKW = 33  # 7.7
    ACCESS = 34  # 7.3
    CREATE = 35  # 7.3
    INTERRUPT = 36  # 7.7; never answered when honoured
    BMAP = 37  # 7.8
    DESTROY = 38  # 7.8
    IOCTL = 39  # 7.11
    POLL = 40  # 7.11
    NOTIFY_REPLY = 41  # 7.15; never answered
    BATCH_FORGET = 42  # 7.16; never answered
    FALLOCATE = 43  # 7.19
    READDIRPLUS = 44  # 7.21
    RENAME2 = 45  # 7.23
    LSEEK = 46  # 7.24
    COPY_FILE_RANGE = 47  # 7.28
    SETUPMAPPING = 48  # 7.31
    REMOVEMAPPING = 49  # 7.31
    SYNCFS = 50  # 7.34
    TMPFILE = 51  # 7.37
    STATX = 52  # 7.39
    COPY_FILE_RANGE_64 = 53  # 7.45
    CUSE_INIT = 4096


class NotifyCode(IntEnum):
    """Messages a server sends unasked; they stand where a reply has its error.

    Source: linux/fuse.h, enum fuse_notify_code.
    """

    POLL = 1  # 7.11
    INVAL_INODE = 2  # 7.12
    INVAL_ENTRY = 3  # 7.12
    STORE = 4  # 7.15
    RETRIEVE = 5  # 7.15
    DELETE = 6  # 7.18
    RESEND = 7  # 7.40
    INC_EPOCH = 8  # 7.44
    PRUNE = 9  # 7.45


UNANSWERED: Final = frozenset({Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.NOTIFY_REPLY})
"""Requests for which the kernel keeps no slot: a reply to one is an error (EINVAL or ENOENT)."""
