"""Commits: the journal is synced in time, goes when nothing needs it, and nothing is lost when that fails."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fs.paths import Paths
from fs.trees import read_by_both
from store.faulty import Fault
from vault.making import CHUNK, make_vault, opened, opened_behind_faults
from wafs.fs.attrs import SetAttrs
from wafs.fs.commits import CommitTimer
from wafs.fs.vfs import Vfs
from wafs.vault.journal import JOURNAL_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wafs.vault.checkpoint import Checkpoint
    from wafs.vault.journal import Journal

BODY = bytes(range(251)) * 66
NEW = b"new" + BODY[3:]


class Bench:
    """A vault that is open behind a store that can fail."""

    def __init__(self, path: Path) -> None:
        self.path = path
        vault, self.faulty = opened_behind_faults(path)
        self.vfs = Vfs(vault)
        self.paths = Paths(self.vfs)
        assert vault.contents.checkpoint is not None
        self.checkpoint: Checkpoint = vault.contents.checkpoint
        self.journal: Journal = self.checkpoint.journal

    @property
    def journals(self) -> list[str]:
        """The journal files that are there."""
        return [os.fsdecode(name) for name in JOURNAL_NAMES if (self.path / os.fsdecode(name)).exists()]

    @contextlib.contextmanager
    def open(self, name: bytes = b"file") -> Iterator[int]:
        """Open a file for writing."""
        with self.paths.held(name) as number:
            fh = self.vfs.files.open(number, os.O_RDWR).fh
            try:
                yield fh
            finally:
                self.vfs.files.release(fh)

    def write(self, data: bytes = b"new", at: int = 0, name: bytes = b"file") -> None:
        """Open a file, write to it and close it."""
        with self.open(name) as fh:
            assert self.vfs.files.write(fh, at, memoryview(data), self.paths.scratch) == len(data)

    @property
    def lingering(self) -> int:
        return self.vfs._contents.lingering

    def killed(self) -> Paths:
        """Open what a kill at this moment leaves; the caller closes it."""
        copy = self.path.with_name("killed")
        shutil.copytree(self.path, copy, symlinks=True)
        return Paths(Vfs(opened(copy)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_vault(tmp_path_factory.mktemp("model") / "vault")
    with Vfs(opened(path)) as vfs:
        Paths(vfs).write(b"file", BODY)
    return path


@pytest.fixture
def vault(model: Path, tmp_path: Path) -> Path:
    """A vault of its own for each test, with a file that is in its place."""
    return Path(shutil.copytree(model, tmp_path / "vault"))


@pytest.fixture
def bench(vault: Path) -> Iterator[Bench]:
    made = Bench(vault)
    yield made
    made.faulty.arm(None)
    made.vfs.close()
    assert made.journals == []


def test_an_idle_vault_has_no_journal(bench: Bench) -> None:
    assert bench.paths.read(b"file") == BODY
    bench.paths.names()
    bench.vfs.commits.tick()
    assert (bench.journals, bench.vfs.commits.has_work) == ([], False)


def test_a_change_has_a_journal_until_a_checkpoint(bench: Bench) -> None:
    bench.write()
    assert (bench.journals, bench.vfs.commits.has_work) == (["wafs.journal"], True)
    bench.vfs.commits.run()
    assert (bench.journals, bench.vfs.commits.has_work) == ([], False)
    assert bench.paths.read(b"file") == NEW


def test_a_new_file_has_a_journal_as_well(bench: Bench) -> None:
    bench.paths.write(b"made", b"plain")
    assert bench.journals == ["wafs.journal"]
    bench.vfs.commits.run()
    assert bench.journals == []


def test_the_first_tick_syncs_and_the_next_quiet_one_empties(bench: Bench) -> None:
    bench.write()
    bench.faulty.arm(None)
    bench.vfs.commits.tick()
    assert (bench.journals, bench.journal.is_synced) == (["wafs.journal"], True)
    assert (bench.faulty.asked["sync"], bench.faulty.asked["sync_all"]) == (1, 0)
    bench.vfs.commits.tick()
    assert bench.journals == []
    # The states that the records go out from, and what was brought home.
    assert bench.faulty.asked["sync_all"] == 2


def test_while_there_are_changes_a_tick_syncs_only(bench: Bench) -> None:
    for turn in range(4):
        bench.write(bytes([turn]))
        bench.vfs.commits.tick()
        assert bench.journals == ["wafs.journal"]
        assert bench.journal.is_synced


def test_an_old_journal_is_emptied_although_there_are_changes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    for second in (0, 10, 20, 29):
        now = 1000.0 + second
        bench.write(bytes([second]))
        bench.vfs.commits.tick()
        assert bench.journals == ["wafs.journal"]
    now = 1030.0
    bench.write()
    bench.vfs.commits.tick()
    assert bench.journals == []
    # The next one has all its time.
    bench.write()
    bench.vfs.commits.tick()
    assert bench.journals == ["wafs.journal"]


def test_a_journal_that_fills_is_emptied_by_a_tick(bench: Bench) -> None:
    bench.checkpoint.memory = 4 * CHUNK
    bench.write(bytes(CHUNK))
    bench.vfs.commits.tick()
    assert bench.journals == ["wafs.journal"]
    bench.write(bytes(2 * CHUNK), CHUNK)
    bench.vfs.commits.tick()
    assert bench.journals == []


def test_what_waits_stays_within_its_memory(bench: Bench) -> None:
    bench.checkpoint.memory = 6 * CHUNK
    most = 0.0
    with bench.open() as fh:
        for turn in range(40):
            bench.vfs.files.write(fh, turn % 16 * 1000, memoryview(b"n" * 1000), bench.paths.scratch)
            most = max(most, bench.checkpoint.pressure)
    # Each write is preceded by a checkpoint where there is no more room: at most one goes beyond it.
    assert 1 <= most < 1 + 3 / 6
    assert bench.paths.read(b"file") == b"n" * 16_000 + BODY[16_000:]


def test_closed_files_that_wait_are_closed_by_a_checkpoint(bench: Bench) -> None:
    with bench.paths.held(b"file") as number:
        bench.write()
        inode = bench.vfs.context.inodes[number]
        assert (bench.lingering, inode.opens) == (1, 0)
        assert inode.content is not None
        bench.write(b"more", 100)
        assert bench.lingering == 1
        bench.vfs.commits.run()
        assert [bench.lingering, inode.content] == [0, None]
    assert list(bench.faulty.files.values()) == []


def test_a_file_that_was_opened_again_is_not_closed_below_its_user(bench: Bench) -> None:
    bench.write()
    with bench.open() as fh:
        bench.vfs.commits.run()
        assert bench.lingering == 0
        assert bytes(bench.vfs.files.read(fh, 0, 5, bench.paths.scratch)) == NEW[:5]
        bench.vfs.files.write(fh, 0, memoryview(b"again"), bench.paths.scratch)
    assert bench.lingering == 1
    assert bench.paths.read(b"file") == b"again" + BODY[5:]


def test_not_too_many_closed_files_wait(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.vfs.commits, "_most_lingering", 3)
    names = [b"%d" % number for number in range(8)]
    for name in names:
        bench.paths.write(name, BODY)
    most = 0
    for name in names:
        bench.write(name=name)
        most = max(most, bench.lingering)
    assert most == 4
    assert {bench.paths.read(name) for name in names} == {NEW}


def test_a_file_that_is_removed_while_it_waits_waits_no_more(bench: Bench) -> None:
    bench.write()
    bench.paths.unlink(b"file")
    bench.vfs.commits.run()
    assert (bench.lingering, bench.journals) == (0, [])
    assert list(bench.faulty.files.values()) == []


@pytest.mark.parametrize(("at", "size"), [(0, len(BODY)), (len(BODY) - 1, len(BODY) + 2), (30_000, 30_003)])
def test_a_closed_file_that_waits_shows_its_right_size(bench: Bench, at: int, size: int) -> None:
    bench.write(b"new", at)
    assert bench.lingering == 1
    assert bench.paths.attrs(b"file").size == size
    bench.vfs.commits.run()
    assert bench.paths.attrs(b"file").size == size


def test_times_stay_over_a_checkpoint(bench: Bench) -> None:
    with bench.paths.held(b"file") as number:
        bench.write()
        bench.vfs.attributes.set(number, SetAttrs(mtime=10**18))
        bench.vfs.commits.run()
        assert bench.vfs.attributes.get(number).mtime_ns == 10**18


def test_a_write_changes_the_time_at_once(bench: Bench) -> None:
    with bench.paths.held(b"file") as number:
        bench.vfs.attributes.set(number, SetAttrs(mtime=10**18))
        bench.write()
        at_once = bench.vfs.attributes.get(number).mtime_ns
        assert at_once != 10**18
        bench.vfs.commits.run()
        assert bench.vfs.attributes.get(number).mtime_ns == at_once


@pytest.mark.parametrize("effect", ["none", "half"])
def test_a_full_storage_is_tried_again_after_a_checkpoint(bench: Bench, effect: str) -> None:
    with bench.open() as fh:
        bench.vfs.files.write(fh, 0, memoryview(b"new"), bench.paths.scratch)
        code = errno.ENOSPC if effect == "none" else errno.EDQUOT
        bench.faulty.arm(Fault(1, frozenset({"pwrite"}), code, "half" if effect == "half" else "none"))
        assert bench.vfs.files.write(fh, 9000, memoryview(b"more"), bench.paths.scratch) == 4
        assert bench.faulty.fired
        assert bench.faulty.asked["sync_all"] == 2
    assert bench.paths.read(b"file") == NEW[:9000] + b"more" + NEW[9004:]


def test_other_failures_are_not_tried_again(bench: Bench) -> None:
    with bench.open() as fh:
        bench.vfs.files.write(fh, 0, memoryview(b"new"), bench.paths.scratch)
        bench.faulty.arm(Fault(1, frozenset({"pwrite"}), errno.EIO))
        with pytest.raises(OSError, match="Input/output"):
            bench.vfs.files.write(fh, 9000, memoryview(b"more"), bench.paths.scratch)
        assert bench.faulty.asked["sync_all"] == 0
        assert bench.paths.read(b"file") == NEW


def test_a_checkpoint_that_fails_leaves_everything_to_the_next(bench: Bench) -> None:
    bench.write()
    bench.faulty.arm(Fault(1, frozenset({"sync_all"})))
    with pytest.raises(OSError, match="Input/output"):
        bench.vfs.commits.run()
    assert bench.journals == ["wafs.journal"]
    with contextlib.closing(bench.killed().vfs) as vfs:
        assert Paths(vfs).read(b"file") == NEW
    bench.vfs.commits.run()
    assert (bench.journals, bench.lingering) == ([], 0)


def test_a_vault_whose_last_checkpoint_fails_is_made_whole_by_the_next(vault: Path) -> None:
    bench = Bench(vault)
    bench.write()
    bench.faulty.arm(Fault(1, frozenset({"sync_all"}), dies=True))
    with pytest.raises(OSError, match="Input/output"):
        bench.vfs.close()
    assert bench.journals == ["wafs.journal"]
    assert list(bench.faulty.files.values()) == []
    with Vfs(opened(bench.path, read_only=True)) as vfs:
        assert Paths(vfs).read(b"file") == NEW
    assert bench.journals == ["wafs.journal"]
    with Vfs(opened(bench.path)) as vfs:
        assert Paths(vfs).read(b"file") == NEW
    assert bench.journals == []


def _between(act: Callable[[Bench], object]) -> Callable[[Bench], None]:
    """Do something between two writes."""

    def acts(bench: Bench) -> None:
        bench.write()
        act(bench)
        bench.write(b"two", 9000)

    return acts


ACTS: dict[str, Callable[[Bench], None]] = {
    "nothing": lambda _: None,
    "inside": lambda bench: bench.write(b"new", 5000),
    "over the end": lambda bench: bench.write(b"n" * 9000, len(BODY) - 3),
    "behind a gap": lambda bench: bench.write(b"new", 50_000),
    "a new file": lambda bench: bench.paths.write(b"made", BODY),
    "two journals": _between(lambda bench: bench.journal.rotate()),
    "an old one that went": _between(lambda bench: bench.vfs.commits.run()),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_killed_vault_reads_as_before_to_both_readers(bench: Bench, act: Callable[[Bench], None]) -> None:
    act(bench)
    expected = {name: bench.paths.read(name) for name in bench.paths.names()}
    copy = bench.path.with_name("copy")
    shutil.copytree(bench.path, copy, symlinks=True)
    assert read_by_both(copy) == expected
    bench.vfs.commits.run()


def _flushed(bench: Bench, fh: int) -> None:
    bench.vfs.files.seek(fh, 0, os.SEEK_DATA)


@pytest.mark.parametrize("before", [lambda _, __: None, _flushed])
def test_a_time_that_was_set_survives_a_kill(bench: Bench, before: Callable[[Bench, int], None]) -> None:
    with bench.paths.held(b"file") as number, bench.open() as fh:
        bench.vfs.files.write(fh, 0, memoryview(b"new"), bench.paths.scratch)
        before(bench, fh)
        bench.vfs.attributes.set(number, SetAttrs(mtime=10**18))
    paths = bench.killed()
    with contextlib.closing(paths.vfs):
        assert (paths.read(b"file"), paths.attrs(b"file").mtime_ns) == (NEW, 10**18)


def test_a_timer_empties_the_journal_of_a_vault(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wafs.fs.commits.INTERVAL_S", 0.001)
    failures: list[Exception] = []
    gone = threading.Event()
    run = bench.vfs.commits.run

    def run_and_tell() -> bool:
        was_there = run()
        gone.set()
        return was_there

    bench.vfs.commits.run = run_and_tell  # type: ignore[method-assign]
    bench.write()
    timer = CommitTimer(bench.vfs.commits, bench.journal, failures.append)
    timer.start()
    assert gone.wait(30)
    timer.stop()
    assert (bench.journals, bench.lingering) == ([], 0)
    assert failures == []
