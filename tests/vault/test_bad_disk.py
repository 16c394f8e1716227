"""Bad disk: what a checkpoint does with a chunk that the disk does not give, and when what it wrote is safe."""

from __future__ import annotations

import errno
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from vault.journals import BODY, Desk, put, writes
from vault.making import CHUNK
from wafs.errors import DamageError
from wafs.format.layout import chunk_offset
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from log_police import ExpectLog

NAME = "file.wafs"


@contextmanager
def bad_sector(desk: Desk, number: int, times: int) -> Iterator[list[int]]:
    """Have the storage give EIO for a chunk, as often as that; yields what is left of it."""
    store, left = desk.shelf.context.store, [times]
    preadv = store.preadv

    def failing(handle: int, buffers: Any, offset: int) -> int:
        if offset == chunk_offset(number, CHUNK) and left[0]:
            left[0] -= 1
            raise OSError(errno.EIO, "bad sector")
        return preadv(handle, buffers, offset)

    with mock.patch.object(store, "preadv", failing):
        yield left


def test_a_sector_that_fails_once_loses_nothing(desk: Desk) -> None:
    content = desk.make(NAME, BODY, is_safe=True)
    desk.checkpoint.run()
    writes(CHUNK + 5, b"new")(content)
    with bad_sector(desk, 1, 1) as left:
        desk.checkpoint.run()
    assert left == [0]
    assert desk.journals == []
    assert desk.read() == put(BODY, CHUNK + 5, b"new")


def test_a_bad_sector_under_bytes_does_not_stop_the_rest(desk: Desk, expect_log: ExpectLog) -> None:
    expect_log("chunks that were written to do not verify")
    content, other = desk.make(NAME, BODY, is_safe=True), desk.make("other.wafs", BODY, is_safe=True)
    desk.checkpoint.run()
    for at in (5, CHUNK + 5):
        writes(at, b"new")(content)
    writes(9, b"new")(other)
    with bad_sector(desk, 1, 1 << 30):
        desk.checkpoint.run()
        assert desk.journals == []
        assert desk.checkpoint._bytes == 0
        with pytest.raises((DamageError, OSError)):
            content.read(CHUNK, 1, Scratch(0))
    assert bytes(content.read(5, 3, Scratch(0))) == b"new"
    assert desk.read("other.wafs") == put(BODY, 9, b"new")


def test_a_recovery_goes_on_behind_a_bad_sector(desk: Desk, expect_log: ExpectLog) -> None:
    expect_log("a chunk that was written to is damaged")
    content = desk.make(NAME, BODY, is_safe=True)
    desk.checkpoint.run()
    for at in (5, CHUNK + 5):
        writes(at, b"new")(content)
    desk.crash()
    with bad_sector(desk, 1, 1 << 30):
        recovery = desk.recover()
    assert recovery is not None
    assert recovery.needs_journal
    assert desk.read() == put(BODY, 5, b"new")


def test_what_is_flushed_while_an_older_checkpoint_syncs_is_safe_before_the_file_goes_on(desk: Desk) -> None:
    store = desk.shelf.context.store
    content, other = desk.make(NAME, BODY[: 4 * CHUNK], is_safe=True), desk.make("other.wafs", BODY, is_safe=True)
    desk.checkpoint.run()
    writes(9, b"new")(other)
    syncing, go_on, synced = threading.Event(), threading.Event(), []
    sync_all, sync = store.sync_all, store.sync

    def slowly() -> None:
        syncing.set()
        assert go_on.wait(30)
        sync_all()

    def noted(handle: int, *, data_only: bool = False) -> None:
        synced.append(handle)
        sync(handle, data_only=data_only)

    with mock.patch.object(store, "sync_all", slowly):
        older = threading.Thread(target=desk.checkpoint.run)
        older.start()
        assert syncing.wait(30)
        writes(CHUNK, b"n" * CHUNK)(content)
        content.sync(data_only=False)
        content.flush(Scratch(0))
        go_on.set()
        older.join(30)
    with mock.patch.object(store, "sync", noted):
        # A write in place, after which the journal that has the flushed chunk counts no more for this file.
        writes(4 * CHUNK, b"g" * CHUNK)(content)
        content.seal()
    assert content.handle in synced


@pytest.mark.interpreted
def test_what_was_noted_for_a_change_that_failed_does_not_wait_for_ever(desk: Desk) -> None:
    content = desk.make(NAME, BODY, is_safe=True)
    desk.checkpoint.run()
    generation = desk.journal.active()
    with mock.patch.object(desk.journal, "append", return_value=None):
        change = mock.Mock()
        assert desk.checkpoint.append(content, CHUNK, generation, change) is None
    assert desk.checkpoint._bytes == CHUNK
    desk.checkpoint.run()
    assert desk.checkpoint._bytes == 0


@pytest.mark.interpreted
def test_a_generation_that_is_gone_reserves_nothing(desk: Desk) -> None:
    gone = desk.journal.active()
    desk.checkpoint.run()
    with mock.patch.object(desk.journal, "_reserve") as reserve:
        desk.journal.leave_reserve(gone, 1 << 30)
    reserve.assert_not_called()
