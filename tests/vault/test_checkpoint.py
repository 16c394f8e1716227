"""Checkpoint: what waits goes to its place, and the journal with it; what fails keeps the journal."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from store.faulty import Fault
from vault.journals import FIRST, SECOND, Desk, opened_desk
from vault.making import CHUNK
from wafs.errors import DamageError
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wafs.format.journal import Change
    from wafs.vault.content import Content
    from wafs.vault.journal import Generation

NAME = "file.wafs"
BODY = bytes(range(251)) * 66
TURNS = 30


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened_desk(tmp_path, memory=8 * CHUNK) as opened:
        yield opened


def _write(content: Content, at: int, data: bytes) -> None:
    content.write(at, memoryview(data), Scratch(0))


def _read(content: Content) -> bytes:
    return bytes(content.read(0, content.size, Scratch(0)))


def _put(at: int, data: bytes, body: bytes = BODY) -> bytes:
    return body[:at] + data + body[at + len(data) :]


def _settled(desk: Desk, *contents: Content) -> Desk:
    """Run a checkpoint after which nothing waits, so that what comes next is told apart."""
    desk.checkpoint.run()
    assert desk.journals == []
    assert not any(content.is_dirty for content in contents)
    return desk


def test_without_a_journal_it_asks_nothing_of_the_store(desk: Desk) -> None:
    desk.shelf.faulty.arm(None)
    desk.checkpoint.run()
    assert desk.shelf.faulty.asked.total() == 0


def test_what_waits_goes_to_its_place_and_the_journal_goes(desk: Desk) -> None:
    content = desk.make(NAME, BODY)
    _write(content, 5000, b"new")
    assert (content.is_dirty, desk.journals) == (True, [FIRST])
    assert desk.read() == BODY
    desk.checkpoint.run()
    assert (content.is_dirty, desk.journals) == (False, [])
    assert desk.checkpoint.pressure == 0
    assert desk.read() == _read(content) == _put(5000, b"new")


def test_the_order_is_journal_then_files_then_everything(desk: Desk) -> None:
    content = desk.make(NAME, BODY)
    _write(content, 5000, b"new")
    order: list[str] = []
    faulty = desk.shelf.faulty
    journals = {handle for handle, name in faulty.files.items() if name.startswith(b"wafs.journal")}

    class Watch:
        def __getattr__(self, kind: str) -> object:
            def call(*arguments: object, **options: object) -> object:
                if kind in ("sync", "sync_all", "unlink"):
                    order.append(kind)
                elif kind == "pwrite":
                    order.append("journal" if arguments[0] in journals else "file")
                return getattr(inner, kind)(*arguments, **options)

            return call

    inner, faulty._inner = faulty._inner, Watch()  # type: ignore[assignment]
    desk.checkpoint.run()
    faulty._inner = inner
    assert order[0] == "sync"
    assert order[-2:] == ["sync_all", "unlink"]
    assert order.count("file") >= 3
    assert order.count("sync") == 1


def test_times_stay_over_a_checkpoint(desk: Desk) -> None:
    content = desk.make(NAME, BODY)
    _write(content, 5000, b"new")
    mtime = -1_234_567_890
    os.utime(desk.shelf.path / NAME, ns=(0, mtime))
    desk.checkpoint.run()
    assert (desk.shelf.path / NAME).stat().st_mtime_ns == mtime


def test_pressure_counts_chunks_that_wait_and_falls_with_them(desk: Desk) -> None:
    first, second = desk.make("1.wafs", BODY), desk.make("2.wafs", BODY)
    desk = _settled(desk, first, second)
    _write(first, 0, b"n")
    one = desk.checkpoint.pressure
    assert one >= 1 / 8
    _write(second, 0, b"n")
    assert desk.checkpoint.pressure >= 2 / 8
    first.truncate(0, Scratch(0))
    second.truncate(0, Scratch(0))
    assert desk.checkpoint._bytes == 0
    desk.checkpoint.run()
    assert desk.checkpoint.pressure == 0


def test_pressure_counts_records_as_well(desk: Desk) -> None:
    content = _make_settled(desk)
    # One chunk that is written over and over takes memory once, and a record each time.
    for _ in range(8):
        _write(content, 0, bytes(CHUNK))
    assert desk.checkpoint._bytes == CHUNK
    assert desk.checkpoint.pressure >= 1
    assert desk.checkpoint.pressure == desk.journal.length / (8 * CHUNK)


def _make_settled(desk: Desk) -> Content:
    content = desk.make(NAME, BODY)
    _settled(desk, content)
    return content


# Before are zeros ahead, two images, and a record of the time, without which the rest can be done.
@pytest.mark.parametrize(("kind", "nth"), [("pwrite", 5), ("pwrite", 6), ("pwrite", 7), ("futimens", 1), ("fstat", 1)])
def test_a_content_that_fails_keeps_the_journal_and_the_others_come_home(desk: Desk, kind: str, nth: int) -> None:
    first, second = desk.make("1.wafs", BODY), desk.make("2.wafs", BODY)
    _settled(desk, first, second)
    _write(first, 5000, b"new")
    _write(second, 5000, b"new")
    desk.shelf.faulty.arm(Fault(nth, frozenset({kind}), errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        desk.checkpoint.run()
    assert desk.shelf.faulty.fired
    assert len(desk.journals) >= 1
    assert (first.is_dirty, second.is_dirty) == (True, False)
    assert desk.read("2.wafs") == _put(5000, b"new")
    assert _read(first) == _put(5000, b"new")
    desk.checkpoint.run()
    assert desk.journals == []
    assert desk.read("1.wafs") == _put(5000, b"new")


def test_after_one_that_failed_changes_still_find_their_way(desk: Desk) -> None:
    content = _make_settled(desk)
    _write(content, 5000, b"new")
    desk.shelf.faulty.arm(Fault(4, frozenset({"pwrite"}), errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        desk.checkpoint.run()
    assert desk.shelf.faulty.fired
    desk.shelf.faulty.arm(None)
    _write(content, 9000, b"more")
    expected = _put(9000, b"more", _put(5000, b"new"))
    assert _read(content) == expected
    assert desk.read_as_left() == expected
    desk.checkpoint.run()
    desk.checkpoint.run()
    assert desk.journals == []
    assert desk.read() == expected


@pytest.mark.parametrize("kind", ["sync", "sync_all", "unlink"])
def test_a_checkpoint_that_fails_can_be_done_again(desk: Desk, kind: str) -> None:
    content = _make_settled(desk)
    _write(content, 5000, b"new")
    desk.shelf.faulty.arm(Fault(1, frozenset({kind})))
    with pytest.raises(OSError, match="Input/output"):
        desk.checkpoint.run()
    assert desk.journals == [FIRST]
    assert desk.read_as_left() == _put(5000, b"new")
    desk.checkpoint.run()
    assert (desk.journals, desk.read()) == ([], _put(5000, b"new"))


def test_changes_during_a_checkpoint_go_to_the_next_journal(desk: Desk) -> None:
    content = _make_settled(desk)
    _write(content, 0, b"one")
    desk.journal.rotate()
    _write(content, 5000, b"two")
    # Each journal tells all of a file that waits, or nothing: what was in the first is in its place.
    assert desk.journals == [FIRST, SECOND]
    assert desk.read() == _put(0, b"one")
    assert desk.read_as_left() == _put(5000, b"two", _put(0, b"one"))
    desk.journal.drop()
    assert desk.journals == [SECOND]
    desk.checkpoint.run()
    assert (desk.journals, desk.read()) == ([], _put(5000, b"two", _put(0, b"one")))


def test_a_content_that_was_closed_dirty_is_for_a_recovery(desk: Desk) -> None:
    handle = desk.writer.create(NAME)
    _write(handle, 0, BODY)
    handle.seal()
    _write(handle, 5000, b"new")
    handle.close()
    desk.checkpoint.run()
    assert desk.journals == [FIRST]
    assert desk.checkpoint._bytes == 0
    desk.crash()
    desk.recover()
    assert desk.read() == _put(5000, b"new")


def test_a_content_without_a_name_takes_its_changes_with_it(desk: Desk) -> None:
    content = desk.writer.create(NAME)
    _write(content, 0, BODY)
    content.seal()
    _write(content, 5000, b"new")
    (desk.shelf.path / NAME).unlink()
    content.close()
    desk.checkpoint.run()
    assert desk.journals == []


def test_a_checkpoint_that_comes_to_a_content_closed_meanwhile_touches_nothing(desk: Desk) -> None:
    """The number of its handle may be another file's by then."""
    content = desk.writer.create(NAME)
    _write(content, 0, BODY)
    content.seal()
    _write(content, 5000, b"new")
    (desk.shelf.path / NAME).unlink()
    content.close()
    desk.shelf.faulty.arm(None)
    content.flush(Scratch(0), in_checkpoint=True)
    assert desk.shelf.faulty.asked.total() == 0


@pytest.mark.interpreted
def test_a_change_is_in_no_journal_that_goes_before_it_is_in_its_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that begins right after the record was written waits for the writer, and brings it home."""
    content = desk.make(NAME, BODY)
    _settled(desk, content)
    real = desk.journal.append
    checkpoints: list[threading.Thread] = []

    def append(generation: Generation, change: Change, *, in_checkpoint: bool = False, due: int = 0) -> int | None:
        ticket = real(generation, change, in_checkpoint=in_checkpoint, due=due)
        if not checkpoints:
            checkpoints.append(threading.Thread(target=desk.checkpoint.run))
            checkpoints[0].start()
            while desk.journal.active() is generation:
                pass
        return ticket

    monkeypatch.setattr(desk.journal, "append", append)
    _write(content, 5, b"new")
    checkpoints[0].join()
    assert not content.is_dirty
    assert desk.read() == _put(5, b"new")


def test_each_journal_tells_all_of_a_file_or_nothing(desk: Desk) -> None:
    """A writer brings home itself what is in a journal that is being emptied; nothing of it goes to the next one."""
    content = desk.make(NAME, BODY[: CHUNK // 2])
    _settled(desk, content)
    _write(content, CHUNK // 2, BODY[CHUNK // 2 : 3 * CHUNK])
    desk.journal.rotate()
    _write(content, 5, b"new")
    desk.shelf.context.store.sync_all()
    desk.journal.drop()
    desk.crash()
    desk.recover()
    assert desk.read() == _put(5, b"new", BODY[: 3 * CHUNK])


def test_damage_of_one_is_told_after_all_were_tried(desk: Desk) -> None:
    class Broken:
        def record_whole(self, scratch: Scratch) -> None:
            assert isinstance(scratch, Scratch)
            raise DamageError

        def flush(self, scratch: Scratch, *, in_checkpoint: bool = False) -> None:
            assert isinstance(scratch, Scratch)
            assert in_checkpoint
            raise DamageError

    content = desk.make(NAME, BODY)
    desk.checkpoint.note(broken := Broken(), 10)
    _write(content, 5000, b"new")
    with pytest.raises(DamageError):
        desk.checkpoint.run()
    assert desk.journals == [FIRST]
    assert desk.read() == _put(5000, b"new")
    desk.checkpoint.forget(broken)
    desk.checkpoint.run()
    assert desk.journals == []


def _write_often(content: Content, fill: bytes) -> None:
    for turn in range(TURNS):
        _write(content, turn * 500, fill * 400)


def test_writers_and_checkpoints_at_once_lose_nothing(desk: Desk) -> None:
    contents = {bytes([fill]): desk.make(f"{fill}.wafs", BODY) for fill in range(3)}
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(_write_often, content, fill) for fill, content in contents.items()]
        while not all(writer.done() for writer in writers):
            desk.checkpoint.run()
        for writer in writers:
            writer.result()
    desk.checkpoint.run()
    assert desk.journals == []
    for fill in contents:
        expected = BODY
        for turn in range(TURNS):
            expected = _put(turn * 500, fill * 400, expected)
        assert desk.read(f"{fill[0]}.wafs") == expected
