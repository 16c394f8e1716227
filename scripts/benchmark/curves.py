"""Curves: how time and memory grow with folders, trees and files.

Each curve goes through sizes on one system; every size gets a fresh disk, and what is measured after it was
built is measured with everything cold: the system is mounted anew and the caches of the kernel are empty.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from benchmark import growing
from benchmark.failure import BenchError
from benchmark.loopdisk import loop_disk
from benchmark.peers import PEERS
from benchmark.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmark.systems import System

MIB = 1 << 20
GIB = 1 << 30
LOWER_SIZE = 8192
"""Bytes of the disk below that a nearly empty file takes, more or less, in the systems compared."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One kind of growth: `sizes` are what grows, `figures` what is measured, with units, by key."""

    key: str
    title: str
    unit: str
    sizes: tuple[int, ...]
    figures: dict[str, str]
    measure: Callable[[Place, int], dict[str, float]]
    disk: Callable[[int], int]
    inodes: Callable[[int], int]


@dataclass(slots=True)
class Growth:
    """What came out: (size, value) in the order of the sizes, by curve, figure and system; and what failed."""

    points: dict[str, dict[str, dict[str, list[tuple[int, float]]]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, curve: Curve, system: str, size: int, values: dict[str, float]) -> None:
        """Take over what was measured at one size."""
        for figure, value in values.items():
            of_systems = self.points.setdefault(curve.key, {}).setdefault(figure, {})
            of_systems.setdefault(system, []).append((size, value))


def run_curves(
    curves: Sequence[Curve],
    systems: Sequence[System],
    *,
    work: Path,
    tell: Callable[[str], None],
) -> Growth:
    """Measure each curve on each system, the systems taking turns at each size.

    A peer that fails at a size is not asked for larger ones.

    Raises:
        BenchError: native ext4 or wafs failed.
    """
    growth = Growth()
    upper = work / "mnt"
    upper.mkdir(exist_ok=True)
    for curve in curves:
        for size in curve.sizes:
            for system in systems:
                what = f"{curve.key} on {system.name}"
                if what in growth.failures:
                    continue
                tell(f"{what}: {readable(size, curve.unit)}")
                try:
                    with _fresh(curve, size, system, work=work, upper=upper) as place:
                        growth.add(curve, system.name, size, curve.measure(place, size))
                except (BenchError, OSError) as exc:
                    if system.name not in PEERS:
                        msg = f"{what}, {readable(size, curve.unit)}: {exc}"
                        raise BenchError(msg) from exc
                    growth.failures[what] = f"{readable(size, curve.unit)}: {exc}"
    return growth


@contextmanager
def _fresh(curve: Curve, size: int, system: System, *, work: Path, upper: Path) -> Iterator[Place]:
    with loop_disk(work, size=curve.disk(size), inodes=curve.inodes(size)) as lower:
        place = Place(system, lower=lower, upper=upper, assets=work, wanted=(), remount=True)
        with place.mounted():
            yield place


def _tree_disk(count: int) -> int:
    return 512 * MIB + count * LOWER_SIZE


def _tree_inodes(count: int) -> int:
    return 16384 + 2 * count


CURVES = (
    Curve(
        "folder",
        "one folder",
        "entries",
        (1_000, 10_000, 100_000),
        {"create": "us per file", "list": "us per entry", "lookup": "us", "memory": "MiB"},
        growing.grow_folder,
        _tree_disk,
        _tree_inodes,
    ),
    Curve(
        "tree",
        "the whole vault",
        "files",
        (10_000, 100_000, 1_000_000),
        {"mount": "ms", "list": "ms", "lookup": "us", "walk": "us per file", "memory": "MiB"},
        growing.grow_tree,
        _tree_disk,
        _tree_inodes,
    ),
    Curve(
        "file",
        "one file",
        "bytes",
        tuple(MIB << power for power in range(0, 15, 2)),
        {"write": "MB/s", "read": "MB/s", "last page": "ms", "memory": "MiB"},
        growing.grow_file,
        lambda size: GIB + size + size // 8,
        lambda size: 16384 + size // 8192,
    ),
)


CURVES_BY_KEY = {curve.key: curve for curve in CURVES}


def choose_curves(words: str, *, most_entries: int | None, most_bytes: int | None) -> tuple[Curve, ...]:
    """Return the curves that a comma-separated list names, or `all`, cut at the largest sizes wanted.

    Raises:
        ValueError: a word is no curve, or nothing is left of one.
    """
    keys = set(CURVES_BY_KEY) if words == "all" else set(filter(None, words.split(",")))
    if not keys or not keys <= set(CURVES_BY_KEY):
        msg = f"--curves takes all or {','.join(CURVES_BY_KEY)}, got {words!r}"
        raise ValueError(msg)
    found = []
    for curve in CURVES:
        if curve.key in keys:
            most = most_bytes if curve.unit == "bytes" else most_entries
            sizes = tuple(size for size in curve.sizes if most is None or size <= most)
            if not sizes:
                msg = f"the curve {curve.key} begins at {readable(curve.sizes[0], curve.unit)}"
                raise ValueError(msg)
            found.append(replace(curve, sizes=sizes))
    return tuple(found)


def readable(size: int, unit: str) -> str:
    """Return a size in words: bytes in MiB or GiB, counts with commas."""
    if unit != "bytes":
        return f"{size:,} {unit}"
    return f"{size >> 30} GiB" if size >= GIB else f"{size >> 20} MiB"
