"""Replay: what journals tell, torn or whole, one or two of them (F-80 to F-83)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from vault.journals import CIPHER, FILE_ID, FIRST, SECOND, change, journal_bytes, replay_of
from vault.making import CHUNK
from wafs.errors import AuthenticationError, MalformedError, UnsupportedFormatError
from wafs.format.encoding import pack
from wafs.format.journal import JOURNAL_HEADER_SIZE, LENGTH, Change, Hole, Image, Patch, Piece, encode_journal_header
from wafs.store.local import LocalStore
from wafs.units import FileId
from wafs.vault.replay import Replay, Unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EPOCH = b"j" * 8
START_END = len(journal_bytes())


def _records(data: bytes) -> list[tuple[int, int]]:
    """Where each record of a journal begins and ends, its length included."""
    found, at = [], JOURNAL_HEADER_SIZE
    while at < len(data):
        (size,) = LENGTH.unpack_from(data, at)
        found.append((at, at + LENGTH.size + size))
        at = found[-1][1]
    return found


class Folder:
    """A folder with the journals that a test puts there."""

    def __init__(self, path: Path, store: LocalStore, top: int) -> None:
        self.path, self.store, self.top = path, store, top

    def replay(self, first: bytes | None = None, second: bytes | None = None) -> Replay | None:
        for name, data in ((FIRST, first), (SECOND, second)):
            if data is not None:
                (self.path / name).write_bytes(data)
        return replay_of(self.store, self.top)

    def one(self, first: bytes, second: bytes | None = None) -> Unfinished:
        """What they tell of the one file."""
        replay = self.replay(first, second)
        assert replay is not None
        return replay.files[FILE_ID]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    store = LocalStore(str(tmp_path))
    top = store.open_dir(None, b".")
    try:
        yield Folder(tmp_path, store, top)
    finally:
        os.close(top)
        store.shut()


def _sizes(replay: Replay | None) -> list[int]:
    return [] if replay is None else [found.size for found in replay.files.values()]


def test_without_a_journal_there_is_nothing_to_replay(folder: Folder) -> None:
    assert folder.replay() is None


@pytest.mark.parametrize(
    "data",
    [b"", bytes(64), bytes(5000), journal_bytes()[:63], journal_bytes()[:64], journal_bytes()[: START_END - 1]],
    ids=["empty", "short zeros", "zeros", "part of a header", "header", "part of a start"],
)
def test_a_journal_that_never_began_tells_nothing(folder: Folder, data: bytes) -> None:
    assert folder.replay(data) == Replay()


def test_a_journal_without_changes_tells_since_when_and_its_mark(folder: Folder) -> None:
    assert folder.replay(journal_bytes(since=77)) == Replay(epochs={EPOCH}, since=77)


@pytest.mark.parametrize("end", range(0, 400, 7))
def test_a_torn_end_takes_only_what_it_tore(folder: Folder, end: int) -> None:
    data = journal_bytes(change(1, 10), change(1, 20), change(1, 30))
    ends = [stop for _, stop in _records(data)]
    replay = folder.replay(data[:end])
    whole = sum(stop <= end for stop in ends)
    assert _sizes(replay) == ([(whole - 1) * 10] if whole > 1 else [])


def test_every_record_may_be_the_torn_last(folder: Folder) -> None:
    data = journal_bytes(change(1, 10), change(1, 20), change(1, 30))
    for number, (start, end) in enumerate(_records(data)):
        expected = [(number - 1) * 10] if number > 1 else []
        for torn in (start, start + 1, start + 4, start + 5, end - 1):
            assert _sizes(folder.replay(data[:torn])) == expected
            # A power cut leaves zeros where a length came before its bytes.
            assert _sizes(folder.replay(data[:torn].ljust(end, b"\0"))) == expected
            assert _sizes(folder.replay(data[:torn].ljust(end + CHUNK, b"\0"))) == expected


def test_records_that_nobody_synced_may_be_torn_in_any_order(folder: Folder) -> None:
    data = bytearray(journal_bytes(change(1, 10), change(1, 20, synced=1), change(1, 30, synced=1)))
    data[_records(bytes(data))[1][1] - 1] ^= 1
    assert _sizes(folder.replay(bytes(data))) == []


def test_a_record_that_was_safe_and_does_not_open_is_damage(folder: Folder) -> None:
    data = bytearray(journal_bytes(change(1, 10), change(1, 20), change(1, 30, synced=2)))
    data[_records(bytes(data))[1][1] - 1] ^= 1
    with pytest.raises(AuthenticationError, match="record 1 does not verify"):
        folder.replay(bytes(data))


def test_what_was_safe_is_told_record_by_record(folder: Folder) -> None:
    whole = journal_bytes(change(1, 10), change(1, 20), change(1, 30, synced=2), change(1, 40, synced=2))
    places = _records(whole)
    for number, (_, end) in enumerate(places):
        data = bytearray(whole)
        data[end - 1] ^= 1
        if number < 2:
            with pytest.raises(AuthenticationError, match=f"record {number} does not verify"):
                folder.replay(bytes(data))
        else:
            assert _sizes(folder.replay(bytes(data))) == [(number - 1) * 10]


def test_the_start_may_not_be_forged(folder: Folder) -> None:
    data = bytearray(journal_bytes(change(1, 10, synced=1)))
    data[START_END - 1] ^= 1
    with pytest.raises(AuthenticationError, match="record 0 does not verify"):
        folder.replay(bytes(data))


def test_records_cannot_change_places(folder: Folder) -> None:
    data = journal_bytes(change(1, 10), change(1, 20), change(1, 30, synced=3))
    (_, head), (_, first), (_, second), _ = _records(data)
    with pytest.raises(AuthenticationError, match="record 1 does not verify"):
        folder.replay(data[:head] + data[first:second] + data[head:first] + data[second:])


def test_a_record_of_another_journal_does_not_count(folder: Folder) -> None:
    mine, others = journal_bytes(change(1, 10)), journal_bytes(change(1, 10), change(1, 99), journal_id=b"k" * 16)
    start, end = _records(others)[2]
    assert _sizes(folder.replay(mine + others[start:end])) == [10]


def test_a_length_beyond_the_limit_ends_the_journal_and_is_not_read(folder: Folder) -> None:
    data = journal_bytes(change(1, 10))
    assert _sizes(folder.replay(data + LENGTH.pack((1 << 32) - 1) + bytes(100))) == [10]
    assert _sizes(folder.replay(data + LENGTH.pack(28) + bytes(100))) == [10]


def test_a_record_of_another_form_is_malformed(folder: Folder) -> None:
    sealed = CIPHER.seal(pack([1, 2, 3]), b"j" * 16 + (1).to_bytes(8))
    with pytest.raises(MalformedError, match="journal record has a form"):
        folder.replay(journal_bytes() + LENGTH.pack(len(sealed)) + sealed)


@pytest.mark.parametrize(
    "pieces",
    [
        [Patch(0, 0, b"without an image")],
        [Image(0, bytes(CHUNK + 1))],
        [Image(0, b""), Patch(0, CHUNK, b"!")],
        [Image(0, b"gone"), Hole(0, 1), Patch(0, 0, b"!")],
    ],
)
def test_pieces_that_cannot_be_are_malformed(folder: Folder, pieces: list[Piece]) -> None:
    with pytest.raises(MalformedError, match="journal tells of a chunk in a way that the format does not define"):
        folder.replay(journal_bytes(change(1, CHUNK, pieces)))


def test_a_patch_of_what_a_cut_took_is_malformed(folder: Folder) -> None:
    changes = (change(1, 2 * CHUNK, [Image(1, b"old")]), change(1, CHUNK), change(1, 2 * CHUNK, [Patch(1, 0, b"n")]))
    with pytest.raises(MalformedError, match="a way that the format does not define"):
        folder.replay(journal_bytes(*changes))


def test_a_journal_of_another_vault_or_version_is_refused(folder: Folder) -> None:
    foreign = encode_journal_header(b"another vault...", b"j" * 16)
    with pytest.raises(MalformedError, match="belongs to another vault"):
        folder.replay(foreign + journal_bytes(change(1, 10))[JOURNAL_HEADER_SIZE:])
    newer = pack(["wafs.journal", 2, b"id of the vault.", b"j" * 16]).ljust(64, b"\0")
    with pytest.raises(UnsupportedFormatError, match="journal has version 2"):
        folder.replay(newer)


@pytest.mark.parametrize("swapped", [False, True])
def test_two_journals_count_by_their_sequence(folder: Folder, swapped: bool) -> None:
    older = journal_bytes(change(1, 10, [Image(0, b"older")]), sequence=3, since=50, journal_id=b"a" * 16)
    newer = journal_bytes(change(1, 20, [Patch(0, 0, b"n")]), sequence=4, since=60, journal_id=b"b" * 16)
    replay = folder.replay(*((newer, older) if swapped else (older, newer)))
    assert replay is not None
    assert (replay.since, replay.epochs, replay.records) == (50, {b"a" * 8, b"b" * 8}, 2)
    assert replay.files[FILE_ID].size == 20
    assert replay.files[FILE_ID].chunks[0].rstrip(b"\0") == b"nlder"


def test_one_of_two_may_never_have_begun(folder: Folder) -> None:
    assert folder.one(journal_bytes(change(1, 10)), b"").size == 10
    assert folder.one(bytes(64), journal_bytes(change(1, 20))).size == 20


def test_the_torn_older_of_two_leaves_the_newer(folder: Folder) -> None:
    older = journal_bytes(change(1, 10), sequence=0, journal_id=b"a" * 16)[:-1]
    newer = journal_bytes(change(9, 20), sequence=1, journal_id=b"b" * 16)
    assert folder.one(older, newer).size == 20


@pytest.mark.parametrize(("bases", "first"), [((4, 4), 4), ((4, 5), 4), ((4, 6), 4), ((4, 7), 7), ((4, 3), 3)])
def test_changes_go_on_from_a_base_up_to_two_more(folder: Folder, bases: tuple[int, int], first: int) -> None:
    changes = [change(base, 2 * CHUNK, [Image(place, b"new")], kept=9) for place, base in enumerate(bases)]
    found = folder.one(journal_bytes(*changes))
    assert (found.first, found.last) == (first, bases[1])
    assert set(found.chunks) == ({0, 1} if first == bases[0] else {1})


def test_a_chain_goes_on_from_journal_to_journal(folder: Folder) -> None:
    older = journal_bytes(change(4, CHUNK, [Image(0, b"one")]), change(6, CHUNK, [Patch(0, 0, b"O")]), sequence=0)
    newer = journal_bytes(change(8, 2 * CHUNK, [Image(1, b"two")]), sequence=1, journal_id=b"k" * 16)
    found = folder.one(older, newer)
    assert (found.first, found.last, set(found.chunks)) == (4, 8, {0, 1})
    assert found.chunks[0].rstrip(b"\0") == b"One"
    assert [counter for counter in range(14) if found.concerns(counter)] == list(range(4, 11))


def test_what_starts_anew_forgets_how_much_was_kept(folder: Folder) -> None:
    changes = (change(1, 0, kept=0), change(9, 5 * CHUNK, [Hole(3, 4)], kept=5))
    found = folder.one(journal_bytes(*changes))
    assert (found.first, found.kept, found.size, found.holes) == (9, 5, 5 * CHUNK, [(3, 4)])


def test_the_least_kept_and_the_last_size_count(folder: Folder) -> None:
    changes = (change(1, 5 * CHUNK, kept=5), change(1, 2 * CHUNK, kept=2), change(1, 4 * CHUNK, kept=4))
    found = folder.one(journal_bytes(*changes))
    assert (found.kept, found.size) == (2, 4 * CHUNK)


def test_chunks_behind_a_size_are_gone_and_do_not_come_back(folder: Folder) -> None:
    images: list[Piece] = [Image(number, b"old") for number in range(3)]
    changes = (change(1, 3 * CHUNK, images), change(1, CHUNK + 1), change(1, 3 * CHUNK))
    assert set(folder.one(journal_bytes(*changes)).chunks) == {0, 1}


def test_an_image_has_zeros_after_its_end(folder: Folder) -> None:
    changes = (change(1, CHUNK, [Image(0, b"x" * CHUNK)]), change(1, CHUNK, [Image(0, b"short")]))
    assert folder.one(journal_bytes(*changes)).chunks[0] == b"short".ljust(CHUNK, b"\0")


def test_holes_take_chunks_and_images_come_over_holes(folder: Folder) -> None:
    pieces: list[Piece] = [*(Image(number, b"old") for number in range(4)), Hole(1, 3), Image(2, b"new")]
    found = folder.one(journal_bytes(change(1, 4 * CHUNK, pieces)))
    assert sorted(found.chunks) == [0, 2, 3]
    assert found.holes == [(1, 3)]


def test_files_are_told_apart(folder: Folder) -> None:
    other = Change(FileId(b"id of another..."), 2, 5, 7, 0, [])
    replay = folder.replay(journal_bytes(change(1, 10), other, change(1, 20)))
    assert replay is not None
    assert (replay.files[FILE_ID].size, replay.files[other.file_id].size, replay.records) == (20, 7, 3)
    assert replay.of(other.file_id, 7) is replay.files[other.file_id]
    assert replay.of(other.file_id, 8) is None
    assert replay.of(other.file_id, 4) is None
    assert replay.of(FileId(b"of neither......"), 5) is None


def test_the_last_record_tells_the_time(folder: Folder) -> None:
    timed = change(1, 10)._replace(mtime=-5)
    assert folder.one(journal_bytes(timed)).mtime == -5
    assert folder.one(journal_bytes(timed, change(1, 10))).mtime is None
