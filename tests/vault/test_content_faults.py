"""A store that fails takes nothing from a content that was there before, and leaves a file that opens."""

from __future__ import annotations

import errno
import itertools
import os
from typing import TYPE_CHECKING, Literal

import pytest

from store.faulty import CHANGES, Fault, FaultyStore
from vault.making import CHUNK, Shelf, drop, shelf
from wafs.errors import AuthenticationError, FileTooLargeError, TruncatedError
from wafs.format.layout import MAX_PLAIN_SIZE
from wafs.vault.content import Content
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLAIN = bytes(range(1, 251)) * (2 * CHUNK // 250 + 1)


def _write(offset: int, size: int) -> Callable[[Content], None]:
    return lambda content: content.write(offset, memoryview(b"\xff" * size), Scratch(0))


def _truncate(size: int) -> Callable[[Content], None]:
    return lambda content: content.truncate(size, Scratch(0))


def _punch(offset: int, size: int) -> Callable[[Content], None]:
    return lambda content: content.punch(offset, size, Scratch(0))


OLD_SIZE = CHUNK + 1000

GROWTHS: dict[str, Callable[[Content], None]] = {
    "append-in-last-chunk": _write(OLD_SIZE, 100),
    "append-to-the-edge": _write(OLD_SIZE, CHUNK - 1000),
    "append-many-chunks": _write(OLD_SIZE, 5 * CHUNK),
    "write-after-a-gap-in-the-chunk": _write(OLD_SIZE + 50, 100),
    "write-in-the-next-chunk": _write(2 * CHUNK + 5, 100),
    "write-far-beyond": _write(9 * CHUNK + 5, 3 * CHUNK),
    "extend-in-the-chunk": _truncate(OLD_SIZE + 10),
    "extend-to-the-edge": _truncate(2 * CHUNK),
    "extend-far": _truncate(9 * CHUNK + 7),
}
CUTS: dict[str, tuple[int, Callable[[Content], None]]] = {
    "cut-in-last-chunk": (OLD_SIZE - 10, _truncate(OLD_SIZE - 10)),
    "cut-at-an-edge": (CHUNK, _truncate(CHUNK)),
    "cut-in-a-chunk": (CHUNK - 10, _truncate(CHUNK - 10)),
    "cut-to-nothing": (0, _truncate(0)),
}
EFFECTS: tuple[Literal["none", "half"], ...] = ("none", "half")


def _prepared(place: Shelf, name: str) -> Content:
    content = place.create(name)
    content.write(0, memoryview(PLAIN[:OLD_SIZE]), Scratch(0))
    content.close()
    return place.open(name)


def _plain_of(place: Shelf, name: str) -> bytes:
    content = place.open(name, writable=False)
    try:
        return bytes(content.read(0, content.size, Scratch(0)))
    finally:
        content.close()


def _attempts(place: Shelf, change: Callable[[Content], None], fault: Fault) -> list[tuple[str, Content]]:
    """Fail the first call, then the second ... of `change` on a new file each, until it gets through."""
    failed = []
    for nth in itertools.count(1):
        name = f"file{nth}"
        content = _prepared(place, name)
        place.faulty.arm(Fault(nth, fault.kinds, fault.code, fault.effect, fault.dies))
        try:
            change(content)
        except OSError as error:
            failed.append((name, content, error.errno))
        fired = place.faulty.fired
        place.faulty.arm(None)
        if not fired:
            content.close()
            break
    assert {code for _, _, code in failed} == {fault.code}
    return [(name, content) for name, content, _ in failed]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EINTR])
@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("growth", GROWTHS)
def test_a_growth_that_fails_leaves_size_and_bytes_as_they_were(
    tmp_path: Path, growth: str, effect: Literal["none", "half"], code: int
) -> None:
    with shelf(tmp_path) as place:
        for name, content in _attempts(place, GROWTHS[growth], Fault(1, code=code, effect=effect)):
            assert content.size == OLD_SIZE
            assert content.read(0, 9 * CHUNK, Scratch(0)) == PLAIN[:OLD_SIZE]
            content.close()
            assert _plain_of(place, name) == PLAIN[:OLD_SIZE]


@pytest.mark.parametrize("growth", GROWTHS)
def test_a_growth_that_failed_can_be_tried_again(tmp_path: Path, growth: str) -> None:
    with shelf(tmp_path) as place:
        whole = _prepared(place, "whole")
        GROWTHS[growth](whole)
        whole.close()
        wanted = _plain_of(place, "whole")
        for name, content in _attempts(place, GROWTHS[growth], Fault(1, code=errno.ENOSPC, effect="half")):
            GROWTHS[growth](content)
            content.close()
            assert _plain_of(place, name) == wanted


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_that_fails_leaves_size_and_bytes_as_they_were(
    tmp_path: Path, cut: str, effect: Literal["none", "half"]
) -> None:
    _, change = CUTS[cut]
    with shelf(tmp_path) as place:
        for name, content in _attempts(place, change, Fault(1, effect=effect)):
            assert content.size == OLD_SIZE
            content.close()
            assert _plain_of(place, name) == PLAIN[:OLD_SIZE]


@pytest.mark.parametrize("punch", [_punch(0, CHUNK), _punch(0, OLD_SIZE), _punch(10, 50), _punch(CHUNK - 5, 10)])
def test_a_punch_that_fails_leaves_every_chunk_readable(tmp_path: Path, punch: Callable[[Content], None]) -> None:
    with shelf(tmp_path) as place:
        for name, content in _attempts(place, punch, Fault(1)):
            content.close()
            plain = _plain_of(place, name)
            assert len(plain) == OLD_SIZE
            assert all(byte in (0, wanted) for byte, wanted in zip(plain, PLAIN, strict=False))


@pytest.mark.parametrize("change", [*GROWTHS, *CUTS])
def test_short_writes_are_finished(tmp_path: Path, change: str) -> None:
    action = GROWTHS[change] if change in GROWTHS else CUTS[change][1]
    with shelf(tmp_path) as place:
        whole = _prepared(place, "whole")
        action(whole)
        whole.close()
        wanted = _plain_of(place, "whole")
        nth = 0
        while True:
            nth += 1
            content = _prepared(place, f"short{nth}")
            place.faulty.arm(Fault(nth, frozenset({"pwrite"}), effect="short"))
            action(content)
            content.close()
            fired = place.faulty.fired
            place.faulty.arm(None)
            assert _plain_of(place, f"short{nth}") == wanted
            if not fired:
                break
        assert nth > 1


@pytest.mark.parametrize("change", [*GROWTHS, *CUTS])
def test_a_process_killed_between_two_calls_leaves_a_file_that_opens(tmp_path: Path, change: str) -> None:
    """Only whole calls: what a call that is cut in the middle leaves is the journal's to mend."""
    action = GROWTHS[change] if change in GROWTHS else CUTS[change][1]
    at_edge = change in ("append-to-the-edge", "write-in-the-next-chunk", "write-far-beyond")
    with shelf(tmp_path) as place:
        for name, content in _attempts(place, action, Fault(1, dies=True)):
            drop(content)
            adopted = place.open(name)
            least = CUTS[change][0] if change in CUTS else OLD_SIZE
            assert adopted.size >= least or at_edge
            first = min(least, CHUNK) if change != "cut-in-a-chunk" else 0
            assert adopted.read(0, first, Scratch(0)) == PLAIN[:first]
            adopted.close()


def test_a_seal_that_fails_leaves_the_file_in_flight_for_the_next_writer(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = _prepared(place, "file")
        content.write(OLD_SIZE, memoryview(b"more"), Scratch(0))
        place.faulty.arm(Fault(1, effect="half"))
        with pytest.raises(OSError, match="Input/output"):
            content.close()
        place.faulty.arm(None)
        adopted = place.open("file")
        assert not adopted.in_flight
        assert adopted.read(0, adopted.size, Scratch(0)) == PLAIN[:OLD_SIZE] + b"more"
        adopted.close()


def test_an_overwrite_that_fails_does_not_slip_into_a_later_write(tmp_path: Path) -> None:
    """The second chunk cannot be read, so nothing of a write over both may ever appear in the first."""
    with shelf(tmp_path) as place:
        content = _prepared(place, "file")
        content.write(0, memoryview(b"A" * 10), Scratch(0))
        raw = tmp_path / "file"
        sealed = bytearray(raw.read_bytes())
        sealed[-1] ^= 1
        raw.write_bytes(sealed)
        with pytest.raises(AuthenticationError):
            content.write(5, memoryview(b"B" * CHUNK), Scratch(0))
        content.write(0, memoryview(b"C" * 5), Scratch(0))
        assert content.read(0, 20, Scratch(0)) == b"C" * 5 + b"A" * 5 + PLAIN[10:20]
        content.close()


def test_a_read_of_a_store_that_fails_gives_its_error(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = _prepared(place, "file")
        place.faulty.arm(Fault(1, frozenset({"preadv"})))
        with pytest.raises(OSError, match="Input/output"):
            content.read(0, 10, Scratch(0))
        place.faulty.arm(None)
        assert content.read(0, 10, Scratch(0)) == PLAIN[:10]
        content.close()


def test_a_file_cut_while_it_is_open_is_truncated_and_not_short(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = _prepared(place, "file")
        os.truncate(tmp_path / "file", 256 + CHUNK)
        with pytest.raises(TruncatedError):
            content.read(0, OLD_SIZE, Scratch(0))
        content.close()


def test_sizes_that_no_file_can_have_are_refused(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        content = _prepared(place, "file")
        with pytest.raises(FileTooLargeError):
            content.truncate(MAX_PLAIN_SIZE + 1, Scratch(0))
        with pytest.raises(FileTooLargeError):
            content.write(MAX_PLAIN_SIZE, memoryview(b"x"), Scratch(0))
        content.write(MAX_PLAIN_SIZE, memoryview(b""), Scratch(0))
        assert content.size == OLD_SIZE
        content.close()
        assert _plain_of(place, "file") == PLAIN[:OLD_SIZE]


def test_a_new_file_whose_header_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with shelf(tmp_path) as place:
        assert isinstance(place.faulty, FaultyStore)
        place.faulty.arm(Fault(1, CHANGES - {"open"}, errno.ENOSPC))
        with pytest.raises(OSError, match="No space"):
            place.create()
