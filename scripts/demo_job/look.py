"""Look: the vault as somebody without a key sees it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from demo_job.screen import size
from demo_job.tree import listing

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 6
NAME_WIDTH = 30
BYTES_SHOWN = 12
# Behind the parts of a file that say, without saying more, that it is one of a vault.
SKIPPED = 256


def ciphertext(vault: Path) -> Table:
    """Return a table of some files of the vault: name, size, and a few bytes from their middle."""
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    table.add_column("  name")
    table.add_column("size", justify="right")
    table.add_column("bytes")
    tree = listing(vault)
    inside = [path for path in tree.files if path.startswith("tree/") and tree.entries[path].st_size > SKIPPED]
    for path in islice(inside, 0, None, max(1, len(inside) // ROWS)):
        with (vault / path).open("rb") as file:
            file.seek(SKIPPED)
            shown = file.read(BYTES_SHOWN).hex(" ", 2)
        table.add_row(
            Text(f"  {_shortened(path.removeprefix('tree/'))}", no_wrap=True),
            size(tree.entries[path].st_size),
            Text(shown, style="dim"),
        )
    return table


def _shortened(path: str) -> str:
    if len(path) <= NAME_WIDTH:
        return path
    half = NAME_WIDTH // 2 - 1
    return f"{path[:half]}..{path[-half:]}"
