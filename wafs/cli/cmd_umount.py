"""`wafs umount`: end a mount."""

import os
from typing import Final

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH
from wafs.cli.screen import say, tell
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
@click.option("--json", "as_json", is_flag=True, help="Print what was changed in a scratch as a JSON object.")
def umount(*, mountpoint: str, lazy: bool, as_json: bool) -> None:
    """Unmount the vault on MOUNTPOINT.

    Returns when the process behind it has ended, so that everything is written and the vault is free. Fails if a
    program still uses a file in it, and says which.

    Of a mount with --scratch it tells what was changed in it, and how keeping that went: the exit code is that of what
    could not be kept.
    """
    from wafs.cli.mount_status import status_of
    from wafs.fuse.mountinfo import FSTYPE, find_mount

    found = find_mount(mountpoint)
    if found is None or found.fstype != FSTYPE:
        msg = f"{mountpoint} is not a mounted vault"
        raise MountError(msg, hint="wafs status shows what is mounted")
    facts = status_of(mountpoint).facts
    server = _server_of(facts)
    try:
        takes_changes = facts.get("scratch") and "ro" not in found.options
        if takes_changes and server is not None and not lazy:
            _end_scratch(mountpoint, server, as_json=as_json)
            return
        _unmount(mountpoint, lazy=lazy)
        if server is not None and not lazy:
            _wait_for(server, mountpoint)
        if as_json:
            say("null")
    finally:
        if server is not None:
            os.close(server)


def _unmount(mountpoint: str, *, lazy: bool) -> None:
    from wafs.cli.mount_users import users_of
    from wafs.fuse.mountinfo import absolute
    from wafs.fuse.mountpoint import unmount

    try:
        unmount(mountpoint, lazy=lazy)
    except MountError as error:
        users = users_of(absolute(mountpoint))
        if "busy" not in str(error) or not users:
            raise
        who = ", ".join(map(str, users[:_SHOWN_USERS])) + (" and others" if len(users) > _SHOWN_USERS else "")
        msg = f"{mountpoint} is in use by {who}"
        raise MountError(msg, hint="end that, or leave the folder, and try again; or use --lazy") from None


def _end_scratch(mountpoint: str, server: int, *, as_json: bool) -> None:
    """Unmount a scratch, and say what the process behind it tells of what was changed."""
    import contextlib
    import json

    from wafs.cli.progress import Progress
    from wafs.cli.scratch_pipe import REPORT_ATTRIBUTE, report_pipe
    from wafs.cli.scratch_report import code_of, tell_report

    with report_pipe() as pipe, Progress("keep") as progress:
        # Another user's mount does not take it, and tells its owner's log.
        with contextlib.suppress(OSError):
            os.setxattr(mountpoint, REPORT_ATTRIBUTE, os.fsencode(pipe.path))
        _unmount(mountpoint, lazy=False)
        report = pipe.wait(server, progress)
    if as_json:
        say(json.dumps(report))
    elif report is None:
        tell("warning", "what was changed in the scratch is not known; the log of the mount may say more")
    else:
        tell_report(report)
    if report is not None and code_of(report):
        raise click.exceptions.Exit(code_of(report))


def _server_of(facts: dict[str, object]) -> int | None:
    """Return a handle of the process behind a mount, None if it cannot be known; it stays that process for ever."""
    pid = facts.get("pid")
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
