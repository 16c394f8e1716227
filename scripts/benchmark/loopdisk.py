"""Loop disk: a fresh ext4 in a file, the ground that one system works on for one job."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmark.commands import run
from benchmark.failure import BenchError
from benchmark.mounts import unmount

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def loop_disk(folder: Path, *, size: int, inodes: int) -> Iterator[Path]:
    """Make, mount and in the end remove an ext4 of `size` bytes for so many inodes; yield its mountpoint.

    The blocks are allocated beforehand and the inode tables written at once, so that neither the
    outer filesystem nor ext4's own initialisation works in the background while something is
    timed. Direct I/O keeps the file out of the outer page cache: through that cache, three equal
    writes of 200 MiB in a row came out at 1600, 590 and 190 MB/s; without it at 330 to 380.

    Raises:
        BenchError: no room, no loop device, or no right to mount.
    """
    image, disk = folder / "disk.img", folder / "disk"
    disk.mkdir(exist_ok=True)
    try:
        _allocate(image, size)
        layout = "nodiscard,lazy_itable_init=0,lazy_journal_init=0"
        run(["mkfs.ext4", "-q", "-F", "-N", str(inodes), "-E", layout, image])
        _mount(image, disk)
        yield disk
    finally:
        unmount(disk)
        image.unlink(missing_ok=True)


def _allocate(image: Path, size: int) -> None:
    fd = os.open(image, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as exc:
        if exc.errno != errno.ENOSPC:
            raise
        msg = f"{image.parent}: no room for a loop file of {size >> 20} MiB; choose another --dir"
        raise BenchError(msg) from None
    finally:
        os.close(fd)


def _mount(image: Path, disk: Path) -> None:
    attached = run(["losetup", "--find", "--show", "--direct-io=on", image])
    device = attached.strip().splitlines()[-1]
    try:
        run(["mount", "-t", "ext4", device, disk])
    finally:
        # Detaching a device in use only marks it: the kernel frees it with the last unmount, even
        # when this process dies before that.
        run(["losetup", "--detach", device])


def detach_below(folder: Path) -> None:
    """Free loop devices whose files lie in a folder: left when a run was cut between two steps."""
    listed = run(["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"])
    for line in listed.splitlines():
        device, _, image = line.strip().partition(" ")
        if image.strip().startswith(f"{folder}/"):
            # The kernel may be just about to free it by itself, which losetup calls a failure.
            run(["losetup", "--detach", device], accept=(0, 1))
