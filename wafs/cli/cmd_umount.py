"""`wafs umount`: end a mount."""

import os
from typing import Final

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH
from wafs.errors import MountError

_WAIT_S: Final = 60
_SHOWN_USERS: Final = 5

_EXAMPLES = (
    Example("wafs umount ~/backup", "unmount, and wait until everything is written"),
    Example("wafs umount --lazy ~/backup", "take it out of sight at once; it ends when nobody uses it any more"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("mountpoint", type=LOCAL_PATH)
@click.option("--lazy", is_flag=True, help="Do not wait for those who still use it.")
def umount(*, mountpoint: str, lazy: bool) -> None:
    """Unmount the vault on MOUNTPOINT.

    Returns when the process behind it has ended, so that everything is written and the vault is free. Fails if a
    program still uses a file in it, and says which.
    """
    from wafs.cli.mount_users import users_of
    from wafs.fuse.mountinfo import FSTYPE, absolute, find_mount
    from wafs.fuse.mountpoint import unmount

    found = find_mount(mountpoint)
    if found is None or found.fstype != FSTYPE:
        msg = f"{mountpoint} is not a mounted vault"
        raise MountError(msg, hint="wafs status shows what is mounted")
    server = _server_of(mountpoint)
    try:
        try:
            unmount(mountpoint, lazy=lazy)
        except MountError as error:
            users = users_of(absolute(mountpoint))
            if "busy" not in str(error) or not users:
                raise
            who = ", ".join(users[:_SHOWN_USERS]) + (" and others" if len(users) > _SHOWN_USERS else "")
            msg = f"{mountpoint} is in use by {who}"
            raise MountError(msg, hint="end that, or leave the folder, and try again; or use --lazy") from None
        if server is not None and not lazy:
            _wait_for(server, mountpoint)
    finally:
        if server is not None:
            os.close(server)


def _server_of(mountpoint: str) -> int | None:
    """Return a handle of the process behind a mount, None if it cannot be known; it stays that process for ever."""
    from wafs.cli.mount_status import status_of

    pid = status_of(mountpoint).facts.get("pid")
    if not isinstance(pid, int):
        return None
    try:
        server = os.pidfd_open(pid)
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if b"wafs" in file.read():
                return server
    except OSError:
        return None
    # In a container the same number is another process here.
    os.close(server)
    return None


def _wait_for(server: int, mountpoint: str) -> None:
    import select

    ended = select.poll()
    # The handle of a process can be read when the process has ended.
    ended.register(server, select.POLLIN)
    if not ended.poll(_WAIT_S * 1000):
        msg = f"{mountpoint} is unmounted, but the process behind it is still writing after {_WAIT_S} seconds"
        raise MountError(msg, hint="the storage may be slow or gone; wait, and see its log")
