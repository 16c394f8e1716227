"""`wafs status`: what is mounted."""

import os
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.screen import escape, say, tell, time_words

if TYPE_CHECKING:
    from wafs.cli.mount_status import MountStatus
    from wafs.fuse.mountinfo import MountInfo

_EXAMPLES = (
    Example("wafs status", "list the vaults that are mounted"),
    Example("wafs status --json | jq -r '.[].mountpoint'", "for scripts"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with one object for each mount.")
def status(*, as_json: bool) -> None:
    """List the vaults that are mounted on this machine."""
    import json

    from wafs.cli.mount_status import status_of
    from wafs.fuse.mountinfo import list_vaults

    mounts = [_facts(mount, status_of(mount.mountpoint)) for mount in list_vaults()]
    if as_json:
        say(json.dumps(mounts))
    elif not mounts:
        tell("", "no vault is mounted")
    else:
        _show(mounts)


def _facts(mount: "MountInfo", answer: "MountStatus") -> dict[str, object]:
    """Put together what the kernel and the mount itself tell; what is not known is None."""
    return {
        "mountpoint": os.fsdecode(mount.mountpoint),
        "vault": os.fsdecode(mount.source),
        "state": answer.state,
        "read_only": "ro" in mount.options,
        **{key: answer.facts.get(key) for key in ("pid", "version", "started", "idle_s", "requests")},
    }


def _show(mounts: list[dict[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in ("MOUNTPOINT", "VAULT", "STATE", "ACCESS", "PID", "SINCE"):
        table.add_column(title, overflow="fold")
    for mount in mounts:
        started, pid = mount["started"], mount["pid"]
        since = ""
        if isinstance(started, (int, float)):
            since = time_words(started, "%Y-%m-%d %H:%M")
        access = "read-only" if mount["read_only"] else "read-write"
        cells = (mount["mountpoint"], mount["vault"], mount["state"], access, "" if pid is None else pid, since)
        table.add_row(*(Text(escape(str(cell))) for cell in cells))
    Console(highlight=False).print(table)
