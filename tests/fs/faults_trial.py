"""Trial: one program with one fault, from a fresh vault to the same vault opened again, and what may be found there."""

from __future__ import annotations

import gc
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fs.faults_world import OLD, World, clone, facts, world
from store.faulty import Fault
from vault.making import opened
from wafs.errors import WafsError
from wafs.fs.vfs import Vfs
from wafs.fuse.errno import errno_of
from wafs.store.base import Store

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    import pytest

    from fs.faults_program import Change, Program
    from fs.faults_world import Model
    from log_police import ExpectLog

ALL = frozenset(name for name in vars(Store) if not name.startswith("_"))
ANSWER_S = 20.0


@dataclass(slots=True)
class Trial:
    """What happened. `live` is what was seen before the filesystem was closed, `found` afterwards by another one."""

    before: Model = field(default_factory=dict)
    live: Model | None = None
    after_retry: Model | None = None
    found: Model = field(default_factory=dict)
    result: object = None
    error: Exception | None = None
    fired: bool = False
    calls: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a program does where nothing fails: its result, and what may be left where something does, whole last."""

    result: object
    allowed: list[Model]
    touched: set[bytes]
    calls: Counter[str]

    def count(self, kinds: frozenset[str]) -> int:
        """How many calls of these kinds there are where nothing fails."""
        return sum(number for kind, number in self.calls.items() if kind in kinds)

    @property
    def before(self) -> Model:
        return self.allowed[0]


@dataclass(slots=True)
class Trials:
    """What the trials of one run share. `elsewhere` is another thread, to whom a lock left behind is closed."""

    base: Path
    elsewhere: ThreadPoolExecutor
    known: dict[str, Expected] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)

    def expected(self, name: str, program: Program, path: Path) -> Expected:
        """Run a program without a fault, once; its plain model and the filesystem must agree."""
        if name not in self.known:
            trial = self.run(program, path, None, look=not program.ends)
            assert trial.error is None
            before = trial.before or trial.found
            after = trial.live if trial.live is not None else trial.found
            if not program.ends:
                assert after == changed(before, program.after)
            allowed = [before, *(changed(before, one) for one in program.between), after]
            paths = set().union(*allowed)
            touched = {path for path in paths if len({repr(one.get(path)) for one in allowed}) > 1}
            touched |= set(program.touched)
            assert without_times(trial.found, touched) == without_times(after, touched)
            assert (not trial.calls) == program.silent
            # A look before it leaves less to ask the store.
            cold = self.run(program, path.with_name("cold"), None, look=False)
            self.known[name] = Expected(trial.result, allowed, touched, cold.calls)
        return self.known[name]

    def run(
        self, program: Program, path: Path, fault: Fault | None, *, look: bool, before: Model | None = None
    ) -> Trial:
        """Run a program; without a `look` nobody asks for anything before all is closed, which might mend it.

        An operation that failed and left `before` is asked for once more.
        """
        trial = Trial()
        with world(clone(self.base, path)) as it:
            context = program.prepare(it)
            if fault is None and look:
                trial.before = facts(it.paths)
            it.faulty.arm(fault or Fault(0, ALL))
            try:
                trial.result = program.act(it, context)
            except (OSError, WafsError) as error:
                # Frames of a failure would hold handles of folders.
                error.__context__ = error.__cause__ = None
                trial.error = error.with_traceback(None)
            trial.fired, trial.calls = it.faulty.fired, it.faulty.asked.copy()
            it.faulty.arm(None)
            if look:
                trial.live = self._look(it)
                if trial.error is not None and trial.live == before and not program.once:
                    program.act(it, context)
                    trial.after_retry = self._look(it)
            if not program.ends:
                it.finish()
                assert it.left_open() == []
        gc.collect(1)
        assert it.faulty.files == {}
        assert it.faulty.folders == {}
        with Vfs(opened(path)) as vfs:
            trial.found = facts(World(vfs, it.faulty).paths)
        return trial

    def _look(self, it: World) -> Model:
        lock = it.vfs.context.lock

        def is_free() -> bool:
            if lock.acquire(blocking=False):
                lock.release()
                return True
            return False

        assert self.elsewhere.submit(is_free).result(ANSWER_S)
        return self.elsewhere.submit(facts, it.paths).result(ANSWER_S)


def changed(model: Model, change: Change) -> Model:
    """Make a change in a copy."""
    found = dict(model)
    change(found)
    return found


def without_times(model: Model, touched: set[bytes]) -> Model:
    """Leave out what a failed operation may change, the times of what it works on."""
    return {path: fact._replace(mtime=OLD) if path in touched else fact for path, fact in model.items()}


def check(trial: Trial, program: Program, expected: Expected, fault: Fault) -> None:
    """Compare a trial with what may be."""
    touched = expected.touched
    seen = [without_times(one, touched) for one in expected.allowed]
    found = without_times(trial.found, touched)
    if trial.error is None:
        assert trial.result == expected.result or program.result_may_differ
        assert found == seen[-1]
        return
    assert trial.fired, repr(trial.error)
    assert _is_right(trial.error, fault), repr(trial.error)
    if trial.live is not None:
        assert without_times(trial.live, touched) in seen
    if trial.after_retry is not None:
        assert without_times(trial.after_retry, touched) == seen[-1]
        assert found == seen[-1]
    assert found in seen


def police(expect_log: ExpectLog, program: Program) -> None:
    """Hold warnings against what the program may bring; they need not come."""
    said = [record.getMessage() for record in expect_log.records]
    assert [line for line in said if not re.search(program.may_log, line)] == []
    expect_log.records.clear()


def tell(config: pytest.Config, what: str, tried: Counter[str]) -> None:
    """Print how many faults struck, whether output is captured or not."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or capture is None:
        return
    kinds = ", ".join(f"{kind} {number}" for kind, number in tried.items())
    with capture.global_and_fixture_disabled():
        reporter.ensure_newline()
        reporter.write_line(f"faults in {what}: {tried.total()} struck ({kinds})")


def _is_right(error: Exception, fault: Fault) -> bool:
    # What was removed is not found by who tries it once more.
    return errno_of(error) == fault.code or (fault.effect == "whole" and isinstance(error, FileNotFoundError))
