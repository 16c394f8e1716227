"""`wafs doctor`: tell which WhatsApp backups are in a vault, and what is missing or damaged in them."""

import json
import os
import sys
import time
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import VaultPath, vault_with_path
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.doctor_json import Outcome
    from wafs.cli.interrupts import Interrupts
    from wafs.cli.opening import Session
    from wafs.cli.progress import Progress
    from wafs.whatsapp.doctor_report import Report
    from wafs.whatsapp.source import Candidate

_EXAMPLES = (
    Example("wafs doctor vault", "look at all backups in the vault"),
    Example("wafs doctor vault:/phone/2026-11-22", "only at those in this folder"),
    Example("wafs doctor --json vault | jq '.backups[].databases[].media.missing.count'", "for scripts"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("place", metavar="VAULT[:PATH]", callback=vault_with_path)
@unlock_options
def doctor(*, place: VaultPath, as_json: bool, source: SecretSource) -> None:
    """Examine the WhatsApp backups in VAULT.

    All of them, or those in the folder PATH.

    It tells which backups are there and from when, if their message databases are whole, which media their messages
    name and the vault lacks and the other way round, which encrypted backups no key in the vault opens, if an iOS
    backup has all its files, and what copies of the same file cost. Chats are named; nothing is written anywhere.

    The exit code is 0 if there is no problem and 5 if there is one; notes and warnings do not count. Ctrl-C stops it
    and shows what was found so far.
    """
    from wafs.cli.doctor_json import Outcome
    from wafs.cli.opening import opened
    from wafs.cli.progress import Progress
    from wafs.whatsapp.doctor import Doctor

    began = time.monotonic()
    interrupted = False
    with opened(place.vault, source, read_only=True) as session, Progress("doctor") as progress:
        examination = Doctor(session.vfs, place.path, _Watch(session.interrupts, progress))
        try:
            examination.run(_keys(session, examination.report))
        except KeyboardInterrupt:
            interrupted = True
    outcome = Outcome(place.vault, place.path, examination.report, interrupted, time.monotonic() - began)
    _show(outcome, as_json=as_json)
    _end(outcome)


def _keys(session: "Session", report: "Report") -> "list[Candidate]":
    """Return the keys that the vault keeps; that they cannot be read is no reason to look at nothing else."""
    from wafs.cli.whatsapp_keys import candidates_of
    from wafs.errors import WafsError
    from wafs.vault.key_store_file import KEY_STORE_NAME, KeyStoreFile
    from wafs.whatsapp.doctor_findings import Finding, Kind, sentence

    try:
        return candidates_of(KeyStoreFile.of(session.vfs.vault).read())
    except (WafsError, OSError) as error:
        message = f"the keys that the vault keeps cannot be read: {sentence(str(error))}"
        report.findings.append(Finding(Kind.UNREADABLE, message, KEY_STORE_NAME.encode()))
        return []


class _Watch:
    """Shows how far it is, and stops it when that is asked for."""

    def __init__(self, interrupts: "Interrupts", progress: "Progress") -> None:
        self._interrupts = interrupts
        self._progress = progress
        progress.expect(None)

    def check(self) -> None:
        self._interrupts.check()

    def expect(self, size: int) -> None:
        self._progress.expect(size)

    def looking_at(self, path: bytes) -> None:
        self._interrupts.check()
        self._progress.begin(os.path.basename(path))

    def advanced(self, size: int) -> None:
        self._interrupts.check()
        self._progress.advance(size)


def _show(outcome: "Outcome", *, as_json: bool) -> None:
    from wafs.cli.doctor_json import as_object
    from wafs.cli.doctor_words import lines_of
    from wafs.cli.month_plot import can_show_blocks
    from wafs.cli.screen import say

    if as_json:
        say(json.dumps(as_object(outcome)))
        return
    for line in lines_of(outcome, blocks=can_show_blocks(sys.stdout.encoding)):
        say(line)


def _end(outcome: "Outcome") -> None:
    """End the command with the exit code that fits.

    Raises: KeyboardInterrupt, click.exceptions.Exit.
    """
    from wafs.cli.exitcodes import DAMAGED, FAILED
    from wafs.whatsapp.doctor_findings import Kind, Level

    if outcome.interrupted:
        raise KeyboardInterrupt
    problems = {finding.kind for finding in outcome.report.all_findings if finding.level is Level.PROBLEM}
    if problems == {Kind.NOTHING_FOUND}:
        raise click.exceptions.Exit(FAILED)
    if problems:
        raise click.exceptions.Exit(DAMAGED)
