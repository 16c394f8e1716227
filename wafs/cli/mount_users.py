"""Mount users: which processes keep a mount busy, as far as /proc tells."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from wafs.cli.screen import escape


class MountUser(NamedTuple):
    """A process that uses a mount, and how; in words `bash (1234, works in it)`."""

    pid: int
    name: str
    how: str

    def __str__(self) -> str:
        return f"{self.name} ({self.pid}, {self.how})"


def users_of(mountpoint: bytes) -> list[MountUser]:
    """Return who uses something below an absolute path, by process number.

    Asks no filesystem. Processes of other users are seen by root only.
    """
    prefix = mountpoint.rstrip(b"/") + b"/"
    users = []
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        if pid == os.getpid():
            continue
        how = next((how for how, path in _paths_of(pid) if (path + b"/").startswith(prefix)), None)
        if how is not None:
            users.append(MountUser(pid, _name_of(pid), how))
    return users


def _paths_of(pid: int) -> Iterator[tuple[str, bytes]]:
    folder = f"/proc/{pid}"
    for how, link in (("works in it", "cwd"), ("runs from it", "exe"), ("has its root in it", "root")):
        yield how, _target(f"{folder}/{link}")
    try:
        numbers = os.listdir(f"{folder}/fd")
    except OSError:
        numbers = []
    for number in numbers:
        yield "has a file of it open", _target(f"{folder}/fd/{number}")
    try:
        with open(f"{folder}/maps", "rb") as maps:
            for line in maps:
                yield "has a file of it mapped", line.rstrip(b"\n").split(b" ", 5)[-1].strip()
    except OSError:
        return


def _target(link: str) -> bytes:
    try:
        return os.fsencode(os.readlink(link))
    except OSError:
        return b""


def _name_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return escape(file.read().strip())
    except OSError:
        return "a process"
