"""Search: is anything of the backup readable in the bytes or the names of the vault?"""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo_job.tree import BLOCK, listing
from sample_backup import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from demo_job.tree import Listing

# Shorter strings turn up in random bytes, or in the note for people that every vault holds.
SHORTEST_NAME = 9
PREFIX = 12
SHORTEST_TEXT = 12
SNIPPET = 32
# The search takes about this many bytes times strings per minute; more strings are sampled.
EFFORT = 2 * 10**11
FEWEST = 30
SQLITE_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Needles:
    """Strings that must not be found; `known` is how many there are, of which these were chosen."""

    chosen: list[bytes]
    known: int


def needles(root: Path, found: Listing, vault_bytes: int) -> Needles:
    """Collect names, texts of messages and pieces of media of the backup at `root`."""
    rng = random.Random(0)
    always = {MARKER.encode(), SQLITE_MAGIC}
    # A name that stood somewhere would bring its beginning along, and few beginnings cover all names.
    names = {os.fsencode(path.rpartition("/")[2])[:PREFIX] for path in found.entries}
    others = {name for name in names if len(name) >= SHORTEST_NAME}
    others.update(_texts(root / "msgstore.db"))
    others.update(_snippets(root, found, rng))
    others -= always
    room = max(FEWEST, EFFORT // max(1, vault_bytes))
    chosen = sorted(others)
    if len(chosen) > room:
        chosen = rng.sample(chosen, room)
    return Needles([*always, *chosen], len(always) + len(others))


def _texts(database: Path) -> Iterable[bytes]:
    """Return the beginnings of messages, if this is a database that has some."""
    if not database.is_file():
        return []
    query = "SELECT text_data FROM message WHERE length(text_data) >= ? LIMIT 500"
    try:
        # Immutable: the backup is looked at and nothing, no lock file either, is written beside it.
        with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as db:
            rows = db.execute(query, [SHORTEST_TEXT]).fetchall()
    except sqlite3.Error:
        return []
    return [row[0].encode()[:40] for row in rows if isinstance(row[0], str)]


def _snippets(root: Path, found: Listing, rng: random.Random) -> Iterable[bytes]:
    """Return pieces out of the middle of some files; pieces of one repeated byte say nothing."""
    big = [path for path in found.files if found.entries[path].st_size >= 4 * SNIPPET]
    for path in rng.sample(big, min(len(big), 100)):
        with (root / path).open("rb") as file:
            file.seek(found.entries[path].st_size // 2)
            piece = file.read(SNIPPET)
        if len(set(piece)) > SNIPPET // 2:
            yield piece


def readable(vault: Path, wanted: Needles, advance: Callable[[int], None]) -> list[str]:
    """Say which strings are found, and where, in any name or any byte of the vault."""
    problems = []
    longest = max(map(len, wanted.chosen))
    tree = listing(vault)
    for path in tree.entries:
        name = os.fsencode(path)
        problems += [f"{needle!r} in the name {path}" for needle in wanted.chosen if needle in name]
    for path in tree.files:
        with (vault / path).open("rb") as file:
            tail = b""
            while block := file.read(BLOCK):
                # The end of the last block comes along: a string may lie across the border.
                window = tail + block
                problems += [f"{n!r} in {path}" for n in wanted.chosen if n in window]
                tail = window[-longest + 1 :]
                advance(len(block))
    return problems
