"""Mount users: which processes keep a mount busy, as far as /proc tells."""

import os
from collections.abc import Iterator

from wafs.cli.screen import escape


def users_of(mountpoint: bytes) -> list[str]:
    """Return who uses something below an absolute path: `bash (1234, works in it)`, by process number.

    Asks no filesystem. Processes of other users are seen by root only.
    """
    prefix = mountpoint.rstrip(b"/") + b"/"
    users = []
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        if pid == os.getpid():
            continue
        how = next((how for how, path in _paths_of(pid) if (path + b"/").startswith(prefix)), None)
        if how is not None:
            users.append(f"{_name_of(pid)} ({pid}, {how})")
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
