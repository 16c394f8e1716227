"""Bytes alone: a journal that tells of a chunk only some bytes, and the chunk in place that they belong to."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

import pytest

from store.faulty import Fault
from vault.journals import (
    BODY,
    FIRST,
    SECOND,
    Desk,
    kinds_told,
    pieces_told,
    punches,
    put,
    resizes,
    spoil,
    writes,
)
from vault.making import CHUNK
from wafs.errors import DamageError
from wafs.format.journal import LENGTH, Patch
from wafs.format.layout import chunk_offset
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from log_police import ExpectLog
    from wafs.vault.content import Content

NAME = "file.wafs"
LOST = "chunks that were written to do not verify, inode"
DAMAGED = "a chunk that was written to is damaged, inode"


def _chunk(desk: Desk, number: int, name: str = NAME) -> bytes:
    """A chunk in place as it is sealed."""
    data = (desk.shelf.path / name).read_bytes()
    return data[chunk_offset(number, CHUNK) : chunk_offset(number + 1, CHUNK)]


def _both(desk: Desk, name: str = NAME) -> bytes:
    """What those see who write nothing: both readers the same."""
    seen = desk.read_as_left(name)
    assert desk.read_by_the_other(name) == seen
    return seen


def test_a_write_inside_a_safe_chunk_reads_nothing_and_records_its_bytes(desk: Desk) -> None:
    content = desk.make(NAME, BODY, is_safe=True)
    desk.shelf.faulty.arm(None)
    writes(CHUNK + 5, b"new")(content)
    assert desk.shelf.faulty.asked["preadv"] == 0
    assert pieces_told(desk)[-1] == [Patch(1, 5, b"new")]
    assert _both(desk) == put(BODY, CHUNK + 5, b"new")
    assert desk.read() == BODY


def test_a_write_inside_a_chunk_that_nobody_synced_records_all_of_it(desk: Desk) -> None:
    content = desk.make(NAME, BODY)
    writes(CHUNK + 5, b"new")(content)
    assert kinds_told(desk)[-1] == [("Image", 1)]
    content.sync(data_only=True)
    writes(5, b"new")(content)
    assert kinds_told(desk)[-1] == [("Patch", 0)]


def test_a_checkpoint_makes_chunks_safe(desk: Desk) -> None:
    content = desk.make(NAME, BODY)
    desk.checkpoint.run()
    writes(CHUNK + 5, b"new")(content)
    assert kinds_told(desk) == [[("Patch", 1)]]


def test_a_chunk_among_holes_is_recorded_whole(desk: Desk) -> None:
    content = desk.make(NAME, BODY, then=resizes(10 * CHUNK), is_safe=True)
    desk.checkpoint.run()
    writes(CHUNK + 5, b"new")(content)
    assert kinds_told(desk) == [[("Image", 1)]]


def test_the_journal_has_all_of_a_chunk_and_is_synced_before_it_changes_in_place(desk: Desk) -> None:
    content = desk.make(NAME, BODY, is_safe=True)
    desk.checkpoint.run()
    for at in (5, CHUNK + 5, CHUNK + 9):
        writes(at, b"new")(content)
    desk.shelf.faulty.arm(Fault(1, frozenset({"sync"})))
    with pytest.raises(OSError, match="Input/output"):
        desk.checkpoint.run()
    assert kinds_told(desk) == [[("Patch", 0)], [("Patch", 1)], [("Patch", 1)], [("Image", 0), ("Image", 1)]]
    assert desk.read() == BODY
    expected = put(put(put(BODY, 5, b"new"), CHUNK + 5, b"new"), CHUNK + 9, b"new")
    assert _both(desk) == expected
    desk.checkpoint.run()
    assert (desk.journals, desk.read()) == ([], expected)


def test_many_images_go_in_several_records(desk: Desk) -> None:
    body = os.urandom(300 * CHUNK)
    content = desk.make(NAME, body, is_safe=True)
    for number in range(300):
        writes(number * CHUNK, b"n")(content)
        body = put(body, number * CHUNK, b"n")
    content.record_whole(Scratch(0))
    assert [len(kinds) for kinds in kinds_told(desk)[-2:]] == [256, 44]
    assert _both(desk) == body


@pytest.mark.parametrize("nth", [1, 2])
def test_without_room_for_the_images_nothing_changes_in_place(desk: Desk, nth: int) -> None:
    content = desk.make(NAME, BODY, is_safe=True)
    desk.checkpoint.run()
    writes(5, b"new")(content)
    # A checkpoint tries for all files together, and for each again.
    desk.shelf.faulty.arm(Fault(1, frozenset({"pwrite"}), errno.ENOSPC, dies=nth == 2))
    if nth == 2:
        with pytest.raises(OSError, match="No space"):
            desk.checkpoint.run()
        desk.shelf.faulty.arm(None)
        assert desk.read() == BODY
        assert _both(desk) == put(BODY, 5, b"new")
    desk.checkpoint.run()
    assert (desk.journals, desk.read()) == ([], put(BODY, 5, b"new"))


def test_room_for_the_images_is_promised_before_the_bytes_are_recorded(desk: Desk) -> None:
    body = os.urandom(1000 * CHUNK)
    content = desk.make(NAME, body, is_safe=True)
    desk.checkpoint.run()
    generation = desk.journal.active()
    for number in range(1000):
        writes(number * CHUNK + 7, b"n")(content)
        assert generation.due >= (number + 1) * CHUNK
        assert generation.reserved >= generation.length + generation.due
    # Nothing is due for a chunk twice.
    due = generation.due
    writes(9, b"n")(content)
    assert generation.due == due
    desk.shelf.faulty.arm(Fault(1, frozenset({"fallocate"}), errno.ENOSPC))
    content.flush(Scratch(0))
    assert (generation.due, desk.shelf.faulty.fired) == (0, False)
    assert generation.length <= generation.reserved


def test_bytes_for_whose_image_there_is_no_room_are_refused(desk: Desk) -> None:
    content = desk.make(NAME, os.urandom(2000 * CHUNK), is_safe=True)
    desk.checkpoint.run()
    generation = desk.journal.active()
    desk.shelf.faulty.arm(Fault(1, frozenset({"fallocate"}), errno.ENOSPC, dies=True))
    wrote = 0
    with contextlib.suppress(OSError):
        for number in range(2000):
            writes(number * CHUNK + 7, b"n")(content)
            wrote = number + 1
    assert desk.shelf.faulty.fired
    assert wrote > 100
    assert generation.due + generation.length <= generation.reserved
    assert desk.checkpoint._bytes == wrote * CHUNK
    desk.shelf.faulty.arm(None)
    desk.checkpoint.run()
    assert desk.journals == []


def test_pressure_counts_what_a_checkpoint_will_hold(desk: Desk) -> None:
    content = desk.make(NAME, BODY, is_safe=True)
    desk.checkpoint.run()
    for at in (0, 9, CHUNK, 2 * CHUNK):
        writes(at, b"n")(content)
    assert desk.checkpoint._bytes == 3 * CHUNK
    content.read(0, 10, Scratch(0))
    assert desk.checkpoint._bytes == 3 * CHUNK
    resizes(CHUNK)(content)
    assert desk.checkpoint._bytes == CHUNK


def test_bytes_over_a_file_that_two_journals_tell_of(desk: Desk) -> None:
    content = desk.make(NAME, BODY, is_safe=True)
    desk.checkpoint.run()
    writes(5, b"one")(content)
    desk.journal.rotate()
    writes(6, b"two")(content)
    writes(CHUNK, b"three")(content)
    # What the first had is in its place, of which it has the image; the second tells bytes over that.
    assert kinds_told(desk) == [[("Patch", 0)], [("Image", 0)], [], []]
    assert kinds_told(desk, SECOND) == [[("Patch", 0)], [("Patch", 1)]]
    expected = put(put(put(BODY, 5, b"one"), 6, b"two"), CHUNK, b"three")
    assert _both(desk) == expected
    # A power cut tears the chunk that was written in place.
    spoil(desk, 0, NAME)
    assert _both(desk) == expected
    desk.crash()
    desk.recover()
    assert desk.read() == expected


def _damaged(desk: Desk, spoilt: int, *ats: int) -> Content:
    """A file with bytes of chunks in the journal, of which one does not open any more."""
    content = desk.make(NAME, BODY, is_safe=True)
    desk.checkpoint.run()
    for at in ats:
        writes(at, b"new")(content)
    spoil(desk, spoilt, NAME)
    return content


def test_a_damaged_chunk_is_an_error_to_all_who_read_it_and_the_others_read(desk: Desk) -> None:
    content = _damaged(desk, 1, 5, CHUNK + 5, 2 * CHUNK + 5)
    scratch = Scratch(0)
    assert bytes(content.read(5, 3, scratch)) == bytes(content.read(2 * CHUNK + 5, 3, scratch)) == b"new"
    for read in (
        lambda: content.read(CHUNK, 3, scratch),
        lambda: content.read(0, len(BODY), scratch),
        desk.read_as_left,
    ):
        with pytest.raises(DamageError):
            read()
    with pytest.raises(Exception, match="F-30"):
        desk.read_by_the_other()


@pytest.mark.parametrize("is_hole", [False, True])
def test_a_checkpoint_leaves_a_damaged_chunk_as_it_is(desk: Desk, is_hole: bool, expect_log: ExpectLog) -> None:
    expect_log(LOST)
    content = _damaged(desk, 1, 5, CHUNK + 5, 2 * CHUNK + 5)
    if is_hole:
        with (desk.shelf.path / NAME).open("r+b") as file:
            file.seek(chunk_offset(1, CHUNK))
            file.write(bytes(len(_chunk(desk, 1))))
    other = desk.make("other.wafs", BODY, is_safe=True)
    writes(9, b"new")(other)
    before = _chunk(desk, 1)
    desk.checkpoint.run()
    assert desk.journals == []
    assert _chunk(desk, 1) == before
    assert desk.checkpoint._bytes == 0
    scratch = Scratch(0)
    assert bytes(content.read(5, 3, scratch)) == bytes(content.read(2 * CHUNK + 5, 3, scratch)) == b"new"
    with pytest.raises(DamageError):
        content.read(CHUNK, 3, scratch)
    assert desk.read("other.wafs") == put(BODY, 9, b"new")
    if not is_hole:
        # Who writes all of it has it back; but where the tag has changed, the root tells for ever.
        writes(CHUNK, b"w" * CHUNK)(content)
        desk.checkpoint.run()
        assert desk.read() == put(put(put(BODY, 5, b"new"), 2 * CHUNK + 5, b"new"), CHUNK, b"w" * CHUNK)


@pytest.mark.parametrize("times", [1, 2])
def test_a_recovery_leaves_a_damaged_chunk_as_it_is(desk: Desk, times: int, expect_log: ExpectLog) -> None:
    expect_log(DAMAGED)
    _damaged(desk, 1, 5, CHUNK + 5, 2 * CHUNK + 5)
    desk.crash()
    before = _chunk(desk, 1)
    for _ in range(times):
        journal = (desk.shelf.path / FIRST).read_bytes()
        recovery = desk.recover()
        assert recovery is not None
        assert recovery.needs_journal
        if times == 2:
            # It was killed before it removed the journal, which has the images since.
            (desk.shelf.path / FIRST).write_bytes(journal)
    assert _chunk(desk, 1) == before
    content = desk.shelf.open(NAME, writable=False)
    scratch = Scratch(0)
    assert bytes(content.read(5, 3, scratch)) == bytes(content.read(2 * CHUNK + 5, 3, scratch)) == b"new"
    with pytest.raises(DamageError):
        content.read(CHUNK, 3, scratch)
    content.close()


def test_a_write_that_needs_a_damaged_chunk_is_refused_and_changes_nothing(desk: Desk) -> None:
    content = _damaged(desk, 4, 4 * CHUNK + 5)
    journal = (desk.shelf.path / FIRST).read_bytes()
    with pytest.raises(DamageError):
        writes(len(BODY), b"grows")(content)
    with pytest.raises(DamageError):
        resizes(4 * CHUNK + 9)(content)
    assert (desk.shelf.path / FIRST).read_bytes() == journal
    assert content.size == len(BODY)


def test_a_missing_chunk_under_bytes_that_were_not_safe_ends_the_file(desk: Desk) -> None:
    """No writer does this, and a reader must still know what comes of it."""
    content = desk.make(NAME, BODY[: 2 * CHUNK], is_safe=True)
    writes(2 * CHUNK, BODY[2 * CHUNK : 4 * CHUNK])(content)
    content.seal()
    content._file.note_durable(4 * CHUNK)
    writes(3 * CHUNK + 5, b"new")(content)
    writes(5, b"new")(content)
    assert [kinds for kinds in kinds_told(desk) if kinds] == [[("Patch", 3)], [("Patch", 0)]]
    desk.crash()
    spoil(desk, 3, NAME)
    expected = put(BODY, 5, b"new")[: 3 * CHUNK]
    assert _both(desk) == expected
    desk.recover()
    assert desk.read() == expected


@pytest.mark.parametrize("behind", [b"", b"torn", bytes(3000), b"\xff" * 3000])
def test_a_recovery_records_the_images_over_what_was_torn(desk: Desk, behind: bytes) -> None:
    desk.make(NAME, BODY, then=writes(5, b"new"), is_safe=True)
    desk.crash()
    path = desk.shelf.path / FIRST
    path.write_bytes(path.read_bytes() + behind)
    replay = desk.replay()
    assert replay is not None
    assert replay.tail is not None
    records = replay.records
    desk.shelf.faulty.arm(Fault(1, frozenset({"sync_all"})))
    with pytest.raises(OSError, match="Input/output"):
        desk.recover()
    desk.shelf.faulty.arm(None)
    assert kinds_told(desk)[-2:] == [[("Patch", 0)], [("Image", 0)]]
    replay = desk.replay()
    assert replay is not None
    assert replay.records == records + 1
    # From here on the chunk may be torn.
    spoil(desk, 0, NAME)
    assert _both(desk) == put(BODY, 5, b"new")
    desk.recover()
    assert desk.read() == put(BODY, 5, b"new")


def test_a_record_that_was_lost_does_not_count_again_because_one_of_its_length_takes_its_place(desk: Desk) -> None:
    content = desk.make(NAME, BODY, is_safe=True)
    desk.checkpoint.run()
    writes(5, b"new")(content)
    path = desk.shelf.path / FIRST
    start = path.stat().st_size
    # As long as the record of an image that a recovery makes.
    writes(CHUNK, b"x" * CHUNK)(content)
    end = path.stat().st_size
    writes(2 * CHUNK, b"never")(content)
    desk.crash()
    data = bytearray(path.read_bytes())
    data[start + 50] ^= 1
    path.write_bytes(data)
    expected = put(BODY, 5, b"new")
    assert _both(desk) == expected
    desk.shelf.faulty.arm(Fault(1, frozenset({"sync_all"})))
    with pytest.raises(OSError, match="Input/output"):
        desk.recover()
    desk.shelf.faulty.arm(None)
    assert kinds_told(desk)[-1] == [("Image", 0)]
    assert path.read_bytes()[start : start + LENGTH.size] == data[start : start + LENGTH.size]
    assert path.read_bytes()[end : end + LENGTH.size] == bytes(LENGTH.size)
    assert _both(desk) == expected
    desk.recover()
    assert desk.read() == expected


def test_bytes_of_a_chunk_that_becomes_a_hole_are_gone(desk: Desk) -> None:
    content = desk.make(NAME, BODY, is_safe=True)
    for at in (5, CHUNK + 5):
        writes(at, b"new")(content)
    punches(CHUNK, CHUNK)(content)
    desk.crash()
    expected = put(put(BODY, 5, b"new"), CHUNK, bytes(CHUNK))
    assert _both(desk) == expected
    desk.recover()
    assert desk.read() == expected
