"""`wafs check`: tell what of a vault is whole and what is not, and mend what can be mended safely."""

import contextlib
import functools
import json
import os
import time
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wafs.check.findings import Finding
    from wafs.check.headers import HeaderCopy
    from wafs.check.opening import Patient
    from wafs.check.repair import Repaired
    from wafs.cli.check_json import Outcome
    from wafs.cli.interrupts import Interrupts
    from wafs.cli.progress import Progress
    from wafs.vault.header_file import GetSecret

_EXAMPLES = (
    Example("wafs check vault", "read everything and say what is damaged"),
    Example("wafs check --quick vault", "names, sizes and headers only, which takes a moment"),
    Example("wafs check --json vault | jq -r '.findings[].path'", "for scripts"),
    Example("wafs check --repair --dry-run vault", "show what would be repaired"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("--quick", is_flag=True, help="Leave out the contents of the files: names, sizes and headers only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--repair", is_flag=True, help="Mend what can be mended safely; nothing is ever deleted.")
@click.option("--dry-run", is_flag=True, help="With --repair: show what would be done, and change nothing.")
@click.argument("vault", type=LOCAL_PATH)
@unlock_options
def check(*, vault: str, quick: bool, as_json: bool, repair: bool, dry_run: bool, source: SecretSource) -> None:
    """Check that all of VAULT can be read and is what was written.

    Nothing is written, and no write access is needed. Every file that is not whole is named, with the bytes concerned
    and what to do. The exit code is 0 if nothing was found and 5 if something was; things that are only good to know do
    not count. Ctrl-C stops it and shows what was found so far. A file that was removed from the
    storage altogether leaves nothing to be found.

    --repair restores a damaged copy of the vault header from the good one, mends records of folders, moves back what
    was moved outside of wafs, seals files that were being written, and moves what is in the way, such as a damaged
    journal, to a folder set-aside-DATE in the folder of VAULT. The vault must not be mounted then.
    """
    from wafs.check.headers import read_copies
    from wafs.check.opening import opened
    from wafs.cli.interrupts import deferred_interrupts
    from wafs.cli.progress import Progress
    from wafs.errors import UsageError
    from wafs.vault.lock import VaultLock

    if dry_run and not repair:
        msg = "--dry-run goes with --repair"
        raise UsageError(msg)
    path = os.path.realpath(vault)
    get_secret = functools.cache(source.get_secret)
    copies = read_copies(path)
    begun: list[Repaired] = []
    if repair and not dry_run:
        begun = _finish_journal(path, get_secret)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(contextlib.ExitStack())
        if repair:
            lock.callback(VaultLock(path).release)
        patient = stack.enter_context(opened(path, get_secret, copies))
        interrupts = stack.enter_context(deferred_interrupts())
        progress = stack.enter_context(Progress("check"))
        work = _Work(path, patient, interrupts, progress, quick=quick)
        outcome = work.check(vault, copies)
        if repair and not outcome.interrupted:
            outcome = outcome._replace(repaired=begun, dry_run=dry_run)
            outcome = work.repair(outcome, lock, get_secret)
    progress.summarise()
    _show(outcome, as_json=as_json)
    _end(outcome)


def _finish_journal(path: str, get_secret: "GetSecret") -> "list[Repaired]":
    """Bring the changes of a journal into place, if there is one: before that a vault looks worse than it is."""
    from wafs.check.findings import Finding, FinishJournal, Kind
    from wafs.check.journal import pending
    from wafs.check.repair import Repaired
    from wafs.errors import DamageError
    from wafs.vault.vault import open_vault

    if not pending(path):
        return []
    # What is damaged is told by the check that follows.
    with contextlib.suppress(DamageError):
        open_vault(path, get_secret).close()
        message = "changes that were not in their place yet"
        return [Repaired(Finding(Kind.JOURNAL_PENDING, message, entry=b"wafs.journal", fix=FinishJournal()))]
    return []


class _Work:
    """One command: what it works on, and who watches it."""

    def __init__(
        self, path: str, patient: "Patient | None", interrupts: "Interrupts", progress: "Progress", *, quick: bool
    ) -> None:
        self._path = path
        self._patient = patient
        self._interrupts = interrupts
        self._progress = progress
        self._quick = quick

    def entering(self, path: bytes) -> None:
        self._interrupts.check()
        self._progress.begin(os.path.basename(path))
        self._progress.done()

    def advanced(self, size: int) -> None:
        self._interrupts.check()
        self._progress.advance(size)

    def check(self, vault: str, copies: "list[HeaderCopy]") -> "Outcome":
        from wafs.check.vault_check import VaultCheck, total_size
        from wafs.cli.check_json import Outcome

        began = time.monotonic()
        examination = VaultCheck(self._path, copies, self._patient, self, quick=self._quick)
        findings: list[Finding] = []
        interrupted = False
        try:
            if self._progress.watched and self._patient is not None:
                self._progress.expect(total_size(self._patient, self._interrupts.check))
            for finding in examination.run():
                findings.append(finding)
        except KeyboardInterrupt:
            interrupted = True
        return Outcome(
            vault=vault,
            quick=self._quick,
            complete=self._patient is not None and not interrupted,
            interrupted=interrupted,
            tally=examination.tally,
            seconds=time.monotonic() - began,
            findings=findings,
        )

    def repair(self, outcome: "Outcome", lock: contextlib.ExitStack, get_secret: "GetSecret") -> "Outcome":
        from wafs.check.findings import Kind
        from wafs.check.repair import Repaired, plan, repair

        planned = plan(outcome.findings)
        done = list(outcome.repaired or ())
        if outcome.dry_run:
            return outcome._replace(repaired=[*done, *(Repaired(finding) for finding in planned)])
        interrupted = False
        try:
            if self._patient is not None:
                for item in repair(self._patient, planned, self._interrupts.check):
                    done.append(item)
                lock.close()
                if any(finding.kind is Kind.JOURNAL_DAMAGED for finding in planned):
                    # Of two journals the other one may be whole.
                    done += _finish_journal(self._path, get_secret)
                for item in self._seal(planned, get_secret):
                    done.append(item)
        except KeyboardInterrupt:
            interrupted = True
        return outcome._replace(repaired=done, interrupted=interrupted)

    def _seal(self, planned: "list[Finding]", get_secret: "GetSecret") -> "Iterator[Repaired]":
        """Seal what is in flight, which takes the lock of the vault anew, as every writer does."""
        from wafs.check.findings import SealFile
        from wafs.check.repair import Repaired, seal
        from wafs.errors import WafsError
        from wafs.fs.vfs import Vfs
        from wafs.vault.vault import open_vault

        flying = [finding for finding in planned if isinstance(finding.fix, SealFile)]
        if not flying:
            return
        try:
            vault = open_vault(self._path, get_secret)
        except (WafsError, OSError) as error:
            yield from (Repaired(finding, None, str(error)) for finding in flying)
            return
        with Vfs(vault) as vfs:
            yield from seal(vfs, flying, self._interrupts.check)


def _show(outcome: "Outcome", *, as_json: bool) -> None:
    from wafs.cli.check_json import as_object
    from wafs.cli.check_words import lines_of
    from wafs.cli.screen import say

    if as_json:
        say(json.dumps(as_object(outcome)))
        return
    for line in lines_of(outcome):
        say(line)


def _end(outcome: "Outcome") -> None:
    """End the command with the exit code that fits.

    Raises: KeyboardInterrupt, click.exceptions.Exit.
    """
    from wafs.check.vault_check import is_finding
    from wafs.cli.exitcodes import DAMAGED, FAILED

    if outcome.interrupted:
        raise KeyboardInterrupt
    if any(is_finding(finding) for finding in outcome.left):
        raise click.exceptions.Exit(DAMAGED)
    if any(item.problem is not None for item in outcome.repaired or ()):
        raise click.exceptions.Exit(FAILED)
