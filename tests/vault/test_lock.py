"""The lock of a vault on filesystems that know no locks, and on those that fail."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from wafs.errors import VaultInUseError
from wafs.vault.lock import VaultLock

if TYPE_CHECKING:
    from pathlib import Path


def _failing(code: int) -> object:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL])
def test_where_there_are_no_locks_nothing_is_locked(tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", _failing(code))
    VaultLock(str(tmp_path)).release()


def test_another_failure_is_told_and_leaves_no_handle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(fcntl, "flock", _failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        VaultLock(str(tmp_path))
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_lock_is_held_until_it_is_released(tmp_path: Path) -> None:
    lock = VaultLock(str(tmp_path))
    with pytest.raises(VaultInUseError) as caught:
        VaultLock(str(tmp_path))
    assert "read-only" in (caught.value.hint or "")
    lock.release()
    VaultLock(str(tmp_path)).release()
