"""Filling: write until the storage takes no more, and overwrite what is there meanwhile."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = bytes(range(256)) * 16
COUNT = 20


@contextlib.contextmanager
def no_space(*codes: int) -> Iterator[None]:
    """End a block where the storage is full; any other failure goes on."""
    try:
        yield
    except OSError as error:
        if error.errno not in (codes or (errno.ENOSPC,)):
            raise


def fill(path: Path, *, code: int = errno.ENOSPC, block: bytes = BLOCK, most: int = 64 << 20) -> int:
    """Write until there is no space left; return how many bytes were accepted."""
    accepted = 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with no_space(code), contextlib.closing(os.fdopen(handle, "wb", buffering=0)) as file:
        while accepted < most:
            accepted += file.write(block)
    assert accepted < most
    return accepted


def old(number: int) -> bytes:
    """What a file has from the start; 0 to 19 chunks of 4 KiB."""
    return BLOCK * number


def new(number: int) -> bytes:
    """What it is overwritten with."""
    return BLOCK[::-1] * number


def make_early(place: Path) -> None:
    """Make the files that are there before the storage fills."""
    for number in range(COUNT):
        (place / f"early {number}").write_bytes(old(number))


def overwrite_early(place: Path, *codes: int) -> set[int]:
    """Overwrite each with one write, and sync it; return those of which that was told to be done."""
    done = set()
    for number in range(COUNT):
        with no_space(*codes), (place / f"early {number}").open("r+b", buffering=0) as file:
            written = file.write(new(number))
            os.fsync(file.fileno())
            assert written == len(new(number))
            done.add(number)
    return done


def check_old_or_new(place: Path, done: set[int]) -> None:
    """Each file has its old contents or the new ones, and the new ones where that was told."""
    for number in range(COUNT):
        found = (place / f"early {number}").read_bytes()
        assert found == new(number) or (number not in done and found == old(number)), f"early {number}"
