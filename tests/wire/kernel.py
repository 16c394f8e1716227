"""Fake kernel: asks over a socketpair what Linux would ask over /dev/fuse.

It encodes requests and decodes replies with the layouts of the tests, so it shares nothing with
`wafs.fuse.wire`. It has no cache: each method is one request and one reply.

    ours, theirs = socketpair()
    ... a session serves theirs.fileno() in a thread ...
    kernel = FakeKernel(ours)
    kernel.init()
    entry = kernel.lookup(ROOT, b"name")        # raises FileNotFoundError if there is none
"""

import os
import select
import socket
from dataclasses import dataclass

from wire import layouts
from wire.answers import (
    Attr,
    Dirent,
    Entry,
    Opened,
    as_bytes,
    as_int,
    attr_of,
    dirents_of,
    entry_of,
    opened_of,
)
from wire.layouts import Values

__all__ = ["ROOT", "Attr", "Caller", "Dirent", "Entry", "FakeKernel", "Opened", "socketpair"]

ROOT = 1
MINOR = 45
MAX_WRITE = 1 << 16
SOCKET_BUFFER = 1 << 20
PATIENCE_S = 60.0

FATTR_MODE, FATTR_UID, FATTR_GID, FATTR_SIZE = 1, 2, 4, 8
FATTR_ATIME, FATTR_MTIME, FATTR_FH = 16, 32, 64
FATTR_ATIME_NOW, FATTR_MTIME_NOW = 128, 256

# All a kernel of 6.18 offers, without POSIX_LOCKS and FLOCK_LOCKS.
OFFERED = 0x5FD_73FF_FFFB & ~(1 << 1) & ~(1 << 10)


@dataclass
class Caller:
    """Who asks: stands in the header of every request."""

    uid: int = os.getuid()
    gid: int = os.getgid()
    pid: int = os.getpid()


def socketpair() -> tuple[socket.socket, socket.socket]:
    """Return a connected pair that keeps messages apart and takes large ones."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in pair:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
    return pair


class FakeKernel:
    """The kernel's side of one mount.

    Thread: one thread. A server that does not answer within PATIENCE_S ends in TimeoutError.
    """

    def __init__(self, sock: socket.socket) -> None:
        """Talk over `sock`, the other end of which a session serves."""
        self.sock = sock
        self.caller = Caller()
        self.max_write = MAX_WRITE
        self.init_reply: Values = {}
        self.notified: list[bytes] = []
        self._last_unique = 0

    # The mount itself

    def init(self, *, minor: int = MINOR, flags: int = OFFERED, max_readahead: int = 1 << 17) -> Values:
        """Negotiate; returns the reply, with `flags` put together from its halves."""
        values: Values = {
            "major": 7, "minor": minor, "max_readahead": max_readahead,
            "flags": flags & 0xFFFF_FFFF, "flags2": flags >> 32,
        }  # fmt: skip
        reply = self.ask("INIT", 0, values)
        reply["flags"] = as_int(reply["flags"]) | as_int(reply["flags2"]) << 32
        self.max_write = min(as_int(reply["max_write"]), MAX_WRITE)
        self.init_reply = reply
        return reply

    def destroy(self) -> None:
        """Say that the mount ends."""
        self.ask("DESTROY", 0)

    def forget(self, nodeid: int, nlookup: int = 1) -> None:
        """Drop references; there is no answer."""
        self._send("FORGET", nodeid, {"nlookup": nlookup})

    def batch_forget(self, forgets: list[tuple[int, int]]) -> None:
        """Drop references to many inodes, (nodeid, nlookup) each; there is no answer."""
        data = b"".join(layouts.encode("n:Q l:Q", {"n": n, "l": k}) for n, k in forgets)
        self._send("BATCH_FORGET", 0, {"count": len(forgets), "data": data})

    def statfs(self, nodeid: int = ROOT) -> Values:
        """Return the fields of fuse_kstatfs."""
        return self.ask("STATFS", nodeid)

    def interrupt(self, unique: int) -> None:
        """Say that the caller of a request was interrupted; the answer, if any, is not awaited."""
        self._send("INTERRUPT", 0, {"unique": unique})

    # Entries

    def lookup(self, parent: int, name: bytes) -> Entry:
        """Find a name; an entry with nodeid 0 means a remembered ENOENT and raises as that."""
        entry = entry_of(self.ask("LOOKUP", parent, {"name": name}))
        if entry.nodeid == 0:
            raise FileNotFoundError(2, "no such entry, to be remembered")
        return entry

    def mknod(self, parent: int, name: bytes, mode: int, *, rdev: int = 0, umask: int = 0o22) -> Entry:
        """Make a file, pipe, socket or device."""
        values: Values = {"mode": mode & ~umask, "rdev": rdev, "umask": umask, "name": name}
        return entry_of(self.ask("MKNOD", parent, values))

    def mkdir(self, parent: int, name: bytes, mode: int = 0o777, *, umask: int = 0o22) -> Entry:
        """Make a directory."""
        values: Values = {"mode": mode & ~umask, "umask": umask, "name": name}
        return entry_of(self.ask("MKDIR", parent, values))

    def symlink(self, parent: int, name: bytes, target: bytes) -> Entry:
        """Make a symlink."""
        return entry_of(self.ask("SYMLINK", parent, {"name": name, "target": target}))

    def readlink(self, nodeid: int) -> bytes:
        """Return the target of a symlink."""
        return as_bytes(self.ask("READLINK", nodeid)["data"])

    def link(self, nodeid: int, parent: int, name: bytes) -> Entry:
        """Give an inode one more name."""
        return entry_of(self.ask("LINK", parent, {"oldnodeid": nodeid, "name": name}))

    def unlink(self, parent: int, name: bytes) -> None:
        """Remove a name that is no directory."""
        self.ask("UNLINK", parent, {"name": name})

    def rmdir(self, parent: int, name: bytes) -> None:
        """Remove an empty directory."""
        self.ask("RMDIR", parent, {"name": name})

    def rename(self, parent: int, name: bytes, newparent: int, newname: bytes, *, flags: int = 0) -> None:
        """Move a name: RENAME without flags, RENAME2 with."""
        values: Values = {"newdir": newparent, "name": name, "newname": newname}
        if flags:
            self.ask("RENAME2", parent, values | {"flags": flags})
        else:
            self.ask("RENAME", parent, values)

    # Attributes

    def getattr(self, nodeid: int, *, fh: int | None = None) -> Attr:
        """Return the attributes."""
        values: Values = {} if fh is None else {"getattr_flags": 1, "fh": fh}
        return attr_of(self.ask("GETATTR", nodeid, values))

    def setattr(
        self,
        nodeid: int,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        size: int | None = None,
        atime_ns: int | None = None,
        mtime_ns: int | None = None,
        atime_now: bool = False,
        mtime_now: bool = False,
        fh: int | None = None,
    ) -> Attr:
        """Change what is given, and return all attributes."""
        values: Values = {}
        valid = FATTR_ATIME | FATTR_ATIME_NOW if atime_now else 0
        valid |= FATTR_MTIME | FATTR_MTIME_NOW if mtime_now else 0
        given = [
            ("mode", mode, FATTR_MODE), ("uid", uid, FATTR_UID), ("gid", gid, FATTR_GID),
            ("size", size, FATTR_SIZE), ("fh", fh, FATTR_FH),
        ]  # fmt: skip
        for name, value, bit in given:
            if value is not None:
                values[name] = value
                valid |= bit
        for name, time_ns, bit in (("atime", atime_ns, FATTR_ATIME), ("mtime", mtime_ns, FATTR_MTIME)):
            if time_ns is not None:
                values[name], values[f"{name}nsec"] = divmod(time_ns, 1_000_000_000)
                valid |= bit
        return attr_of(self.ask("SETATTR", nodeid, values | {"valid": valid}))

    def statx(self, nodeid: int, *, mask: int = 0xFFF, flags: int = 0) -> Values:
        """Return the fields of fuse_statx."""
        return self.ask("STATX", nodeid, {"mask": mask, "flags": flags})

    def access(self, nodeid: int, mask: int) -> None:
        """Ask whether the caller may."""
        self.ask("ACCESS", nodeid, {"mask": mask})

    def setxattr(self, nodeid: int, name: bytes, value: bytes, *, flags: int = 0) -> None:
        """Set an extended attribute, in the layout that INIT settled on."""
        values: Values = {"size": len(value), "flags": flags, "name": name, "value": value}
        if as_int(self.init_reply.get("flags", 0)) & 1 << 29:
            self.ask("SETXATTR", nodeid, values)
        else:
            body = layouts.encode("size:I flags:I name:z value:*", values)
            self.ask_raw("SETXATTR", nodeid, body)

    def getxattr(self, nodeid: int, name: bytes, size: int = 1 << 16) -> bytes | int:
        """Return the value, or with `size` 0 its size."""
        return self._sized("GETXATTR", nodeid, {"size": size, "name": name})

    def listxattr(self, nodeid: int, size: int = 1 << 16) -> bytes | int:
        """Return the names, a NUL behind each, or with `size` 0 their size."""
        return self._sized("LISTXATTR", nodeid, {"size": size})

    def removexattr(self, nodeid: int, name: bytes) -> None:
        """Remove an extended attribute."""
        self.ask("REMOVEXATTR", nodeid, {"name": name})

    # Open files and directories

    def open(self, nodeid: int, flags: int) -> Opened:
        """Open a file; the kernel keeps O_CREAT, O_EXCL and O_NOCTTY to itself."""
        kept = flags & ~(os.O_CREAT | os.O_EXCL | os.O_NOCTTY)
        return opened_of(self.ask("OPEN", nodeid, {"flags": kept}))

    def opendir(self, nodeid: int) -> Opened:
        """Open a directory."""
        return opened_of(self.ask("OPENDIR", nodeid, {"flags": os.O_RDONLY | os.O_DIRECTORY}))

    def create(
        self, parent: int, name: bytes, flags: int, mode: int = 0o666, *, umask: int = 0o22
    ) -> tuple[Entry, Opened]:
        """Make a regular file and open it."""
        return self._create("CREATE", parent, name, flags | os.O_CREAT, mode & ~umask, umask)

    def tmpfile(self, parent: int, flags: int, mode: int = 0o600, *, umask: int = 0o22) -> tuple[Entry, Opened]:
        """Make a regular file without a name and open it."""
        return self._create("TMPFILE", parent, b"/", flags | os.O_TMPFILE, mode & ~umask, umask)

    def _create(self, opcode: str, parent: int, name: bytes, flags: int, mode: int, umask: int) -> tuple[Entry, Opened]:
        values: Values = {"flags": flags, "mode": 0o100000 | mode, "umask": umask, "name": name}
        reply = self.ask(opcode, parent, values)
        return entry_of(reply), opened_of(reply)

    def read(self, nodeid: int, fh: int, *, offset: int, size: int) -> bytes:
        """Read at most `size` bytes; the server may give fewer at the end only."""
        data = as_bytes(self.ask("READ", nodeid, _reading(fh, offset, size))["data"])
        assert len(data) <= size, "server gave more than was asked for"
        return data

    def write(self, nodeid: int, fh: int, *, offset: int, data: bytes) -> int:
        """Write one piece of at most `max_write` bytes and return how much was taken."""
        assert len(data) <= self.max_write, "more than INIT allows"
        values: Values = {"fh": fh, "offset": offset, "size": len(data), "data": data}
        return as_int(self.ask("WRITE", nodeid, values)["size"])

    def flush(self, nodeid: int, fh: int, *, lock_owner: int = 0) -> None:
        """Say that a descriptor was closed."""
        self.ask("FLUSH", nodeid, {"fh": fh, "lock_owner": lock_owner})

    def release(self, nodeid: int, fh: int, *, flags: int = 0) -> None:
        """Say that the last descriptor was closed."""
        self.ask("RELEASE", nodeid, {"fh": fh, "flags": flags})

    def fsync(self, nodeid: int, fh: int, *, datasync: bool = False) -> None:
        """Make a file durable."""
        self.ask("FSYNC", nodeid, {"fh": fh, "fsync_flags": int(datasync)})

    def lseek(self, nodeid: int, fh: int, *, offset: int, whence: int) -> int:
        """Find the next data or hole."""
        values: Values = {"fh": fh, "offset": offset, "whence": whence}
        return as_int(self.ask("LSEEK", nodeid, values)["offset"])

    def fallocate(self, nodeid: int, fh: int, *, offset: int, length: int, mode: int = 0) -> None:
        """Reserve space or punch a hole."""
        values: Values = {"fh": fh, "offset": offset, "length": length, "mode": mode}
        self.ask("FALLOCATE", nodeid, values)

    def copy_file_range(self, source: tuple[int, int, int], target: tuple[int, int, int], length: int) -> int:
        """Copy between (nodeid, fh, offset) and (nodeid, fh, offset): the 64-bit request."""
        values: Values = {
            "fh_in": source[1], "off_in": source[2], "nodeid_out": target[0],
            "fh_out": target[1], "off_out": target[2], "length": length,
        }  # fmt: skip
        return as_int(self.ask("COPY_FILE_RANGE_64", source[0], values)["bytes_copied"])

    def readdir(self, nodeid: int, fh: int, *, offset: int = 0, size: int = 4096) -> list[Dirent]:
        """Return one reply's worth of entries; none means the end."""
        data = as_bytes(self.ask("READDIR", nodeid, _reading(fh, offset, size))["data"])
        return dirents_of(data, size, plus=False)

    def readdirplus(self, nodeid: int, fh: int, *, offset: int = 0, size: int = 4096) -> list[Dirent]:
        """Return one reply's worth of entries with a lookup done for each."""
        data = as_bytes(self.ask("READDIRPLUS", nodeid, _reading(fh, offset, size))["data"])
        return dirents_of(data, size, plus=True)

    def releasedir(self, nodeid: int, fh: int) -> None:
        """Close a directory."""
        self.ask("RELEASEDIR", nodeid, {"fh": fh})

    def fsyncdir(self, nodeid: int, fh: int, *, datasync: bool = False) -> None:
        """Make a directory durable."""
        self.ask("FSYNCDIR", nodeid, {"fh": fh, "fsync_flags": int(datasync)})

    # Any request

    def ask(self, opcode: str, nodeid: int, values: Values | None = None) -> Values:
        """Send a request and return the fields of its reply; raises OSError if it is an error."""
        body = self.ask_raw(opcode, nodeid, layouts.encode(layouts.REQUESTS[opcode], values or {}))
        return layouts.decode(layouts.REPLIES.get(opcode, ""), body)

    def ask_raw(self, opcode: str | int, nodeid: int, body: bytes) -> bytes:
        """Send any body and return that of the reply; raises OSError if it is an error."""
        unique = self._send_raw(opcode, nodeid, body)
        header, reply = self._receive()
        assert header["unique"] == unique, "reply to another request"
        error = as_int(header["error"])
        if error:
            assert -1000 < error < 0, "no errno"
            assert not reply, "an error with a body"
            raise OSError(-error, os.strerror(-error))
        return reply

    def _sized(self, opcode: str, nodeid: int, values: Values) -> bytes | int:
        body = layouts.encode(layouts.REQUESTS[opcode], values)
        reply = self.ask_raw(opcode, nodeid, body)
        if values["size"] == 0:
            return as_int(layouts.decode("size:I padding:I", reply)["size"])
        return reply

    def _send(self, opcode: str, nodeid: int, values: Values) -> int:
        return self._send_raw(opcode, nodeid, layouts.encode(layouts.REQUESTS[opcode], values))

    def _send_raw(self, opcode: str | int, nodeid: int, body: bytes) -> int:
        self._last_unique += 2
        number = layouts.OPCODES[opcode] if isinstance(opcode, str) else opcode
        header = layouts.encode(
            layouts.IN_HEADER,
            {
                "len": 40 + len(body), "opcode": number, "unique": self._last_unique,
                "nodeid": nodeid, "uid": self.caller.uid, "gid": self.caller.gid,
                "pid": self.caller.pid,
            },
        )  # fmt: skip
        self.sock.send(header + body)
        return self._last_unique

    def _receive(self) -> tuple[Values, bytes]:
        while True:
            if not select.select([self.sock], [], [], PATIENCE_S)[0]:
                msg = f"no reply within {PATIENCE_S} s"
                raise TimeoutError(msg)
            message = self.sock.recv(SOCKET_BUFFER)
            if not message:
                msg = "the server closed its end"
                raise ConnectionError(msg)
            header = layouts.decode(layouts.OUT_HEADER, message[:16])
            assert header["len"] == len(message), "length in the header is wrong"
            if header["unique"] != 0:
                return header, message[16:]
            self.notified.append(message)


def _reading(fh: int, offset: int, size: int) -> Values:
    return {"fh": fh, "offset": offset, "size": size}
