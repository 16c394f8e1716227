"""Bit rot: random bits flipped in a vault of a thousand files; the check names exactly what is damaged."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from check.sick import STRIDE, Case, chunk_at
from fs.paths import Paths
from tamper.specimen import sealed_path
from vault.making import CHUNK, make_vault, opened
from wafs.check.findings import Finding, Kind, Span
from wafs.errors import DamageError, WafsError
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from pathlib import Path

FILE_COUNT = 1000
ROTTEN_COUNT = 60
STATES_AT = 96
ID_AND_KEY = (range(9, 25), range(27, 87))


def _fill(path: Path, chance: random.Random) -> dict[bytes, bytes]:
    """Make the files: of no byte, of one, up to and around whole chunks; returns what is in them."""
    contents = {}
    with Vfs(opened(path)) as vfs:
        paths = Paths(vfs)
        for number in range(20):
            paths.mkdir(b"%d" % number)
        for number in range(FILE_COUNT):
            size = chance.choice([0, 1, 500, CHUNK, CHUNK + 1, 3 * CHUNK, 5 * CHUNK + 77])
            name = b"%d/%d.jpg" % (number % 20, number)
            contents[name] = chance.randbytes(size)
            paths.write(name, contents[name])
    return contents


def _places(path: Path, names: list[bytes]) -> dict[bytes, Path]:
    places = {}
    with Vfs(opened(path, read_only=True)) as vfs:
        paths = Paths(vfs)
        for name in names:
            with paths.held(name) as number:
                places[name] = sealed_path(paths, path, number)
    return places


def _rot(place: Path, chance: random.Random) -> set[int]:
    """Flip one to four different bits; returns the offsets of their bytes."""
    data = bytearray(place.read_bytes())
    offsets = set(chance.sample(range(len(data)), chance.randint(1, 4)))
    # Half of the files keep their header, which is all that matters of small ones.
    if len(data) > FILE_HEADER_SIZE and chance.random() < 0.5:
        offsets = {FILE_HEADER_SIZE + offset % (len(data) - FILE_HEADER_SIZE) for offset in offsets}
    for offset in offsets:
        data[offset] ^= 1 << chance.randrange(8)
    place.write_bytes(data)
    return offsets


def _expected(offsets: set[int], size: int) -> tuple[set[Kind], list[Span]]:
    """What must be found: the kinds, and the byte ranges with neighbours joined."""
    kinds = set()
    if any(offset in part for part in ID_AND_KEY for offset in offsets):
        # Without its key a file with another version byte is one that a newer wafs wrote, for all that is known.
        is_newer = {offset for offset in offsets if offset < 9} == {6}
        return {Kind.FILE_NEWER if is_newer else Kind.FILE_HEADER_DAMAGED}, []
    if min(offsets) < STATES_AT:
        kinds.add(Kind.FILE_HEADER_DAMAGED)
    if any(STATES_AT <= offset < FILE_HEADER_SIZE for offset in offsets):
        kinds.add(Kind.STATE_DAMAGED)
    spans: list[Span] = []
    for number in sorted({(offset - FILE_HEADER_SIZE) // STRIDE for offset in offsets if offset >= FILE_HEADER_SIZE}):
        start, stop = number * CHUNK, min((number + 1) * CHUNK, size)
        if spans and spans[-1].stop == start:
            start = spans.pop().start
        spans.append(Span(start, stop))
    if spans:
        kinds.add(Kind.CHUNK_DAMAGED)
    return kinds, spans


@pytest.mark.slow
def test_exactly_the_damaged_files_and_ranges_are_named(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    chance = random.Random(seed)
    path = make_vault(tmp_path / "vault")
    contents = _fill(path, chance)
    rotten = chance.sample(sorted(contents), ROTTEN_COUNT)
    places = _places(path, rotten)
    expected = {name: _expected(_rot(places[name], chance), len(contents[name])) for name in rotten}

    findings, examination = Case(path, places).look()

    found: dict[bytes, list[Finding]] = defaultdict(list)
    for finding in findings:
        found[(finding.path or b"").lstrip(b"/")].append(finding)
    assert set(found) == set(rotten), f"seed {seed}"
    for name, (kinds, spans) in expected.items():
        assert {finding.kind for finding in found[name]} == kinds, (f"seed {seed}", name)
        ranges = [finding.span for finding in found[name] if finding.kind is Kind.CHUNK_DAMAGED]
        assert ranges == spans, (f"seed {seed}", name)
    newer = sum(kinds == {Kind.FILE_NEWER} for kinds, _ in expected.values())
    assert examination.tally.damaged_files == ROTTEN_COUNT - newer, f"seed {seed}"
    _assert_all_else_reads(path, contents, expected, seed)


def _assert_all_else_reads(
    path: Path, contents: dict[bytes, bytes], expected: dict[bytes, tuple[set[Kind], list[Span]]], seed: int
) -> None:
    """Whole files, and the whole chunks of files whose header is well."""
    with Vfs(opened(path, read_only=True)) as vfs:
        paths = Paths(vfs)
        for name, data in contents.items():
            if name not in expected:
                assert paths.read(name) == data, (f"seed {seed}", name)
                continue
            kinds, spans = expected[name]
            if kinds != {Kind.CHUNK_DAMAGED}:
                with pytest.raises(WafsError, match=r"\w"):
                    paths.read(name)
                continue
            with paths.held(name) as number:
                fh = vfs.files.open(number, os.O_RDONLY).fh
                for start in range(0, len(data), CHUNK):
                    if any(span.start <= start < span.stop for span in spans):
                        with pytest.raises(DamageError, match="does not verify"):
                            vfs.files.read(fh, start, CHUNK, paths.scratch)
                    else:
                        piece = bytes(vfs.files.read(fh, start, CHUNK, paths.scratch))
                        assert piece == data[start : start + CHUNK], (f"seed {seed}", name, start)
                vfs.files.release(fh)


def test_a_flip_in_the_last_byte_of_a_chunk_is_that_chunk() -> None:
    assert _expected({chunk_at(1) - 1}, 9 * CHUNK)[1] == [Span(0, CHUNK)]
    assert _expected({chunk_at(1), chunk_at(2)}, 9 * CHUNK)[1] == [Span(CHUNK, 3 * CHUNK)]
