"""Leaving: a mount is taken away also when processes that a command left behind still use it."""

import contextlib
import os
import select
import signal
import time
from typing import Final

from wafs.cli.mount_users import MountUser, users_of
from wafs.cli.screen import tell
from wafs.errors import MountError
from wafs.fuse.mountpoint import unmount

_MOMENT_S: Final = 1.0
"""How long a process that is about to end by itself may take for it."""

_TO_END_S: Final = 3.0
_STEP_S: Final = 0.05


def leave(place: str) -> bool:
    """Unmount; end the processes started below this one that still use the mount, and tell about them.

    From other users it is taken out of sight, and False is returned: they can go on until its server ends.
    """
    if _unmounted(place, _MOMENT_S):
        return True
    users = users_of(os.fsencode(place))
    ours = [user for user in users if _is_descendant(user.pid)]
    others = [user for user in users if user not in ours]
    if ours:
        tell("warning", f"left behind by the command, using the vault, and ended: {_names(ours)}")
        _end(ours, signal.SIGTERM)
        _end(ours, signal.SIGKILL)
        if _unmounted(place, _MOMENT_S):
            return True
    if others:
        tell("warning", f"the mount is taken away from: {_names(others)}")
    with contextlib.suppress(MountError):
        unmount(place, lazy=True)
    return False


def _names(users: list[MountUser]) -> str:
    return ", ".join(map(str, users))


def _unmounted(place: str, patience_s: float) -> bool:
    """Unmount, and try again for a while if it is busy; tell whether the mount is gone."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            unmount(place)
        except MountError as error:
            if "busy" not in str(error):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_STEP_S)
        else:
            return True


def _is_descendant(pid: int) -> bool:
    while pid > 1:
        pid = _parent_of(pid)
        if pid == os.getpid():
            return True
    return False


def _parent_of(pid: int) -> int:
    """Return the parent of a process, 0 if it has ended. Source: proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name, in parentheses, may hold anything.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _end(users: list[MountUser], number: signal.Signals) -> None:
    """Send a signal and wait until all have ended, though not for long."""
    with contextlib.ExitStack() as stack:
        handles = []
        for user in users:
            with contextlib.suppress(OSError):
                handle = os.pidfd_open(user.pid)
                stack.callback(os.close, handle)
                signal.pidfd_send_signal(handle, number)
                handles.append(handle)
        deadline = time.monotonic() + _TO_END_S
        for handle in handles:
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            ended.poll(max(0, deadline - time.monotonic()) * 1000)
    for user in users:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(user.pid, os.WNOHANG)
