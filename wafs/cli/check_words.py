"""Check words: what `wafs check` says to a person, who may be afraid for what is in the vault.

The first line says how much is well; the last one what to do next.
"""

import itertools
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from wafs.cli.check_json import Outcome
from wafs.cli.screen import count_words, escape, size_words

if TYPE_CHECKING:
    from wafs.check.findings import Finding
    from wafs.check.repair import Repaired
    from wafs.check.tally import Tally

_RANGES_SHOWN: Final = 10
_NOTES_SHOWN: Final = 20
_NAMELESS: Final = frozenset(
    {
        "misplaced",
        "name-damaged",
        "long-name-lost",
        "long-name-damaged",
        "long-name-left",
        "long-name-foreign",
        "foreign",
        "conflict-copy",
        "leftover",
    }
)
"""Kinds of findings about something that a person finds only on the disk, by its ciphertext name."""


def lines_of(outcome: Outcome) -> Iterator[str]:
    """Yield the lines, ready to be printed: names in them are escaped."""
    from wafs.check.findings import Severity

    yield _first(outcome)
    by_severity = {
        severity: [finding for finding in outcome.findings if finding.severity is severity] for severity in Severity
    }
    titles = {Severity.DAMAGE: "damaged", Severity.TROUBLE: "to look at", Severity.NOTE: "good to know"}
    for severity, title in titles.items():
        findings = by_severity[severity]
        if findings:
            yield ""
            yield f"{title}:"
            yield from _grouped(findings, _NOTES_SHOWN if severity is Severity.NOTE else None)
    if outcome.repaired is not None:
        yield from _repairs(outcome, outcome.repaired)
    next_line = _next(outcome)
    if next_line:
        yield ""
        yield next_line


def _first(outcome: Outcome) -> str:
    tally = outcome.tally
    if not outcome.complete and not outcome.interrupted:
        return "no file could be checked: no copy of the vault header opens; the files are there, locked"
    stopped = "stopped before the end; so far " if outcome.interrupted else ""
    lost = f"; {_nameless(tally)}" if tally.nameless else ""
    if not tally.files:
        return f"{stopped}no file was checked{lost}" if stopped or lost else "the vault has no files"
    look = "look whole (their contents were not read)" if outcome.quick else "are whole"
    if not tally.damaged_files:
        if tally.files == 1:
            return f"{stopped}the one file {look.replace('are', 'is').replace('look', 'looks')}{lost}"
        return f"{stopped}all {tally.files:,} files {look}{lost}"
    verb = "is" if tally.damaged_files == 1 else "are"
    return (
        f"{stopped}{tally.whole_files:,} of {tally.files:,} files {look}, {tally.damaged_files:,} {verb} damaged{lost}"
    )


def _nameless(tally: "Tally") -> str:
    what, whose = ("file or folder", "its name") if tally.nameless == 1 else ("files or folders", "their names")
    return f"{tally.nameless:,} more {what} cannot be reached, for {whose} cannot be read"


def _grouped(findings: Sequence["Finding"], most: int | None) -> Iterator[str]:
    """Yield each thing with all that was found about it, and what to do."""
    groups = [
        list(group) for _, group in itertools.groupby(findings, key=lambda finding: (finding.path, finding.entry))
    ]
    for group in groups[:most]:
        yield f"  {_name(group[0])}"
        if group[0].kind.value in _NAMELESS and group[0].entry is not None:
            yield f"    on the disk: {escape(group[0].entry)}, in the folder of the vault"
        ranges = [finding for finding in group if finding.span is not None]
        for finding in [*(finding for finding in group if finding.span is None), *ranges[:_RANGES_SHOWN]]:
            yield f"    {escape(finding.message)}{_share(finding)}"
        if len(ranges) > _RANGES_SHOWN:
            rest = ranges[_RANGES_SHOWN:]
            yield f"    and {count_words(len(rest), 'more range')}, {size_words(_lost(rest))} in all"
        for remedy in dict.fromkeys(finding.remedy for finding in group):
            yield f"    next: {remedy}"
    if most is not None and len(groups) > most:
        yield f"  and {count_words(len(groups) - most, 'more note')}; --json lists all"


def _name(finding: "Finding") -> str:
    if finding.path is None:
        return escape(finding.entry or b"the vault")
    return escape(finding.path)


def _share(finding: "Finding") -> str:
    if finding.span is None or not finding.size:
        return ""
    return f" ({size_words(_lost([finding]))} of {size_words(finding.size)})"


def _lost(findings: Iterable["Finding"]) -> int:
    return sum(finding.span.stop - finding.span.start for finding in findings if finding.span is not None)


def _repairs(outcome: Outcome, repaired: Sequence["Repaired"]) -> Iterator[str]:
    yield ""
    if not repaired:
        yield "nothing here can be repaired" if outcome.findings else "nothing needs to be repaired"
        return
    yield "would be repaired (nothing was changed):" if outcome.dry_run else "repaired:"
    for item in repaired:
        fix = item.finding.fix
        words = "" if fix is None else fix.words
        if item.problem is not None:
            words = f"NOT done: {words}: {escape(item.problem)}"
        yield f"  {_name(item.finding)}"
        yield f"    {words}"
        if item.aside is not None:
            yield f"    the old one is now {escape(item.aside)} in the folder of the vault"


def _next(outcome: Outcome) -> str | None:
    """Return the command to run next."""
    from wafs.check.findings import Severity

    vault = escape(shlex.quote(outcome.vault))
    left = outcome.left
    if outcome.interrupted:
        return f"next: wafs check {vault}"
    if not outcome.complete:
        where = "from a backup or the bin of the cloud drive"
        return f"next: bring back wafs.vault or wafs.vault.copy {where}, then check again"
    if any(finding.repairable for finding in left) and (outcome.repaired is None or outcome.dry_run):
        return f"next: wafs check --repair {'' if outcome.dry_run else '--dry-run '}{vault}"
    if any(finding.severity is Severity.DAMAGE for finding in left):
        return f"next: wafs salvage {vault} NEW-FOLDER"
    if outcome.quick:
        return f"next: wafs check {vault}"
    return f"next: wafs check {vault}" if outcome.repaired and not outcome.dry_run else None
