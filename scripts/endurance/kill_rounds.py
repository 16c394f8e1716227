"""Kill rounds: the command line of scripts/kill_rounds."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from endurance.kill_round import KillRounds

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_LOST, EXIT_INTERRUPTED = 1, 130


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line.

    Raises:
        SystemExit: help was asked for (0) or the arguments make no sense (2).
    """
    parser = argparse.ArgumentParser(
        prog="kill_rounds",
        description="Kill the daemon of a mount under load, mount again, and see that nothing is lost.",
    )
    add = parser.add_argument
    add("--rounds", metavar="N", type=int, default=200, help="how many kills under load; default 200")
    add("--seed", metavar="N", type=int, default=None, help="chooses the operations; default another one each time")
    add("--dir", metavar="DIR", type=Path, default=Path("/var/tmp"), help="where the vault lies; default /var/tmp")
    add("--keep", metavar="DIR", type=Path, help="keep there the vault as the last kill left it")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the rounds; return the exit code: 0 nothing lost, 1 lost or failed, 2 usage, 130 interrupted."""
    asked = parse(arguments)
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    begin = time.monotonic()
    code = 0
    with tempfile.TemporaryDirectory(prefix="wafs-kill.", dir=asked.dir) as folder:
        after_kill = partial(keep, asked.keep) if asked.keep else lambda _vault, _number: None
        rounds = KillRounds(Path(folder), seed, after_kill=after_kill)
        try:
            with rounds:
                rounds.run(asked.rounds, partial(print, flush=True))
        except KeyboardInterrupt:
            print("interrupted; everything is unmounted", file=sys.stderr)
            code = EXIT_INTERRUPTED
    tally = rounds.tally
    for line in [*tally.lost, *tally.troubles]:
        print(line)
    print(f"{tally.summary()}\nseconds {time.monotonic() - begin:.0f}")
    return code if tally.is_clean else EXIT_LOST


def keep(target: Path, vault: Path, number: int) -> None:
    """Keep a copy of the vault, and only the last one."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target / "vault", ignore_errors=True)
    shutil.copytree(vault, target / "vault", symlinks=True)
    (target / "round").write_text(f"{number}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
