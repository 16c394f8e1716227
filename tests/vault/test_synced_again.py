"""What was synced stays known to be safe when a file is closed and opened again, though its state does not say so."""

from __future__ import annotations

import contextlib
import os

import pytest

from store.faulty import Fault
from vault.journals import BODY, Desk, kinds_told, put, writes
from vault.making import CHUNK, drop
from wafs.units import FileId
from wafs.vault.scratch import Scratch

NAME = "file.wafs"


def test_what_was_synced_is_safe_for_who_opens_the_file_again(desk: Desk) -> None:
    desk.make_closed(NAME, BODY, is_safe=True)
    with desk.opened(NAME) as content:
        writes(CHUNK + 5, b"new")(content)
    assert kinds_told(desk)[-1] == [("Patch", 1)]
    assert desk.read_as_left() == desk.read_by_the_other() == put(BODY, CHUNK + 5, b"new")


def test_what_came_behind_a_sync_is_not_safe_for_who_opens_the_file_again(desk: Desk) -> None:
    grows = writes(4 * CHUNK, bytes(CHUNK))
    desk.make_closed(NAME, BODY[: 4 * CHUNK], then=grows, is_safe=True)
    with desk.opened(NAME) as content:
        writes(CHUNK + 5, b"new")(content)
        writes(4 * CHUNK + 5, b"new")(content)
    assert kinds_told(desk)[-2:] == [[("Patch", 1)], [("Image", 4)]]


def test_a_file_that_nobody_synced_is_not_safe_for_who_opens_it_again(desk: Desk) -> None:
    desk.make_closed(NAME, BODY)
    with desk.opened(NAME) as content:
        writes(CHUNK + 5, b"new")(content)
    assert kinds_told(desk)[-1] == [("Image", 1)]


def test_only_so_many_files_are_remembered(desk: Desk) -> None:
    checkpoint = desk.checkpoint
    for number in range(4097):
        checkpoint.note_synced(FileId(number.to_bytes(16)), 3, 100)
    known = [checkpoint.synced_size(FileId(number.to_bytes(16)), 3) for number in range(4097)]
    assert known == [None] * 4096 + [100]


def test_another_state_of_the_file_is_not_what_was_synced(desk: Desk) -> None:
    file_id = FileId(bytes(16))
    desk.checkpoint.note_synced(file_id, 3, 100)
    assert [desk.checkpoint.synced_size(file_id, counter) for counter in (2, 3, 4)] == [None, 100, None]


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_sync_that_succeeds_after_one_that_failed_makes_nothing_safe(desk: Desk, *, is_closed: bool) -> None:
    desk.make_closed(NAME, BODY)
    with contextlib.ExitStack() as stack:
        content = stack.enter_context(desk.opened(NAME))
        desk.shelf.faulty.arm(Fault(1, frozenset({"sync"})))
        with pytest.raises(OSError, match="Input/output error"):
            content.sync(data_only=True)
        desk.shelf.faulty.arm(None)
        # The system tells of a write that it gave up only once.
        content.sync(data_only=True)
        if is_closed:
            stack.close()
            content = stack.enter_context(desk.opened(NAME))
        writes(CHUNK + 5, b"new")(content)
    assert kinds_told(desk)[-1] == [("Image", 1)]


def test_a_checkpoint_ends_all_doubts(desk: Desk) -> None:
    content = desk.make(NAME, BODY)
    desk.checkpoint.doubt(content.file_id)
    desk.checkpoint.run()
    assert not desk.checkpoint.is_doubted(content.file_id)
    writes(CHUNK + 5, b"new")(content)
    assert kinds_told(desk) == [[("Patch", 1)]]


def test_a_sync_leaves_out_no_state_that_becoming_a_writer_wrote(desk: Desk) -> None:
    content = desk.writer.create(NAME)
    content.write(0, memoryview(BODY[: 4 * CHUNK]), Scratch(0))
    drop(content)
    path = desk.shelf.path / NAME
    reader = desk.writer.open(NAME, writable=False)
    assert reader.in_flight
    reader.sync(data_only=True)
    desk.shelf.faulty.arm(None)
    reader.make_writable(os.open(path, os.O_RDWR))
    writes(5, b"new")(reader)
    reader.sync(data_only=True)
    # The journal, and the file as well.
    assert desk.shelf.faulty.asked["sync"] == 2
    drop(reader)
