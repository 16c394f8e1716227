"""ScratchStore does what a plain copy of the folder does, and the folder below stays as it is."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import stat
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.unions import Pair, dump, prepared
from wafs.store.local import LocalStore
from wafs.store.scratch import ScratchStore
from wafs.store.scratch_folder import scratch_folder
from wafs.store.scratch_ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wafs.store.base import Store

NAMES = st.sampled_from([b"a", b"b", b"c", b"d", b"new", b"link", b"fifo"])
FOLDERS = st.sampled_from([(), (b"d",), (b"d", b"e"), (b"new",), (b"d", b"new"), (b"e",), (b"a",)])
SLOTS = st.integers(0, 2)
SIZES = st.sampled_from([0, 1, 10, 4095, 4096, 5000, 12_288, 70_000, 100_001])
FLAGS = st.sampled_from(
    [
        os.O_RDONLY,
        os.O_RDWR,
        os.O_WRONLY,
        os.O_RDWR | os.O_CREAT,
        os.O_RDWR | os.O_CREAT | os.O_EXCL,
        os.O_RDWR | os.O_TRUNC,
    ]
)
STEPS = st.one_of(
    st.tuples(st.just("open"), SLOTS, FOLDERS, NAMES, FLAGS),
    st.tuples(st.just("open_unnamed"), SLOTS, FOLDERS),
    st.tuples(st.just("open_folder"), SLOTS, FOLDERS),
    st.tuples(st.just("close"), SLOTS),
    st.tuples(st.just("read"), SLOTS, SIZES, SIZES),
    st.tuples(st.just("write"), SLOTS, SIZES, SIZES),
    st.tuples(st.just("truncate"), SLOTS, SIZES),
    st.tuples(st.just("fallocate"), SLOTS, st.sampled_from([0, 1, 3, 16]), SIZES, SIZES),
    st.tuples(st.just("holes"), SLOTS, SIZES),
    st.tuples(st.just("fstat"), SLOTS),
    st.tuples(st.just("fchmod"), SLOTS, st.sampled_from([0o600, 0o4755])),
    st.tuples(st.just("futimens"), SLOTS, SIZES),
    st.tuples(st.just("list_folder"), FOLDERS),
    st.tuples(st.just("list_open"), SLOTS),
    st.tuples(st.just("stat"), FOLDERS, NAMES),
    st.tuples(st.just("mkdir"), FOLDERS, NAMES, st.sampled_from([0o700, 0o2755])),
    st.tuples(st.just("mkfifo"), FOLDERS, NAMES),
    st.tuples(st.just("symlink"), FOLDERS, NAMES),
    st.tuples(st.just("readlink"), FOLDERS, NAMES),
    st.tuples(st.just("link"), FOLDERS, NAMES, FOLDERS, NAMES),
    st.tuples(st.just("link_open"), SLOTS, FOLDERS, NAMES),
    st.tuples(st.just("unlink"), FOLDERS, NAMES),
    st.tuples(st.just("rmdir"), FOLDERS, NAMES),
    st.tuples(st.just("rename"), FOLDERS, NAMES, FOLDERS, NAMES, st.sampled_from([0, 0, 1, 2])),
    st.tuples(st.just("make_in"), SLOTS, NAMES),
    st.tuples(st.just("chmod"), FOLDERS, NAMES, st.sampled_from([0o640, 0o4755])),
    st.tuples(st.just("chown"), FOLDERS, NAMES),
    st.tuples(st.just("utimens"), FOLDERS, NAMES, SIZES),
    st.tuples(st.just("setxattr"), FOLDERS, NAMES, st.sampled_from([0, os.XATTR_CREATE, os.XATTR_REPLACE])),
    st.tuples(st.just("getxattr"), FOLDERS, NAMES),
    st.tuples(st.just("listxattr"), FOLDERS, NAMES),
    st.tuples(st.just("removexattr"), FOLDERS, NAMES),
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = os.umask(0)
    folder = tmp_path_factory.mktemp("unions")
    prepared(folder / "lower")
    yield folder
    os.umask(before)


@pytest.mark.slow
@settings(max_examples=3 * settings().max_examples, deadline=None)
@given(steps=st.lists(cast("Any", STEPS), max_size=30))
def test_does_what_a_plain_copy_does(places: Path, steps: list[tuple[Any, ...]]) -> None:
    before = dump(places / "lower")
    prepared(places / "copy")
    copy, lower = LocalStore(str(places / "copy")), LocalStore(str(places / "lower"))
    fds = len(os.listdir("/proc/self/fd"))
    try:
        with scratch_folder(str(places)) as folder:
            union = ScratchStore(lower, folder)
            pair = Pair(copy, union)
            for number, step in enumerate(steps):
                wanted, found = pair.run(step)
                assert found == wanted, f"step {number}, {step!r}: found {found!r}, wanted {wanted!r}"
            wanted, found = pair.trees()
            assert found == wanted
            pair.close()
            union.shut()
        assert len(os.listdir("/proc/self/fd")) == fds
    finally:
        copy.shut()
        lower.shut()
        shutil.rmtree(places / "copy")
    assert dump(places / "lower") == before
    assert sorted(os.listdir(places)) == ["lower"]


@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(1, 20)), max_size=12))
def test_ranges_are_a_set_of_numbers(steps: list[tuple[bool, int, int]]) -> None:
    ranges, wanted = Ranges(), set[int]()
    for adds, start, length in steps:
        if adds:
            ranges.add(start, start + length)
            wanted |= set(range(start, start + length))
        else:
            ranges.cut(start)
            wanted = {number for number in wanted if number < start}
        pieces = list(ranges.pieces(3, 50))
        assert [n for start, stop, inside in pieces if inside for n in range(start, stop)] == sorted(
            number for number in wanted if 3 <= number < 50
        )
        assert [piece.start for piece in pieces[1:]] == [piece.stop for piece in pieces[:-1]]
        assert all(one.inside != other.inside for one, other in itertools.pairwise(pieces))
        assert ranges.total == len(wanted)


@pytest.fixture
def union(tmp_path: Path) -> Iterator[Store]:
    prepared(tmp_path / "lower")
    lower = LocalStore(str(tmp_path / "lower"))
    with scratch_folder(str(tmp_path)) as folder:
        made = ScratchStore(lower, folder)
        yield made
        made.shut()
    lower.shut()


def test_opening_for_writing_costs_nothing_and_a_write_costs_its_bytes(union: Store, tmp_path: Path) -> None:
    top = union.open_dir(None, b".")
    with (tmp_path / "lower/huge").open("wb") as file:
        file.truncate(400_000_000)
    handle = union.open(top, b"huge", os.O_RDWR)
    assert union.pread(handle, 10, 200_000_000) == bytes(10)
    (folder,) = tmp_path.glob("wafs-scratch-*")
    assert os.listdir(folder) == []
    union.pwrite(handle, b"page", 200_000_000)
    assert union.pread(handle, 12, 199_999_996) == b"\0\0\0\0page\0\0\0\0"
    assert [(folder / name).stat().st_blocks * 512 for name in os.listdir(folder)] == [4096]
    assert union.fstat(handle).st_size == 400_000_000
    union.close(handle)
    union.close(top)


def test_what_was_written_need_not_be_fetched(union: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    top = union.open_dir(None, b".")
    handle = union.open(top, b"a", os.O_RDWR)
    monkeypatch.setattr(LocalStore, "fetch", lambda *_: False)
    assert not union.fetch(handle, 100)
    union.pwrite(handle, b"new", 0)
    assert union.fetch(handle, 100)
    union.close(handle)
    union.close(top)


def test_a_lower_file_that_changed_is_never_mixed_with_what_was_written(union: Store, tmp_path: Path) -> None:
    top = union.open_dir(None, b".")
    handle = union.open(top, b"a", os.O_RDWR)
    union.pwrite(handle, b"x", 5)
    (tmp_path / "lower/a").write_bytes(b"something else")
    for attempt in (lambda: union.pread(handle, 10, 0), lambda: union.open(top, b"a", os.O_RDONLY)):
        with pytest.raises(OSError, match="Stale") as caught:
            attempt()
        assert caught.value.errno == errno.ESTALE
    assert union.pread(handle, 1, 5) == b"x"
    union.close(handle)
    union.close(top)


def test_what_is_made_has_an_identity_of_its_own(union: Store, tmp_path: Path) -> None:
    top = union.open_dir(None, b".")
    handle = union.open(top, b"made", os.O_RDWR | os.O_CREAT)
    found = union.fstat(handle)
    assert found.st_dev == 0
    assert found.st_ino >= 1 << 52
    before = union.stat(top, b"a")
    writer = union.open(top, b"a", os.O_RDWR)
    union.pwrite(writer, b"changed", 0)
    after = union.stat(top, b"a")
    assert (after.st_dev, after.st_ino) == (before.st_dev, before.st_ino)
    assert stat.S_ISREG(after.st_mode)
    for one in (handle, writer, top):
        union.close(one)


def test_a_name_that_comes_and_goes_leaves_nothing(union: Store, tmp_path: Path) -> None:
    top = union.open_dir(None, b".")
    (folder,) = tmp_path.glob("wafs-scratch-*")
    for _ in range(3):
        handle = union.open(top, b"temporary", os.O_RDWR | os.O_CREAT | os.O_EXCL)
        union.pwrite(handle, b"bytes", 0)
        union.unlink(top, b"temporary")
        assert union.pread(handle, 5, 0) == b"bytes"
        union.close(handle)
    assert os.listdir(folder) == []
    union.close(top)
