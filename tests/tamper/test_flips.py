"""Every byte of a vault, changed: an error, a report or no effect; never another truth."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from fs.paths import Paths
from tamper.specimen import CLEAR, FLYING, LONG, Specimen, check
from vault.making import CHUNK, opened
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from log_police import ExpectLog

WHOLE_LOOK_EVERY = 97
"""A change of a file is looked at through this file alone, and now and then through the whole tree."""


@contextlib.contextmanager
def _flipped(path: Path, at: int) -> Iterator[None]:
    """Flip one bit of the byte at an offset; which one depends on the offset."""
    fd = os.open(path, os.O_RDWR)
    try:
        byte = os.pread(fd, 1, at)
        os.pwrite(fd, bytes([byte[0] ^ 1 << at % 8]), at)
        yield
        os.pwrite(fd, byte, at)
    finally:
        os.close(fd)


def _content_files(specimen: Specimen) -> dict[bytes, Path]:
    return {name: place for name, place in specimen.places.items() if place.is_file() and not place.is_symlink()}


def test_every_byte_of_every_content_is_protected(specimen: Specimen, reports: ExpectLog) -> None:
    outcomes: Counter[str] = Counter()
    with Vfs(opened(specimen.path, read_only=True)) as vfs:
        paths = Paths(vfs)
        for name, place in _content_files(specimen).items():
            for at in range(place.stat().st_size):
                with _flipped(place, at):
                    try:
                        found, truth = paths.node(name), specimen.truth[name]
                        # F-25: a file in flight ends before the first chunk behind its sealed size that does not open.
                        is_cut = name == FLYING and found.content == truth.content[: 2 * CHUNK]
                        assert found == truth or is_cut, (name, at)
                        outcomes["cut" if is_cut else "intact"] += 1
                    except CLEAR as error:
                        outcomes[type(error).__name__] += 1
                    if at % WHOLE_LOOK_EVERY == 0 and name != FLYING:
                        assert check(specimen, reports) != "foreign"
            assert paths.node(name) == specimen.truth[name]
    # All bytes of a content are authenticated, or fixed: not one of them can be changed without an error.
    assert outcomes["intact"] == 0
    assert set(outcomes) == {"AuthenticationError", "MalformedError", "UnsupportedFormatError", "cut"}


@pytest.mark.parametrize("which", ["first", "copy", "both", "alone"])
def test_every_byte_of_the_header_is_protected(specimen: Specimen, reports: ExpectLog, which: str) -> None:
    first, copy = specimen.path / "wafs.vault", specimen.path / "wafs.vault.copy"
    if which == "alone":
        copy.unlink()
    targets = {"first": [first], "copy": [copy], "both": [first, copy], "alone": [first]}[which]
    outcomes: Counter[str] = Counter()
    for at in range(first.stat().st_size):
        with contextlib.ExitStack() as flips:
            for target in targets:
                flips.enter_context(_flipped(target, at))
            outcomes[check(specimen, reports)] += 1
    assert set(outcomes) == ({"HeaderDamageError"} if which in ("both", "alone") else {"intact"})


@pytest.mark.parametrize("pattern", ["wafs.dir", "*.name"])
def test_every_byte_of_records_and_name_files_is_protected(
    specimen: Specimen, reports: ExpectLog, pattern: str
) -> None:
    files = sorted(specimen.path.joinpath("tree").rglob(pattern))
    outcomes: Counter[str] = Counter()
    for path in files:
        for at in range(path.stat().st_size):
            with _flipped(path, at):
                outcomes[check(specimen, reports)] += 1
    assert set(outcomes) == ({"AuthenticationError"} if pattern == "wafs.dir" else {"foreign"})
    assert outcomes.total() == (96 if pattern == "wafs.dir" else 16 + len(LONG) + -len(LONG) % 16)


def test_every_character_of_every_entry_is_protected(specimen: Specimen, reports: ExpectLog) -> None:
    outcomes: Counter[str] = Counter()
    for name in (b"one", b"folder/" + LONG, b"renamed", b"link"):
        place = specimen.places[name]
        for at, character in enumerate(place.name):
            changed = place.with_name(place.name[:at] + ("A" if character != "A" else "B") + place.name[at + 1 :])
            place.rename(changed)
            outcomes[check(specimen, reports)] += 1
            changed.rename(place)
    assert set(outcomes) == {"foreign"}
    assert check(specimen, reports) == "intact"


@pytest.mark.parametrize("name", [b"link", b"far link"])
def test_every_character_of_a_target_is_protected(specimen: Specimen, reports: ExpectLog, name: bytes) -> None:
    place = specimen.places[name]
    target = os.readlink(place)
    outcomes: Counter[str] = Counter()
    for at, character in enumerate(target):
        for other in ("A", "_", "/", "="):
            if other == character:
                continue
            place.unlink()
            place.symlink_to(target[:at] + other + target[at + 1 :])
            outcomes[check(specimen, reports)] += 1
    assert set(outcomes) == {"AuthenticationError", "MalformedError"}
    place.unlink()
    place.symlink_to(target)
    assert check(specimen, reports) == "intact"


def test_every_byte_of_an_attribute_is_protected(specimen: Specimen, reports: ExpectLog) -> None:
    if not specimen.has_xattrs:
        pytest.skip("the temporary folder has no user attributes")
    outcomes: Counter[str] = Counter()
    for name in (b"one", b"folder"):
        place = specimen.places[name]
        (stored,) = os.listxattr(place)
        value = os.getxattr(place, stored)
        for at in range(len(value)):
            os.setxattr(place, stored, value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :])
            outcomes[check(specimen, reports)] += 1
        os.removexattr(place, stored)
        for at in range(len("user.wafs."), len(stored)):
            changed = stored[:at] + ("A" if stored[at] != "A" else "B") + stored[at + 1 :]
            os.setxattr(place, changed, value)
            outcomes[check(specimen, reports)] += 1
            os.removexattr(place, changed)
        os.setxattr(place, stored, value)
    assert set(outcomes) == {"AuthenticationError", "foreign"}
    assert check(specimen, reports) == "intact"


def test_a_writer_takes_of_a_file_in_flight_what_opens_and_no_more(specimen: Specimen, reports: ExpectLog) -> None:
    """F-25: a last chunk that does not open, wholly beyond what is sealed, was being written when the writer died."""
    place, whole = specimen.places[FLYING], specimen.truth[FLYING].content
    sealed = place.read_bytes()
    outcomes: Counter[int] = Counter()
    for at in range(256, len(sealed), 7):
        place.write_bytes(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with Vfs(opened(specimen.path)) as vfs:
            try:
                plain = Paths(vfs).read(FLYING)
            except CLEAR:
                outcomes[0] += 1
                continue
        assert whole.startswith(plain)
        outcomes[len(plain)] += 1
    assert set(outcomes) == {0, 2 * CHUNK}
    assert reports.records
