"""Libc: the system calls with flags that Python's `os` module does not offer."""

import ctypes
import errno
import os
from ctypes import c_char_p, c_int, c_int64, c_long, c_uint
from typing import Final

from wafs.store.base import Time

_AT_SYMLINK_NOFOLLOW: Final = 0x100
_UTIME_NOW: Final = (1 << 30) - 1
_UTIME_OMIT: Final = (1 << 30) - 2
_NS: Final = 1_000_000_000

_libc: Final = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = [("sec", c_int64), ("nsec", c_long)]  # type: ignore[mutable-override]


_TimespecPair = _Timespec * 2
_libc.renameat2.argtypes = (c_int, c_char_p, c_int, c_char_p, c_uint)
_libc.fallocate.argtypes = (c_int, c_int, c_int64, c_int64)
_libc.utimensat.argtypes = (c_int, c_char_p, ctypes.POINTER(_Timespec), c_int)
_libc.futimens.argtypes = (c_int, ctypes.POINTER(_Timespec))
_libc.syncfs.argtypes = (c_int,)


def renameat2(parent: int, name: bytes, new_parent: int, new_name: bytes, flags: int) -> None:
    """Rename with RENAME_NOREPLACE or RENAME_EXCHANGE (renameat2(2))."""
    _check(_libc.renameat2(parent, name, new_parent, new_name, flags))


def fallocate(handle: int, mode: int, offset: int, size: int) -> None:
    """Reserve or punch (fallocate(2)); goes on after a signal, as the calls of `os` do (PEP 475)."""
    while (result := _libc.fallocate(handle, mode, offset, size)) < 0 and ctypes.get_errno() == errno.EINTR:
        pass
    _check(result)


def utimensat(parent: int, name: bytes, atime: Time, mtime: Time) -> None:
    """Set times of an entry without following a symlink."""
    if isinstance(atime, int) and isinstance(mtime, int):
        # What `os` can do costs a fifth; it can neither leave a time as it is nor set one alone.
        os.utime(name, ns=(atime, mtime), dir_fd=parent, follow_symlinks=False)
        return
    _check(_libc.utimensat(parent, name, _pair(atime, mtime), _AT_SYMLINK_NOFOLLOW))


def futimens(handle: int, atime: Time, mtime: Time) -> None:
    """Set times of an open file."""
    if isinstance(atime, int) and isinstance(mtime, int):
        os.utime(handle, ns=(atime, mtime))
        return
    _check(_libc.futimens(handle, _pair(atime, mtime)))


def syncfs(handle: int) -> None:
    """Write back everything of the filesystem that holds an open file (syncfs(2))."""
    _check(_libc.syncfs(handle))


def _pair(atime: Time, mtime: Time) -> "ctypes.Array[_Timespec]":
    return _TimespecPair(_timespec(atime), _timespec(mtime))


def _timespec(time: Time) -> _Timespec:
    if time is None:
        return _Timespec(0, _UTIME_OMIT)
    if isinstance(time, str):
        return _Timespec(0, _UTIME_NOW)
    return _Timespec(*divmod(time, _NS))


def _check(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
