"""Journal: generations come and go, records are appended whole, and one sync serves all who wait."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import pytest

from store.faulty import Fault
from vault.journal_bench import Bench, journal_in
from vault.journals import CIPHER, FILE_ID, FIRST, SECOND, VAULT_ID, change
from wafs.errors import AuthenticationError
from wafs.format.journal import EPOCH_SIZE
from wafs.vault.journal import Generation, Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wafs.store.base import Store

Effect: TypeAlias = Literal["none", "half", "whole"]
EFFECTS: tuple[Effect, ...] = ("none", "half", "whole")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with journal_in(tmp_path) as made:
        yield made


def test_there_is_no_journal_before_it_is_wanted(bench: Bench) -> None:
    journal = bench.journal
    assert bench.names == []
    assert (journal.is_empty, journal.is_synced, journal.length, journal.oldest) == (True, True, 0, None)
    journal.sync(journal.last_ticket)
    journal.rotate()
    journal.drop()
    assert bench.faulty.asked.total() == 0


def test_a_generation_is_durable_before_it_takes_records(bench: Bench) -> None:
    generation = bench.journal.active()
    assert bench.names == [FIRST]
    # The file and the folder that has its name.
    assert (bench.syncs, bench.faulty.asked["pwrite"]) == (2, 1)
    assert (generation.records, generation.synced) == (1, 1)
    assert bench.journal.begun.is_set()
    assert bench.journal.active() is generation
    assert (bench.journal.is_empty, bench.journal.oldest) == (False, 0)
    assert bench.journal.has_epoch(generation.epoch)
    assert len(generation.epoch) == EPOCH_SIZE
    assert not bench.journal.has_epoch(bytes(EPOCH_SIZE))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(1, frozenset({"open"}), errno.ENOSPC),
        *(Fault(1, frozenset({"pwrite"}), errno.ENOSPC, effect) for effect in EFFECTS),
        Fault(1, frozenset({"sync"}), errno.ENOSPC),
        Fault(2, frozenset({"sync"}), errno.ENOSPC, "whole"),
    ],
)
def test_a_generation_that_cannot_begin_leaves_nothing(bench: Bench, fault: Fault) -> None:
    before = len(os.listdir("/proc/self/fd"))
    bench.faulty.arm(fault)
    with pytest.raises(OSError, match="No space left"):
        bench.journal.active()
    bench.faulty.arm(None)
    assert (bench.names, bench.journal.is_empty) == ([], True)
    assert not bench.journal.begun.is_set()
    assert len(os.listdir("/proc/self/fd")) == before
    assert bench.append(10) == 1
    assert bench.names == [FIRST]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EOPNOTSUPP, errno.EIO])
def test_a_generation_begins_also_where_space_cannot_be_reserved(bench: Bench, code: int) -> None:
    bench.faulty.arm(Fault(1, frozenset({"fallocate"}), code, dies=False))
    assert bench.append(10) == 1
    assert bench.replay().files[FILE_ID].size == 10


def test_a_change_is_appended_with_one_write(bench: Bench) -> None:
    bench.journal.active()
    bench.faulty.arm(None)
    before = bench.journal.length
    assert [bench.append(10), bench.append(20)] == [1, 2]
    assert (bench.faulty.asked["pwrite"], bench.syncs) == (2, 0)
    assert (bench.journal.last_ticket, bench.journal.is_synced) == (2, False)
    assert bench.journal.length == (bench.path / FIRST).stat().st_size > before
    assert bench.replay().files[FILE_ID].size == 20


def test_who_appends_says_what_was_safe_then(bench: Bench) -> None:
    generation = bench.journal.active()
    bench.append(10)
    assert generation.synced == 1
    bench.journal.sync(1)
    assert generation.synced == 2
    safe = generation.length
    bench.append(20)
    # The second change says that the first was safe, so the first may not be forged.
    path = bench.path / FIRST
    data = bytearray(path.read_bytes())
    data[safe - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(AuthenticationError, match="record 1 does not verify"):
        bench.replay()


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_change_that_failed_is_overwritten_by_the_next(bench: Bench, effect: Effect, code: int) -> None:
    bench.append(10)
    length = bench.journal.length
    bench.faulty.arm(Fault(1, frozenset({"pwrite"}), code, effect))
    with pytest.raises(OSError, match=os.strerror(code)):
        bench.append(99, b"failed" * 100)
    assert (bench.journal.length, bench.journal.last_ticket) == (length, 1)
    if effect != "whole":
        assert bench.replay().files[FILE_ID].size == 10
    # Shorter than what was left behind, so that a rest of that stays.
    assert bench.append(20) == 2
    assert bench.replay().files[FILE_ID].size == 20
    assert bench.append(30, b"longer" * 200) == 3
    found = bench.replay()
    assert (found.records, found.files[FILE_ID].size) == (3, 30)


def test_a_short_write_is_finished(bench: Bench) -> None:
    bench.journal.active()
    bench.faulty.arm(Fault(1, frozenset({"pwrite"}), effect="short"))
    bench.append(10, b"whole" * 100)
    assert bench.faulty.asked["pwrite"] == 2
    assert bytes(bench.replay().files[FILE_ID].chunks[0][:500]) == b"whole" * 100


def test_names_alternate_and_the_order_is_told(bench: Bench) -> None:
    journal = bench.journal
    names = []
    for size in (10, 20, 30):
        bench.append(size)
        journal.rotate()
        assert journal.length == 0
        bench.append(size + 1)
        names.append(bench.names)
        assert bench.replay().files[FILE_ID].size == size + 1
        journal.drop()
        names.append(bench.names)
    assert names == [[FIRST, SECOND], [SECOND], [FIRST, SECOND], [FIRST], [FIRST, SECOND], [SECOND]]


def test_an_old_generation_takes_no_records(bench: Bench) -> None:
    journal = bench.journal
    old = journal.active()
    journal.rotate()
    assert journal.append(old, change(1, 10)) is None
    assert journal.of_checkpoint() is old
    # But what its checkpoint adds.
    assert journal.append(old, change(1, 20), in_checkpoint=True) == 1
    new = journal.active()
    assert new is not old
    assert (new.sequence, journal.oldest) == (old.sequence + 1, old.sequence)
    assert journal.of_checkpoint() is old
    assert journal.record(change(1, 30)) == 2
    assert (old.records, new.records) == (2, 2)
    assert journal.has_epoch(old.epoch)
    assert journal.has_epoch(new.epoch)
    journal.drop()
    assert not journal.has_epoch(old.epoch)
    assert journal.of_checkpoint() is new
    assert journal.append(old, change(1, 40), in_checkpoint=True) is None
    assert bench.replay().files[FILE_ID].size == 30


def test_a_rotation_waits_for_the_drop_of_the_last(bench: Bench) -> None:
    journal = bench.journal
    first = journal.active()
    journal.rotate()
    second = journal.active()
    journal.rotate()
    assert journal.active() is second
    assert journal.oldest == first.sequence
    journal.drop()
    journal.rotate()
    assert journal.oldest == second.sequence


def test_a_drop_that_fails_can_be_done_again(bench: Bench) -> None:
    journal = bench.journal
    journal.active()
    journal.rotate()
    bench.faulty.arm(Fault(1, frozenset({"unlink"})))
    with pytest.raises(OSError, match="Input/output"):
        journal.drop()
    assert (bench.names, journal.is_empty) == ([FIRST], False)
    journal.drop()
    assert (bench.names, journal.is_empty) == ([], True)


def test_a_sync_is_asked_for_once(bench: Bench) -> None:
    first, second = bench.append(10), bench.append(20)
    bench.faulty.arm(None)
    bench.journal.sync(first)
    assert (bench.syncs, bench.journal.is_synced) == (1, True)
    bench.journal.sync(second)
    assert bench.syncs == 1


def test_a_sync_serves_both_generations(bench: Bench) -> None:
    bench.append(10)
    bench.journal.rotate()
    ticket = bench.append(20)
    bench.faulty.arm(None)
    bench.journal.sync(ticket)
    assert bench.syncs == 2
    # Only the one that has something new.
    ticket = bench.append(30)
    bench.faulty.arm(None)
    bench.journal.sync(ticket)
    assert bench.syncs == 1


def test_shut_gives_back_the_handles_and_leaves_the_files(bench: Bench) -> None:
    before = len(os.listdir("/proc/self/fd"))
    bench.append(10)
    bench.journal.rotate()
    bench.append(20)
    bench.journal.shut()
    assert (bench.names, bench.journal.is_empty) == ([FIRST, SECOND], True)
    assert len(os.listdir("/proc/self/fd")) == before


class Gate:
    """A store whose syncs of data wait until they are let through."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.entered = threading.Semaphore(0)
        self.barrier = threading.Event()
        self.barrier.set()
        self.syncs = 0

    def __getattr__(self, kind: str) -> Any:
        return getattr(self._inner, kind)

    def sync(self, handle: int, *, data_only: bool = False) -> None:
        self.syncs += 1
        self.entered.release()
        assert self.barrier.wait(30)
        self._inner.sync(handle, data_only=data_only)


def test_one_sync_serves_all_who_wait(bench: Bench) -> None:
    gate = Gate(bench.faulty.store)
    journal = Journal(cast("Store", gate), bench.top, CIPHER, VAULT_ID)
    generation = journal.active()
    first = journal.record(change(1, 10))
    gate.barrier.clear()
    gate.syncs = 0
    gate.entered = threading.Semaphore(0)
    threads = [threading.Thread(target=journal.sync, args=(first,))]
    threads[0].start()
    assert gate.entered.acquire(timeout=30)
    # Nobody who writes waits for the one who syncs.
    tickets = [journal.record(change(1, size)) for size in (20, 30, 40)]
    threads += [threading.Thread(target=journal.sync, args=(ticket,)) for ticket in tickets]
    for thread in threads[1:]:
        thread.start()
    gate.barrier.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert gate.syncs == 2
    assert journal.is_synced
    assert generation.synced == 5
    journal.shut()


def test_what_came_during_a_sync_is_not_safe_by_it(bench: Bench) -> None:
    gate = Gate(bench.faulty.store)
    journal = Journal(cast("Store", gate), bench.top, CIPHER, VAULT_ID)
    generation = journal.active()
    first = journal.record(change(1, 10))
    gate.barrier.clear()
    gate.entered = threading.Semaphore(0)
    thread = threading.Thread(target=journal.sync, args=(first,))
    thread.start()
    assert gate.entered.acquire(timeout=30)
    journal.record(change(1, 20))
    gate.barrier.set()
    thread.join(30)
    assert not thread.is_alive()
    assert not journal.is_synced
    assert (generation.records, generation.synced) == (3, 2)
    journal.shut()


def test_many_who_begin_at_once_begin_one(bench: Bench) -> None:
    begun: list[Generation] = []
    threads = [threading.Thread(target=lambda: begun.append(bench.journal.active())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(begun) == 8
    assert all(one is begun[0] for one in begun)
    assert bench.names == [FIRST]


def test_records_of_many_threads_all_arrive(bench: Bench) -> None:
    def work(base: int) -> None:
        for counter in range(20):
            bench.journal.record(change(1, base + counter))

    threads = [threading.Thread(target=work, args=(base,)) for base in (100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert bench.replay().records == 60
    assert bench.journal.last_ticket == 60


def test_after_a_sync_that_failed_everything_is_written_once_more(bench: Bench) -> None:
    # The system tells such a failure once: what it could not write counts as written from then on.
    bench.append(10)
    ticket = bench.append(20, b"of another")
    whole = (bench.path / FIRST).read_bytes()
    bench.faulty.arm(Fault(1, frozenset({"sync"})))
    with pytest.raises(OSError, match="Input/output"):
        bench.journal.sync(ticket)
    bench.faulty.arm(None)
    bench.journal.sync(ticket)
    assert (bench.faulty.asked["pwrite"], bench.syncs) == (1, 1)
    assert (bench.path / FIRST).read_bytes() == whole
    assert (bench.journal.is_synced, bench.journal.active().synced) == (True, 3)
    bench.append(30)
    bench.faulty.arm(None)
    bench.journal.sync(bench.journal.last_ticket)
    assert bench.faulty.asked["pwrite"] == 0
    assert bench.replay().files[FILE_ID].size == 30


@pytest.mark.parametrize("kind", ["pread", "pwrite", "sync"])
def test_writing_once_more_may_fail_again(bench: Bench, kind: str) -> None:
    ticket = bench.append(10)
    for failing in ("sync", kind):
        bench.faulty.arm(Fault(1, frozenset({failing})))
        with pytest.raises(OSError, match="Input/output"):
            bench.journal.sync(ticket)
    assert (bench.journal.is_synced, bench.journal.active().synced) == (False, 1)
    bench.faulty.arm(None)
    bench.journal.sync(ticket)
    assert bench.faulty.asked["pwrite"] == 1
    assert bench.journal.is_synced
