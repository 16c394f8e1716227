"""Locks are taken in one order by every thread, and nobody waits for a disk with a lock that others need.

The locks of a Vfs are replaced by ones that know their place, while threads do everything at once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import pytest

from fs.paths import ME, Paths
from vault.making import make_vault, opened
from wafs.errors import DamageError, WafsError
from wafs.fs.attrs import SetAttrs
from wafs.fs.vfs import Vfs
from wafs.units import MIB
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from wafs.store.base import Store

pytestmark = pytest.mark.interpreted


ORDERS: Final = (
    ("FsContext.lock", "Content._lock", "Journal._syncing", "Journal._lock"),
    ("Checkpoint._running", "Content._lock", "Checkpoint._counting"),
)
"""A lock that stands after another may be taken while that one is held, never the other way round (docs/design.md)."""

NEEDED_BY_OTHERS: Final = {"FsContext.lock", "Content._lock"}
THREADS: Final = 6
STEPS: Final = 150
EXPECTED: Final = {errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.EINVAL, errno.ESTALE, errno.ENXIO, errno.EISDIR}


class Watch:
    """Which locks each thread holds, and what was wrong about that."""

    def __init__(self) -> None:
        self.wrong: set[str] = set()
        self.after: dict[str, set[str]] = {}
        self.syncs = 0
        self._thread = threading.local()

    @property
    def held(self) -> list[WatchedLock]:
        """The locks of this thread, the latest last."""
        if not hasattr(self._thread, "held"):
            self._thread.held = []
        held: list[WatchedLock] = self._thread.held
        return held

    def taking(self, lock: WatchedLock) -> None:
        if not any(lock.name in order for order in ORDERS):
            self.wrong.add(f"{lock.name} has no place in the order")
        for other in self.held:
            if other.name == lock.name or _precedes(lock.name, other.name):
                self.wrong.add(f"{lock.name} is taken while {other.name} is held")
            self.after.setdefault(other.name, set()).add(lock.name)

    @contextlib.contextmanager
    def fsync(self) -> Iterator[None]:
        """Run what a program calls to wait for a disk: until the end no lock may be held when the disk is asked."""
        self._thread.fsync = True
        try:
            yield
        finally:
            self._thread.fsync = False

    def syncing(self) -> None:
        """Note that the disk is asked."""
        if getattr(self._thread, "fsync", False):
            self.syncs += 1
            self.wrong |= {f"{lock.name} is held over an fsync" for lock in self.held if lock.name in NEEDED_BY_OTHERS}


class WatchedLock:
    """A lock that tells the watch; `owner` is the object that made it for itself."""

    def __init__(self, watch: Watch, inner: Any, owner: object) -> None:
        self._watch = watch
        self._inner = inner
        self._owner = owner

    @property
    def name(self) -> str:
        slots = [name for kind in type(self._owner).__mro__ for name in getattr(kind, "__slots__", ())]
        attributes = [*getattr(self._owner, "__dict__", {}), *slots]
        found = [name for name in attributes if getattr(self._owner, name, None) is self]
        return f"{type(self._owner).__name__}.{found[0] if found else '?'}"

    def acquire(self, *arguments: Any, **options: Any) -> bool:
        if self not in self._watch.held:
            self._watch.taking(self)
        taken = bool(self._inner.acquire(*arguments, **options))
        if taken:
            self._watch.held.append(self)
        return taken

    def release(self) -> None:
        held = self._watch.held
        del held[len(held) - 1 - held[::-1].index(self)]
        self._inner.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class WatchedThreading:
    """Stands for the module `threading` in the modules of wafs."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        real = getattr(threading, name)
        return self._make(real) if name in ("Lock", "RLock") else real

    def _make(self, real: Callable[[], Any]) -> Callable[[], WatchedLock]:
        return lambda: WatchedLock(self._watch, real(), sys._getframe(1).f_locals["self"])


class WatchedStore:
    """Tells the watch when a disk is asked to sync."""

    def __init__(self, inner: Any, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def sync(self, handle: int, *, data_only: bool = False) -> None:
        self._watch.syncing()
        self._inner.sync(handle, data_only=data_only)


class Life:
    """One thread: random operations on a few files and folders that all threads share."""

    def __init__(self, vfs: Vfs, watch: Watch, seed: int) -> None:
        self._vfs = vfs
        self._watch = watch
        self._paths = Paths(vfs)
        self._rng = random.Random(seed)
        self._scratch = Scratch()
        self.done = 0

    def live(self) -> None:
        """Do everything; whoever was faster is no failure."""
        jobs = [
            self._use_file, self._use_file, self._use_file, self._use_file, self._use_names, self._use_names,
            self._look, self._sync_folder,
        ]  # fmt: skip
        for _ in range(STEPS):
            try:
                self._rng.choice(jobs)()
                self.done += 1
            except DamageError:
                raise
            except (WafsError, OSError) as error:
                if isinstance(error, OSError) and error.errno not in EXPECTED:
                    raise

    def _name(self) -> bytes:
        return self._rng.choice((b"", b"one/", b"two/")) + self._rng.choice((b"a", b"b", b"c", b"long" * 60))

    def _use_file(self) -> None:
        with self._paths.held(self._name()) as number:
            fh = self._vfs.files.open(number, os.O_RDWR).fh
            try:
                for _ in range(4):
                    self._use(number, fh)
            finally:
                self._vfs.files.release(fh)

    def _use(self, number: int, fh: int) -> None:
        files, offset, size = self._vfs.files, self._rng.randrange(60_000), self._rng.randint(1, 20_000)
        scratch = self._scratch
        match self._rng.randrange(9):
            case 0 | 1:
                files.write(fh, offset, memoryview(bytes(size)), scratch)
            case 2 | 3:
                files.read(fh, offset, size, scratch)
            case 4:
                files.fallocate(fh, 3, offset, size=size, scratch=scratch)
            case 5:
                files.copy_range(fh, offset, fh, new_offset=offset + 20_000, size=size)
            case 6:
                self._vfs.attributes.set(number, SetAttrs(size=offset))
            case 7:
                files.seek(fh, offset, os.SEEK_DATA)
            case _:
                with self._watch.fsync():
                    files.sync(fh, data_only=self._rng.random() < 0.5)

    def _use_names(self) -> None:
        paths, name = self._paths, self._name()
        match self._rng.randrange(6):
            case 0 | 1:
                paths.write(name, bytes(self._rng.randrange(30_000)))
            case 2:
                paths.rename(name, self._name())
            case 3:
                paths.rename(b"one", b"moved")
                paths.rename(b"moved", b"one")
            case 4:
                paths.link(name, self._name())
            case _:
                paths.unlink(name)

    def _look(self) -> None:
        self._paths.names(self._rng.choice((b"", b"one", b"two")))
        self._paths.attrs(self._name())
        with self._paths.held(self._name()) as number:
            self._vfs.xattrs.set(number, b"user.note", b"kept", 0)
            self._vfs.xattrs.names(number)

    def _sync_folder(self) -> None:
        with self._paths.held(b"two") as number:
            fh = self._vfs.streams.open(number)
            try:
                with self._watch.fsync():
                    self._vfs.streams.sync(fh)
            finally:
                self._vfs.streams.release(fh)


def _precedes(first: str, second: str) -> bool:
    """Tell whether the order puts one lock before another."""
    pairs = {pair for order in ORDERS for pair in combinations(order, 2)}
    pairs |= {(a, d) for a, b in pairs for c, d in pairs if b == c}
    return (first, second) in pairs


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Every lock that wafs makes from now on is watched."""
    made = Watch()
    for name, module in list(sys.modules.items()):
        if name.startswith("wafs.") and getattr(module, "threading", None) is threading:
            monkeypatch.setattr(module, "threading", WatchedThreading(made))
    return made


@pytest.fixture
def vfs(tmp_path: Path, watch: Watch) -> Iterator[Vfs]:
    def wrap(store: Store) -> Any:
        return WatchedStore(store, watch)

    with Vfs(opened(make_vault(tmp_path / "vault"), wrap=wrap)) as made:
        yield made


def run_together(jobs: list[Callable[[], None]]) -> None:
    """Run each job in a thread of its own; the first failure is raised here."""
    failures: list[BaseException] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001  told in the thread of the test
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_every_thread_takes_the_locks_in_order(vfs: Vfs, watch: Watch) -> None:
    paths = Paths(vfs)
    for folder in (b"one", b"two"):
        paths.mkdir(folder)
        paths.write(folder + b"/a", bytes(50_000))
    lives = [Life(vfs, watch, seed) for seed in range(THREADS)]
    run_together([life.live for life in lives])
    assert watch.wrong == set()
    # No two threads can wait for each other, also through locks that the order does not compare.
    list(TopologicalSorter(watch.after).static_order())
    assert "Content._lock" in watch.after["FsContext.lock"]
    assert watch.syncs > 0
    assert all(life.done > STEPS // 5 for life in lives), [life.done for life in lives]


def test_a_lock_taken_against_the_order_is_seen(vfs: Vfs, watch: Watch) -> None:
    entry, fh = vfs.files.create(1, b"file", 0o600, flags=os.O_RDWR, caller=ME)
    with vfs.files.content_of(fh)._lock:
        vfs.attributes.get(entry.ino)
    assert "FsContext.lock is taken while Content._lock is held" in watch.wrong
    vfs.files.release(fh)


def test_a_lock_held_over_an_fsync_is_seen(vfs: Vfs, watch: Watch) -> None:
    _, fh = vfs.files.create(1, b"file", 0o600, flags=os.O_RDWR, caller=ME)
    vfs.files.write(fh, 0, memoryview(bytes(MIB)), Scratch())
    with vfs.context.lock, watch.fsync():
        vfs.files.sync(fh, data_only=False)
    assert watch.wrong == {"FsContext.lock is held over an fsync"}
    vfs.files.release(fh)


def test_a_lock_without_a_place_in_the_order_is_seen(watch: Watch) -> None:
    class Newcomer:
        def __init__(self) -> None:
            self.lock = WatchedThreading(watch).Lock()

    with Newcomer().lock:
        assert watch.wrong == {"Newcomer.lock has no place in the order"}
