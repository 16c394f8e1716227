"""Files: open, read, write and release regular files."""

import contextlib
import errno
import os
from typing import Final

from wafs.errors import (
    BadHandleError,
    InvalidArgumentError,
    NotSupportedError,
    WafsError,
)
from wafs.fs.attrs import Caller, Entry, Opened
from wafs.fs.commits import Commits
from wafs.fs.contents import Contents
from wafs.fs.context import FsContext
from wafs.fs.handles import FileHandle
from wafs.fs.inodes import Inode
from wafs.store.base import NOW
from wafs.units import MIB, Fh
from wafs.vault.content import Content
from wafs.vault.scratch import Scratch

FALLOC_KEEP_SIZE: Final = 1
FALLOC_PUNCH_HOLE: Final = 2
FALLOC_ZERO_RANGE: Final = 16


class Files:
    """Operations on regular files by handle.

    Thread: any. Opening and closing hold the lock of the context; reading and writing only that of the content.
    """

    def __init__(self, context: FsContext, contents: Contents, commits: Commits) -> None:
        self._fs = context
        self._contents = contents
        self._commits = commits
        self._handles: dict[int, FileHandle] = {}

    def open(self, number: int, flags: int, *, drop_setid: bool = False) -> Opened:
        """Open a file; O_TRUNC cuts it, and makes a damaged one whole again.

        `drop_setid` clears set-id bits when it is cut, as a change by an ordinary user does.

        Raises: NotFoundError, IsADirError, ReadOnlyError, DamageError, OSError.
        """
        cut = flags & os.O_TRUNC != 0
        writable = cut or flags & os.O_ACCMODE != os.O_RDONLY
        if writable:
            self._fs.must_write()
        with self._fs.lock:
            inode = self._fs.inodes[number]
            keep_cache = self._contents.hold(inode, writable=writable, cut=cut)
            if cut and drop_setid:
                try:
                    self._fs.drop_setid(_content(inode))
                except BaseException:
                    with contextlib.suppress(WafsError, OSError):
                        self._contents.let_go(inode)
                    raise
            size = _content(inode).size
            is_size_new = not cut and inode.shown_size != size
            inode.shown_size = size
            if not writable:
                self._fs.neighbours.note_open(inode)
            return Opened(self._add(inode, flags), keep_cache, is_size_new)

    def create(self, parent: int, name: bytes, mode: int, *, flags: int, caller: Caller) -> tuple[Entry, Fh]:
        """Make a new file and open it.

        The attributes are those of a file in flight and not to be kept: closing it changes its times once more.
        Raises: NotFoundError, NotADirError, NameTooLongError, ReadOnlyError, DamageError, OSError (EEXIST).
        """
        fs = self._fs
        fs.must_write()
        with fs.lock:
            directory, handle, sealed = fs.place(parent, name)
            try:
                content = self._contents.create(handle, sealed.entry, mode)
            except BaseException:
                fs.directories.discard_name(handle, sealed)
                raise
            try:
                fs.give(handle, sealed.entry, mode, caller)
                found = fs.store.fstat(content.handle)
            except BaseException:
                self._contents.drop(handle, sealed.entry, content)
                fs.directories.discard_name(handle, sealed)
                raise
            inode = fs.inodes.find(directory, name, found)
            inode.pins += 1
            self._contents.adopt(inode, content)
            return Entry(inode.number, fs.attrs_in_flight(content, found)), self._add(inode, flags)

    def create_unnamed(self, parent: int, mode: int, *, flags: int, caller: Caller) -> tuple[Entry, Fh]:
        """Make a new file without a name in a directory and open it (O_TMPFILE); `Tree.link` can name it.

        Raises: NotFoundError, NotADirError, ReadOnlyError, DamageError, OSError.
        """
        fs = self._fs
        fs.must_write()
        with fs.lock:
            _, handle = fs.directory(parent)
            content = self._contents.create_unnamed(handle, mode)
            try:
                if fs.give_to_caller:
                    fs.store.fchown(content.handle, caller.uid, caller.gid)
                found = fs.store.fstat(content.handle)
            except BaseException:
                self._contents.drop(handle, None, content)
                raise
            inode = fs.inodes.add_unnamed(found)
            inode.pins += 1
            self._contents.adopt(inode, content)
            return Entry(inode.number, fs.attrs_in_flight(content, found)), self._add(inode, flags)

    def size(self, fh: int) -> int:
        """Return the verified size of an open file.

        Raises: BadHandleError.
        """
        return self.content_of(fh).size

    def read(self, fh: int, offset: int, size: int, scratch: Scratch) -> memoryview:
        """Read up to `size` bytes; fewer only at the end. The view is valid until `scratch` is used again.

        Raises: BadHandleError, DamageError, OSError.
        """
        handle = self._handles.get(fh)
        if handle is None or not handle.readable:
            raise BadHandleError
        content = _content(handle.inode)
        found = content.read(offset, size, scratch)
        # Behind it: the thread that asks the store then runs while the reply is sent.
        handle.note_read(self._fs, content.handle, offset, size, content.size)
        return found

    def write_waits(self, fh: int, offset: int) -> bool:
        """Tell whether a write at `offset` would wait for a disk, since something must go to its place before.

        Raises: BadHandleError.
        """
        handle = self._handles.get(fh)
        if handle is None:
            raise BadHandleError
        return self._commits.is_full or _content(handle.inode).write_waits(offset)

    def write(self, fh: int, offset: int, data: memoryview, scratch: Scratch, *, drop_setid: bool = False) -> int:
        """Write all of `data`; `drop_setid` clears set-id bits, as a write by an ordinary user does.

        Raises: BadHandleError, FileTooLargeError, DamageError, OSError.
        """
        handle = self._handles.get(fh)
        if handle is None or not handle.writable:
            raise BadHandleError
        content = _content(handle.inode)
        self._commits.make_room()
        try:
            content.write(offset, data, scratch)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._commits.has_work:
                raise
            # The journal takes space that its files do not need once they are brought to their place.
            self._commits.run()
            content.write(offset, data, scratch)
        if drop_setid:
            self._fs.drop_setid(content)
        return len(data)

    def release(self, fh: int) -> None:
        """Close a handle; the last one of a file seals it.

        Raises: BadHandleError, OSError.
        """
        handle = self._handles.get(fh)
        if handle is not None and handle.has_asked:
            # The number of the store's handle may be another file's right after it is closed.
            self._fs.prefetch.settle()
        with self._fs.lock:
            handle = self._handles.pop(fh, None)
            if handle is None:
                raise BadHandleError
            self._contents.let_go(handle.inode)

    def is_idle(self) -> bool:
        """Tell whether nothing is open."""
        return not self._handles

    def release_all(self) -> None:
        """Close every handle, before the vault is closed.

        Raises: OSError of the first that could not be sealed, after all were tried.
        """
        first: OSError | None = None
        for fh in list(self._handles):
            try:
                self.release(fh)
            except OSError as error:
                first = first or error
        if first is not None:
            raise first

    def sync(self, fh: int, *, data_only: bool) -> None:
        """Return when the file is safe from a power cut.

        Raises: BadHandleError, OSError.
        """
        content = self.content_of(fh)
        if not self._fs.read_only:
            content.sync(data_only=data_only)

    def seek(self, fh: int, offset: int, whence: int) -> int:
        """Find data or a hole.

        Raises: BadHandleError, InvalidArgumentError, NoSuchOffsetError, OSError.
        """
        if whence not in (os.SEEK_DATA, os.SEEK_HOLE):
            raise InvalidArgumentError
        return self.content_of(fh).seek(offset, whence)

    def fallocate(self, fh: int, mode: int, offset: int, *, size: int, scratch: Scratch) -> None:
        """Reserve space, punch a hole or zero a range, with the modes of fallocate(2).

        Raises: BadHandleError, InvalidArgumentError, NotSupportedError for other modes, DamageError, OSError.
        """
        handle = self._handles.get(fh)
        if handle is None or not handle.writable:
            raise BadHandleError
        if offset < 0 or size <= 0:
            raise InvalidArgumentError
        content = _content(handle.inode)
        keeps_size = mode & FALLOC_KEEP_SIZE
        kind = mode & ~FALLOC_KEEP_SIZE
        if (kind == FALLOC_PUNCH_HOLE and keeps_size) or kind == FALLOC_ZERO_RANGE:
            content.punch(offset, size, scratch)
            # fallocate(2) sets the times also when the range lies behind the end.
            self._fs.store.futimens(content.handle, None, NOW)
        elif kind == 0:
            content.reserve(offset, size)
        else:
            raise NotSupportedError
        if not keeps_size and offset + size > content.size:
            content.truncate(offset + size, scratch)

    def copy_range(self, source: int, offset: int, target: int, *, new_offset: int, size: int) -> int:
        """Copy up to `size` bytes between open files; returns how many, 0 at the end of the source.

        Raises: BadHandleError, DamageError, OSError, if not even the first of them could be copied.
        """
        buffer, scratch = Scratch(), Scratch()
        done = 0
        while done < size:
            try:
                data = self.read(source, offset + done, min(MIB, size - done), buffer)
                if data:
                    self.write(target, new_offset + done, data, scratch)
            except (WafsError, OSError):
                if done:
                    break
                raise
            if not data:
                break
            done += len(data)
        return done

    def drop_setid(self, fh: int) -> None:
        """Clear the set-id bits of a file that is open for writing, as a change by an ordinary user does.

        Raises: BadHandleError, OSError.
        """
        handle = self._handles.get(fh)
        if handle is None or not handle.writable:
            raise BadHandleError
        self._fs.drop_setid(_content(handle.inode))

    def content_of(self, fh: int) -> Content:
        """Return the content behind a handle.

        Raises: BadHandleError.
        """
        handle = self._handles.get(fh)
        if handle is None:
            raise BadHandleError
        return _content(handle.inode)

    def _add(self, inode: Inode, flags: int) -> Fh:
        fh = self._fs.new_fh()
        self._handles[fh] = FileHandle(fh, inode, flags)
        return fh


def _content(inode: Inode) -> Content:
    content = inode.content
    if content is None:
        raise BadHandleError
    return content
