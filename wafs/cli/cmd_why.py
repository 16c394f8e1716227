"""`wafs why`: say in plain words why a file on a mount could not be read."""

import os
from typing import Any

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH

_WHY_ATTRIBUTE = "user.wafs.why"
_EXAMPLES = (
    Example("wafs why backup/a.jpg", "after a program said: input/output error"),
    Example("wafs why backup", "everything that could not be read since the vault was mounted"),
    Example("wafs why --json backup | jq -r '.[].path'", "for scripts"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with one object for each reason.")
@click.argument("path", type=LOCAL_PATH)
def why(*, path: str, as_json: bool) -> None:
    """Say why PATH, in a mounted vault, cannot be read.

    PATH is a file or folder that gives input/output errors. For the mountpoint itself, all is told that has failed
    since the vault was mounted, the newest first.
    """
    import json

    from wafs.cli.screen import escape, say, tell
    from wafs.errors import NotFoundError

    mountpoint, vault, below = _place_of(path)
    reasons = _ask(path, mountpoint, below)
    if not reasons and not _may_be_there(path):
        msg = f"there is no {path}"
        raise NotFoundError(msg, hint=f"wafs check {os.fsdecode(vault)} tells whether something has lost its name")
    if as_json:
        say(json.dumps(reasons))
        return
    if not reasons:
        say(f"nothing is known of {escape(path)}: nothing has failed there since the vault was mounted")
        tell("hint", f"wafs check {os.fsdecode(vault)} reads everything and tells what is damaged")
    for reason in reasons:
        _show(reason, os.fsdecode(mountpoint))


def _place_of(path: str) -> tuple[bytes, bytes, bytes]:
    """Return the mountpoint that a path is on, the vault, and the path inside the vault.

    Raises: UsageError if it is not in a mounted vault.
    """
    from wafs.errors import UsageError
    from wafs.fuse.mountinfo import list_vaults

    # What is asked about may be a symlink, and may be what cannot be read.
    folder, name = os.path.split(os.path.abspath(path))
    real = os.fsencode(os.path.join(os.path.realpath(folder), name))
    mounts = {mount.mountpoint: mount.source for mount in list_vaults()}
    at = real
    while at not in mounts:
        if at == b"/":
            msg = f"{path} is not in a mounted vault"
            raise UsageError(msg, hint="wafs status shows what is mounted; wafs check VAULT needs no mount")
        at = os.path.dirname(at)
    return at, mounts[at], b"/" + real[len(at) :].lstrip(b"/")


def _ask(path: str, mountpoint: bytes, below: bytes) -> list[dict[str, Any]]:
    """Ask the mount; where the path itself gives no answer, what is known of all is searched for it.

    Raises: OSError if the mount gives no answer.
    """
    import json

    if below != b"/":
        try:
            return list(json.loads(os.getxattr(path, _WHY_ATTRIBUTE, follow_symlinks=False)))
        except OSError:
            pass
    found = json.loads(os.getxattr(mountpoint, _WHY_ATTRIBUTE))
    wanted = (os.fsdecode(below), os.fsdecode(os.path.dirname(below)))
    return [reason for reason in found if below == b"/" or reason["path"] in wanted]


def _may_be_there(path: str) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _show(reason: dict[str, Any], mountpoint: str) -> None:
    from wafs.cli.screen import escape, say, time_words

    path = reason["path"]
    say("a file that has no name any more" if path is None else escape(os.path.join(mountpoint, path.lstrip("/"))))
    say(f"    what failed: {escape(reason['message'])} ({reason['rule']} of the format)")
    if reason["start"] is not None:
        say(f"    which bytes: {reason['start']:,} to {reason['stop'] - 1:,}; other parts of the file may be whole")
    times = "once" if reason["count"] == 1 else f"{reason['count']:,} times"
    say(f"    when: {times}, last at {time_words(reason['last'], '%Y-%m-%d %H:%M:%S')}")
    say(f"    what to do: {escape(reason['remedy'])}")
