"""Overlay: it reads as a plain file would, and its plans tell a journal the same."""

from __future__ import annotations

import copy
import os
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.journals import FILE_ID
from wafs.errors import DamageError
from wafs.format.journal import Change, Image, Patch, Piece
from wafs.vault.overlay import Overlay, Plan
from wafs.vault.replay import Unfinished
from wafs.vault.scratch import Scratch

CHUNK = 16
MOST = 6 * CHUNK
SCRATCH = Scratch(0)


class Below:
    """A file in place, held in memory, of which the first `solid` bytes are safe from a power cut."""

    def __init__(self, data: bytes, solid: int = 0) -> None:
        self.size = len(data)
        self.data = data
        self.solid = solid
        self.reads = 0
        self.holes: set[int] = set()

    def read(self, offset: int, size: int, scratch: Scratch) -> memoryview:
        assert scratch is SCRATCH
        assert size > 0
        # Of what is behind the end an overlay must ask for nothing.
        assert offset + size <= self.size
        self.reads += 1
        return memoryview(self.data)[offset : offset + size]

    def read_chunk(self, number: int, length: int, scratch: Scratch) -> memoryview:
        # A chunk opens with its own length only.
        assert length == min(CHUNK, self.size - number * CHUNK)
        assert (number * CHUNK + length) <= self.solid
        return self.read(number * CHUNK, length, scratch)

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
SAFE = st.one_of(st.just(MOST), st.integers(0, MOST))
"""How many bytes of a body are safe from a power cut."""


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


@given(BODIES, STEPS, SAFE, st.lists(st.booleans(), min_size=12, max_size=12))
def test_it_reads_as_a_plain_file(body: bytes, steps: list[Step], safe: int, looks: list[bool]) -> None:
    below, model = Below(body, safe), bytearray(body)
    overlay = _of(below)
    for step, is_looked_at in zip(steps, [*looks, True], strict=False):
        plan = _plan(overlay, below, step)
        before = overlay.bytes
        overlay.carry_out(plan)
        _expect(model, step)
        assert overlay.size == len(model)
        # What a checkpoint of the vault reckons with before a change is carried out.
        assert overlay.bytes <= before + (len(plan.fresh) + plan.begun) * CHUNK
        # A read makes chunks whole, after which a change of them takes another way.
        if is_looked_at:
            assert _all(overlay, below) == model
            assert not overlay.patches
        assert all(len(chunk) == CHUNK for chunk in overlay.chunks.values())
        assert overlay.bytes == len(overlay.chunks.keys() | overlay.patches.keys()) * CHUNK
        assert overlay.bytes == (len(overlay.chunks) + len(overlay.patches)) * CHUNK
        assert all(sum(len(part) for _, part in parts) <= CHUNK for parts in overlay.patches.values())
        assert all(number * CHUNK < overlay.size for number in (*overlay.chunks, *overlay.patches))
        assert overlay.patches.keys() <= overlay.bare <= overlay.chunks.keys() | overlay.patches.keys()
    assert _all(overlay, below) == model


@given(BODIES, STEPS, SAFE, st.data())
def test_any_range_reads_as_of_a_plain_file(body: bytes, steps: list[Step], safe: int, data: st.DataObject) -> None:
    below, model = Below(body, safe), bytearray(body)
    overlay = _of(below)
    for step in steps:
        overlay.carry_out(_plan(overlay, below, step))
        _expect(model, step)
    if model:
        offset = data.draw(st.integers(0, len(model) - 1))
        end = data.draw(st.integers(offset + 1, len(model)))
        assert overlay.read(offset, end, below, SCRATCH) == model[offset:end]


@given(BODIES, STEPS, SAFE, st.lists(st.sampled_from(("", "read", "image")), min_size=12, max_size=12))
def test_a_replay_of_its_plans_gives_the_same(body: bytes, steps: list[Step], safe: int, between: list[str]) -> None:
    below, model = Below(body, safe), bytearray(body)
    overlay = _of(below)
    found = Unfinished(3, 3, 1, len(body), overlay.kept)
    for step, then in zip(steps, between, strict=False):
        plan = _plan(overlay, below, step)
        # What is recorded must not change when a later write changes the same chunk.
        pieces: list[Piece] = [piece._replace(payload=bytes(piece.payload)) for piece in _with_bytes(plan)]
        found.add(Change(FILE_ID, 1, 3, plan.size, plan.kept, pieces), CHUNK)
        overlay.carry_out(plan)
        _expect(model, step)
        assert found.patches.keys() == overlay.bare
        assert found.chunks == {number: chunk for number, chunk in overlay.chunks.items() if number not in overlay.bare}
        assert (found.size, found.kept) == (overlay.size, overlay.kept)
        if then == "read":
            assert _all(overlay, below) == model
        elif then == "image":
            # As before a checkpoint, which may fail afterwards.
            assert overlay.make_all_whole(below, SCRATCH) == []
            images = [Image(number, bytes(overlay.image(number).payload)) for number in sorted(overlay.bare)]
            found.add(Change(FILE_ID, 1, 3, overlay.size, overlay.kept, images), CHUNK)
            overlay.bare.clear()
            assert found.chunks == overlay.chunks
    again = _of(Below(body))
    again.size, again.kept, again.holes = found.size, found.kept, found.holes
    again.chunks, again.patches = found.chunks, found.patches
    assert _all(again, below) == model


def _with_bytes(plan: Plan) -> list[Image | Patch]:
    pieces = [piece for piece in plan.pieces if isinstance(piece, (Image, Patch))]
    assert len(pieces) == len(plan.pieces)
    return pieces


@pytest.mark.interpreted
@given(BODIES, STEPS, STEPS, SAFE)
def test_a_plan_that_is_not_carried_out_changes_nothing(
    body: bytes, steps: list[Step], dropped: list[Step], safe: int
) -> None:
    below = Below(body, safe)
    overlay = _of(below)
    for step in steps:
        overlay.carry_out(_plan(overlay, below, step))
    before = (overlay.size, overlay.kept, set(overlay.bare), overlay.bytes)
    twin = copy.deepcopy(overlay)
    for step in dropped:
        _plan(overlay, below, step)
    assert (overlay.size, overlay.kept, overlay.bare, overlay.bytes) == before
    assert _all(overlay, below) == _all(twin, below)


@pytest.mark.parametrize(
    ("step", "pieces", "reads"),
    [
        (Write(CHUNK + 2, b"one"), [Patch(1, 2, b"one")], 0),
        (Write(CHUNK - 1, b"over"), [Patch(0, CHUNK - 1, b"o"), Patch(1, 0, b"ver")], 0),
        (Write(2 * CHUNK + 1, b"last"), [Patch(2, 1, b"last")], 0),
        (Write(2 * CHUNK + 1, b"grows"), [Image(2, b"\0grows")], 1),
        (Write(2 * CHUNK, b"whole"), [Image(2, b"whole")], 0),
        (Write(CHUNK, b"x" * CHUNK), [Image(1, b"x" * CHUNK)], 0),
        (2 * CHUNK + 3, [Image(2, bytes(3))], 1),
    ],
)
def test_of_a_chunk_that_is_safe_in_place_only_the_bytes_are_told(step: Step, pieces: list[Piece], reads: int) -> None:
    below = Below(bytes(2 * CHUNK + 5), MOST)
    overlay = _of(below)
    assert _plan(overlay, below, step).pieces == pieces
    assert below.reads == reads


@pytest.mark.parametrize("safe", [0, CHUNK - 1, 2 * CHUNK - 1])
def test_of_a_chunk_that_a_power_cut_may_take_all_is_told(safe: int) -> None:
    below = Below(bytes(2 * CHUNK + 5), safe)
    plan = _plan(_of(below), below, Write(CHUNK + 2, b"one"))
    assert plan.pieces == [Image(1, b"\0\0one".ljust(CHUNK, b"\0"))]
    assert plan.begun == 0


def test_a_chunk_of_which_much_waits_is_read_and_made_whole() -> None:
    below = Below(bytes(CHUNK), MOST)
    overlay = _of(below)
    for at in range(4):
        overlay.carry_out(_plan(overlay, below, Write(at, b"x")))
    assert (below.reads, set(overlay.patches)) == (0, {0})
    overlay.carry_out(_plan(overlay, below, Write(4, b"x")))
    assert (below.reads, set(overlay.patches), overlay.bare) == (1, set(), {0})
    assert _all(overlay, below) == b"xxxxx".ljust(CHUNK, b"\0")


def test_of_a_chunk_that_does_not_open_what_was_written_is_let_go() -> None:
    class Damaged(Below):
        def read_chunk(self, number: int, length: int, scratch: Scratch) -> memoryview:
            if number == 1:
                raise DamageError
            return super().read_chunk(number, length, scratch)

    below = Damaged(bytes(3 * CHUNK), MOST)
    overlay = _of(below)
    overlay.carry_out(_plan(overlay, below, Write(CHUNK - 1, b"x" * (CHUNK + 2))))
    overlay.carry_out(_plan(overlay, below, Write(CHUNK, b"x")))
    # All of it was told, so it opens again.
    assert overlay.make_all_whole(below, SCRATCH) == []
    overlay = _of(below)
    for number in range(3):
        overlay.carry_out(_plan(overlay, below, Write(number * CHUNK + 1, b"x")))
    with pytest.raises(DamageError):
        _all(overlay, below)
    assert overlay.make_all_whole(below, SCRATCH) == [1]
    assert (set(overlay.chunks), overlay.patches, overlay.bare) == ({0, 2}, {}, {0, 2})


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
