"""Recovery: each clause of F-84, in place and for those who write nothing, and interrupted anywhere."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from store.faulty import Fault
from vault.journals import BODY, CHANGES_OF_CONTENT, FIRST, Desk, put, resizes, spoil, writes
from vault.making import CHUNK
from wafs.crypto.aead import OVERHEAD
from wafs.errors import AuthenticationError
from wafs.format.file_header import open_file_header
from wafs.format.layout import chunk_offset, sealed_size
from wafs.format.state import IN_FLIGHT, SPARSE, State
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable

    from log_police import ExpectLog
    from wafs.vault.content import Content

NAME = "file.wafs"
PUNCH_KEEPING_SIZE = 3


def _state(desk: Desk, name: str = NAME) -> State:
    return open_file_header(desk.shelf.context.file_keys, (desk.shelf.path / name).read_bytes()).state


def _recovered(desk: Desk, name: str = NAME) -> bytes:
    """Recover, and return a file; both readers must have seen the same before."""
    seen = desk.read_as_left(name)
    assert desk.read_by_the_other(name) == seen
    recovery = desk.recover()
    assert recovery is not None
    assert desk.journals == []
    assert not _state(desk, name).flags & IN_FLIGHT
    assert desk.read(name) == seen
    return seen


@pytest.mark.parametrize("is_safe", [False, True])
@pytest.mark.parametrize("kind", CHANGES_OF_CONTENT)
def test_what_the_journal_tells_is_brought_to_its_place(desk: Desk, kind: str, is_safe: bool) -> None:
    act, expected = CHANGES_OF_CONTENT[kind]
    desk.make(NAME, BODY, then=act, is_safe=is_safe)
    desk.crash()
    assert _recovered(desk) == expected


def test_a_file_brought_home_ends_at_its_base_and_two(desk: Desk) -> None:
    content = desk.make(NAME, BODY)
    base = _state(desk).counter
    writes(5000, b"new")(content)
    assert _state(desk).counter == base
    desk.crash()
    _recovered(desk)
    assert _state(desk).counter == base + 2


def test_changes_that_are_in_place_already_do_no_harm(desk: Desk) -> None:
    content = desk.make(NAME, BODY, then=writes(5000, b"new"))
    content.flush(Scratch(0))
    desk.crash()
    assert _recovered(desk) == put(BODY, 5000, b"new")


def test_a_file_that_went_on_in_place_is_not_set_back(desk: Desk) -> None:
    body = BODY[: 4 * CHUNK]
    content = desk.make(NAME, body, then=writes(5000, b"new"))
    content.flush(Scratch(0))
    writes(len(body), b"more")(content)
    content.seal()
    desk.crash()
    replay = desk.replay()
    assert replay is not None
    assert replay.of(content.file_id, _state(desk).counter) is None
    assert _recovered(desk) == put(body, 5000, b"new") + b"more"


def test_a_journal_of_a_later_version_does_not_come_over_an_older_file(desk: Desk) -> None:
    content = desk.make(NAME)
    path = desk.shelf.path / NAME
    older = path.read_bytes()
    writes(0, BODY)(content)
    content.seal()
    writes(5000, b"new")(content)
    desk.crash()
    # A power cut took everything but the journal.
    path.write_bytes(older)
    journal = (desk.shelf.path / FIRST).read_bytes()
    assert _recovered(desk) == b""
    # The recovery was killed before it removed the journal.
    (desk.shelf.path / FIRST).write_bytes(journal)
    assert _recovered(desk) == b""


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_file_that_cannot_be_had_whole_ends_where_it_breaks(desk: Desk, lost: int) -> None:
    desk.make(NAME, BODY, then=writes(2 * CHUNK, b"new"))
    desk.crash()
    spoil(desk, lost, NAME)
    journal = (desk.shelf.path / FIRST).read_bytes()
    expected = put(BODY, 2 * CHUNK, b"new")[: lost * CHUNK]
    assert _recovered(desk) == expected
    # The recovery was killed before it removed the journal.
    (desk.shelf.path / FIRST).write_bytes(journal)
    assert _recovered(desk) == expected


def test_a_lost_chunk_that_the_journal_has_is_no_loss(desk: Desk) -> None:
    desk.make(NAME, BODY, then=writes(2 * CHUNK + 5, b"new"))
    desk.crash()
    spoil(desk, 2, NAME)
    assert _recovered(desk) == put(BODY, 2 * CHUNK + 5, b"new")


@pytest.mark.parametrize("left", [b"", b"w", bytes(255), bytes(256), bytes(5000)])
def test_a_file_whose_header_never_arrived_is_empty(desk: Desk, left: bytes) -> None:
    desk.make(NAME, BODY)
    desk.crash()
    (desk.shelf.path / NAME).write_bytes(left)
    assert _recovered(desk) == b""
    assert len((desk.shelf.path / NAME).read_bytes()) == sealed_size(0, CHUNK)


def test_a_file_that_was_growing_ends_with_its_last_whole_chunk(desk: Desk) -> None:
    content = desk.make(NAME)
    writes(0, BODY)(content)
    assert content.in_flight
    desk.crash()
    path = desk.shelf.path / NAME
    path.write_bytes(path.read_bytes()[:-1])
    assert _recovered(desk) == BODY[: len(BODY) // CHUNK * CHUNK]


@pytest.mark.parametrize("lost", [0, 2, 4])
def test_chunks_that_never_arrived_end_a_sealed_file(desk: Desk, lost: int) -> None:
    desk.make(NAME, BODY)
    desk.crash()
    spoil(desk, lost, NAME)
    assert _recovered(desk) == BODY[: lost * CHUNK]


def test_an_end_that_never_arrived_ends_a_sealed_file(desk: Desk) -> None:
    desk.make(NAME, BODY)
    desk.crash()
    os.truncate(desk.shelf.path / NAME, chunk_offset(2, CHUNK) + 100)
    assert _recovered(desk) == BODY[: 2 * CHUNK]


def test_what_was_durable_is_not_cut(desk: Desk) -> None:
    content = desk.make(NAME, BODY[: 2 * CHUNK])
    content.sync(data_only=True)
    writes(2 * CHUNK, BODY[2 * CHUNK :])(content)
    content.seal()
    assert _state(desk).durable == 2 * CHUNK
    desk.crash()
    spoil(desk, 3, NAME)
    assert _recovered(desk) == BODY[: 3 * CHUNK]


def test_a_durable_chunk_that_does_not_open_is_damage_and_stays(desk: Desk) -> None:
    content = desk.make(NAME, BODY[: 2 * CHUNK])
    content.sync(data_only=True)
    writes(2 * CHUNK, BODY[2 * CHUNK :])(content)
    content.seal()
    desk.crash()
    spoil(desk, 1, NAME)
    desk.recover()
    with pytest.raises(AuthenticationError):
        desk.read()
    assert _state(desk).size == len(BODY)


def test_a_cut_takes_what_was_durable_with_it(desk: Desk) -> None:
    content = desk.make(NAME, BODY)
    content.sync(data_only=True)
    resizes(CHUNK)(content)
    content.flush(Scratch(0))
    writes(CHUNK, BODY[CHUNK : 3 * CHUNK])(content)
    content.seal()
    desk.crash()
    os.truncate(desk.shelf.path / NAME, chunk_offset(1, CHUNK) + 10)
    assert _recovered(desk) == BODY[:CHUNK]


def _lose_a_chunk_among_holes(desk: Desk) -> None:
    content = desk.make(NAME, BODY[: 2 * CHUNK], then=writes(6 * CHUNK, BODY[: 2 * CHUNK]))
    content.flush(Scratch(0))
    desk.crash()
    assert _state(desk).flags & SPARSE
    (desk.shelf.path / FIRST).write_bytes(_journal_without_changes(desk))
    store = desk.shelf.context.store
    handle = store.open(desk.shelf.top, NAME.encode(), os.O_RDWR)
    store.fallocate(handle, PUNCH_KEEPING_SIZE, chunk_offset(6, CHUNK), 2 * (CHUNK + OVERHEAD))
    store.close(handle)


def test_a_lost_chunk_among_holes_ends_the_file_at_the_first_hole(desk: Desk) -> None:
    _lose_a_chunk_among_holes(desk)
    assert desk.read_by_the_other() == BODY[: 2 * CHUNK]
    desk.recover()
    assert desk.read() == BODY[: 2 * CHUNK]


def test_a_reader_ends_a_file_with_a_lost_chunk_among_holes_there_too(desk: Desk) -> None:
    _lose_a_chunk_among_holes(desk)
    assert desk.read_as_left() == BODY[: 2 * CHUNK]


def _journal_without_changes(desk: Desk) -> bytes:
    """The journal that is there, as it was when it began."""
    data = (desk.shelf.path / FIRST).read_bytes()
    return data[: 64 + 4 + int.from_bytes(data[64:68])]


def test_a_file_longer_than_its_sealed_size_is_cut(desk: Desk) -> None:
    content = desk.make(NAME, BODY)
    content.sync(data_only=True)
    content.write(0, memoryview(b"n"), Scratch(0))
    content.flush(Scratch(0))
    desk.crash()
    (desk.shelf.path / FIRST).write_bytes(_journal_without_changes(desk))
    with (desk.shelf.path / NAME).open("ab") as file:
        file.write(bytes(100))
    assert _recovered(desk) == put(BODY, 0, b"n")
    assert (desk.shelf.path / NAME).stat().st_size == sealed_size(len(BODY), CHUNK)


def test_files_from_before_the_journal_are_left_alone(desk: Desk) -> None:
    desk.make(NAME, BODY)
    desk.crash()
    journal = desk.shelf.path / FIRST
    before = (desk.shelf.path / NAME).stat()
    (desk.shelf.path / NAME).chmod(0o640)
    journal.write_bytes(b"")
    recovery = desk.recover()
    assert recovery is not None
    assert (recovery.recovered, desk.journals) == (0, [])
    assert (desk.shelf.path / NAME).stat().st_mtime_ns == before.st_mtime_ns


def test_everything_is_safe_before_the_journal_goes(desk: Desk) -> None:
    desk.make(NAME, BODY, then=writes(0, b"new"))
    desk.crash()
    desk.shelf.faulty.arm(Fault(1, frozenset({"sync_all"})))
    with pytest.raises(OSError, match="Input/output"):
        desk.recover()
    assert desk.journals == [FIRST]
    assert _recovered(desk) == put(BODY, 0, b"new")
    assert desk.recover() is None


def test_a_file_is_found_by_its_id_where_the_number_has_changed(desk: Desk) -> None:
    desk.make(NAME, BODY, then=writes(0, b"new"))
    desk.crash()
    path = desk.shelf.path / NAME
    data = path.read_bytes()
    (desk.shelf.path / "keeps the number").hardlink_to(path)
    path.unlink()
    path.write_bytes(data)
    assert _recovered(desk) == put(BODY, 0, b"new")


def test_a_file_that_is_gone_is_no_obstacle(desk: Desk) -> None:
    desk.make("other.wafs", BODY, then=writes(0, b"new"))
    desk.make(NAME, BODY, then=writes(0, b"new"))
    desk.crash()
    (desk.shelf.path / "other.wafs").unlink()
    assert _recovered(desk) == put(BODY, 0, b"new")


def test_every_folder_is_looked_into_and_a_file_of_two_names_once(desk: Desk) -> None:
    deep = desk.shelf.path / "a" / "b"
    deep.mkdir(parents=True)
    desk.make("a/b/deep.wafs", BODY, then=writes(0, b"deep"))
    desk.make("long.wafl", BODY, then=writes(0, b"long"))
    (desk.shelf.path / "a" / "link.wafs").hardlink_to(desk.shelf.path / "long.wafl")
    desk.crash()
    recovery = desk.recover()
    assert recovery is not None
    assert (recovery.recovered, recovery.cut) == (2, 0)
    assert desk.read("a/b/deep.wafs") == put(BODY, 0, b"deep")
    assert desk.read("a/link.wafs") == desk.read("long.wafl") == put(BODY, 0, b"long")


def test_a_file_that_may_not_be_opened_is_lent_permission(desk: Desk) -> None:
    desk.make(NAME, BODY, then=writes(0, b"new"))
    path = desk.shelf.path / NAME
    path.chmod(0o040)
    desk.crash()
    # The second open that may write is that of the file: the first is of a journal.
    desk.shelf.faulty.arm(Fault(3, frozenset({"open"}), errno.EACCES))
    recovery = desk.recover()
    assert recovery is not None
    assert desk.shelf.faulty.fired
    assert path.stat().st_mode & 0o777 == 0o040
    assert desk.read() == put(BODY, 0, b"new")


def test_a_journal_whose_file_cannot_be_opened_is_kept(desk: Desk, expect_log: ExpectLog) -> None:
    expect_log("something could not be opened to recover it: Input/output error")
    desk.make(NAME, BODY, then=writes(0, b"new"))
    desk.crash()
    desk.shelf.faulty.arm(Fault(3, frozenset({"open"})))
    with pytest.raises(OSError, match="Input/output"):
        desk.recover()
    assert desk.shelf.faulty.fired
    desk.shelf.faulty.arm(None)
    assert _recovered(desk) == put(BODY, 0, b"new")


def test_a_damaged_file_does_not_keep_the_others_from_their_place(desk: Desk, expect_log: ExpectLog) -> None:
    expect_log("a file could not be recovered, inode")
    desk.make("bad.wafs", BODY, then=writes(0, b"new"))
    desk.make(NAME, BODY, then=writes(0, b"new"))
    desk.crash()
    with (desk.shelf.path / "bad.wafs").open("r+b") as file:
        file.write(b"XXXX")
    assert _recovered(desk) == put(BODY, 0, b"new")


@pytest.mark.parametrize("act", [writes(5000, b"new"), resizes(5000), writes(len(BODY), b"more")])
def test_the_time_of_the_last_change_stays(desk: Desk, act: Callable[[Content], None]) -> None:
    desk.make(NAME, BODY, then=act)
    mtime = -1_500_000_000
    os.utime(desk.shelf.path / NAME, ns=(0, mtime))
    desk.crash()
    _recovered(desk)
    assert (desk.shelf.path / NAME).stat().st_mtime_ns == mtime
