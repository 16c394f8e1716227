"""Every store call of every operation fails once: it is done or not done, nothing leaks, and nothing else is harmed."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from fs.faults_tree import PROGRAMS
from fs.faults_trial import ALL, Trials, check, police, tell
from fs.faults_world import clone, folder_in, make_base, memory_folder, world
from store.faulty import CHANGES, Fault
from vault.making import opened
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from log_police import ExpectLog

MOST = 150
_TAKES_SPACE = CHANGES | {"open", "close"}

FAULTS = {
    **{errno.errorcode[code]: Fault(0, ALL, code) for code in (errno.EIO, errno.EINTR)},
    **{errno.errorcode[code]: Fault(0, _TAKES_SPACE, code) for code in (errno.ENOSPC, errno.EDQUOT)},
    "lost answer": Fault(0, ALL - {"open", "open_dir"}, errno.EIO, "whole"),
    "half written": Fault(0, frozenset({"pwrite"}), errno.ENOSPC, "half"),
    "short read": Fault(0, frozenset({"pread", "preadv"}), effect="short"),
    "short write": Fault(0, frozenset({"pwrite"}), effect="short"),
}


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with memory_folder(tmp_path_factory.mktemp("faults")) as folder:
        yield folder


@pytest.fixture
def place(memory: Path) -> Iterator[Path]:
    """A folder for one test."""
    with folder_in(memory) as folder:
        yield folder


@pytest.fixture(scope="module")
def trials(memory: Path, request: pytest.FixtureRequest) -> Iterator[Trials]:
    """All trials of this run; how many there were is told at the end."""
    with ThreadPoolExecutor(1) as elsewhere:
        shared = Trials(make_base(memory / "base"), elsewhere)
        yield shared
    tell(request.config, f"{len(shared.known)} programs", shared.tried)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_an_operation_is_done_or_not_done_whatever_call_fails(
    trials: Trials, place: Path, name: str, kind: str, expect_log: ExpectLog
) -> None:
    program, one = PROGRAMS[name], FAULTS[kind]
    expected = trials.expected(name, program, place / "whole")
    police(expect_log, program)
    # To the core ENOSPC and EDQUOT are one, as are EIO and EINTR; with the second nobody looks before the end.
    look = not program.ends and kind not in ("EDQUOT", "EINTR")
    assert expected.count(one.kinds) < MOST
    for nth in range(1, expected.count(one.kinds) + 1):
        fault = Fault(nth, one.kinds, one.code, one.effect)
        trial = trials.run(program, place / str(nth), fault, look=look, before=expected.before)
        check(trial, program, expected, fault)
        police(expect_log, program)
        assert trial.fired
        trials.tried[kind] += 1


def operations(vfs: Vfs) -> Iterator[tuple[object, str, str]]:
    """Every public operation: who has it, its name there, and its name in a program."""
    for part, holder in sorted(vars(vfs).items()):
        if part.startswith("_") or part in ("vault", "context"):
            continue
        yield from ((holder, name, f"{part}.{name}") for name in vars(type(holder)) if not name.startswith("_"))
    yield from ((vfs, name, name) for name in vars(Vfs) if not name.startswith("_"))


@pytest.mark.interpreted
def test_every_operation_has_a_program(trials: Trials) -> None:
    with Vfs(opened(trials.base, read_only=True)) as vfs:
        assert {name for _, _, name in operations(vfs)} == {program.method for program in PROGRAMS.values()}


@pytest.mark.interpreted
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_does_what_it_says(trials: Trials, place: Path, name: str, expect_log: ExpectLog) -> None:
    program = PROGRAMS[name]
    with world(clone(trials.base, place / "vault")) as it:
        context = program.prepare(it)
        holder, short = next(found[:2] for found in operations(it.vfs) if found[2] == program.method)
        plain = getattr(type(holder), short)
        seen: list[object] = []

        def spy(self: object, *given: Any, **named: Any) -> Any:
            seen.append(self)
            return plain.__get__(self) if isinstance(plain, property) else plain(self, *given, **named)

        with mock.patch.object(type(holder), short, property(spy) if isinstance(plain, property) else spy):
            program.act(it, context)
        assert holder in seen
        if not program.ends:
            it.finish()
    police(expect_log, program)
