"""Attributes: GETATTR, SETATTR, STATX, ACCESS, STATFS and the requests about extended attributes."""

import errno
import os
import stat
from collections.abc import Callable
from typing import Final

from wafs.errors import AccessDeniedError, ResultTooLargeError
from wafs.fs.attrs import SetAttrs
from wafs.fs.vfs import Vfs
from wafs.fuse.linux.reply import TTL_NS, Handler, Reply, attr_body
from wafs.fuse.wire import flags, replies, requests
from wafs.fuse.wire.opcodes import Opcode
from wafs.fuse.wire.requests import InHeader
from wafs.store.base import NOW, Time
from wafs.units import ROOT_INO

STATUS_XATTR: Final = b"user.wafs.status"
"""On the root of a mount: what `wafs status` shows of it. Not listed, not stored."""

WHY_XATTR: Final = b"user.wafs.why"
"""On a file: why it could not be read, as JSON; on the root: all that is known. Not listed, not stored."""

REPORT_XATTR: Final = b"user.wafs.report"
"""Set on the root of a scratch mount: the path of a FIFO that is to get the report at the end. Not stored."""

_CAPABILITY: Final = b"security.capability"
"""What the kernel asks before the first write to any file; the storage of a vault holds none."""

_STATX_BASIC: Final = 0x7FF
_NAME_MAX: Final = 255


ReportTo = Callable[[bytes], None]
"""Takes the path of a FIFO."""


class AttributeHandlers:
    """Requests about attributes by nodeid."""

    def __init__(self, vfs: Vfs, status: Callable[[], bytes], report_to: ReportTo | None = None) -> None:
        self._attributes = vfs.attributes
        self._xattrs = vfs.xattrs
        self._status = status
        self._report_to = report_to
        self._reasons = vfs.reasons

    def table(self) -> dict[int, Handler]:
        """Return the handlers by opcode."""
        return {
            Opcode.GETATTR: self._getattr,
            Opcode.SETATTR: self._setattr,
            Opcode.STATX: self._statx,
            Opcode.ACCESS: self._access,
            Opcode.STATFS: self._statfs,
            Opcode.SETXATTR: self._setxattr,
            Opcode.GETXATTR: self._getxattr,
            Opcode.LISTXATTR: self._listxattr,
            Opcode.REMOVEXATTR: self._removexattr,
        }

    def _getattr(self, header: InHeader, body: memoryview) -> Reply:
        del body
        return attr_body(self._attributes.get(header.nodeid))

    def _setattr(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_setattr(body)
        valid = asked.valid
        changes = SetAttrs(
            mode=asked.mode if valid & flags.FATTR_MODE else None,
            uid=asked.uid if valid & flags.FATTR_UID else None,
            gid=asked.gid if valid & flags.FATTR_GID else None,
            size=asked.size if valid & flags.FATTR_SIZE else None,
            atime=_time(valid, flags.FATTR_ATIME, flags.FATTR_ATIME_NOW, asked.atime_ns),
            mtime=_time(valid, flags.FATTR_MTIME, flags.FATTR_MTIME_NOW, asked.mtime_ns),
            drop_setid=valid & flags.FATTR_KILL_SUIDGID != 0,
        )
        return attr_body(self._attributes.set(header.nodeid, changes))

    def _statx(self, header: InHeader, body: memoryview) -> Reply:
        del body
        attrs = self._attributes.get(header.nodeid)
        return replies.statx_out(attrs, mask=_STATX_BASIC, ttl_ns=TTL_NS)

    def _access(self, header: InHeader, body: memoryview) -> Reply:
        """Answer for the mount's owner; the kernel asks only without default_permissions, where nobody else gets in."""
        mask = requests.parse_access(body).mask
        attrs = self._attributes.get(header.nodeid)
        if header.uid == 0:
            allowed = mask & os.X_OK == 0 or attrs.mode & 0o111 != 0 or stat.S_ISDIR(attrs.mode)
        else:
            shift = 6 if header.uid == attrs.uid else 3 if header.gid == attrs.gid else 0
            allowed = attrs.mode >> shift & mask == mask
        if not allowed:
            raise AccessDeniedError
        return b""

    def _statfs(self, header: InHeader, body: memoryview) -> Reply:
        del header, body
        found = self._attributes.statvfs()
        return replies.statfs_out(
            replies.Statfs(
                found.f_blocks,
                found.f_bfree,
                found.f_bavail,
                found.f_files,
                found.f_ffree,
                found.f_bsize,
                _NAME_MAX,
                found.f_frsize,
            )
        )

    def _setxattr(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_setxattr(body, extended=False)
        if asked.name == WHY_XATTR or (asked.name == STATUS_XATTR and header.nodeid == ROOT_INO):
            raise AccessDeniedError
        if asked.name == REPORT_XATTR and header.nodeid == ROOT_INO and self._report_to is not None:
            if header.uid not in (0, os.geteuid()):
                raise AccessDeniedError
            self._report_to(bytes(asked.value))
            return b""
        self._xattrs.set(header.nodeid, asked.name, asked.value, asked.flags)
        return b""

    def _getxattr(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_getxattr(body)
        if asked.name == _CAPABILITY:
            return errno.EOPNOTSUPP
        if asked.name == STATUS_XATTR and header.nodeid == ROOT_INO:
            return _sized(self._status(), asked.size)
        if asked.name == WHY_XATTR:
            return _sized(self._why(header), asked.size)
        return _sized(self._xattrs.get(header.nodeid, asked.name), asked.size)

    def _why(self, header: InHeader) -> bytes:
        # All reasons hold paths that others of the machine may not be allowed to see.
        if header.nodeid == ROOT_INO and header.uid not in (0, os.geteuid()):
            raise AccessDeniedError
        return self._reasons.encode(header.nodeid)

    def _listxattr(self, header: InHeader, body: memoryview) -> Reply:
        names = self._xattrs.names(header.nodeid)
        data = b"".join(name + b"\0" for name in names)
        return _sized(data, requests.parse_listxattr(body).size)

    def _removexattr(self, header: InHeader, body: memoryview) -> Reply:
        self._xattrs.remove(header.nodeid, requests.parse_text(body))
        return b""


def _time(valid: int, given: int, now: int, time_ns: int) -> Time:
    if valid & now:
        return NOW
    return time_ns if valid & given else None


def _sized(data: bytes, size: int) -> bytes:
    """Answer a request that first asks with size 0 how large a buffer it needs."""
    if size == 0:
        return replies.xattr_size_out(len(data))
    if len(data) > size:
        raise ResultTooLargeError
    return data
