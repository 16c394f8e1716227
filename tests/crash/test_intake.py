"""Files that are taken in: whatever a crash leaves, each name has the old file or the new one, and all of it."""

from __future__ import annotations

from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from store.crashing import MODELS, Model, Recording, rebuild
from store.cuts import some_cut
from wafs.cli import intake
from wafs.cli.copy_rules import is_temporary
from wafs.cli.intake import Intake
from wafs.cli.interrupts import Interrupts
from wafs.cli.opening import Session
from wafs.cli.progress import Progress
from wafs.fs.vfs import Vfs
from wafs.fs.walk import found, listing
from wafs.units import ROOT_INO
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from crash.bench import Bench
    from store.disk import Disk

CUTS = 100


class Pool:
    """A pool without threads: what is submitted is done when it is asked for, or at once if `eager`."""

    eager = False

    def __init__(self, *_: object) -> None:
        self._waiting: list[Work] = []

    def submit(self, function: Callable[[], None]) -> Work:
        work = Work(function, self._waiting)
        self._waiting.append(work)
        if self.eager:
            work.result()
        return work

    def shutdown(self) -> None:
        for work in list(self._waiting):
            work.exception()


class Work:
    """One piece of work; those that were submitted before are done before."""

    def __init__(self, function: Callable[[], None], waiting: list[Work]) -> None:
        self._function = function
        self._waiting = waiting
        self._problem: BaseException | None = None

    def done(self) -> bool:
        return self not in self._waiting

    def exception(self) -> BaseException | None:
        while self in self._waiting:
            first = self._waiting.pop(0)
            try:
                first._function()
            except OSError as error:
                first._problem = error
        return self._problem

    def result(self) -> None:
        if (problem := self.exception()) is not None:
            raise problem


@contextmanager
def opened(bench: Bench, disk: Disk) -> Iterator[Vfs]:
    with Vfs(bench.opened(disk)) as vfs:
        yield vfs


def take_in(vfs: Vfs, source: Path) -> None:
    """Take in all files of a folder of this machine, as a backup does."""

    def failed(path: bytes, error: Exception) -> None:
        raise AssertionError(path) from error

    with Intake(Session(vfs, Interrupts()), Progress("test"), failed, verb="backup") as taking:
        for path in sorted(source.iterdir()):
            taking.add(taking.write(bytes(path), ROOT_INO, path.name.encode(), careful=True))
        taking.finish()


def contents(bench: Bench, disk: Disk) -> dict[bytes, bytes]:
    """What the next who opens the vault finds."""
    there = {}
    with opened(bench, disk) as vfs:
        for name in listing(vfs, ROOT_INO):
            if not is_temporary(name):
                with found(vfs, name) as entry:
                    fh = vfs.files.open(entry.ino, 0).fh
                    there[name] = bytes(vfs.files.read(fh, 0, 1 << 20, Scratch()))
                    vfs.files.release(fh)
    bench.messages()
    return there


@pytest.mark.parametrize("eager", [False, True], ids=["late", "at-once"])
@pytest.mark.parametrize("model", MODELS)
def test_each_name_has_the_old_file_or_the_new_one(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Model, *, eager: bool
) -> None:
    rng = Random(7)
    before = {f"{number}": rng.randbytes(rng.choice([0, 100, 5000, 30_000])) for number in range(6)}
    after = {f"{number}": rng.randbytes(rng.choice([1, 200, 6000, 40_000])) for number in range(3, 10)}
    for folder, files in (("old", before), ("new", after)):
        (tmp_path / folder).mkdir()
        for name, data in files.items():
            (tmp_path / folder / name).write_bytes(data)
    monkeypatch.setattr(intake, "ThreadPoolExecutor", type("Chosen", (Pool,), {"eager": eager}))
    monkeypatch.setattr(intake, "_BATCH_FILES", 3)
    monkeypatch.setattr(intake, "_WRITE_BACK_BYTES", 20_000)
    disk = bench.fresh_disk()
    with opened(bench, disk) as vfs:
        take_in(vfs, tmp_path / "old")
    recording = Recording.start(disk)
    with opened(bench, disk) as vfs:
        take_in(vfs, tmp_path / "new")
        promised = len(recording.log)
    disk.log = None
    seen: set[Any] = set()
    for _ in range(CUTS):
        cut = some_cut(recording, model, rng)
        there = contents(bench, rebuild(recording, cut))
        allowed = {name: (before.get(name), after.get(name, before.get(name))) for name in {*before, *after}}
        assert [name for name, data in allowed.items() if there.get(name.encode()) not in data] == [], cut
        if cut.issued >= promised:
            assert all(there[name.encode()] == data for name, data in after.items()), cut
        seen.add(frozenset(there.items()))
    # Otherwise it was not cut where it matters.
    assert len(seen) > 3
