"""Kill round: processes work on a mount, its daemon is killed, and everything is looked at after the next mount."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from endurance.database_model import last_numbers, make_database, what_is_wrong
from endurance.folder_model import Outcome, Tree, apply, difference, outcome_of, scan
from endurance.operation_log import read_log
from endurance.workers import HungError, Workers
from mount.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from mount.daemon import Daemon

FOLDERS: Final = ("folder-0", "folder-1", "folder-2")
MODES: Final = ("wal", "delete")
WRITERS: Final = ("one", "two")

_JITTER_S: Final = 0.004
_WHILE_MOUNTING: Final = 0.2
_READ_ONLY: Final = 0.2
_REMOUNT: Final = 0.25
_MOUNTING_S: Final = 0.6


@dataclass
class Tally:
    """What was done and what was found. `lost` is what contradicts the workers, `troubles` whatever else went wrong."""

    rounds: int = 0
    kills: int = 0
    kills_while_mounting: int = 0
    operations: int = 0
    transactions: int = 0
    wrong_sizes: int = 0
    cut_off: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing was lost and nothing went wrong."""
        return not self.lost and not self.troubles

    def summary(self) -> str:
        """Return the figures as lines of text."""
        cut_off = ", ".join(f"{count} {what}" for what, count in sorted(self.cut_off.items())) or "none"
        return (
            f"rounds {self.rounds}, kills {self.kills}, of these while mounting {self.kills_while_mounting}\n"
            f"operations {self.operations}, transactions {self.transactions}; cut off: {cut_off}\n"
            f"sizes that were right only after the file was opened {self.wrong_sizes}\n"
            f"lost {len(self.lost)}, other troubles {len(self.troubles)}"
        )


class KillRounds:
    """A vault that many daemons have died on.

    Args:
        folder: a new folder for everything.
        seed: of all that is chosen; the moments of the kills are as the machine has them.
        most_operations: how many may be done before a kill.
        after_kill: is given the vault when nobody has it open, to keep a copy or to harm it.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        *,
        most_operations: int = 1500,
        after_kill: Callable[[Path, int], None] = lambda _vault, _number: None,
    ) -> None:
        self.tally = Tally()
        self._seed = seed
        self._most_operations = most_operations
        self._after_kill = after_kill
        self._logs = folder / "logs"
        self._logs.mkdir()
        self._bench = Bench(folder)
        self._vault = self._bench.vault()
        self._trees: dict[str, Tree] = {name: {} for name in FOLDERS}
        self._committed = {mode: dict.fromkeys(WRITERS, -1) for mode in MODES}
        self._has_check = self._bench.wafs("check", "--help").code == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.tally.troubles += self._bench.finish()

    def run(self, rounds: int, tell: Callable[[str], None] = lambda _text: None) -> Tally:
        """Do some rounds; gives up at the first that loses something, since what follows would mean nothing."""
        daemon = self._bench.mount(self._vault)
        self._prepare(daemon.place)
        for number in range(rounds):
            daemon = self._round(number, daemon)
            self.tally.rounds += 1
            tell(f"round {number}: {self.tally.operations} operations, {self.tally.transactions} transactions so far")
            if not self.tally.is_clean:
                break
        daemon.unmount()
        return self.tally

    def _prepare(self, place: Path) -> None:
        for name in FOLDERS:
            (place / name).mkdir()
        for mode in MODES:
            make_database(place / f"{mode}.db", mode, list(WRITERS))

    def _round(self, number: int, daemon: Daemon) -> Daemon:
        rng = random.Random(f"{self._seed}/{number}")
        try:
            self._work_and_kill(rng, daemon)
        except HungError as error:
            self._note_trouble(number, str(error))
            daemon.kill()
        self._after_kill(self._vault, number)
        if rng.random() < _WHILE_MOUNTING:
            self._kill_while_mounting(rng)
        seen = self._look_read_only(number) if rng.random() < _READ_ONLY else None
        daemon = self._bench.mount(self._vault, at=daemon.place)
        self._verify(number, daemon.place, seen)
        if rng.random() < _REMOUNT and self.tally.is_clean:
            daemon = self._remount(number, daemon)
        shutil.rmtree(self._logs)
        self._logs.mkdir()
        return daemon

    def _work_and_kill(self, rng: random.Random, daemon: Daemon) -> None:
        with Workers(self._logs) as workers:
            for name in FOLDERS:
                workers.start(name, "folder_worker", daemon.place / name, self._log(name), workers.beat, rng.random())
            for mode in MODES:
                for writer in WRITERS:
                    database, log = daemon.place / f"{mode}.db", self._log(mode + writer)
                    workers.start(mode + writer, "database_worker", database, mode, log, workers.beat, writer)
            workers.wait_for_beats(round(self._most_operations ** rng.random()))
            moment = time.perf_counter() + rng.uniform(0, _JITTER_S)
            while time.perf_counter() < moment:
                pass
            early = workers.ended_early()
            daemon.kill()
            self.tally.kills += 1
            self.tally.troubles += early
            workers.wait_for_ends()

    def _kill_while_mounting(self, rng: random.Random) -> None:
        place = self._bench.daemons[-1].place
        command = self._bench.mount_command(self._vault, place)
        with (self._logs / "mounting.log").open("wb") as stream:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        try:
            process.wait(rng.uniform(0, _MOUNTING_S))
        except subprocess.TimeoutExpired:
            process.kill()
            self.tally.kills += 1
            self.tally.kills_while_mounting += 1
        process.wait()

    def _look_read_only(self, number: int) -> dict[str, Tree]:
        daemon = self._bench.mount(self._vault, "--read-only", at=self._bench.daemons[-1].place)
        seen = {}
        for name in FOLDERS:
            try:
                seen[name] = scan(daemon.place / name)
            except OSError as error:
                self._note_loss(number, f"read-only: {error}")
        daemon.unmount()
        return seen

    def _verify(self, number: int, place: Path, seen: dict[str, Tree] | None) -> None:
        wrong_sizes: list[str] = []
        for name in FOLDERS:
            try:
                found = scan(place / name, wrong_sizes)
            except OSError as error:
                self._note_loss(number, f"cannot be read: {error}")
                continue
            if seen and name in seen and (reason := difference(found, seen[name])) is not None:
                self._note_loss(number, f"{name}: a read-only mount showed it otherwise: {reason}")
            self._verify_folder(number, name, found)
        self.tally.wrong_sizes += len(wrong_sizes)
        for mode in MODES:
            try:
                self._verify_database(number, mode, place / f"{mode}.db")
            except Exception as error:  # noqa: BLE001  whatever SQLite says of a database is a finding
                self._note_loss(number, f"{mode}.db: {error!r}")

    def _verify_folder(self, number: int, name: str, found: Tree) -> None:
        done, cut_off = read_log(self._log(name))
        wanted = self._trees[name]
        for operation in done:
            apply(wanted, operation)
        self.tally.operations += len(done)
        outcome = outcome_of(found, wanted, cut_off)
        if not isinstance(outcome, Outcome):
            self._note_loss(number, f"{name}: {outcome}; last done {done[-1:]}, cut off {cut_off}")
        elif cut_off is not None:
            self.tally.cut_off[f"{cut_off.kind} {outcome.value}"] += 1
        self._trees[name] = found

    def _verify_database(self, number: int, mode: str, path: Path) -> None:
        begun: dict[str, int] = {}
        for writer in WRITERS:
            done, cut_off = read_log(self._log(mode + writer))
            if done:
                self._committed[mode][writer] = done[-1].offset
            if cut_off is not None:
                begun[writer] = cut_off.offset
            self.tally.transactions += len(done)
        for reason in what_is_wrong(path, self._committed[mode], begun):
            self._note_loss(number, reason)
        found = last_numbers(path)
        for writer, last in begun.items():
            outcome = Outcome.DONE if found[writer] == last else Outcome.NOT_DONE
            self.tally.cut_off[f"commit {outcome.value}"] += 1
        self._committed[mode] = found

    def _remount(self, number: int, daemon: Daemon) -> Daemon:
        daemon.unmount()
        if self._has_check:
            ended = self._bench.wafs("check", self._vault, "--password-file", self._bench.password_file)
            if ended.code != 0:
                self._note_loss(number, f"wafs check ended with {ended.code}:\n{ended.text}")
        daemon = self._bench.mount(self._vault, at=daemon.place)
        for name in FOLDERS:
            try:
                reason = difference(scan(daemon.place / name), self._trees[name])
            except OSError as error:
                reason = f"cannot be read: {error}"
            if reason is not None:
                self._note_loss(number, f"{name}: after another mount, {reason}")
        return daemon

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _note_loss(self, number: int, text: str) -> None:
        self.tally.lost.append(f"seed {self._seed}, round {number}: {text}")

    def _note_trouble(self, number: int, text: str) -> None:
        self.tally.troubles.append(f"seed {self._seed}, round {number}: {text}")
