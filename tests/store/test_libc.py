"""The calls through ctypes do what those of `os` do by themselves: a signal does not reach the caller."""

from __future__ import annotations

import ctypes
import errno

import pytest

from wafs.store import libc


class _Interrupted:
    """Stands for the C library: its `fallocate` fails with these errnos in turn, then succeeds."""

    def __init__(self, *codes: int) -> None:
        self._codes = list(codes)
        self.calls = 0

    def fallocate(self, _handle: int, _mode: int, _offset: int, _size: int) -> int:
        self.calls += 1
        if not self._codes:
            return 0
        ctypes.set_errno(self._codes.pop(0))
        return -1


def test_fallocate_goes_on_after_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = _Interrupted(errno.EINTR, errno.EINTR)
    monkeypatch.setattr(libc, "_libc", fake)
    libc.fallocate(3, 0, 0, 1)
    assert fake.calls == 3


def test_fallocate_tells_what_is_no_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = _Interrupted(errno.EINTR, errno.ENOSPC)
    monkeypatch.setattr(libc, "_libc", fake)
    with pytest.raises(OSError, match="No space") as caught:
        libc.fallocate(3, 0, 0, 1)
    assert caught.value.errno == errno.ENOSPC
    assert fake.calls == 2
