"""Examining: what `wafs.whatsapp.doctor` says of a vault, for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sample_backup.plan import Options, make_plan
from wafs.whatsapp.doctor import Doctor
from wafs.whatsapp.doctor_findings import Finding, Kind
from wafs.whatsapp.doctor_watch import Alone
from whatsapp.vault_files import read_only

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wafs.whatsapp.doctor_report import Report
    from wafs.whatsapp.source import Candidate

Tree = dict[str, bytes]
Look = Callable[[Tree], "Report"]

OPTIONS = Options(messages=120, media_files=24, media_bytes=150_000)
PLAN = make_plan(OPTIONS)
MEDIA = {message.media.path: message for message in PLAN.messages if message.media}


def examine(vault: Path, path: bytes = b"/", keys: Sequence[Candidate] = ()) -> Report:
    """Examine the vault."""
    with read_only(vault) as vfs:
        doctor = Doctor(vfs, path, Alone())
        doctor.run(keys)
        return doctor.report


def kinds(report: Report, *, worse_than_ok: bool = True) -> list[str]:
    """The kinds of findings, sorted."""
    found = report.all_findings
    return sorted(each.kind.value for each in found if not worse_than_ok or each.level.value != "ok")


def only(report: Report, kind: Kind) -> Finding:
    """The one finding of a kind."""
    (found,) = (finding for finding in report.all_findings if finding.kind is kind)
    return found
