"""Scratch report: what was changed in a scratch, as JSON and in words."""

import os
from typing import Any, Final

from wafs.cli.messages import Message
from wafs.cli.scratch_keep import Kept
from wafs.cli.screen import count_words, size_words, tell
from wafs.fs.changes import KINDS, Change

Report = dict[str, Any]
"""What `wafs umount --json` prints: `counts` by kind, `changes`, `unread`, `kept`."""

_SHOWN: Final = 20


def report_of(changes: list[Change], unread: list[tuple[bytes, Message]], kept: list[Kept]) -> Report:
    """Return the report. Paths are text, with a lone surrogate for a byte that is not UTF-8."""
    return {
        "counts": {kind: _counts([change for change in changes if change.kind == kind]) for kind in KINDS},
        "changes": [_as_json(change) for change in changes],
        "unread": [{"path": os.fsdecode(path), "why": why.text} for path, why in unread],
        "kept": [
            {
                "place": one.place,
                "files": one.files,
                "bytes": one.bytes,
                "code": one.code,
                "failures": [{"text": message.text, "hint": message.hint} for message in one.failures],
            }
            for one in kept
        ],
    }


def _counts(changes: list[Change]) -> dict[str, int]:
    folders = sum(change.is_dir for change in changes)
    return {"files": len(changes) - folders, "folders": folders, "bytes": sum(change.size for change in changes)}


def _as_json(change: Change) -> dict[str, object]:
    facts: dict[str, object] = {
        "kind": change.kind,
        "path": os.fsdecode(change.path),
        "type": "folder" if change.is_dir else "file",
        "bytes": change.size,
    }
    if change.old_path is not None:
        facts["old_path"] = os.fsdecode(change.old_path)
    return facts


def code_of(report: Report) -> int:
    """Return the exit code that follows: that of the first copying that failed."""
    return next((int(kept["code"]) for kept in report["kept"] if kept["code"]), 0)


def counted(report: Report) -> str:
    """Return the counts in words, without a name."""
    words = []
    for kind in KINDS:
        counts = report["counts"][kind]
        some = [count_words(counts[noun + "s"], noun) for noun in ("file", "folder") if counts[noun + "s"]]
        if some:
            size = f" ({size_words(counts['bytes'])})" if counts["bytes"] else ""
            words.append(f"{kind} {' and '.join(some)}{size}")
    return "; ".join(words) or "nothing was changed"


def tell_report(report: Report) -> None:
    """Say what was changed, what was kept, and what could not be."""
    tell("", f"in the scratch: {counted(report)}")
    changes = report["changes"]
    for change in changes[:_SHOWN]:
        size = f"  {size_words(change['bytes'])}" if change["bytes"] else ""
        before = f"{change['old_path']} -> " if "old_path" in change else ""
        tell("", f"  {change['kind']:<8} {before}{change['path']}{'/' * (change['type'] == 'folder')}{size}")
    if len(changes) > _SHOWN:
        tell("", f"  and {len(changes) - _SHOWN:,} more")
    for item in report["unread"]:
        tell("warning", f"{item['path']}: {item['why']}; what is told of it may not be all")
    for kept in report["kept"]:
        tell("", f"kept in {kept['place']}: {count_words(kept['files'], 'file')}, {size_words(kept['bytes'])}")
        tell_failures([Message(item["text"], item["hint"]) for item in kept["failures"]])


def tell_failures(failures: list[Message]) -> None:
    """Say what could not be kept, and what to do about it."""
    for message in failures[:_SHOWN]:
        tell("error", f"not kept: {message.text}")
    if len(failures) > _SHOWN:
        tell("error", f"and {count_words(len(failures) - _SHOWN, 'more failure')}")
    for hint in dict.fromkeys(message.hint for message in failures[:_SHOWN]):
        if hint:
            tell("hint", hint)
