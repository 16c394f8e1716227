"""`wafs snapshots`: the dated copies that `wafs backup --snapshot` makes: list, compare and prune them."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, CommandFolder, Example
from wafs.cli.parameters import VaultPath, vault_with_path
from wafs.cli.screen import count_words, escape, say, size_words, tell
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.opening import Session
    from wafs.cli.snapshot_contents import Difference
    from wafs.cli.snapshot_store import Snapshot, SnapshotStore

Function = Callable[..., None]
_LIST_EXAMPLES = (
    Example("wafs snapshots list vault:/phone", "what there is, and what each takes"),
    Example("wafs snapshots list --json vault:/phone | jq -r '.[].name'", "for scripts"),
)
_DIFF_EXAMPLES = (Example("wafs snapshots diff vault:/phone 2026-11-22 latest", "what is new since then"),)
_PRUNE_EXAMPLES = (
    Example("wafs snapshots prune --keep-last 3 --keep-monthly 12 --dry-run vault:/phone", "see what would go"),
    Example("wafs snapshots prune --keep-daily 7 --keep-yearly 9 --yes vault:/phone", "remove, without a question"),
)


@click.group(cls=CommandFolder)
def snapshots() -> None:
    """List, compare and prune the dated copies of a backup."""


@snapshots.command("list", cls=Command, examples=_LIST_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.argument("place", metavar="VAULT[:PATH]", callback=vault_with_path)
@unlock_options
def list_snapshots(*, place: VaultPath, as_json: bool, source: SecretSource) -> None:
    """List the snapshots in the folder PATH of VAULT.

    The oldest comes first. Shown are files, those that could not be read when it was made, bytes, and the bytes that
    are in no other snapshot: those become free when it is removed. One that was interrupted is shown as not complete;
    the next wafs backup --snapshot goes on from it.
    """
    from wafs.cli.failures import Failures
    from wafs.cli.snapshot_contents import volume_of

    failures = Failures()
    rows = []
    with _store(place, source, read_only=True) as (session, store):
        for snapshot in store.all():
            rows.append((snapshot, volume_of(session, store.number, snapshot.name, failures.add)))
    if as_json:
        import json

        facts = [
            {
                "name": os.fsdecode(snapshot.name),
                "date": snapshot.day.isoformat() if snapshot.is_complete else None,
                "complete": snapshot.is_complete,
                "files": volume.files,
                "bytes": volume.bytes,
                "bytes_only_here": volume.only_here,
                "failed": snapshot.failed,
            }
            for snapshot, volume in rows
        ]
        say(json.dumps(facts, indent=2))
    elif rows:
        cells = [("snapshot", "date", "files", "failed", "size", "only here")]
        for snapshot, volume in rows:
            day = snapshot.day.isoformat() if snapshot.is_complete else "not complete"
            sizes = size_words(volume.bytes), size_words(volume.only_here)
            cells.append((escape(snapshot.name), day, f"{volume.files:,}", f"{snapshot.failed:,}", *sizes))
        for line in _columns(cells):
            say(line)
    else:
        tell("note", "there is no snapshot: wafs backup --snapshot makes one")
    failures.finish()


@snapshots.command("diff", cls=Command, examples=_DIFF_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("place", metavar="VAULT[:PATH]", callback=vault_with_path)
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@unlock_options
def diff(*, place: VaultPath, first: str, second: str, as_json: bool, source: SecretSource) -> None:
    """Show what became of the files from snapshot A to B.

    A and B are names that the list shows, or latest for the newest. Lines begin with + for a file that was added, - for
    one that was removed, M for one that was changed, and R for one that was moved, with its old and its new path. Files
    are compared by size and time.
    """
    from wafs.cli.failures import Failures
    from wafs.cli.snapshot_contents import difference

    failures = Failures()
    with _store(place, source, read_only=True) as (session, store):
        old, new = (os.path.join(place.path, store.find(name).name) for name in (first, second))
        found = difference(session, old, new, failures.add)
    if as_json:
        _show_json(found)
    else:
        for line in _lines(found):
            say(line)
        words = f"{len(found.added):,} added, {len(found.removed):,} removed, {len(found.changed):,} changed"
        tell("", f"{words}, {len(found.moved):,} moved")
    failures.finish()


def _keep(rule: str, what: str) -> Callable[[Function], Function]:
    return click.option(f"--keep-{rule}", type=click.IntRange(0), default=0, metavar="N", help=f"Keep {what}.")


@snapshots.command("prune", cls=Command, examples=_PRUNE_EXAMPLES)
@_keep("last", "the last N")
@_keep("daily", "the last one of each of the last N days that have one")
@_keep("weekly", "likewise of N weeks, from Monday on")
@_keep("monthly", "likewise of N months")
@_keep("yearly", "likewise of N years")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and change nothing.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@click.argument("place", metavar="VAULT[:PATH]", callback=vault_with_path)
@unlock_options
def prune(*, place: VaultPath, dry_run: bool, yes: bool, source: SecretSource, **counts: int) -> None:
    """Remove the snapshots that no --keep option keeps.

    The options add up, as in restic: what one of them keeps stays. Snapshots that have a name of their own stay, too.
    What was never completed goes. Files that another snapshot shares stay there.
    """
    from wafs.cli.failures import Failures
    from wafs.cli.keep_policy import kept
    from wafs.errors import UsageError

    rules = {name.removeprefix("keep_"): count for name, count in counts.items()}
    if not any(rules.values()):
        msg = "nothing says what to keep"
        raise UsageError(msg, hint="give a --keep option, such as --keep-last 5")
    if not (dry_run or yes or sys.stdin.isatty()):
        msg = "there is nobody to ask"
        raise UsageError(msg, hint="--yes removes without asking, --dry-run shows what would be removed")
    failures = Failures()
    with _store(place, source, read_only=dry_run) as (_, store):
        there = store.all()
        dated = [snapshot for snapshot in there if snapshot.is_dated]
        reasons = {dated[at].name: why for at, why in kept([snapshot.day for snapshot in dated], rules).items()}
        going = [snapshot for snapshot in there if not _stays(snapshot, reasons)]
        for line in _columns([(escape(one.name), _fate(one, reasons)) for one in there]):
            say(line)
        if not going:
            tell("note", "nothing is to be removed")
        elif dry_run:
            tell("note", f"nothing was removed: this was a dry run; {count_words(len(going), 'snapshot')} would go")
        elif yes or _confirm(f"Remove {count_words(len(going), 'snapshot')}?"):
            store.remove([snapshot.name for snapshot in going], failures.add)
            tell("", f"{count_words(len(going), 'snapshot')} removed")
        else:
            tell("note", "nothing was removed")
    failures.finish()


def _confirm(question: str) -> bool:
    from wafs.cli.interrupts import striking_interrupts

    with striking_interrupts():
        return click.confirm(question, err=True)


def _stays(snapshot: "Snapshot", reasons: dict[bytes, list[str]]) -> bool:
    return snapshot.name in reasons or (snapshot.is_complete and not snapshot.is_dated)


def _fate(snapshot: "Snapshot", reasons: dict[bytes, list[str]]) -> str:
    if not snapshot.is_complete:
        return "remove, not complete"
    if not snapshot.is_dated:
        return "keep: has a name"
    return f"keep: {', '.join(reasons[snapshot.name])}" if snapshot.name in reasons else "remove"


@contextmanager
def _store(place: VaultPath, source: SecretSource, *, read_only: bool) -> "Iterator[tuple[Session, SnapshotStore]]":
    from wafs.cli.opening import opened
    from wafs.cli.snapshot_store import SnapshotStore
    from wafs.fs.walk import found

    path = place.path if place.path.endswith(b"/") else place.path + b"/"
    with opened(place.vault, source, read_only=read_only) as session, found(session.vfs, path) as folder:
        yield session, SnapshotStore(session, folder.ino)


def _show_json(found: "Difference") -> None:
    import json

    facts: dict[str, object] = {
        "added": [os.fsdecode(path) for path in found.added],
        "removed": [os.fsdecode(path) for path in found.removed],
        "changed": [os.fsdecode(path) for path in found.changed],
        "moved": [{"from": os.fsdecode(before), "to": os.fsdecode(after)} for before, after in found.moved],
    }
    say(json.dumps(facts, indent=2))


def _lines(found: "Difference") -> Iterator[str]:
    for sign, paths in (("+", found.added), ("-", found.removed), ("M", found.changed)):
        for path in paths:
            yield f"{sign} {escape(path)}"
    for before, after in found.moved:
        yield f"R {escape(before)} -> {escape(after)}"


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Return lines with columns of equal width; numbers and sizes, which come third and later, to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [
            cell.ljust(w) if at < 2 else cell.rjust(w) for at, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
