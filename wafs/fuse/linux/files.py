"""Files: the requests about open regular files, READ and WRITE among them."""

import errno
import os
from functools import partial
from typing import Final

from wafs.errors import NotImplementedOperationError
from wafs.fs.vfs import Vfs
from wafs.fuse.linux.reply import Handler, Held, Later, Notify, Reply, caller_of, entry_body
from wafs.fuse.wire import flags, replies, requests
from wafs.fuse.wire.opcodes import Opcode
from wafs.fuse.wire.requests import InHeader
from wafs.units import MIB
from wafs.vault.scratch import Scratch

_MAX_COPY: Final = 64 * MIB
"""Bytes copied for one request: a copy is several requests, so that it can be interrupted."""


class FileHandlers:
    """Requests by file handle.

    READ and WRITE share one scratch, so they run in one thread; the others may run anywhere.
    """

    def __init__(self, vfs: Vfs, notify: Notify) -> None:
        self._notify = notify
        self._files = vfs.files
        self._tree = vfs.tree
        self._scratch = Scratch()

    def table(self) -> dict[int, Handler]:
        """Return the handlers by opcode."""
        return {
            Opcode.OPEN: self._open,
            Opcode.CREATE: self._create,
            Opcode.TMPFILE: self._tmpfile,
            Opcode.READ: self._read,
            Opcode.WRITE: self._write,
            Opcode.FLUSH: self._flush,
            Opcode.RELEASE: self._release,
            Opcode.FSYNC: self._fsync,
            Opcode.FALLOCATE: self._fallocate,
            Opcode.LSEEK: self._lseek,
            Opcode.COPY_FILE_RANGE: self._copy_file_range,
            Opcode.COPY_FILE_RANGE_64: self._copy_file_range_64,
        }

    def _open(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_open(body)
        drop_setid = asked.open_flags & flags.OPEN_KILL_SUIDGID != 0
        opened = self._files.open(header.nodeid, asked.flags, drop_setid=drop_setid)
        if opened.is_size_new:
            self._forget_size(header.nodeid)
        reply = replies.open_out(opened.fh, flags.FOPEN_KEEP_CACHE if opened.keep_cache else 0)
        return Held(reply, partial(self._files.release, opened.fh))

    def _create(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_create(body)
        entry, fh = self._files.create(
            header.nodeid, asked.name, asked.mode, flags=asked.flags, caller=caller_of(header)
        )
        # Attributes of a file in flight are not to be kept: sealing it changes its times.
        body_out = replies.create_out(entry_body(entry, attr_ttl_ns=0), fh, flags.FOPEN_KEEP_CACHE)
        return Held(body_out, partial(self._undo_create, fh, entry.ino))

    def _tmpfile(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_tmpfile(body)
        entry, fh = self._files.create_unnamed(header.nodeid, asked.mode, flags=asked.flags, caller=caller_of(header))
        body_out = replies.create_out(entry_body(entry, attr_ttl_ns=0), fh, flags.FOPEN_KEEP_CACHE)
        return Held(body_out, partial(self._undo_create, fh, entry.ino))

    def _undo_create(self, fh: int, ino: int) -> None:
        self._files.release(fh)
        self._tree.forget(ino)

    def _read(self, header: InHeader, body: memoryview) -> Reply:
        del header
        asked = requests.parse_read(body)
        return self._files.read(asked.fh, asked.offset, asked.size, self._scratch)

    def _write(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_write(body)
        if asked.flags & os.O_APPEND and not asked.write_flags & flags.WRITE_CACHE:
            self._check_append(header.nodeid, asked)
        if self._files.write_waits(asked.fh, asked.offset):
            asked = asked._replace(data=memoryview(bytes(asked.data)))
            return Later(lambda: self._do_write(asked, Scratch()))
        return self._do_write(asked, self._scratch)

    def _do_write(self, asked: requests.WriteIn, scratch: Scratch) -> bytes:
        drop_setid = asked.write_flags & flags.WRITE_KILL_SUIDGID != 0
        size = self._files.write(asked.fh, asked.offset, asked.data, scratch, drop_setid=drop_setid)
        return replies.write_out(size)

    def _check_append(self, nodeid: int, asked: requests.WriteIn) -> None:
        """Refuse to append anywhere but at the end.

        The kernel chooses the place by the size that it remembers, which may be of a moment when somebody else had the
        file cut in the storage; what lies there must not be overwritten.
        """
        if asked.offset != self._files.size(asked.fh):
            self._forget_size(nodeid)
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    def _forget_size(self, nodeid: int) -> None:
        """Have the kernel ask for the attributes anew."""
        self._notify(replies.notify_inval_inode(nodeid, offset=-1, length=0))

    def _flush(self, header: InHeader, body: memoryview) -> Reply:
        """Tell the kernel not to ask: writes go through at once, and RELEASE seals.

        It saves a round trip with every close(2) for the life of the mount.
        """
        del header, body
        raise NotImplementedOperationError

    def _release(self, header: InHeader, body: memoryview) -> Reply:
        del header
        self._files.release(requests.parse_release(body).fh)
        return b""

    def _fsync(self, header: InHeader, body: memoryview) -> Reply:
        del header
        asked = requests.parse_fsync(body)
        self._files.sync(asked.fh, data_only=asked.fsync_flags & flags.FSYNC_FDATASYNC != 0)
        return b""

    def _fallocate(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_fallocate(body)
        self._drop_setid(header, asked.fh)
        self._files.fallocate(asked.fh, asked.mode, asked.offset, size=asked.length, scratch=Scratch())
        return b""

    def _lseek(self, header: InHeader, body: memoryview) -> Reply:
        del header
        asked = requests.parse_lseek(body)
        return replies.lseek_out(self._files.seek(asked.fh, asked.offset, asked.whence))

    def _drop_setid(self, header: InHeader, fh: int) -> None:
        """Clear set-id bits before a change by an ordinary user of which the protocol does not tell that it must."""
        if header.uid != 0:
            self._files.drop_setid(fh)

    def _copy_file_range(self, header: InHeader, body: memoryview) -> Reply:
        return replies.write_out(self._copy(header, body))

    def _copy_file_range_64(self, header: InHeader, body: memoryview) -> Reply:
        return replies.copy_file_range_64_out(self._copy(header, body))

    def _copy(self, header: InHeader, body: memoryview) -> int:
        asked = requests.parse_copy_file_range(body)
        self._drop_setid(header, asked.fh_out)
        # Not more than the older of the two replies can tell.
        size = min(asked.length, _MAX_COPY)
        return self._files.copy_range(asked.fh_in, asked.off_in, asked.fh_out, new_offset=asked.off_out, size=size)
