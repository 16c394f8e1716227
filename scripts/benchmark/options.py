"""Options: what the user asks of a run."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from benchmark.curves import CURVES_BY_KEY, Curve, choose_curves
from benchmark.roster import CURVE_KINDS, KINDS, QUICK_KINDS, parse_other
from benchmark.rows import ROWS, Row, choose
from benchmark.scale import FULL, QUICK, Scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXAMPLES = """examples:
  scripts/bench                                    the table: wafs, its peers, native ext4
  scripts/bench --quick                            the same with less of everything, one round
  scripts/bench --json bench.json --markdown docs/benchmarks.md
  scripts/bench --quick --rows small,seq-read --systems gocryptfs,wafs
  scripts/bench --rows create --other-wafs before=../older/.venv/bin/wafs
  scripts/bench --systems wafs --chunk-sizes 4,16,64 --rows rand-read,seq-read,sql-read
  scripts/bench --curves --json curves.json --markdown docs/benchmarks.md
  scripts/bench --curves file --max-file 1024 --systems native,wafs
  scripts/bench --profile calls --rows create      where wafs spends the time of one row
  scripts/bench --quick --profile split --rows create,walk,rand-read   of what an operation consists
"""


@dataclass(frozen=True, slots=True)
class Options:
    """One run, as parsed; chunk sizes in KiB."""

    systems: tuple[str, ...]
    systems_named: bool
    others: Mapping[str, Path]
    rows: tuple[Row, ...]
    curves: tuple[Curve, ...]
    rounds: int
    scale: Scale
    chunk_sizes: tuple[int, ...]
    folder: Path
    json: Path | None
    markdown: Path | None
    remount: bool
    profile: str | None
    install: bool
    figures: Path | None


class _Parser(argparse.ArgumentParser):
    def refuse(self, message: str) -> NoReturn:
        """Leave with exit code 2 and a message in the project's style."""
        self.exit(2, f"bench: error: {message}\n")


def parse(arguments: Sequence[str]) -> Options:
    """Parse the command line.

    Raises:
        SystemExit: help was asked for (0) or the arguments make no sense (2).
    """
    parser = _declare()
    given = parser.parse_args(arguments)
    kinds = tuple(dict.fromkeys(filter(None, _systems(given).split(","))))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        parser.refuse(f"--systems takes {', '.join(KINDS)}, got {given.systems!r}")
    try:
        rows = choose(given.rows)
        curves = _curves(given)
        others = dict(map(parse_other, given.other_wafs))
        chunk_sizes = tuple(_chunk_size(word) for word in given.chunk_sizes.split(",") if word)
    except ValueError as exc:
        parser.refuse(str(exc))
    rounds = given.rounds if given.rounds is not None else 1 if given.quick else 3
    if rounds < 1 or (given.size is not None and given.size < 8):
        parser.refuse("--rounds starts at 1 and --size at 8")
    if given.profile in ("functions", "calls") and len(rows) != 1:
        parser.refuse(f"--profile looks at one row, got {len(rows)}; name it with --rows")
    scale = QUICK if given.quick else FULL
    return Options(
        systems=kinds,
        systems_named=given.systems is not None,
        others=others,
        rows=rows,
        curves=curves,
        rounds=rounds,
        scale=scale if given.size is None else scale.with_size(given.size),
        chunk_sizes=chunk_sizes,
        folder=given.dir.absolute(),
        json=given.json,
        markdown=given.markdown,
        remount=given.remount,
        profile=given.profile,
        install=not given.no_install,
        figures=given.figures,
    )


def _curves(given: argparse.Namespace) -> tuple[Curve, ...]:
    if given.curves is None:
        return ()
    most_bytes = None if given.max_file is None else given.max_file << 20
    return choose_curves(given.curves, most_entries=given.max_entries, most_bytes=most_bytes)


def _systems(given: argparse.Namespace) -> str:
    if given.systems is not None:
        return str(given.systems)
    if given.curves is not None:
        return ",".join(CURVE_KINDS)
    return ",".join(QUICK_KINDS if given.quick else KINDS)


def _declare() -> _Parser:
    parser = _Parser(
        prog="bench",
        description="Compare the speed of wafs with its peers and native ext4. Needs root.",
        epilog=EXAMPLES + "\nrows, by job:\n" + "\n".join(_describe(row) for row in ROWS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--systems", metavar="LIST", help=f"of {','.join(KINDS)}; default: all, with --quick all but cryfs")
    add(
        "--other-wafs",
        metavar="NAME=PROGRAM",
        action="append",
        default=[],
        help="another installation of wafs as one more system, such as before=../older/.venv/bin/wafs",
    )
    add("--no-install", action="store_true", help="leave out what is not installed, and install nothing")
    add("--rows", metavar="LIST", default="table", help="rows, or jobs, or table (default), or all")
    add("--rounds", metavar="N", type=int, help="rounds, for medians; default 3, quick 1")
    add("--size", metavar="MIB", type=int, help="size of the big file; default 256, quick 96")
    add("--quick", action="store_true", help="less work, in about five minutes")
    add(
        "--chunk-sizes",
        "--chunk-size",
        metavar="LIST",
        default="",
        help="chunk sizes of wafs in KiB, each a system of its own, such as 4,16,64",
    )
    add(
        "--dir",
        metavar="DIR",
        type=Path,
        default=Path("/var/tmp"),
        help="where the loop files lie, on a disk and not in memory; default /var/tmp",
    )
    add(
        "--curves",
        metavar="LIST",
        nargs="?",
        const="all",
        help=f"instead of rows: how things grow; of {','.join(CURVES_BY_KEY)}; default all; "
        f"takes tens of minutes; systems {','.join(CURVE_KINDS)} unless named",
    )
    add("--max-entries", metavar="N", type=int, help="largest folder and tree of the curves; default 1000000")
    add("--max-file", metavar="MIB", type=int, help="largest file of the curves; default 16384")
    add("--json", metavar="FILE", type=Path, help="write all values of all rounds there")
    add("--markdown", metavar="FILE", type=Path, help="write tables and plots there, such as docs/benchmarks.md")
    add("--figures", metavar="FILE", type=Path, help="measure nothing: take what an earlier --json wrote")
    add(
        "--remount",
        action="store_true",
        help="restart each system before cold rows, so that its own caches are cold too",
    )
    add(
        "--profile",
        choices=("functions", "calls", "split"),
        help="show where wafs spends one row: Python functions (cProfile) or system calls (strace); or, for several "
        "rows, of what one operation consists",
    )
    return parser


def _describe(row: Row) -> str:
    return f"  {row.job:9} {row.key:18} {row.title}, {row.unit.value}" + (" (extra)" if row.extra else "")


def _chunk_size(word: str) -> int:
    """Parse a chunk size in KiB: a power of two from 4 to 1024."""
    sizes = [1 << power for power in range(2, 11)]
    if not word.isdecimal() or int(word) not in sizes:
        msg = f"a chunk size is a power of two from 4 to 1024 KiB, got {word!r}"
        raise ValueError(msg)
    return int(word)
