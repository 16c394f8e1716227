"""Doctor JSON: what `wafs doctor --json` prints, for scripts.

One object; docs/whatsapp-doctor.md says what is in it. New keys may come, those that are there keep their meanings.
"""

import os
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wafs.whatsapp.doctor_findings import Finding
    from wafs.whatsapp.doctor_report import BackupReport, CryptReport, DatabaseReport, LackingWords, Report
    from wafs.whatsapp.manifest import Differing
    from wafs.whatsapp.months import Month


class Outcome(NamedTuple):
    """All that was found, and where it was looked for."""

    vault: str
    path: bytes
    report: "Report"
    interrupted: bool
    seconds: float


def as_object(outcome: Outcome) -> dict[str, object]:
    """Return the object that is printed."""
    report = outcome.report
    duplicates = report.duplicates
    return {
        "version": 1,
        "vault": outcome.vault,
        "path": os.fsdecode(outcome.path),
        "complete": report.complete,
        "level": report.worst.value,
        "files": report.files,
        "bytes": report.size,
        "seconds": round(outcome.seconds, 3),
        "counts": dict(Counter(finding.kind.value for finding in report.all_findings)),
        "backups": [_backup(backup) for backup in report.backups],
        "duplicates": None
        if duplicates is None
        else {
            "copies": duplicates.copies,
            "bytes": duplicates.size,
            "groups": [
                {"bytes": size, "paths": [os.fsdecode(path) for path in paths]} for size, paths in duplicates.groups
            ],
        },
        "findings": [_finding(finding) for finding in report.findings],
    }


def _backup(backup: "BackupReport") -> dict[str, object]:
    unnamed = None if backup.unnamed is None else {"files": backup.unnamed[0], "bytes": backup.unnamed[1]}
    main = backup.main
    return {
        "kind": backup.kind.value,
        "app": backup.app.value,
        "folder": os.fsdecode(backup.folder) or "/",
        "databases": [_database(database) for database in backup.databases],
        "encrypted": [_crypt(crypt) for crypt in backup.crypts],
        "manifest": None
        if backup.manifest is None
        else {
            "files": backup.manifest.files,
            "app_files": backup.manifest.app_files,
            "missing": _differing(backup.manifest.missing),
            "missing_of_other_apps": _differing(backup.manifest.missing_of_others),
            "wrong_size": _differing(backup.manifest.wrong_size),
        },
        "media": {"files": backup.media_files, "bytes": backup.media_bytes, "unnamed": unnamed},
        "months": {
            "messages": {} if main is None or main.counts is None else _months(main.counts.months),
            "media_bytes": _months(backup.media_by_month),
        },
        "findings": [_finding(finding) for finding in backup.findings],
    }


def _database(database: "DatabaseReport") -> dict[str, object]:
    counts, matched = database.counts, database.matched
    return {
        "path": os.fsdecode(database.file.path),
        "bytes": database.file.size,
        "wal": database.has_wal,
        "whole": database.whole,
        "schema": database.schema,
        "chats": None if counts is None else counts.chats,
        "messages": None if counts is None else counts.messages,
        "oldest": None if counts is None else _time(counts.oldest_s),
        "newest": None if counts is None else _time(counts.newest_s),
        "media": None
        if matched is None
        else {
            "messages": matched.media,
            "without_file": matched.without_file,
            "found": len(matched.named),
            "elsewhere": matched.elsewhere.count,
            "empty": matched.empty.count,
            "missing": None if database.missing is None else _missing(database.missing),
        },
    }


def _missing(words: "LackingWords") -> dict[str, object]:
    from wafs.whatsapp.months import name_of

    lacking = words.lacking
    return {
        "count": lacking.count,
        "bytes": lacking.size,
        "chats": [{"name": name, "count": count} for name, count in words.chats],
        "months": _months({month: count for month, count in lacking.months.items() if month is not None}),
        "undated": lacking.months[None],
        "first": [
            {"path": os.fsdecode(ref.path or b""), "month": None if ref.month is None else name_of(ref.month)}
            for ref in lacking.first
        ],
    }


def _crypt(crypt: "CryptReport") -> dict[str, object]:
    facts = crypt.facts
    return {
        "path": os.fsdecode(crypt.file.path),
        "bytes": crypt.file.size,
        "modified": _time(crypt.file.mtime_ns / 1e9),
        "kind": None if facts is None else facts.kind,
        "state": None if facts is None else facts.state.value,
        "key": None if facts is None else facts.key,
    }


def _differing(differing: "Differing") -> dict[str, object]:
    first = [os.fsdecode(name) for name in differing.first]
    return {"count": differing.count, "bytes": differing.size, "first": first}


def _finding(finding: "Finding") -> dict[str, object]:
    return {
        "level": finding.level.value,
        "kind": finding.kind.value,
        "path": os.fsdecode(finding.path) or "/",
        "message": finding.message,
        "meaning": finding.meaning or None,
        "remedy": finding.remedy or None,
        "count": finding.count,
        "bytes": finding.size,
        "first": [os.fsdecode(name) for name in finding.first],
        "details": list(finding.details),
    }


def _months(months: "Mapping[Month, int]") -> dict[str, int]:
    from wafs.whatsapp.months import name_of

    return {name_of(month): value for month, value in sorted(months.items())}


def _time(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 has it, in UTC; None for none, and for one beyond the calendar."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None
