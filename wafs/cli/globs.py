"""Globs: patterns for paths, as on the command lines of grep, tar and rsync.

`*` and `?` stand for what is within one name, `**` for any number of names, `[a-z]` and `[!a-z]` for one letter. A
pattern without a slash is for the names of files and folders at any depth; one with a slash for paths from the top. A
folder that fits takes all below it along.
"""

import re
from collections.abc import Iterator
from typing import Final

_SPECIAL: Final = re.compile(rb"(?:^|/)\*\*(?:/|$)|\*+|\?|\[!?\]?[^\]/]*\]")


class Glob:
    """One pattern."""

    def __init__(self, pattern: bytes) -> None:
        trimmed = pattern.rstrip(b"/")
        self._anchored = b"/" in trimmed
        self._regex = re.compile(b"".join(_translated(trimmed.lstrip(b"/"))), re.DOTALL)

    def fits(self, path: bytes) -> bool:
        """Tell whether a path, relative to the top, or a folder above it fits."""
        names = path.split(b"/")
        if not self._anchored:
            return any(self._regex.fullmatch(name) for name in names)
        return any(self._regex.fullmatch(b"/".join(names[:depth])) for depth in range(len(names), 0, -1))


def _translated(pattern: bytes) -> Iterator[bytes]:
    done = 0
    for special in _SPECIAL.finditer(pattern):
        yield re.escape(pattern[done : special.start()])
        yield _meaning(special[0])
        done = special.end()
    yield re.escape(pattern[done:])


def _meaning(special: bytes) -> bytes:
    if special.strip(b"/") == b"**":
        before, after = special.startswith(b"/"), special.endswith(b"/")
        if before and after:
            return rb"/(?:.*/)?"
        return rb"(?:.*/)?" if after else rb"/.*" if before else rb".*"
    if special.startswith(b"*"):
        return rb"[^/]*"
    if special == b"?":
        return rb"[^/]"
    negated = special.startswith(b"[!")
    letters = special[2 if negated else 1 : -1]
    # A range that runs backwards stands for nothing, as in a shell.
    safe = b"".join(_safe_ranges(letters))
    if not safe:
        return rb"[^/]" if negated else rb"(?!)"
    return b"(?!/)[" + (b"^" if negated else b"") + safe + b"]"


def _safe_ranges(letters: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(letters):
        low = letters[at : at + 1]
        if letters[at + 1 : at + 2] == b"-" and at + 2 < len(letters):
            high = letters[at + 2 : at + 3]
            if low <= high:
                yield re.escape(low) + b"-" + re.escape(high)
            at += 3
        else:
            yield re.escape(low)
            at += 1
