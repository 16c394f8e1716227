"""A recovery that is killed at any of its changes and done again gives the same."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pytest

from store.crashing import SECTOR
from store.faulty import CHANGES, Fault, FaultyStore
from vault.journals import BODY, CHANGES_OF_CONTENT, Desk, opened_desk, punches, put, spoil, writes
from vault.making import CHUNK
from wafs.format.layout import chunk_offset
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from log_police import ExpectLog

Effect: TypeAlias = Literal["none", "half", "whole"]

NAME = "file.wafs"
EVERY_CHANGE = frozenset({*CHANGES, "sync_all"})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened_desk(tmp_path) as opened:
        yield opened


class Tearing(FaultyStore):
    """A store that writes a sector whole or not at all: only what is longer can be torn."""

    @staticmethod
    def _counts(kind: str, arguments: Any, fault: Fault) -> bool:
        if fault.effect == "half" and (kind != "pwrite" or len(arguments[1]) <= SECTOR):
            return False
        return FaultyStore._counts(kind, arguments, fault)


def _busy(desk: Desk) -> dict[str, bytes]:
    """Leave a folder with something for each clause; returns what a recovery makes of it."""
    expected = {}
    for number, (act, after) in enumerate(CHANGES_OF_CONTENT.values()):
        desk.make(f"{number}.wafs", BODY, then=act)
        expected[f"{number}.wafs"] = after
        desk.make(f"{number}.safe.wafs", BODY, then=act, is_safe=True)
        expected[f"{number}.safe.wafs"] = after
    half_done = desk.make("half.wafs", BODY, then=writes(5000, b"new"))
    writes(len(BODY), b"new")(half_done)
    half_done.flush(Scratch(0))
    expected["half.wafs"] = put(BODY, 5000, b"new") + b"new"
    writes(0, BODY)(desk.make("flight.wafs"))
    expected["flight.wafs"] = BODY[: 4 * CHUNK]
    desk.make("header.wafs", BODY)
    expected["header.wafs"] = b""
    desk.make("tail.wafs", BODY)
    expected["tail.wafs"] = BODY[: 3 * CHUNK]
    desk.crash()
    spoil(desk, 3, "tail.wafs")
    os.truncate(desk.shelf.path / "header.wafs", 100)
    flight = desk.shelf.path / "flight.wafs"
    os.truncate(flight, flight.stat().st_size - 1)
    return expected


def test_a_busy_folder_is_made_whole(desk: Desk) -> None:
    expected = _busy(desk)
    assert {name: desk.read_as_left(name) for name in expected} == expected
    assert {name: desk.read_by_the_other(name) for name in expected} == expected
    desk.recover()
    assert {name: desk.read(name) for name in expected} == expected


def _kill_everywhere(desk: Desk, expected: dict[str, bytes], effect: Effect) -> int:
    """Kill a recovery at each of its changes, and do it again; returns how many there are."""
    saved = {path: path.read_bytes() for path in desk.shelf.path.iterdir()}
    tearing = Tearing(desk.shelf.context.store)
    desk = replace(desk, shelf=replace(desk.shelf, context=replace(desk.shelf.context, store=tearing.store)))
    nth, was_killed = 0, True
    while was_killed:
        nth += 1
        for path, data in saved.items():
            path.write_bytes(data)
        tearing.arm(Fault(nth, EVERY_CHANGE, effect=effect, dies=True))
        with contextlib.suppress(OSError):
            desk.recover()
        was_killed = tearing.fired
        tearing.arm(None)
        assert {name: desk.read_as_left(name) for name in expected} == expected, nth
        desk.recover()
        assert {name: desk.read(name) for name in expected} == expected, nth
    return nth


@pytest.mark.parametrize("effect", ["none", "half", "whole"])
def test_a_recovery_may_be_killed_anywhere_and_done_again(desk: Desk, effect: Effect, expect_log: ExpectLog) -> None:
    expect_log("the storage fails at a file")
    expected = _busy(desk)
    assert _kill_everywhere(desk, expected, effect) > (5 if effect == "half" else 60)


@pytest.mark.parametrize("effect", ["none", "half", "whole"])
def test_a_recovery_of_a_file_that_cannot_be_had_whole_may_be_killed(
    desk: Desk, effect: Effect, expect_log: ExpectLog
) -> None:
    expect_log("the storage fails at a file")
    desk.make(NAME, BODY, then=writes(0, b"new"))
    desk.crash()
    spoil(desk, 2, NAME)
    assert _kill_everywhere(desk, {NAME: put(BODY, 0, b"new")[: 2 * CHUNK]}, effect) > 1


@pytest.mark.parametrize("effect", ["none", "whole"])
def test_a_lost_chunk_does_not_become_a_hole_because_a_recovery_makes_holes(
    desk: Desk, effect: Effect, expect_log: ExpectLog
) -> None:
    expect_log("the storage fails at a file")
    content = desk.make(NAME, BODY)
    path = desk.shelf.path / NAME
    older = bytearray(path.read_bytes())
    punches(CHUNK, 2 * CHUNK)(content)
    desk.crash()
    start, stop = chunk_offset(3, CHUNK), chunk_offset(4, CHUNK)
    older[start:stop] = bytes(stop - start)
    # A power cut left the file as it was before the hole, but for a chunk that never arrived.
    path.write_bytes(older)
    expected = BODY[:CHUNK] + bytes(2 * CHUNK)
    assert desk.read_by_the_other() == expected
    assert _kill_everywhere(desk, {NAME: expected}, effect) > 5
