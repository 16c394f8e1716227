"""Backups: making them and looking at what came of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from cli.commands import Wafs
from cli.local_tree import facts_of
from sample_backup.plan import Options, make_plan

PLAN = make_plan(Options(messages=60, media_files=24, media_bytes=300_000))


def counts(vault: Wafs, *words: object) -> dict[str, dict[str, int]]:
    """Back up what must succeed, and return the counts by category."""
    found: dict[str, dict[str, int]] = json.loads(vault.do("backup", "--json", *words).out)["categories"]
    return found


def backed_up(vault: Wafs, *words: object) -> dict[str, int]:
    """Back up what must succeed, and return the counts of all files together."""
    return counts(vault, *words)["all"]


def restored(vault: Wafs, place: Path, path: str = "/") -> dict[str, tuple[int, int, bytes]]:
    vault.do("get", "v", path, "out")
    found = facts_of(place / "out")
    subprocess.run(["rm", "-rf", "out"], check=True)
    return found
