"""`wafs backup`: bring a backup of a phone, or any folder, into a vault; only what is new or changed."""

import os
import time
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, VaultPath, vault_with_path
from wafs.cli.selection import Selection, selection_options
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.backup_run import BackupResult

_EXAMPLES = (
    Example("wafs backup phone vault", "bring in what is new or changed"),
    Example("wafs backup --no-videos phone vault:/phone", "into a folder of the vault, without videos"),
    Example("wafs backup --snapshot phone vault:/phone", "as a dated copy, /phone/2026-11-23"),
    Example("wafs backup --dry-run --only images phone vault", "see what would be done"),
)


_TODAY = "today"
_LATEST = "latest"


@click.command(cls=Command, examples=_EXAMPLES, usual_values={"--snapshot": _TODAY})
@click.option(
    "--snapshot", metavar="[=NAME]", help="Make a dated copy PATH/2026-11-23; what did not change is stored once."
)
@click.option("--checksum", is_flag=True, help="Compare files by content, not by size and time.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("src", metavar="SRC", type=LOCAL_PATH)
@click.argument("target", metavar="VAULT[:PATH]", callback=vault_with_path)
@selection_options
@unlock_options
def backup(  # noqa: PLR0913  one argument for each option
    *,
    src: str,
    target: VaultPath,
    snapshot: str | None,
    checksum: bool,
    dry_run: bool,
    as_json: bool,
    selection: Selection,
    source: SecretSource,
) -> None:
    """Bring what is new or changed in SRC into a vault.

    It goes to the folder PATH of VAULT, which is made if need be. SRC is a WhatsApp folder of an Android phone, or one
    above it; a backup of an iPhone by Finder or iTunes; or any other folder. A file whose size and time are those in
    the vault is not copied again. Nothing is ever removed from the vault because it is missing in SRC: a vault is an
    archive. Kept are times, permission bits, symlinks and attributes in user.*.

    A file appears under its name when it is complete and safe from a power cut, never before. When it was interrupted,
    the same command goes on where it stopped. A file that changes while it is read is read once more; if it changes
    again it is reported as failed. A database is copied together with its -wal or -journal.

    With --snapshot all of SRC goes to a folder named after the day (a second one on that day is 2026-11-23.2), or to
    NAME, which wafs snapshots prune leaves alone unless it is a day. Files that did not change since an earlier
    snapshot are links to those. So they are one file: look at snapshots, and do not change them. A snapshot gets its
    name when it is complete; what an interrupted one has copied is used by the next and then removed.

    Categories: databases, backups, images, video, gifs, video-notes, voice-notes, audio, stickers, documents,
    profile-photos, wallpaper, statuses, links, other. Globs: * and ? stand for a part of a name, ** for any folders;
    one without a slash fits names at any depth. What is excluded is left out even if it is included.
    """
    from wafs.cli.backup_run import Request, run_backup
    from wafs.cli.failures import Failures
    from wafs.errors import NotADirError, NotFoundError, UsageError

    if snapshot is not None and (not snapshot or snapshot.startswith(".") or "/" in snapshot or snapshot == _LATEST):
        msg = f"{snapshot!r} cannot be the name of a snapshot"
        raise UsageError(msg, hint="it is the name of a folder, does not begin with a dot, and latest is the newest")
    if not os.path.isdir(src):
        kind = NotADirError if os.path.lexists(src) else NotFoundError
        msg = f"{src}: {'not a folder' if kind is NotADirError else 'no such folder'}"
        raise kind(msg, hint="wafs put copies single files")
    failures = Failures()
    began = time.monotonic()
    name = None if snapshot == _TODAY else snapshot
    request = Request(src, target, selection, snapshot is not None, name, checksum, dry_run)
    result = run_backup(request, source, failures)
    _show(request.src, result, as_json=as_json, dry_run=dry_run, seconds=time.monotonic() - began)
    failures.finish()


def _show(src: str, result: "BackupResult", *, as_json: bool, dry_run: bool, seconds: float) -> None:
    from wafs.cli.screen import say, tell

    outcomes = result.outcomes
    if as_json:
        import json

        facts = {
            "source": src,
            "kind": str(result.kind),
            "path": os.fsdecode(result.path),
            "snapshot": os.fsdecode(result.snapshot) if result.snapshot is not None else None,
            "dry_run": dry_run,
            "seconds": round(seconds, 3),
            "categories": outcomes.tally.as_json(),
            "failed": [{"path": path, "error": error} for path, error in outcomes.failed],
        }
        say(json.dumps(facts, indent=2))
        return
    for line in outcomes.tally.table():
        say(line)
    if dry_run:
        tell("note", "nothing was changed: this was a dry run")
    elif result.snapshot is not None:
        tell("", f"snapshot {os.fsdecode(result.snapshot)}")
