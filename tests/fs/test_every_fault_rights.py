"""A file that its owner may write and not read is lent a right to be opened; no failure leaves it that right."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from fs.faults_trial import ALL
from fs.faults_world import World, clone, make_base, world
from fs.paths import Paths
from store.faulty import Fault
from vault.making import opened
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

ONLY_WRITE = 0o200


def refusing(it: World) -> Any:
    """Let the store refuse as it does to somebody who is not root."""
    inner = it.faulty._inner
    plain = inner.open

    def refuse(parent: int, name: bytes, flags: int, mode: int = 0o600) -> int:
        there = stat.S_IMODE(inner.stat(parent, name).st_mode)
        if flags & os.O_ACCMODE == os.O_RDWR and there & 0o600 != 0o600:
            raise PermissionError
        return plain(parent, name, flags, mode)

    return mock.patch.object(inner, "open", refuse)


@pytest.mark.interpreted
def test_a_lent_right_goes_back_whatever_call_fails(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    for nth in range(1, 60):
        path = clone(base, tmp_path / str(nth))
        with world(path) as it:
            number = it.ino(b"big")
            it.set(number, mode=ONLY_WRITE)
            with refusing(it):
                it.faulty.arm(Fault(nth, ALL))
                with contextlib.suppress(OSError):
                    it.keep(it.vfs.files.open(number, os.O_WRONLY).fh)
                    assert it.vfs.context.inodes[number].content is not None
                fired = it.faulty.fired
                it.faulty.arm(None)
                it.finish()
                assert it.left_open() == []
        with Vfs(opened(path)) as vfs:
            assert stat.S_IMODE(Paths(vfs).attrs(b"big").mode) == ONLY_WRITE, f"call {nth}"
        if not fired:
            assert nth > 5
            return
    pytest.fail("still failing")
