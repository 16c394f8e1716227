"""Doctor words: what `wafs doctor` says to a person who wants to know whether the backups are well.

The first line says how it stands, the last one what to do next. In between comes one backup after the other, what is
wrong with it before what is well.
"""

import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC
from itertools import groupby
from typing import TYPE_CHECKING, Final

from wafs.cli.doctor_json import Outcome
from wafs.cli.month_plot import month_plot
from wafs.cli.screen import count_words, escape, size_words, time_words

if TYPE_CHECKING:
    from wafs.whatsapp.doctor_findings import Finding
    from wafs.whatsapp.doctor_report import BackupReport, CryptReport, LackingWords
    from wafs.whatsapp.duplicates import Duplicates

_PATHS_SHOWN: Final = 5
_DETAILS_SHOWN: Final = 5
_GROUPS_SHOWN: Final = 5
_COPIES_SHOWN: Final = 3
_WIDTH: Final = 80
_TIED: Final = "\u00a0"
"""A space at which no line is broken; in a name it would be shown as an escape."""
_CHATS_SHOWN: Final = 5
_MONTHS_SHOWN: Final = 12
_IOS_NAME: Final = re.compile(rb"[0-9a-f]{40}")
_SYSTEMS: Final = {"android": "Android", "ios": "iOS"}
_APPS: Final = {"whatsapp": "WhatsApp", "business": "WhatsApp Business"}


def lines_of(outcome: Outcome, *, blocks: bool) -> Iterator[str]:
    """Yield the lines, ready to be printed: names in them are escaped. `blocks`: the terminal can show bars."""
    report = outcome.report
    yield _first(outcome)
    plotted = _newest_of_each(report.backups)
    for backup in report.backups:
        is_plotted = any(backup is each for each in plotted)
        yield ""
        yield from _backup(backup, in_brief=not is_plotted)
        if is_plotted:
            months = {} if backup.main is None or backup.main.counts is None else backup.main.counts.months
            lines = month_plot(months, backup.media_by_month, blocks=blocks)
            if lines:
                yield ""
                yield from lines
    if report.findings:
        yield ""
        yield "the vault as a whole" if report.backups else "what was found"
        yield from _findings(report.findings, None)
        if report.duplicates is not None:
            yield from _copies(report.duplicates)
    next_line = _next(outcome)
    if next_line:
        yield ""
        yield next_line


def _first(outcome: Outcome) -> str:
    report = outcome.report
    stopped = "stopped before the end; so far: " if outcome.interrupted else ""
    if not report.backups:
        return f"{stopped}no WhatsApp backup was found"
    backups = count_words(len(report.backups), "backup")
    levels = [finding.level.value for finding in report.all_findings]
    counts = [count_words(levels.count(level), level) for level in ("problem", "warning") if level in levels]
    return f"{stopped}{backups}, {' and '.join(counts) if counts else 'all is well'}"


def _backup(backup: "BackupReport", *, in_brief: bool) -> Iterator[str]:
    """Yield what there is to say of one; in brief, of what is well only that it is."""
    place = escape(backup.folder or b"/")
    yield f"{_SYSTEMS[backup.kind.value]} backup of {_APPS[backup.app.value]}: {place}"
    main = backup.main
    if main is not None and main.counts is not None:
        counts = main.counts
        when = f", from {_day(counts.oldest_s)} to {_day(counts.newest_s)}" if counts.newest_s is not None else ""
        least = "" if main.whole else "at least "
        yield f"  {least}{count_words(counts.messages, 'message')} in {count_words(counts.chats, 'chat')}{when}"
    if backup.media_files:
        yield f"  {count_words(backup.media_files, 'media file')}, {size_words(backup.media_bytes)}"
    if backup.crypts:
        yield f"  {count_words(len(backup.crypts), 'encrypted file')} of WhatsApp's own, {_days(backup.crypts)}"
    findings = [finding for finding in backup.findings if not in_brief or finding.level.value != "ok"]
    if backup.findings and not findings:
        yield "  ok: all is well"
    yield from _findings(findings, None if main is None else main.missing)


def _findings(findings: "Sequence[Finding]", missing: "LackingWords | None") -> Iterator[str]:
    from wafs.whatsapp.doctor_findings import Level

    order = list(Level)
    alike = sorted(findings, key=lambda found: (-order.index(found.level), found.kind, found.message))
    for _, group in groupby(alike, key=lambda found: (found.kind, found.message)):
        yield from _alike(list(group), missing)


def _alike(group: "Sequence[Finding]", missing: "LackingWords | None") -> Iterator[str]:
    """Yield findings that differ only in what they are about."""
    finding = group[0]
    size = f" ({size_words(finding.size)})" if finding.size and len(group) == 1 else ""
    yield from _wrapped(f"{finding.level.value}: {escape(finding.message)}{size}", "  ")
    if finding.kind.value != "duplicates":
        yield from _some([_path(each) for each in group], _PATHS_SHOWN, "    ")
    if len(group) == 1:
        yield from _some([escape(each) for each in finding.details], _DETAILS_SHOWN, "      ")
        if finding.kind.value == "media-missing" and missing is not None:
            yield from _missing(missing)
        if finding.kind.value != "duplicates":
            yield from _some([escape(each) for each in finding.first], _PATHS_SHOWN, "      ", finding.count)
    for label, words in (("means", finding.meaning), ("next", finding.remedy)):
        if words:
            yield from _wrapped(f"{label}: {words}", "    ")


def _path(finding: "Finding") -> str:
    path = escape(finding.path or b"/")
    # What an iPhone's database is called cannot be told from the name that it has in a backup.
    if finding.kind.value.startswith("database-") and _IOS_NAME.fullmatch(finding.path.rpartition(b"/")[2]):
        return f"{path} (ChatStorage.sqlite)"
    return path


def _some(lines: Sequence[str], most: int, indent: str, count: int | None = None) -> Iterator[str]:
    """Yield the first lines, and how many more there are."""
    count = len(lines) if count is None else count
    for line in lines[:most]:
        yield indent + line
    left = count - min(most, len(lines))
    if lines and left > 0:
        yield f"{indent}and {left:,} more"


def _missing(words: "LackingWords") -> Iterator[str]:
    from wafs.whatsapp.months import name_of

    chats = [_counted(name, count) for name, count in words.chats[:_CHATS_SHOWN]]
    others = len(words.lacking.chats) - len(chats)
    if others > 0:
        chats.append(f"and {count_words(others, 'other chat')}")
    yield from _wrapped(f"by chat: {', '.join(chats)}", "      ")
    dated = sorted((month, count) for month, count in words.lacking.months.items() if month is not None)
    shown = [_counted(name_of(month), count) for month, count in dated[:_MONTHS_SHOWN]]
    if len(dated) > _MONTHS_SHOWN:
        shown.append(f"and {sum(count for _, count in dated[_MONTHS_SHOWN:]):,} later, until {name_of(dated[-1][0])}")
    if words.lacking.months[None]:
        shown.append(_counted("no date", words.lacking.months[None]))
    yield from _wrapped(f"by month: {', '.join(shown)}", "      ")


def _counted(name: str, count: int) -> str:
    """Return a name with a number; both stay on one line."""
    return f"{escape(name)} ({count:,})".replace(" ", _TIED)


def _copies(duplicates: "Duplicates") -> Iterator[str]:
    for size, paths in duplicates.groups[:_GROUPS_SHOWN]:
        each = size // (len(paths) - 1)
        yield f"      {size_words(each)}, {len(paths):,} times:"
        yield from _some([escape(path) for path in paths], _COPIES_SHOWN, "        ")


def _wrapped(text: str, indent: str) -> list[str]:
    lines = textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_long_words=False)
    return [line.replace(_TIED, " ") for line in lines]


def _newest_of_each(backups: "Sequence[BackupReport]") -> "list[BackupReport]":
    """Return the backup to be plotted of each kind and app: the one with the newest message, or with most media."""
    best: dict[tuple[str, str], BackupReport] = {}
    for backup in backups:
        key = backup.kind.value, backup.app.value
        if key not in best or _age(backup) > _age(best[key]):
            best[key] = backup
    return list(best.values())


def _age(backup: "BackupReport") -> tuple[float, int, int]:
    main = backup.main
    if main is None or main.counts is None:
        return 0, 0, backup.media_bytes
    return main.counts.newest_s or 0, main.file.mtime_ns, backup.media_bytes


def _days(crypts: "Sequence[CryptReport]") -> str:
    days = sorted(_day_of(crypt) for crypt in crypts)
    return f"of {days[0]}" if days[0] == days[-1] else f"of {days[0]} to {days[-1]}"


def _day_of(crypt: "CryptReport") -> str:
    from wafs.whatsapp.months import day_in_name

    named = day_in_name(crypt.file.path.rpartition(b"/")[2])
    return named.isoformat() if named is not None else _day(crypt.file.mtime_ns / 1e9)


def _day(seconds: float | None) -> str:
    return "?" if seconds is None else time_words(seconds, "%Y-%m-%d", UTC)


def _next(outcome: Outcome) -> str | None:
    """Return the command to run next."""
    kinds = {finding.kind.value for finding in outcome.report.all_findings}
    vault = escape(shlex.quote(outcome.vault))
    if outcome.interrupted:
        return f"next: wafs doctor {vault}"
    if kinds & {"database-unreadable", "manifest-unreadable", "unreadable"}:
        return f"next: wafs check {vault}"
    return None
