"""Trial: runs a program, cuts its log in many places and judges what is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from crash.driver import CrashDriver
from crash.oracle import Judge, Observer, Promise
from store.crashing import Recording, rebuild
from store.cuts import every_cut, some_cut
from vault.making import CHUNK, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crash.bench import Bench
    from crash.truth import Truth
    from differential.program import Program
    from store.crashing import Cut, Model
    from store.disk import Disk


_CRASHES_IN_RECOVERY = 1
"""States of the second crash that are looked at for each new state in which something had to be recovered."""


@dataclass(frozen=True)
class Violation:
    """A state that must not be: which cut of which program, and what is wrong."""

    program: Program
    model: Model
    cut: Cut
    promise: Promise
    complaints: list[str]
    again: Cut | None = None

    def __str__(self) -> str:
        lines = ["program:", *(f"    {step!r}," for step in self.program)]
        lines += [f"model {self.model}, {self.cut}"]
        lines += [f"and during the recovery {self.again}"] * (self.again is not None)
        lines += [f"steps done {self.promise.done}, begun {self.promise.begun}", *self.complaints]
        return "\n".join(lines)


@dataclass
class Run:
    """A program that was run: its log, its truth, and after how many events each step ended."""

    program: Program
    recording: Recording
    truth: Truth
    ends: list[int]

    def promise(self, cut: Cut, model: Model) -> Promise:
        """Return what was promised when a crash came."""
        # The write that a process dies in has not returned.
        issued = cut.issued - (cut.torn is not None)
        done = sum(end <= issued for end in self.ends[1:])
        return Promise(done, done + 1, model)


class Trial:
    """Judges the crash states of programs on one bench; counts them."""

    def __init__(self, bench: Bench, *, with_readers: bool = True) -> None:
        self._bench = bench
        self._observer = Observer(bench, with_readers=with_readers)
        self.states = 0

    @property
    def opened(self) -> int:
        """How many states were opened; the others were equal to one of those."""
        return self._observer.opened

    def run(self, program: Program) -> Run:
        """Run a program without any crash."""
        disk = self._bench.fresh_disk()
        recording = Recording.start(disk)
        driver = CrashDriver(self._bench, disk)
        ends = [len(recording.log)]
        try:
            for step in program:
                driver.run(step)
                ends.append(len(recording.log))
        finally:
            driver.end()
            ends.append(len(recording.log))
            disk.log = None
        self._bench.messages()
        return Run(program, recording, driver.truth, ends)

    def every(self, program: Program, model: Model, *, seed: int, most: int) -> Iterator[Violation]:
        """Judge all states of a program, at most `most` after each event."""
        run = self.run(program)
        rng = Random(seed)
        yield from self._judge(run, model, every_cut(run.recording, model, rng, most), rng)

    def some(self, program: Program, model: Model, *, seed: int, count: int) -> Iterator[Violation]:
        """Judge so many states of a program by chance."""
        run = self.run(program)
        rng = Random(seed)
        yield from self._judge(run, model, (some_cut(run.recording, model, rng) for _ in range(count)), rng)

    def _judge(self, run: Run, model: Model, cuts: Iterable[Cut], rng: Random) -> Iterator[Violation]:
        self._observer.forget()
        judge = Judge(run.truth, CHUNK)
        for cut in cuts:
            self.states += 1
            promise = run.promise(cut, model)
            disk = rebuild(run.recording, cut)
            twin = disk.copy() if run.truth.passwords else None
            seen, is_new = self._observer.observe(disk)
            complaints = judge.complaints(seen, promise)
            if twin is not None and not complaints:
                complaints = self._password_complaints(run, twin, promise)
            if complaints:
                yield Violation(run.program, model, cut, promise, complaints)
            elif is_new and seen.recovery is not None:
                yield from self._again(judge, Violation(run.program, model, cut, promise, []), seen.recovery, rng)

    def _again(self, judge: Judge, first: Violation, recovery: Recording, rng: Random) -> Iterator[Violation]:
        """Crash once more, while the vault recovers from the first crash."""
        for _ in range(_CRASHES_IN_RECOVERY):
            self.states += 1
            again = some_cut(recovery, first.model, rng)
            seen, _ = self._observer.observe(rebuild(recovery, again))
            complaints = judge.complaints(seen, first.promise)
            if complaints:
                yield replace(first, again=again, complaints=complaints)

    def _password_complaints(self, run: Run, disk: Disk, promise: Promise) -> list[str]:
        """Say if no password opens the vault that should."""
        changes = [change for change in run.truth.passwords if change[0] <= promise.begun]
        allowed = [PASSWORD, *(password for _, password in changes)]
        surely = [at for at, (step, _) in enumerate(changes, 1) if step <= promise.done]
        allowed = allowed[surely[-1] if surely else 0 :]
        works = [password for password in allowed if self._observer.opens_with(disk.copy(), password)]
        if not works:
            return [f"none of {len(allowed)} passwords opens the vault"]
        if surely and self._observer.opens_with(disk.copy(), PASSWORD):
            return ["the old password still opens the vault"]
        return []
