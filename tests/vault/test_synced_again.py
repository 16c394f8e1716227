"""What was synced stays known to be safe when a file is closed and opened again, though its state does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vault.journals import BODY, Desk, kinds_told, opened_desk, put, writes
from vault.making import CHUNK
from wafs.units import FileId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "file.wafs"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened_desk(tmp_path) as opened:
        yield opened


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
    assert known == [0] * 4096 + [100]


def test_another_state_of_the_file_is_not_what_was_synced(desk: Desk) -> None:
    file_id = FileId(bytes(16))
    desk.checkpoint.note_synced(file_id, 3, 100)
    assert [desk.checkpoint.synced_size(file_id, counter) for counter in (2, 3, 4)] == [0, 100, 0]
