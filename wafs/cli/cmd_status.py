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
    Example("wafs status --stats", "see what they were asked, and how long they took"),
    Example("wafs status --json | jq -r '.[].mountpoint'", "for scripts"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("--stats", is_flag=True, help="Also show what each mount was asked, and how long it took to answer.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with one object for each mount.")
def status(*, stats: bool, as_json: bool) -> None:
    """List the vaults that are mounted on this machine."""
    import json

    from wafs.cli.mount_status import status_of
    from wafs.fuse.mountinfo import list_vaults

    mounts = [_facts(mount, status_of(mount.mountpoint), stats=stats) for mount in list_vaults()]
    if as_json:
        say(json.dumps(mounts))
    elif not mounts:
        tell("", "no vault is mounted")
    else:
        _show(mounts)
        if stats:
            for mount in mounts:
                _show_times(mount)


def _facts(mount: "MountInfo", answer: "MountStatus", *, stats: bool) -> dict[str, object]:
    """Put together what the kernel and the mount itself tell; what is not known is None."""
    keys = ("pid", "version", "started", "idle_s", "requests", *(("times",) if stats else ()))
    return {
        "mountpoint": os.fsdecode(mount.mountpoint),
        "vault": os.fsdecode(mount.source),
        "state": answer.state,
        "read_only": "ro" in mount.options,
        "scratch": answer.facts.get("scratch", False),
        **{key: answer.facts.get(key) for key in keys},
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
        access = "read-only" if mount["read_only"] else "scratch" if mount["scratch"] else "read-write"
        cells = (mount["mountpoint"], mount["vault"], mount["state"], access, "" if pid is None else pid, since)
        table.add_row(*(Text(escape(str(cell))) for cell in cells))
    Console(highlight=False).print(table)


def _show_times(mount: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    times = mount["times"]
    console = Console(highlight=False)
    console.print()
    console.print(escape(f"{mount['mountpoint']}: requests answered, times in microseconds"), markup=False)
    if not isinstance(times, dict) or not times:
        console.print("  nothing is known", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("REQUEST")
    for title in ("COUNT", "MEAN", "HALF WITHIN", "99 % WITHIN", "ALL WITHIN"):
        table.add_column(title, justify="right")
    for name, kind in times.items():
        cells = (kind["count"], *(round(kind[key]) for key in ("mean_us", "p50_us", "p99_us", "max_us")))
        table.add_row(str(name), *(f"{cell:,}" for cell in cells))
    console.print(table)
