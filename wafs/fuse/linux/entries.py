"""Entries: LOOKUP, FORGET, and the requests that make, move and remove entries."""

from functools import partial

from wafs.errors import NotFoundError
from wafs.fs.attrs import Entry
from wafs.fs.vfs import Vfs
from wafs.fuse.linux.reply import TTL_NS, Handler, Held, Reply, caller_of, entry_body
from wafs.fuse.wire import replies, requests
from wafs.fuse.wire.opcodes import Opcode
from wafs.fuse.wire.requests import InHeader

_NO_ENTRY = replies.no_entry_out(entry_ttl_ns=TTL_NS)


class EntryHandlers:
    """Requests about names.

    An entry in a reply is pinned until FORGET takes that back.
    """

    def __init__(self, vfs: Vfs) -> None:
        self._tree = vfs.tree
        self._renamer = vfs.renamer

    def table(self) -> dict[int, Handler]:
        """Return the handlers by opcode."""
        return {
            Opcode.LOOKUP: self._lookup,
            Opcode.FORGET: self._forget,
            Opcode.BATCH_FORGET: self._batch_forget,
            Opcode.READLINK: self._readlink,
            Opcode.SYMLINK: self._symlink,
            Opcode.MKNOD: self._mknod,
            Opcode.MKDIR: self._mkdir,
            Opcode.UNLINK: self._unlink,
            Opcode.RMDIR: self._rmdir,
            Opcode.RENAME: self._rename,
            Opcode.RENAME2: self._rename2,
            Opcode.LINK: self._link,
        }

    def _lookup(self, header: InHeader, body: memoryview) -> Reply:
        try:
            return self._held(self._tree.lookup(header.nodeid, requests.parse_name(body)))
        except NotFoundError:
            # The kernel remembers nodeid 0 as "no such name"; after ENOENT it would ask again.
            return _NO_ENTRY

    def _forget(self, header: InHeader, body: memoryview) -> Reply:
        self._tree.forget(header.nodeid, requests.parse_forget(body).nlookup)
        return None

    def _batch_forget(self, header: InHeader, body: memoryview) -> Reply:
        del header
        for nodeid, count in requests.parse_batch_forget(body):
            self._tree.forget(nodeid, count)
        return None

    def _readlink(self, header: InHeader, body: memoryview) -> Reply:
        del body
        return self._tree.readlink(header.nodeid)

    def _symlink(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_symlink(body)
        caller = caller_of(header)
        return self._held(self._tree.symlink(header.nodeid, asked.name, asked.target, caller))

    def _mknod(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_mknod(body)
        caller = caller_of(header)
        return self._held(self._tree.mknod(header.nodeid, asked.name, asked.mode, device=asked.rdev, caller=caller))

    def _mkdir(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_mkdir(body)
        return self._held(self._tree.mkdir(header.nodeid, asked.name, asked.mode, caller_of(header)))

    def _unlink(self, header: InHeader, body: memoryview) -> Reply:
        self._tree.unlink(header.nodeid, requests.parse_name(body))
        return b""

    def _rmdir(self, header: InHeader, body: memoryview) -> Reply:
        self._tree.rmdir(header.nodeid, requests.parse_name(body))
        return b""

    def _rename(self, header: InHeader, body: memoryview) -> Reply:
        return self._do_rename(header, requests.parse_rename(body))

    def _rename2(self, header: InHeader, body: memoryview) -> Reply:
        return self._do_rename(header, requests.parse_rename2(body))

    def _do_rename(self, header: InHeader, asked: requests.RenameIn) -> Reply:
        self._renamer.rename(header.nodeid, asked.name, asked.newdir, new_name=asked.newname, flags=asked.flags)
        return b""

    def _link(self, header: InHeader, body: memoryview) -> Reply:
        asked = requests.parse_link(body)
        return self._held(self._tree.link(asked.oldnodeid, header.nodeid, asked.name))

    def _held(self, entry: Entry) -> Held:
        return Held(entry_body(entry), partial(self._tree.forget, entry.ino))
