"""Screen: what goes where, and how names are shown.

Standard output gets what was asked for, and nothing else. Standard error gets everything said about it: errors, hints,
warnings, notes, progress. Each line there begins with `wafs: `. A file name never drives the terminal: what does not
print is shown as an escape.
"""

import os
import sys
from datetime import UTC, datetime, tzinfo
from typing import Final

_SHORT_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e", "\\": "\\\\"}


def escape(text: str | bytes) -> str:
    r"""Return text in which every character that does not print is an escape such as `\n`, `\x9b` or `\u202e`.

    A byte that is not UTF-8 shows as `\xNN`. A backslash stays as it is unless something else had to be escaped.
    """
    shown = os.fsdecode(text)
    if shown.isprintable():
        return shown
    return "".join(character if character.isprintable() else _escaped(character) for character in shown)


def say(text: str = "") -> None:
    """Print a line of what was asked for.

    Raises: OSError, BrokenPipeError.
    """
    print(text)  # noqa: T201  this is the one place that prints


def tell(kind: str, text: str) -> None:
    """Say something on standard error: `kind` is error, hint, warning, note or nothing."""
    prefix = f"wafs: {kind}: " if kind else "wafs: "
    print(prefix + escape(text), file=sys.stderr, flush=True)  # noqa: T201  this is the one place that prints


def size_words(size: int) -> str:
    """Return a number of bytes as people write it: `512 B`, `1.5 MiB`."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def count_words(count: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `1,200 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def time_words(seconds: float, pattern: str, zone: tzinfo | None = None) -> str:
    """Return a time since 1970 in words, local time if no zone is given; `@seconds` for one beyond the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone(zone).strftime(pattern)
    except (OverflowError, ValueError, OSError):
        return f"@{seconds:.0f}"


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
