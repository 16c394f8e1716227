"""Campaign: a great many crash states of random programs, in several processes; `scripts/crash_states` runs it.

Ends with exit code 1 and the shortest program that it found if something was lost.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import time
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from crash.bench import Bench
from crash.expectations import READERS, unexpected
from crash.programs import SHORT, some_program
from crash.trial import Trial
from store.crashing import MODELS

if TYPE_CHECKING:
    from crash.trial import Violation
    from differential.program import Program
    from store.crashing import Model

_STATES_OF_ONE = 120
"""States of one random program in one model."""

_LOT = 5
"""Random programs that a process takes at a time."""

_LONGEST = 40
"""Steps of a random program."""

_STATES_TO_SHORTEN = 400
"""States that are looked at to see whether a shorter program fails as well."""


class Lot(NamedTuple):
    """What one process does at a time: a short program, all states of it, or some random ones (`name` is empty)."""

    name: str
    seed: int
    models: tuple[Model, ...]


class Result(NamedTuple):
    """States looked at, how many of them were opened, and the first violation of each kind as text."""

    states: int
    opened: int
    violations: dict[str, str]


def run_lot(lot: Lot) -> Result:
    """Do one lot."""
    violations: dict[str, str] = {}
    with Bench() as bench:
        trial = Trial(bench, with_readers=READERS)
        if lot.name:
            for model in lot.models:
                for found in unexpected(trial.every(SHORT[lot.name], model, seed=lot.seed, most=200)):
                    violations.setdefault(_kind(found), f"{lot.name}\n{found}")
            return Result(trial.states, trial.opened, violations)
        rng = Random(lot.seed)
        for _ in range(_LOT):
            program, seed = some_program(rng, _LONGEST), rng.getrandbits(30)
            for model in lot.models:
                for found in islice(unexpected(trial.some(program, model, seed=seed, count=_STATES_OF_ONE)), 1):
                    if _kind(found) not in violations:
                        short = shortened(bench, found, seed)
                        violations[_kind(found)] = str(short)
    return Result(trial.states, trial.opened, violations)


def shortened(bench: Bench, found: Violation, seed: int) -> Violation:
    """Leave out steps for as long as the same kind of thing is lost."""
    at = 0
    while at < len(found.program):
        shorter: Program = [*found.program[:at], *found.program[at + 1 :]]
        trial = Trial(bench, with_readers=READERS)
        violations = trial.some(shorter, found.model, seed=seed, count=_STATES_TO_SHORTEN)
        again = next((other for other in violations if _kind(other) == _kind(found)), None)
        if again is None:
            at += 1
        else:
            found = again
    return found


def _kind(found: Violation) -> str:
    """Name what is wrong without its names and figures, so that one of each kind is shown."""
    words = re.sub(r"b'.*?'|\d+", "*", found.complaints[0])
    return f"{found.model}{', in recovery' if found.again else ''}: {words}"


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run lots until so many states were looked at."""
    parser = argparse.ArgumentParser(description="Look at crash states of random programs.")
    parser.add_argument("--states", type=int, default=1_000_000, help="how many (default 1000000)")
    parser.add_argument("--seed", type=int, default=None, help="for the same programs again (default: the time)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--models", default=",".join(MODELS), help=f"what a crash may leave: {', '.join(MODELS)}")
    parser.add_argument("--no-short", action="store_true", help="random programs only")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(time.time())
    models = tuple(model for model in MODELS if model in options.models.split(","))
    lots = [] if options.no_short else [Lot(name, seed, models) for name in SHORT]
    _say(f"seed {seed}, models {', '.join(models)}, {options.jobs} processes")
    return _run(lots, seed, models, options)


def _run(lots: list[Lot], seed: int, models: tuple[Model, ...], options: argparse.Namespace) -> int:
    start = time.monotonic()
    states = opened = 0
    violations: dict[str, str] = {}
    rng = Random(seed)
    with multiprocessing.get_context("forkserver").Pool(options.jobs) as pool:
        while states < options.states:
            batch = [lots.pop() if lots else Lot("", rng.getrandbits(40), models) for _ in range(options.jobs)]
            for result in pool.imap_unordered(run_lot, batch):
                states, opened = states + result.states, opened + result.opened
                for kind in result.violations.keys() - violations.keys():
                    _say(f"\nLOST: {kind}\n{result.violations[kind]}")
                violations = {**result.violations, **violations}
            _say(f"{states} states, {opened} opened, {time.monotonic() - start:.0f} s, lost {len(violations)}")
    _say(f"{states} states, {opened} of them different and opened, {len(violations)} kinds of loss")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
