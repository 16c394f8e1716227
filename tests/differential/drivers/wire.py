"""Wire port: asks over a socketpair what Linux would ask over /dev/fuse, of a session in a thread."""

from __future__ import annotations

import errno
import threading

from differential.drivers.port import Stat
from differential.vaults import Place
from wafs.fuse.channel import Channel
from wafs.fuse.linux.front_end import handlers_of
from wafs.fuse.session import Session
from wire.answers import as_int
from wire.kernel import Attr, Dirent, Entry, FakeKernel, socketpair

END_TIME_S = 30.0
LIST_SIZE = 1024
"""Bytes of a listing asked for at a time: a few entries."""


class WirePort:
    """A session over the vault at a place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._plus = False
        self.start()

    def start(self) -> None:
        ours, theirs = socketpair()
        self.vfs = self._place.vfs()
        self._channel = Channel(theirs.detach())

        def moment() -> int | None:
            return session.moment()

        handlers = handlers_of(self.vfs, moment=moment)
        session = Session(self._channel, handlers, chores=self.vfs.context.neighbours.chores)
        self._thread = threading.Thread(target=session.run, name="wire session")
        self._thread.start()
        self._socket = ours
        self.kernel = FakeKernel(ours)
        self.kernel.init()

    def stop(self) -> None:
        """End the session as an unmount does."""
        self.kernel.destroy()
        self.halt()

    def halt(self) -> None:
        """End the session whatever state it is in."""
        self._socket.close()
        self._thread.join(END_TIME_S)
        assert not self._thread.is_alive(), "the session did not end"
        self._channel.close()
        self.vfs.close()

    def remount(self) -> None:
        self.stop()
        self.start()

    def lookup(self, parent: int, name: bytes) -> tuple[int, Stat]:
        return _found(self.kernel.lookup(parent, name))

    def forget(self, forgets: list[tuple[int, int]]) -> None:
        if len(forgets) == 1:
            self.kernel.forget(*forgets[0])
        else:
            self.kernel.batch_forget(forgets)

    def getattr(self, node: int) -> Stat:
        return _stat(self.kernel.getattr(node))

    def chmod(self, node: int, mode: int) -> None:
        self.kernel.setattr(node, mode=mode)

    def utimens(self, node: int, atime_ns: int, mtime_ns: int) -> Stat:
        return _stat(self.kernel.setattr(node, atime_ns=atime_ns, mtime_ns=mtime_ns))

    def truncate(self, node: int, size: int) -> None:
        self.kernel.setattr(node, size=size)

    def readlink(self, node: int) -> bytes:
        return self.kernel.readlink(node)

    def mkdir(self, parent: int, name: bytes, mode: int) -> tuple[int, Stat]:
        return _found(self.kernel.mkdir(parent, name, mode, umask=0))

    def mkfifo(self, parent: int, name: bytes, mode: int) -> tuple[int, Stat]:
        return _found(self.kernel.mknod(parent, name, 0o010000 | mode, umask=0))

    def symlink(self, parent: int, name: bytes, target: bytes) -> tuple[int, Stat]:
        return _found(self.kernel.symlink(parent, name, target))

    def link(self, node: int, parent: int, name: bytes) -> tuple[int, Stat]:
        return _found(self.kernel.link(node, parent, name))

    def unlink(self, parent: int, name: bytes) -> None:
        self.kernel.unlink(parent, name)

    def rmdir(self, parent: int, name: bytes) -> None:
        self.kernel.rmdir(parent, name)

    def rename(self, parent: int, name: bytes, new_parent: int, new_name: bytes, flags: int) -> None:
        self.kernel.rename(parent, name, new_parent, new_name, flags=flags)

    def open(self, node: int, flags: int) -> int:
        return self.kernel.open(node, flags).fh

    def create(self, parent: int, name: bytes, flags: int, mode: int) -> tuple[int, Stat, int]:
        entry, opened = self.kernel.create(parent, name, flags, mode, umask=0)
        return *_found(entry), opened.fh

    def read(self, node: int, fh: int, offset: int, size: int) -> bytes:
        return self.kernel.read(node, fh, offset=offset, size=size)

    def write(self, node: int, fh: int, offset: int, data: bytes) -> int:
        return self.kernel.write(node, fh, offset=offset, data=data)

    def release(self, node: int, fh: int) -> None:
        self.kernel.release(node, fh)

    def fsync(self, node: int, fh: int, *, data_only: bool) -> None:
        self.kernel.fsync(node, fh, datasync=data_only)

    def fallocate(self, node: int, fh: int, mode: int, offset: int, size: int) -> None:
        self.kernel.fallocate(node, fh, offset=offset, length=size, mode=mode)

    def seek(self, node: int, fh: int, offset: int, whence: int) -> int:
        return self.kernel.lseek(node, fh, offset=offset, whence=whence)

    def copy(self, source: tuple[int, int, int], target: tuple[int, int, int], size: int) -> int:
        try:
            return self.kernel.copy_file_range(source, target, size)
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
        # So does Linux with a server that knows the older request only.
        reply = self.kernel.ask(
            "COPY_FILE_RANGE",
            source[0],
            {
                "fh_in": source[1], "off_in": source[2], "nodeid_out": target[0],
                "fh_out": target[1], "off_out": target[2], "length": size,
            },
        )  # fmt: skip
        return as_int(reply["size"])

    def opendir(self, node: int) -> int:
        return self.kernel.opendir(node).fh

    def names(self, node: int, fh: int) -> list[bytes]:
        self._plus = not self._plus
        found: list[Dirent] = []
        while part := self._list(node, fh, found[-1].off if found else 0):
            found += part
        held = [(item.entry.nodeid, 1) for item in found if item.entry is not None]
        if held:
            self.forget(held)
        return [item.name for item in found]

    def _list(self, node: int, fh: int, offset: int) -> list[Dirent]:
        ask = self.kernel.readdirplus if self._plus else self.kernel.readdir
        return ask(node, fh, offset=offset, size=LIST_SIZE)

    def fsyncdir(self, node: int, fh: int) -> None:
        self.kernel.fsyncdir(node, fh)

    def releasedir(self, node: int, fh: int) -> None:
        self.kernel.releasedir(node, fh)

    def setxattr(self, node: int, name: bytes, value: bytes, flags: int) -> None:
        self.kernel.setxattr(node, name, value, flags=flags)

    def getxattr(self, node: int, name: bytes) -> bytes:
        return _text(self.kernel.getxattr(node, name))

    def listxattr(self, node: int) -> list[bytes]:
        data = _text(self.kernel.listxattr(node))
        assert data == b"" or data.endswith(b"\0")
        return data.split(b"\0")[:-1]

    def removexattr(self, node: int, name: bytes) -> None:
        self.kernel.removexattr(node, name)

    def statvfs(self) -> tuple[int, int, int, int]:
        found = self.kernel.statfs()
        blocks, free, available, longest = (as_int(found[name]) for name in ("blocks", "bfree", "bavail", "namelen"))
        return blocks, free, available, longest


def _text(value: bytes | int) -> bytes:
    assert isinstance(value, bytes)
    return value


def _stat(attr: Attr) -> Stat:
    return Stat(attr.ino, attr.mode, attr.size, attr.nlink, attr.atime_ns, attr.mtime_ns)


def _found(entry: Entry) -> tuple[int, Stat]:
    assert entry.nodeid != 0
    return entry.nodeid, _stat(entry.attr)
