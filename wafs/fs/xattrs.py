"""Xattrs: extended attributes in the name space `user.` (format.md section 8)."""

import contextlib
import logging
import stat

from wafs.errors import (
    DamageError,
    InvalidArgumentError,
    NameTooLongError,
    NoSuchAttributeError,
    NotPermittedError,
    NotSupportedError,
)
from wafs.format.file_header import check_file_record, unverified_file_id
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.format.xattr import (
    MAX_XATTR_NAME_SIZE,
    PLAIN_PREFIX,
    STORED_PREFIX,
    open_xattr_name,
    open_xattr_value,
    seal_xattr_name,
    seal_xattr_value,
)
from wafs.fs.contents import Contents
from wafs.fs.context import FsContext
from wafs.fs.inodes import Inode
from wafs.vault.chunk_io import read_all

_log = logging.getLogger(__name__)

_XATTR_SIZE_MAX = 65_536


class Xattrs:
    """Extended attributes by inode number.

    Thread: any; holds the lock of the context.
    """

    def __init__(self, context: FsContext, contents: Contents) -> None:
        self._fs = context
        self._contents = contents
        self._name_key = context.vault.keyring.xattr_names
        self._value_key = context.vault.keyring.xattr_values

    def get(self, number: int, name: bytes) -> bytes:
        """Return the value of an attribute.

        Raises: NoSuchAttributeError, NotSupportedError for other name spaces, DamageError, OSError.
        """
        short = _short_name(name)
        with self._fs.lock:
            inode = self._fs.inodes[number]
            if inode.kind not in (stat.S_IFREG, stat.S_IFDIR):
                raise NoSuchAttributeError
            object_id = self._object_id(inode)
            stored = seal_xattr_name(self._name_key, object_id, short)
            directory, entry = self._fs.entry_of(inode)
            sealed = self._fs.store.getxattr(directory, entry, stored)
            return open_xattr_value(self._value_key, object_id, stored, sealed)

    def set(self, number: int, name: bytes, value: bytes, flags: int) -> None:
        """Set an attribute; flags XATTR_CREATE and XATTR_REPLACE as setxattr(2).

        Raises: as `get`; NameTooLongError beyond 160 bytes, NotPermittedError on other nodes, ReadOnlyError.
        """
        self._fs.must_write()
        short = _short_name(name)
        if len(value) > _XATTR_SIZE_MAX:
            raise InvalidArgumentError
        with self._fs.lock:
            inode = self._fs.inodes[number]
            object_id = self._object_id(inode)
            stored = seal_xattr_name(self._name_key, object_id, short)
            sealed = seal_xattr_value(self._value_key, object_id, stored, value)
            directory, entry = self._fs.entry_of(inode)
            self._fs.store.setxattr(directory, entry, stored, sealed, flags)
            inode.note_change()

    def names(self, number: int) -> list[bytes]:
        """Return the names of all attributes that open.

        Raises: DamageError, OSError.
        """
        with self._fs.lock:
            inode = self._fs.inodes[number]
            if inode.kind not in (stat.S_IFREG, stat.S_IFDIR):
                return []
            directory, entry = self._fs.entry_of(inode)
            stored = list(self._fs.store.listxattr(directory, entry))
            if not stored:
                return []
            try:
                object_id = self._object_id(inode)
            except NoSuchAttributeError:
                return []
            # The others are not ours; the storage may keep attributes of its own.
            ours = [name for name in stored if name.startswith(STORED_PREFIX)]
            names = []
            for name in ours:
                with contextlib.suppress(DamageError):
                    names.append(PLAIN_PREFIX + open_xattr_name(self._name_key, object_id, name))
            if len(names) != len(ours):
                _log.warning("%d extended attributes of an entry do not open and are not shown", len(ours) - len(names))
            return names

    def remove(self, number: int, name: bytes) -> None:
        """Remove an attribute.

        Raises: as `set`.
        """
        self._fs.must_write()
        short = _short_name(name)
        with self._fs.lock:
            inode = self._fs.inodes[number]
            stored = seal_xattr_name(self._name_key, self._object_id(inode), short)
            directory, entry = self._fs.entry_of(inode)
            self._fs.store.removexattr(directory, entry, stored)
            inode.note_change()

    def _object_id(self, inode: Inode) -> bytes:
        """Return what attributes are bound to (F-61).

        Raises: NoSuchAttributeError for a file that a crash kept from having any; DamageError, OSError.

        The file id is taken as it stands in the header: were it forged, no attribute would open under it.
        """
        if inode.is_dir:
            self._fs.dir_handles.of(inode)
            return inode.dir_id
        if inode.kind != stat.S_IFREG:
            raise NotPermittedError
        if inode.content is not None:
            return inode.content.file_id
        handle = self._contents.open_handle(inode, writable=False)
        try:
            header = read_all(self._fs.store, handle, FILE_HEADER_SIZE, 0)
        finally:
            self._fs.store.close(handle)
        if self._fs.contents.replay is not None and (len(header) < FILE_HEADER_SIZE or not any(header)):
            # A power cut kept the header from the storage; what was bound to it is nobody's (as a recovery has it).
            raise NoSuchAttributeError
        check_file_record(header)
        return unverified_file_id(header)


def _short_name(name: bytes) -> bytes:
    """Return the part after `user.`.

    Raises: NotSupportedError, NameTooLongError, InvalidArgumentError.
    """
    if not name.startswith(PLAIN_PREFIX):
        raise NotSupportedError
    short = name[len(PLAIN_PREFIX) :]
    if not short:
        raise InvalidArgumentError
    if len(short) > MAX_XATTR_NAME_SIZE:
        raise NameTooLongError
    return short
