"""Locks of programs on files of a mount: flock(2) and fcntl(2) between two processes."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import TYPE_CHECKING

import pytest

from mount.programs import finish, line_of, python, tell

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.mount

HOLDER = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    {lock}
    print("held", flush=True)
    sys.stdin.readline()
"""
FLOCK = HOLDER.format(lock="fcntl.flock(file, fcntl.LOCK_EX)")
FCNTL = HOLDER.format(lock="fcntl.lockf(file, fcntl.LOCK_EX, 100, 50)")

WAITER = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    print("waiting", flush=True)
    fcntl.lockf(file, fcntl.LOCK_EX, 10, 60)
    print("got it", flush=True)
"""


def test_flock_keeps_others_out_until_it_is_given_back(mnt: Path) -> None:
    path = mnt / "file"
    path.touch()
    holder = python(FLOCK, path)
    assert line_of(holder) == "held"
    with path.open("r+b") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tell(holder)
        finish(holder)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_fcntl_locks_a_range_and_names_its_holder(mnt: Path) -> None:
    path = mnt / "file"
    path.touch()
    holder = python(FCNTL, path)
    assert line_of(holder) == "held"
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 50, 0)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 50, 150)
        with pytest.raises(BlockingIOError):
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 149)
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 50, 100, 0)
        answer = fcntl.fcntl(file, fcntl.F_GETLK, asked)
        assert struct.unpack("hhqqi4x", answer)[4] == holder.pid
        tell(holder)
        finish(holder)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 100, 50)


def test_a_killed_holder_gives_back_its_lock(mnt: Path) -> None:
    path = mnt / "file"
    path.touch()
    for source in (FLOCK, FCNTL):
        holder = python(source, path)
        assert line_of(holder) == "held"
        waiter = python(WAITER, path)
        assert line_of(waiter) == "waiting"
        holder.kill()
        with holder:
            holder.wait()
        assert line_of(waiter) == "got it"
        finish(waiter)
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
