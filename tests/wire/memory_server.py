"""Memory server: a small FUSE filesystem in memory, made of the wire layer and a channel only.

It lets wire and channel be tested, and real requests be recorded, without a vault. It checks no
permissions and forgets nothing; it is as simple as it can be while the kernel accepts it.
"""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from wafs.errors import MalformedRequestError
from wafs.fuse.channel import Channel
from wafs.fuse.wire import replies, requests
from wafs.fuse.wire.flags import (
    FATTR_ATIME,
    FATTR_GID,
    FATTR_MODE,
    FATTR_MTIME,
    FATTR_SIZE,
    FOPEN_KEEP_CACHE,
    InitFlag,
)
from wafs.fuse.wire.opcodes import FUSE_ROOT_ID, UNANSWERED, Opcode

MAX_WRITE = 1 << 17
TIME_NS = -1_500_000_000  # before 1970 unless set, so that the sign is in every recording
TTL_NS = 1_250_000_000
LIST_SIZE = 1024
"""Bytes of a directory given at once, so that listing 40 files takes more than one request."""
WAIT_NAME = b"user.wait"
"""GETXATTR of this name is answered when it is interrupted."""

Observer: TypeAlias = Callable[[bytes, bytes], None]
_Header: TypeAlias = requests.InHeader
_Handler: TypeAlias = Callable[[_Header, memoryview], bytes | None]

WANTED = (
    InitFlag.ASYNC_READ | InitFlag.ATOMIC_O_TRUNC | InitFlag.BIG_WRITES | InitFlag.DO_READDIRPLUS
    | InitFlag.READDIRPLUS_AUTO | InitFlag.PARALLEL_DIROPS | InitFlag.MAX_PAGES
    | InitFlag.SETXATTR_EXT | InitFlag.INIT_EXT | InitFlag.HAS_EXPIRE_ONLY | InitFlag.HAS_RESEND
    | InitFlag.POSIX_LOCKS | InitFlag.CREATE_SUPP_GROUP
)  # fmt: skip


class _LaterError(Exception):
    """The request is not answered, or not yet."""


@dataclass
class Node:
    """One inode."""

    mode: int
    rdev: int = 0
    nlink: int = 1
    gid: int = field(default_factory=os.getgid)
    data: bytearray = field(default_factory=bytearray)
    entries: dict[bytes, int] = field(default_factory=dict)
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    atime_ns: int = TIME_NS
    mtime_ns: int = TIME_NS


class MemoryServer:
    """Answers the requests that come over a channel until it ends."""

    def __init__(self, channel: Channel, observe: Observer = lambda request, reply: None) -> None:
        """Serve `channel`; `observe` is given each request with its reply (empty if none)."""
        self.channel = channel
        self.observe = observe
        self.extra_flags = InitFlag(0)
        self.missing: set[int] = set()
        self._waiting: set[int] = set()
        self.nodes = {FUSE_ROOT_ID: Node(stat.S_IFDIR | 0o755)}
        self.next_nodeid = FUSE_ROOT_ID + 1
        self._handlers: dict[int, _Handler] = {
            opcode: getattr(self, f"_do_{opcode.name.lower()}")
            for opcode in Opcode
            if hasattr(self, f"_do_{opcode.name.lower()}")
        }

    def serve(self) -> None:
        """Answer until the channel ends or is stopped."""
        try:
            self._serve()
        except BaseException:
            # Whoever waits for an answer gets an error instead of waiting for ever.
            self.channel.close()
            raise

    def _serve(self) -> None:
        buffer = bytearray(MAX_WRITE + 4096)
        view = memoryview(buffer)
        while (size := self.channel.receive(buffer)) > 0:
            message = view[:size]
            header, body = requests.parse_request(message)
            reply = self._answer(header, body)
            if reply:
                self.channel.send([reply])
            self.observe(bytes(message), reply)

    def _answer(self, header: _Header, body: memoryview) -> bytes:
        handler = self._handlers.get(header.opcode)
        if handler is None or header.opcode in self.missing:
            return replies.error(header.unique, errno.ENOSYS)
        try:
            result = handler(header, body) or b""
        except _LaterError:
            return b""
        except MalformedRequestError:
            return replies.error(header.unique, errno.EIO)
        except OSError as exc:
            return replies.error(header.unique, exc.errno or errno.EIO)
        if header.opcode in UNANSWERED:
            return b""
        return replies.header(header.unique, len(result)) + result

    # Attributes and entries

    def _attr(self, nodeid: int) -> replies.Attr:
        node = self.nodes[nodeid]
        return replies.Attr(
            nodeid, len(node.data), (len(node.data) + 511) // 512,
            node.atime_ns, node.mtime_ns, TIME_NS,
            node.mode, node.nlink, os.getuid(), node.gid, node.rdev, 4096,
        )  # fmt: skip

    def _entry(self, nodeid: int) -> bytes:
        return replies.entry_out(nodeid, 0, self._attr(nodeid), entry_ttl_ns=TTL_NS, attr_ttl_ns=TTL_NS)

    def _find(self, parent: int, name: bytes) -> int:
        try:
            return self.nodes[parent].entries[name]
        except KeyError:
            raise OSError(errno.ENOENT, "no such entry") from None

    def _add(self, parent: int, name: bytes, node: Node) -> bytes:
        nodeid = self.next_nodeid
        self.next_nodeid += 1
        self.nodes[nodeid] = node
        self.nodes[parent].entries[name] = nodeid
        return self._entry(nodeid)

    def _do_lookup(self, header: _Header, body: memoryview) -> bytes:
        return self._entry(self._find(header.nodeid, requests.parse_name(body)))

    def _do_forget(self, header: _Header, body: memoryview) -> None:
        requests.parse_forget(body)

    def _do_batch_forget(self, header: _Header, body: memoryview) -> None:
        requests.parse_batch_forget(body)

    def _do_getattr(self, header: _Header, body: memoryview) -> bytes:
        requests.parse_getattr(body)
        return replies.attr_out(self._attr(header.nodeid), ttl_ns=TTL_NS)

    def _do_statx(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_statx(body)
        attr = self._attr(header.nodeid)
        return replies.statx_out(attr, mask=request.mask, ttl_ns=TTL_NS, btime_ns=TIME_NS)

    def _do_setattr(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_setattr(body)
        node = self.nodes[header.nodeid]
        if request.valid & FATTR_MODE:
            node.mode = request.mode
        if request.valid & FATTR_GID:
            node.gid = request.gid
        if request.valid & FATTR_SIZE:
            self._resize(node, request.size)
        if request.valid & FATTR_ATIME:
            node.atime_ns = request.atime_ns
        if request.valid & FATTR_MTIME:
            node.mtime_ns = request.mtime_ns
        return replies.attr_out(self._attr(header.nodeid), ttl_ns=TTL_NS)

    def _do_readlink(self, header: _Header, body: memoryview) -> bytes:
        return bytes(self.nodes[header.nodeid].data)

    def _do_symlink(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_symlink(body)
        node = Node(stat.S_IFLNK | 0o777, data=bytearray(request.target))
        return self._add(header.nodeid, request.name, node)

    def _do_mknod(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_mknod(body)
        return self._add(header.nodeid, request.name, Node(request.mode, request.rdev))

    def _do_mkdir(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_mkdir(body)
        return self._add(header.nodeid, request.name, Node(stat.S_IFDIR | request.mode, nlink=2))

    def _do_unlink(self, header: _Header, body: memoryview) -> None:
        name = requests.parse_name(body)
        self.nodes[self._find(header.nodeid, name)].nlink -= 1
        del self.nodes[header.nodeid].entries[name]

    def _do_rmdir(self, header: _Header, body: memoryview) -> None:
        name = requests.parse_name(body)
        if self.nodes[self._find(header.nodeid, name)].entries:
            raise OSError(errno.ENOTEMPTY, "directory is not empty")
        del self.nodes[header.nodeid].entries[name]

    def _do_rename(self, header: _Header, body: memoryview) -> None:
        self._rename(header.nodeid, requests.parse_rename(body))

    def _do_rename2(self, header: _Header, body: memoryview) -> None:
        self._rename(header.nodeid, requests.parse_rename2(body))

    def _rename(self, parent: int, request: requests.RenameIn) -> None:
        old, new = self.nodes[parent].entries, self.nodes[request.newdir].entries
        moved = self._find(parent, request.name)
        if request.flags & 1 and request.newname in new:
            raise OSError(errno.EEXIST, "target exists")
        if request.flags & 2:
            old[request.name] = self._find(request.newdir, request.newname)
        else:
            del old[request.name]
        new[request.newname] = moved

    def _do_link(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_link(body)
        self.nodes[request.oldnodeid].nlink += 1
        self.nodes[header.nodeid].entries[request.name] = request.oldnodeid
        return self._entry(request.oldnodeid)

    def _do_access(self, header: _Header, body: memoryview) -> None:
        requests.parse_access(body)

    # Extended attributes

    def _do_setxattr(self, header: _Header, body: memoryview) -> None:
        request = requests.parse_setxattr(body, extended=True)
        self.nodes[header.nodeid].xattrs[request.name] = request.value

    def _do_getxattr(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_getxattr(body)
        if request.name == WAIT_NAME:
            self._waiting.add(header.unique)
            raise _LaterError
        value = self.nodes[header.nodeid].xattrs.get(request.name)
        if value is None:
            raise OSError(errno.ENODATA, "no such attribute")
        return self._sized(value, request.size)

    def _do_listxattr(self, header: _Header, body: memoryview) -> bytes:
        names = b"".join(name + b"\0" for name in self.nodes[header.nodeid].xattrs)
        return self._sized(names, requests.parse_listxattr(body).size)

    def _sized(self, value: bytes, size: int) -> bytes:
        if size == 0:
            return replies.xattr_size_out(len(value))
        if size < len(value):
            raise OSError(errno.ERANGE, "value is longer than the buffer")
        return value

    def _do_removexattr(self, header: _Header, body: memoryview) -> None:
        del self.nodes[header.nodeid].xattrs[requests.parse_text(body)]

    # Open files and directories; the nodeid serves as file handle

    def _do_open(self, header: _Header, body: memoryview) -> bytes:
        if requests.parse_open(body).flags & os.O_TRUNC:
            self.nodes[header.nodeid].data.clear()
        return replies.open_out(header.nodeid, FOPEN_KEEP_CACHE)

    def _do_opendir(self, header: _Header, body: memoryview) -> bytes:
        requests.parse_open(body)
        return replies.open_out(header.nodeid, 0)

    def _do_create(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_create(body)
        entry = self._add(header.nodeid, request.name, Node(request.mode))
        return replies.create_out(entry, self.next_nodeid - 1, 0)

    def _do_tmpfile(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_tmpfile(body)
        nodeid = self.next_nodeid
        self.next_nodeid += 1
        self.nodes[nodeid] = Node(request.mode, nlink=0)
        return replies.create_out(self._entry(nodeid), nodeid, 0)

    def _do_read(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_read(body)
        return bytes(self.nodes[request.fh].data[request.offset : request.offset + request.size])

    def _do_write(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_write(body)
        node = self.nodes[request.fh]
        self._resize(node, max(len(node.data), request.offset + request.size))
        node.data[request.offset : request.offset + request.size] = request.data
        return replies.write_out(request.size)

    def _resize(self, node: Node, size: int) -> None:
        del node.data[size:]
        node.data.extend(bytes(size - len(node.data)))

    def _do_readdir(self, header: _Header, body: memoryview) -> bytes:
        return self._list(requests.parse_read(body), plus=False)

    def _do_readdirplus(self, header: _Header, body: memoryview) -> bytes:
        return self._list(requests.parse_read(body), plus=True)

    def _list(self, request: requests.ReadIn, *, plus: bool) -> bytes:
        listed, used = [], 0
        for number, (name, nodeid) in enumerate(self.nodes[request.fh].entries.items()):
            if number < request.offset:
                continue
            size = replies.direntplus_size(name) if plus else replies.dirent_size(name)
            if used + size > min(request.size, LIST_SIZE):
                break
            rest = (nodeid, number + 1, self.nodes[nodeid].mode >> 12, name)
            listed.append(replies.pack_direntplus(self._entry(nodeid), *rest) if plus else replies.pack_dirent(*rest))
            used += size
        return b"".join(listed)

    def _do_release(self, header: _Header, body: memoryview) -> None:
        requests.parse_release(body)

    def _do_flush(self, header: _Header, body: memoryview) -> None:
        requests.parse_flush(body)

    def _do_fsync(self, header: _Header, body: memoryview) -> None:
        requests.parse_fsync(body)

    def _do_fallocate(self, header: _Header, body: memoryview) -> None:
        request = requests.parse_fallocate(body)
        node = self.nodes[request.fh]
        if request.mode & 2:  # FALLOC_FL_PUNCH_HOLE
            node.data[request.offset : request.offset + request.length] = bytes(request.length)
        else:
            self._resize(node, max(len(node.data), request.offset + request.length))

    def _do_lseek(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_lseek(body)
        size = len(self.nodes[request.fh].data)
        if not 0 <= request.offset < size:
            raise OSError(errno.ENXIO, "offset is beyond the end")
        return replies.lseek_out(request.offset if request.whence == os.SEEK_DATA else size)

    def _do_copy_file_range(self, header: _Header, body: memoryview) -> bytes:
        return replies.write_out(self._copy(requests.parse_copy_file_range(body)))

    def _do_copy_file_range_64(self, header: _Header, body: memoryview) -> bytes:
        return replies.copy_file_range_64_out(self._copy(requests.parse_copy_file_range(body)))

    def _copy(self, request: requests.CopyFileRangeIn) -> int:
        data = self.nodes[request.fh_in].data[request.off_in : request.off_in + request.length]
        target = self.nodes[request.fh_out]
        self._resize(target, max(len(target.data), request.off_out + len(data)))
        target.data[request.off_out : request.off_out + len(data)] = data
        return len(data)

    def _do_getlk(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_lk(body)
        return replies.lk_out(start=request.start, end=request.end, type_=2, pid=0)  # F_UNLCK

    def _do_setlk(self, header: _Header, body: memoryview) -> None:
        requests.parse_lk(body)

    _do_releasedir, _do_fsyncdir = _do_release, _do_fsync

    # The mount itself

    def _do_interrupt(self, header: _Header, body: memoryview) -> None:
        unique = requests.parse_interrupt(body).unique
        if unique in self._waiting:
            self._waiting.remove(unique)
            self.channel.send([replies.error(unique, errno.EINTR)])
        raise _LaterError

    def _do_init(self, header: _Header, body: memoryview) -> bytes:
        request = requests.parse_init(body)
        return replies.init_out(
            replies.InitOut(
                minor=request.minor,
                max_readahead=request.max_readahead,
                flags=request.flags & (WANTED | self.extra_flags),
                max_background=12,
                congestion_threshold=9,
                max_write=MAX_WRITE,
                time_gran=1,
                max_pages=MAX_WRITE // 4096,
            )
        )

    def _do_statfs(self, header: _Header, body: memoryview) -> bytes:
        return replies.statfs_out(replies.Statfs(1000, 900, 800, 70, 60, 4096, 255, 512))

    def _do_syncfs(self, header: _Header, body: memoryview) -> None:
        requests.parse_syncfs(body)

    def _do_poll(self, header: _Header, body: memoryview) -> bytes:
        return replies.poll_out(requests.parse_poll(body).events)

    def _do_destroy(self, header: _Header, body: memoryview) -> None:
        pass
