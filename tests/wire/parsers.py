"""Parsers: which function of the wire layer is for which request."""

from collections.abc import Callable
from functools import partial
from typing import Any

from wafs.fuse.wire import requests

PARSERS: dict[str, Callable[[Any], Any]] = {
    "LOOKUP": requests.parse_name,
    "FORGET": requests.parse_forget,
    "GETATTR": requests.parse_getattr,
    "SETATTR": requests.parse_setattr,
    "SYMLINK": requests.parse_symlink,
    "MKNOD": requests.parse_mknod,
    "MKDIR": requests.parse_mkdir,
    "UNLINK": requests.parse_name,
    "RMDIR": requests.parse_name,
    "RENAME": requests.parse_rename,
    "LINK": requests.parse_link,
    "OPEN": requests.parse_open,
    "READ": requests.parse_read,
    "WRITE": requests.parse_write,
    "RELEASE": requests.parse_release,
    "FSYNC": requests.parse_fsync,
    "SETXATTR": partial(requests.parse_setxattr, extended=True),
    "GETXATTR": requests.parse_getxattr,
    "LISTXATTR": requests.parse_listxattr,
    "REMOVEXATTR": requests.parse_text,
    "FLUSH": requests.parse_flush,
    "INIT": requests.parse_init,
    "OPENDIR": requests.parse_open,
    "READDIR": requests.parse_read,
    "RELEASEDIR": requests.parse_release,
    "FSYNCDIR": requests.parse_fsync,
    "GETLK": requests.parse_lk,
    "SETLK": requests.parse_lk,
    "SETLKW": requests.parse_lk,
    "ACCESS": requests.parse_access,
    "CREATE": requests.parse_create,
    "INTERRUPT": requests.parse_interrupt,
    "BMAP": requests.parse_bmap,
    "IOCTL": requests.parse_ioctl,
    "POLL": requests.parse_poll,
    "NOTIFY_REPLY": requests.parse_notify_reply,
    "BATCH_FORGET": requests.parse_batch_forget,
    "FALLOCATE": requests.parse_fallocate,
    "READDIRPLUS": requests.parse_read,
    "RENAME2": requests.parse_rename2,
    "LSEEK": requests.parse_lseek,
    "COPY_FILE_RANGE": requests.parse_copy_file_range,
    "COPY_FILE_RANGE_64": requests.parse_copy_file_range,
    "SYNCFS": requests.parse_syncfs,
    "TMPFILE": requests.parse_tmpfile,
    "STATX": requests.parse_statx,
}
"""Every request with a body; READLINK, STATFS and DESTROY have none."""


def parsed_values(opcode: str, body: bytes | memoryview) -> dict[str, Any]:
    """Parse `body` and return the result by field name, with views made bytes."""
    result = PARSERS[opcode](body)
    if isinstance(result, bytes):
        return {"name": result}
    if isinstance(result, list):
        return {"forgets": result}
    values = result._asdict()
    return {k: bytes(v) if isinstance(v, memoryview) else v for k, v in values.items()}
