"""Check JSON: what `wafs check --json` prints, for scripts.

One object; docs/checking.md says what is in it. New keys may come, those that are there keep their meanings.
"""

import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wafs.check.findings import Finding
    from wafs.check.repair import Repaired
    from wafs.check.tally import Tally


class Outcome(NamedTuple):
    """All that a check found, and what was done about it; `repaired` is None if that was not asked for."""

    vault: str
    quick: bool
    complete: bool
    interrupted: bool
    tally: "Tally"
    seconds: float
    findings: "Sequence[Finding]"
    repaired: "Sequence[Repaired] | None" = None
    dry_run: bool = False

    @property
    def left(self) -> "list[Finding]":
        """Return the findings about which nothing was done."""
        if self.dry_run:
            return list(self.findings)
        done = {item.finding for item in self.repaired or () if item.problem is None}
        return [finding for finding in self.findings if finding not in done]


def as_object(outcome: Outcome) -> dict[str, object]:
    """Return the object that is printed."""
    tally = outcome.tally
    facts: dict[str, object] = {
        "version": 1,
        "vault": outcome.vault,
        "quick": outcome.quick,
        "complete": outcome.complete,
        "files": {
            "checked": tally.files,
            "whole": tally.whole_files,
            "damaged": tally.damaged_files,
            "nameless": tally.nameless,
        },
        "folders": tally.folders,
        "symlinks": tally.symlinks,
        "bytes": tally.sealed_bytes,
        "seconds": round(outcome.seconds, 3),
        "counts": dict(Counter(finding.kind.value for finding in outcome.findings)),
        "findings": [_finding(finding) for finding in outcome.findings],
    }
    if outcome.repaired is not None:
        facts["repairs"] = [_repaired(item, outcome) for item in outcome.repaired]
    return facts


def _finding(finding: "Finding") -> dict[str, object]:
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "rule": finding.rule,
        "path": _text(finding.path),
        "entry": _text(finding.entry),
        "range": None if finding.span is None else list(finding.span),
        "size": finding.size,
        "message": finding.message,
        "remedy": finding.remedy,
        "repairable": finding.repairable,
    }


def _repaired(item: "Repaired", outcome: Outcome) -> dict[str, object]:
    return {
        "kind": item.finding.kind.value,
        "path": _text(item.finding.path),
        "entry": _text(item.finding.entry),
        "action": None if item.finding.fix is None else item.finding.fix.words,
        "aside": _text(item.aside),
        "problem": item.problem,
        "done": item.problem is None and not outcome.dry_run,
    }


def _text(path: bytes | None) -> str | None:
    return None if path is None else os.fsdecode(path)
