"""docs/posix.md names tests that are there, and every check of the tour."""

from __future__ import annotations

import re

from arch.tree import ROOT
from mount.tour.guide import CHECKS
from wafs.format.layout import MAX_PLAIN_SIZE
from wafs.format.symlink import MAX_PLAIN_TARGET_SIZE, MAX_TARGET_SIZE
from wafs.format.xattr import MAX_XATTR_NAME_SIZE

PAGE = (ROOT / "docs/posix.md").read_text("utf-8")


def test_every_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+|scripts/[\w-]+)", PAGE))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_check_is_named_and_is_there() -> None:
    assert set(re.findall(r"`(check_\w+)`", PAGE)) == set(CHECKS)


def test_every_row_that_differs_says_what_shows_it() -> None:
    table = PAGE.partition("## What differs from ext4")[2].partition("## Limits")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert [row for row in rows if not re.search(r"(tests/|check_|\.md\)) ?[^|]*\|$", row)] == []


def test_the_limits_are_those_of_the_program() -> None:
    assert f"| {MAX_TARGET_SIZE:,} bytes if it deflates to 3,232, else {MAX_PLAIN_TARGET_SIZE:,} |" in PAGE
    assert f"| {MAX_XATTR_NAME_SIZE} bytes after `user.` |" in PAGE
    assert MAX_PLAIN_SIZE == 1 << 62
