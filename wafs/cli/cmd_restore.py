"""`wafs restore`: bring a backup back from a vault; what is newer here stays."""

import os
import time
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, VaultPath, vault_with_path
from wafs.cli.selection import Selection, selection_options
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.outcomes import Outcomes

_EXAMPLES = (
    Example("wafs restore vault phone", "bring back what is missing or older here"),
    Example("wafs restore --only databases vault:/WhatsApp restored", "the databases of one folder"),
    Example("wafs restore --snapshot latest vault:/phone restored", "the newest dated copy"),
    Example("wafs restore --dry-run vault phone", "see what would be done"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("--snapshot", metavar="NAME", help="Restore this snapshot in PATH, such as 2026-11-23, or latest.")
@click.option("--force", is_flag=True, help="Replace files that are newer in DEST, too.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("place", metavar="VAULT[:PATH]", callback=vault_with_path)
@click.argument("dest", type=LOCAL_PATH)
@selection_options
@unlock_options
def restore(  # noqa: PLR0913  one argument for each option
    *,
    place: VaultPath,
    dest: str,
    snapshot: str | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    selection: Selection,
    source: SecretSource,
) -> None:
    """Bring a backup back from a vault; newer files stay.

    What is in the folder PATH of VAULT goes into the folder DEST, which is made if need be. Files that are missing in
    DEST are written, and so are those that are older there, or as old and of another size. Newer ones stay, but for
    --force; what is the same by size and time is not read. Nothing is removed from DEST but the -wal or -journal of a
    database that is replaced; a database with a newer one stays, too. Kept are times, permission bits, symlinks, hard
    links and attributes in user.*.

    A file appears under its name when it is complete and verified. One that is damaged is left out and named, the rest
    is restored, and the exit code is 5. Categories and globs are those of wafs backup.
    """
    from wafs.cli.failures import Failures
    from wafs.cli.restore_run import Request, run_restore

    failures = Failures()
    began = time.monotonic()
    request = Request(place, dest, selection, snapshot, force, dry_run)
    path, outcomes = run_restore(request, source, failures)
    seconds = time.monotonic() - began
    _show(path, dest, outcomes, as_json=as_json, dry_run=dry_run, seconds=seconds)
    failures.finish()


def _show(path: bytes, dest: str, outcomes: "Outcomes", *, as_json: bool, dry_run: bool, seconds: float) -> None:
    from wafs.cli.screen import count_words, say, tell
    from wafs.cli.tally import Outcome

    if as_json:
        import json

        facts = {
            "path": os.fsdecode(path),
            "dest": dest,
            "dry_run": dry_run,
            "seconds": round(seconds, 3),
            "categories": outcomes.tally.as_json(),
            "failed": [{"path": failed, "error": error} for failed, error in outcomes.failed],
        }
        say(json.dumps(facts, indent=2))
        return
    for line in outcomes.tally.table():
        say(line)
    if dry_run:
        tell("note", "nothing was changed: this was a dry run")
    elif newer := outcomes.tally.total(Outcome.NEWER):
        tell("note", f"{count_words(newer, 'file')} newer in {dest} stayed; --force replaces them, too")
