"""Every store call of opening a vault fails once, also of one that was not closed: it opens the next time, whole."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from fs.faults_trial import ALL, tell
from fs.faults_world import (
    BIG,
    CHUNK,
    LONG,
    World,
    clone,
    facts,
    folder_in,
    make_base,
    memory_folder,
    open_behind,
    world,
)
from fs.paths import Paths
from store.faulty import CHANGES, Fault, FaultyStore
from vault.making import opened
from wafs.errors import DamageError, WafsError
from wafs.fs.files import FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fs.faults_world import Model
    from log_police import ExpectLog

FAULTS = {
    "EIO": Fault(0, ALL, 5),
    "EINTR": Fault(0, ALL, 4),
    "ENOSPC": Fault(0, CHANGES | {"open", "close"}, 28),
    "EDQUOT": Fault(0, CHANGES | {"open", "close"}, 122),
    "lost answer": Fault(0, ALL - {"open", "open_dir"}, 5, "whole"),
    "half written": Fault(0, frozenset({"pwrite"}), 28, "half"),
    "short read": Fault(0, frozenset({"pread", "preadv"}), effect="short"),
    "short write": Fault(0, frozenset({"pwrite"}), effect="short"),
    "killed": Fault(0, CHANGES, 5, dies=True),
}
NEW = bytes(range(3, 250)) * 60


@pytest.fixture(scope="module")
def tried(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    found: Counter[str] = Counter()
    yield found
    tell(request.config, "opening", found)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with memory_folder(tmp_path_factory.mktemp("opening")) as folder:
        yield folder


@pytest.fixture
def place(memory: Path) -> Iterator[Path]:
    """A folder for one test."""
    with folder_in(memory) as folder:
        yield folder


@pytest.fixture(scope="module")
def left(memory: Path) -> dict[str, tuple[Path, Model]]:
    """A vault that was closed and one whose writer was killed, with what must be found in each."""
    base = make_base(memory / "base")
    with world(base) as it:
        before = facts(it.paths)
    with world(clone(base, memory / "used")) as it:
        _work(it)
        # The copy is what a killed process leaves; the seeing comes after it, as it seals what it sees.
        clone(memory / "used", memory / "killed")
        after = facts(it.paths)
        it.finish()
    assert (memory / "killed" / "wafs.journal").exists()
    assert before != after
    return {"closed": (base, before), "killed": (memory / "killed", after)}


def _work(it: World) -> None:
    big = it.open(b"big")
    it.write(big, 3000, NEW[:6000])
    it.vfs.files.fallocate(big, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, 2 * CHUNK, size=CHUNK, scratch=it.scratch)
    it.write(it.open(b"edge"), 2 * CHUNK, NEW)
    it.write(it.created(it.ino(b"dir"), b"fresh"), 0, NEW)
    it.set(it.ino(LONG), size=2)
    it.set(it.ino(b"small"), size=3 * CHUNK)
    it.write(it.open(b"dir/in"), 0, BIG)


def _content(model: Model) -> dict[bytes, bytes]:
    return {path: fact.content for path, fact in model.items()}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("state", ["closed", "killed"])
def test_a_vault_opens_after_a_failure_to_open_it(
    left: dict[str, tuple[Path, Model]],
    place: Path,
    state: str,
    kind: str,
    tried: Counter[str],
    expect_log: ExpectLog,
) -> None:
    base, wanted = left[state]
    one = FAULTS[kind]
    for nth in range(1, 400):
        path = clone(base, place / str(nth))
        stores: list[FaultyStore] = []
        before = len(os.listdir("/proc/self/fd"))
        error = _open_and_close(path, stores, Fault(nth, one.kinds, one.code, one.effect, one.dies))
        assert stores[0].files == {}
        assert stores[0].folders == {}
        assert len(os.listdir("/proc/self/fd")) == before
        fired = stores[0].fired
        assert error is None or fired, repr(error)
        if one.effect == "short":
            assert error is None or isinstance(error, DamageError), repr(error)
        elif error is not None:
            assert isinstance(error, OSError), repr(error)
            assert error.errno == one.code, repr(error)
        expect_log.records.clear()
        with Vfs(opened(path)) as vfs:
            assert _content(facts(Paths(vfs))) == _content(wanted), f"call {nth}: {error!r}"
        assert not list(path.glob("wafs.journal*"))
        if not fired:
            return
        tried[kind] += 1
    pytest.fail("still failing")


def _open_and_close(path: Path, stores: list[FaultyStore], fault: Fault) -> Exception | None:
    try:
        vfs = open_behind(path, stores, fault)
    except (OSError, WafsError) as error:
        error.__context__ = error.__cause__ = None
        return error.with_traceback(None)
    # A call that fails from then on was none of opening; a dead process closes nothing, and its handles go with it.
    fired = stores[0].fired
    if not fault.dies:
        stores[0].arm(None)
    with contextlib.suppress(OSError):
        vfs.close()
    stores[0].fired = fired
    return None
