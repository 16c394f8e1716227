"""Roster: which systems take part in a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.peers import PEERS
from benchmark.systems import NATIVE, Native, System, Wafs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OURS = "wafs"
KINDS = (NATIVE, *PEERS, OURS)
QUICK_KINDS = tuple(kind for kind in KINDS if kind != "cryfs")
"""Without CryFS: its key derivation alone would take minutes."""

CURVE_KINDS = (NATIVE, "gocryptfs", OURS)
"""The others would take hours for a million files."""


def make_systems(
    kinds: Sequence[str],
    *,
    chunk_sizes: Sequence[int],
    others: Mapping[str, Path],
    password_file: Path,
    work: Path,
) -> list[System]:
    """Return the systems asked for, in order.

    There is one wafs for each chunk size in KiB, if any, and one for each other installation of it,
    given by its name and the path of its program.
    """
    systems: list[System] = []
    for kind in kinds:
        if kind == NATIVE:
            systems.append(Native())
        elif kind in PEERS:
            systems.append(PEERS[kind](password_file, work))
        elif chunk_sizes:
            systems += [Wafs(password_file, chunk_kib=kib) for kib in chunk_sizes]
        else:
            systems.append(Wafs(password_file))
    systems += [Wafs(password_file, name=name, program=program) for name, program in others.items()]
    return systems


def parse_other(word: str) -> tuple[str, Path]:
    """Split NAME=PROGRAM, the name of a column and the path of another wafs.

    Raises:
        ValueError: it is not of that form, or another system is called so.
    """
    name, _, program = word.partition("=")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or not program or name in KINDS:
        msg = f"another wafs is NAME=PATH_OF_PROGRAM, with a name that no system has, got {word!r}"
        raise ValueError(msg)
    return name, Path(program).absolute()
