"""Hints to the store: from one thread, in order, in steps that keep a disk busy, and never to a handle given back."""

from __future__ import annotations

import errno
import os
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs.paths import Paths
from vault.making import make_vault, opened
from wafs.fs.handles import FileHandle
from wafs.fs.prefetch import Prefetch
from wafs.fs.vfs import Vfs
from wafs.units import KIB, MIB, Fh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wafs.fs.context import FsContext
    from wafs.fs.inodes import Inode
    from wafs.store.base import Store

REACH = 8 * MIB


class HintedStore:
    """Keeps what it is told; waits for `gate` first, then fails with `error`, if there is one."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, int]] = []
        self.threads: set[str] = set()
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def advise(self, handle: int, offset: int, size: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        self.threads.add(threading.current_thread().name)
        self.entered.set()
        self.gate.wait()
        self.told.append((handle, offset, size))
        if self.error is not None:
            raise self.error


@pytest.fixture
def store() -> HintedStore:
    return HintedStore()


@pytest.fixture
def prefetch(store: HintedStore) -> Iterator[Prefetch]:
    made = Prefetch(cast("Store", store))
    try:
        yield made
    finally:
        store.gate.set()
        made.close()


def _thread_names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_hints_are_told_in_order_by_a_thread_that_begins_with_the_first(prefetch: Prefetch, store: HintedStore) -> None:
    prefetch.settle()
    assert "wafs-prefetch" not in _thread_names()
    for number in range(10):
        prefetch.ask(7, number * MIB, MIB)
    prefetch.settle()
    assert store.told == [(7, number * MIB, MIB) for number in range(10)]
    assert store.threads == {"wafs-prefetch"}
    prefetch.close()
    assert "wafs-prefetch" not in _thread_names()


def test_who_settles_waits_for_a_store_that_is_slow(prefetch: Prefetch, store: HintedStore) -> None:
    store.gate.clear()
    prefetch.ask(7, 0, MIB)
    assert store.entered.wait(10)
    seen: list[int] = []

    def settle() -> None:
        prefetch.settle()
        seen.append(len(store.told))

    waiting = threading.Thread(target=settle)
    waiting.start()
    assert seen == []
    store.gate.set()
    waiting.join()
    assert seen == [1]


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "gone"), ValueError("a bug")])
def test_a_hint_that_fails_does_not_end_the_thread(prefetch: Prefetch, store: HintedStore, error: Exception) -> None:
    store.error = error
    for offset in (0, MIB):
        prefetch.ask(7, offset, MIB)
        prefetch.settle()
    assert len(store.told) == 2


def test_hints_that_would_come_too_late_are_left_out(prefetch: Prefetch, store: HintedStore) -> None:
    store.gate.clear()
    prefetch.ask(7, 0, MIB)
    assert store.entered.wait(10)
    for number in range(1000):
        prefetch.ask(8, number, 1)
    store.gate.set()
    prefetch.settle()
    assert store.told == [(7, 0, MIB), *((8, number, 1) for number in range(64))]


def test_a_system_without_more_threads_is_told_nothing(
    prefetch: Prefetch, store: HintedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    prefetch.ask(7, 0, MIB)
    prefetch.settle()
    assert store.told == []


def test_a_hint_that_takes_long_is_about_what_was_not_in_memory(
    prefetch: Prefetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for us_per_mib in (3, 60, 3):
        clock = iter([0.0, us_per_mib * 8e-6])
        monkeypatch.setattr(time, "perf_counter", lambda clock=clock: next(clock))
        prefetch.ask(7, 0, 8 * MIB)
        prefetch.settle()
        monkeypatch.undo()
        seen.append(prefetch.is_slow)
    assert seen == [False, True, False]


class AskedPrefetch:
    """Stands for the context of the filesystem, its prefetch and its store, and keeps what they are told."""

    def __init__(self, *, is_slow: bool) -> None:
        self.prefetch = self.store = self
        self.is_slow = is_slow
        self.asked: list[tuple[int, int]] = []
        self.advised: list[int] = []

    def ask(self, handle: int, offset: int, size: int) -> None:
        assert handle == 5
        self.asked.append((offset, size))

    def advise(self, _handle: int, _offset: int, _size: int, advice: int) -> None:
        self.advised.append(advice)


def _reader(fs: AskedPrefetch, length: int) -> Any:
    handle = FileHandle(Fh(1), cast("Inode", None), os.O_RDONLY)

    def read(offset: int, size: int) -> FileHandle:
        handle.note_read(cast("FsContext", fs), 5, offset, size, length)
        return handle

    return read


@pytest.mark.interpreted
@given(sizes=st.lists(st.integers(1, 256).map(lambda pages: pages * 4096), max_size=60), is_slow=st.booleans())
def test_a_sequential_reader_has_every_byte_asked_for_once_and_in_steps(sizes: list[int], is_slow: bool) -> None:
    fs = AskedPrefetch(is_slow=is_slow)
    length = 40 * MIB
    read = _reader(fs, length)
    at = 0
    told = 0
    step = MIB if is_slow else 4 * MIB
    for size in sizes:
        before = len(fs.asked)
        handle = read(at, size)
        at += size
        for offset, asked in fs.asked[before:]:
            assert offset == max(told, at)
            assert asked >= step
            told = offset + asked
            assert told == at + REACH
        assert told > at + REACH - step or told >= length
        assert handle.has_asked == bool(fs.asked)


@pytest.mark.interpreted
def test_random_readers_and_readers_of_small_files_ask_for_nothing() -> None:
    fs = AskedPrefetch(is_slow=True)
    read = _reader(fs, 256 * KIB)
    for at in range(0, 256 * KIB, 64 * KIB):
        assert not read(at, 64 * KIB).has_asked
    read = _reader(fs, 40 * MIB)
    for at in (8 * MIB, 4 * MIB, 12 * MIB):
        assert not read(at, 4096).has_asked
    assert (fs.asked, fs.advised) == ([], [os.POSIX_FADV_RANDOM])


class OrderedStore:
    """Hints wait for `gate`; `order` tells when each hint was done and each of the handles hinted at went back."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.gate = threading.Event()
        self.order: list[tuple[str, int]] = []
        self._hinted: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def advise(self, handle: int, offset: int, size: int, advice: int) -> None:
        self._hinted.add(handle)
        self.gate.wait()
        self._inner.advise(handle, offset, size, advice)
        self.order.append(("told", handle))

    def close(self, handle: int) -> None:
        if handle in self._hinted:
            self.order.append(("closed", handle))
        self._inner.close(handle)


def test_a_handle_goes_back_when_the_store_was_told_of_all_that_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_vault(tmp_path / "vault")
    plain = os.urandom(2 * MIB)
    with Vfs(opened(path)) as vfs:
        Paths(vfs).write(b"file", plain)
    stores: list[OrderedStore] = []

    def wrap(inner: Store) -> Store:
        stores.append(OrderedStore(inner))
        return cast("Store", stores[0])

    with Vfs(opened(path, wrap=wrap)) as vfs:
        settle = vfs.context.prefetch.settle

        def let_go() -> None:
            stores[0].gate.set()
            settle()

        monkeypatch.setattr(vfs.context.prefetch, "settle", let_go)
        try:
            paths = Paths(vfs)
            with paths.held(b"file") as number:
                fh = vfs.files.open(number, os.O_RDONLY).fh
                parts = [bytes(vfs.files.read(fh, at, MIB, paths.scratch)) for at in range(0, 3 * MIB, MIB)]
                handle = vfs.files.content_of(fh).handle
                vfs.files.release(fh)
        finally:
            stores[0].gate.set()
    assert b"".join(parts) == plain
    assert stores[0].order == [("told", handle), ("closed", handle)]
