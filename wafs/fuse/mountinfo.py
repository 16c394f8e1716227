"""Mount information: what is mounted where, as the kernel tells it."""

import os
import re
from typing import Final, NamedTuple

from wafs.errors import MountError

FSTYPE: Final = "fuse.wafs"
"""Type under which a vault is mounted."""

_MAX_LINKS: Final = 40
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")


class MountInfo(NamedTuple):
    """One mount.

    `options` are those of the mount, then those of the filesystem. `major` and `minor` make up
    the st_dev of everything inside.
    """

    mountpoint: bytes
    fstype: str
    source: bytes
    options: tuple[str, ...]
    major: int
    minor: int


def parse_mountinfo(text: bytes) -> list[MountInfo]:
    """Parse the text of /proc/PID/mountinfo, oldest mount first.

    Raises: ValueError if it is not of that form.
    Source: proc_pid_mountinfo(5).
    """
    return [_parse_line(line) for line in text.splitlines()]


def list_mounts() -> list[MountInfo]:
    """Return all mounts that this process sees, oldest first.

    Asks no filesystem, so a dead or busy server cannot block it.
    """
    with open("/proc/self/mountinfo", "rb") as file:
        return parse_mountinfo(file.read())


def find_mount(mountpoint: str | bytes | os.PathLike[str]) -> MountInfo | None:
    """Return the topmost mount on exactly this place, or None.

    Only the folder above is asked where it is, not the mountpoint, whose server may be dead.
    """
    wanted = absolute(mountpoint)
    for mount in reversed(list_mounts()):
        if mount.mountpoint == wanted:
            return mount
    return None


def list_vaults() -> list[MountInfo]:
    """Return the mounts of vaults, oldest first."""
    return [mount for mount in list_mounts() if mount.fstype == FSTYPE]


def absolute(mountpoint: str | bytes | os.PathLike[str]) -> bytes:
    """Return the path as it stands in mountinfo, without asking the mountpoint's own server.

    Raises: MountError for the root folder.
    """
    path = os.path.abspath(os.fsencode(mountpoint))
    for _ in range(_MAX_LINKS):
        try:
            # Unlike lstat this asks the server nothing if a filesystem is mounted here.
            target = os.readlink(path)
        except OSError:
            break
        path = os.path.abspath(os.path.join(os.path.dirname(path), target))
    folder, name = os.path.split(path)
    if not name:
        msg = "the root folder cannot be a mountpoint"
        raise MountError(msg, hint="give a folder, such as ~/vault")
    return os.path.join(os.path.realpath(folder), name)


def _parse_line(line: bytes) -> MountInfo:
    before, separator, after = line.partition(b" - ")
    front, back = before.split(b" "), after.split(b" ")
    if not separator or len(front) < 6 or len(back) < 3:
        msg = f"line of {len(line)} bytes is no line of mountinfo"
        raise ValueError(msg)
    major, minor = front[2].split(b":")
    options = front[5] + b"," + back[2]
    return MountInfo(
        mountpoint=_unescape(front[4]),
        fstype=_unescape(back[0]).decode("ascii", "backslashreplace"),
        source=_unescape(back[1]),
        options=tuple(os.fsdecode(_unescape(option)) for option in options.split(b",")),
        major=int(major),
        minor=int(minor),
    )


def _unescape(field: bytes) -> bytes:
    # The kernel writes blank, tab, newline, backslash and "#" as three octal digits.
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field)
