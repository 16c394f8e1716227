"""Fingerprint: whether a folder, the ciphertext of a vault as a rule, is byte for byte what it was."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Return names, hashes and times of all files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in files
    }
