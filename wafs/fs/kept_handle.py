"""Kept handle: a file that was replaced by a rename, for those who found it before and open it after."""

import contextlib

from wafs.store.base import Handle, Store


class KeptHandle:
    """An open file of the store, given back when nobody refers to it any more, unless somebody has taken it.

    Thread: guarded by the lock of `FsContext`.
    """

    __slots__ = ("_handle", "_store", "writable")

    def __init__(self, store: Store, handle: Handle, *, writable: bool) -> None:
        self._store = store
        self._handle: Handle | None = handle
        self.writable = writable

    def take(self) -> Handle:
        """Return the handle, once; it is the caller's from now on."""
        handle, self._handle = self._handle, None
        if handle is None:
            msg = "a kept handle is taken once"
            raise ValueError(msg)
        return handle

    def __del__(self) -> None:
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._store.close(self._handle)
