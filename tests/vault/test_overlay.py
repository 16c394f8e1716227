"""Overlay: it reads as a plain file would, and its plans tell a journal the same."""

from __future__ import annotations

import os
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.journals import FILE_ID
from wafs.format.journal import Change, Image, Patch, Piece
from wafs.vault.overlay import Overlay, Plan
from wafs.vault.replay import Unfinished
from wafs.vault.scratch import Scratch

CHUNK = 16
MOST = 6 * CHUNK
SCRATCH = Scratch(0)


class Below:
    """A file in place, held in memory."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self.data = data
        self.reads = 0
        self.holes: set[int] = set()

    def read(self, offset: int, size: int, scratch: Scratch) -> memoryview:
        assert scratch is SCRATCH
        assert size > 0
        # Of what is behind the end an overlay must ask for nothing.
        assert offset + size <= self.size
        self.reads += 1
        return memoryview(self.data)[offset : offset + size]

    def find(self, number: int, whence: int) -> int:
        count = -(-self.size // CHUNK)
        return next((n for n in range(number, count) if (n in self.holes) == (whence == os.SEEK_HOLE)), count)


class Write(NamedTuple):
    at: int
    data: bytes


Step = Write | int  # a new size

STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(st.builds(Write, st.integers(0, MOST), st.binary(min_size=1, max_size=3 * CHUNK)), st.integers(0, MOST)),
    max_size=12,
)
BODIES = st.binary(max_size=MOST)


def _of(below: Below) -> Overlay:
    return Overlay(CHUNK, below.size, counter=3, inode=1, journal=0)


def _plan(overlay: Overlay, below: Below, step: Step) -> Plan:
    if isinstance(step, Write):
        return overlay.plan_write(step.at, memoryview(step.data), below, SCRATCH)
    return overlay.plan_size(step, below, SCRATCH)


def _expect(model: bytearray, step: Step) -> None:
    if isinstance(step, Write):
        model.extend(bytes(max(step.at - len(model), 0)))
        model[step.at : step.at + len(step.data)] = step.data
    else:
        del model[step:]
        model.extend(bytes(step - len(model)))


def _all(overlay: Overlay, below: Below) -> bytes:
    return bytes(overlay.read(0, overlay.size, below, SCRATCH)) if overlay.size else b""


@given(BODIES, STEPS)
def test_it_reads_as_a_plain_file(body: bytes, steps: list[Step]) -> None:
    below, model = Below(body), bytearray(body)
    overlay = _of(below)
    for step in steps:
        overlay.carry_out(_plan(overlay, below, step))
        _expect(model, step)
        assert overlay.size == len(model)
        assert _all(overlay, below) == model
        assert all(len(chunk) == CHUNK for chunk in overlay.chunks.values())
        assert overlay.bytes == len(overlay.chunks) * CHUNK
        assert not overlay.chunks or max(overlay.chunks) * CHUNK < overlay.size


@given(BODIES, STEPS, st.data())
def test_any_range_reads_as_of_a_plain_file(body: bytes, steps: list[Step], data: st.DataObject) -> None:
    below, model = Below(body), bytearray(body)
    overlay = _of(below)
    for step in steps:
        overlay.carry_out(_plan(overlay, below, step))
        _expect(model, step)
    if model:
        offset = data.draw(st.integers(0, len(model) - 1))
        end = data.draw(st.integers(offset + 1, len(model)))
        assert overlay.read(offset, end, below, SCRATCH) == model[offset:end]


@given(BODIES, STEPS)
def test_a_replay_of_its_plans_gives_the_same(body: bytes, steps: list[Step]) -> None:
    below, model = Below(body), bytearray(body)
    overlay = _of(below)
    found = Unfinished(3, 3, 1, len(body), overlay.kept)
    for step in steps:
        plan = _plan(overlay, below, step)
        # What is recorded must not change when a later write changes the same chunk.
        pieces: list[Piece] = [piece._replace(payload=bytes(piece.payload)) for piece in _with_bytes(plan)]
        found.add(Change(FILE_ID, 1, 3, plan.size, plan.kept, pieces), CHUNK)
        overlay.carry_out(plan)
        _expect(model, step)
        assert found.chunks == overlay.chunks
        assert (found.size, found.kept) == (overlay.size, overlay.kept)
    again = _of(Below(body))
    again.size, again.kept, again.chunks, again.holes = found.size, found.kept, found.chunks, found.holes
    assert _all(again, below) == model


def _with_bytes(plan: Plan) -> list[Image | Patch]:
    pieces = [piece for piece in plan.pieces if isinstance(piece, (Image, Patch))]
    assert len(pieces) == len(plan.pieces)
    return pieces


@given(BODIES, STEPS, STEPS)
def test_a_plan_that_is_not_carried_out_changes_nothing(body: bytes, steps: list[Step], dropped: list[Step]) -> None:
    below = Below(body)
    overlay = _of(below)
    for step in steps:
        overlay.carry_out(_plan(overlay, below, step))
    before = (overlay.size, overlay.kept, {number: bytearray(chunk) for number, chunk in overlay.chunks.items()})
    for step in dropped:
        _plan(overlay, below, step)
    assert (overlay.size, overlay.kept, overlay.chunks) == before


def test_a_second_write_of_a_chunk_tells_only_its_bytes() -> None:
    below = Below(bytes(3 * CHUNK))
    overlay = _of(below)
    overlay.carry_out(overlay.plan_write(CHUNK + 2, memoryview(b"one"), below, SCRATCH))
    plan = overlay.plan_write(CHUNK + 4, memoryview(b"two"), below, SCRATCH)
    assert plan.pieces == [Patch(1, 4, b"two")]
    assert plan.fresh == {}


@pytest.mark.parametrize(
    ("step", "reads"),
    [
        (Write(0, b"x" * CHUNK), 0),
        (Write(CHUNK, b"x" * (CHUNK + 5)), 0),
        (Write(CHUNK + 1, b"x"), 1),
        (Write(2 * CHUNK, b"x" * 4), 1),
        (Write(2 * CHUNK, b"x" * 5), 0),
        (CHUNK, 0),
        (CHUNK + 1, 1),
        (4 * CHUNK, 1),
    ],
)
def test_only_chunks_that_stay_in_part_are_read(step: Step, reads: int) -> None:
    below = Below(bytes(2 * CHUNK + 5))
    overlay = _of(below)
    _plan(overlay, below, step)
    assert below.reads == reads


def test_chunks_that_lie_together_below_are_read_together() -> None:
    below = Below(bytes(range(6 * CHUNK)))
    overlay = _of(below)
    overlay.carry_out(overlay.plan_write(2 * CHUNK, memoryview(bytes(CHUNK)), below, SCRATCH))
    below.reads = 0
    assert overlay.read(5, 6 * CHUNK - 1, below, SCRATCH)[: CHUNK - 5] == bytes(range(5, CHUNK))
    assert below.reads == 2


@given(BODIES, STEPS, st.sets(st.integers(0, 5)), st.booleans(), st.integers(0, 8))
def test_data_and_holes_are_found_where_they_are(
    body: bytes, steps: list[Step], holes: set[int], has_told: bool, start: int
) -> None:
    below = Below(body)
    overlay = _of(below)
    for step in steps:
        overlay.carry_out(_plan(overlay, below, step))
    below.holes = holes
    overlay.holes = [(1, 3)] if has_told else []
    count = -(-overlay.size // CHUNK)

    def is_data(number: int) -> bool:
        is_told = has_told and 1 <= number < 3
        return number in overlay.chunks or (number < overlay.kept and number not in holes and not is_told)

    data = next((number for number in range(start, count) if is_data(number)), count)
    hole = next((number for number in range(start, count) if not is_data(number)), count)
    assert min(overlay.find(start, os.SEEK_DATA, below), count) == data
    assert min(overlay.find(start, os.SEEK_HOLE, below), count) == hole


def test_holes_that_a_journal_told_read_as_zeros() -> None:
    below = Below(b"x" * 4 * CHUNK)
    overlay = _of(below)
    overlay.holes = [(1, 3)]
    overlay.chunks = {2: bytearray(b"y" * CHUNK)}
    assert _all(overlay, below) == b"x" * CHUNK + bytes(CHUNK) + b"y" * CHUNK + b"x" * CHUNK
