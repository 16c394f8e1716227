"""The memory store means what `LocalStore` means, and a cut leaves what a disk may keep, no more and no less."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.crashing import Cut, Recording, rebuild
from store.cuts import every_cut, some_cut
from store.disk import TOP, Disk
from store.memory import MemoryStore
from wafs.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from store.crashing import Model
    from wafs.store.base import Store

NAMES = (b"a", b"b", b"d", b"d/a", b"d/e")
_name = st.sampled_from(NAMES)
_size = st.sampled_from((0, 1, 511, 512, 513, 4096, 5000, 9000))
STEPS = st.one_of(
    st.tuples(st.just("write"), _name, _size, _size),
    st.tuples(st.just("read"), _name, _size, _size),
    st.tuples(st.just("truncate"), _name, _size),
    st.tuples(st.just("punch"), _name, _size, _size),
    st.tuples(st.just("extend"), _name, _size, _size),
    st.tuples(st.just("make"), _name),
    st.tuples(st.just("mkdir"), _name),
    st.tuples(st.just("symlink"), _name),
    st.tuples(st.just("fifo"), _name),
    st.tuples(st.just("link"), _name, _name),
    st.tuples(st.just("unlink"), _name),
    st.tuples(st.just("rmdir"), _name),
    st.tuples(st.just("rename"), _name, _name, st.sampled_from((0, 0, 1, 2))),
    st.tuples(st.just("chmod"), _name),
    st.tuples(st.just("utimens"), _name),
    st.tuples(st.just("seek"), _name, _size),
    st.tuples(st.just("tmpfile"), _name),
)


class _Caller:
    """Does steps on a store and tells what it answered."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def _place(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        *above, name = path.split(b"/")
        handle = self._store.open_dir(None, above[0] if above else b".")
        try:
            yield handle, name
        finally:
            self._store.close(handle)

    @contextmanager
    def _file(self, path: bytes, flags: int) -> Iterator[int]:
        with self._place(path) as (parent, name):
            handle = self._store.open(parent, name, flags | os.O_NONBLOCK)
        try:
            yield handle
        finally:
            self._store.close(handle)

    def answer(self, step: tuple[object, ...]) -> object:
        call, *arguments = step
        try:
            return getattr(self, str(call))(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno or 0]

    def write(self, path: bytes, offset: int, size: int) -> int:
        with self._file(path, os.O_RDWR) as handle:
            return self._store.pwrite(handle, b"w" * size, offset)

    def read(self, path: bytes, offset: int, size: int) -> tuple[bytes, int, bytes]:
        with self._file(path, os.O_RDONLY) as handle:
            buffer = bytearray(size)
            done = self._store.preadv(handle, [memoryview(buffer)], offset)
            return self._store.pread(handle, size, offset), done, bytes(buffer)

    def truncate(self, path: bytes, size: int) -> int:
        with self._file(path, os.O_RDWR) as handle:
            self._store.truncate(handle, size)
            return self._store.fstat(handle).st_size

    def punch(self, path: bytes, offset: int, size: int) -> None:
        with self._file(path, os.O_RDWR) as handle:
            self._store.fallocate(handle, 3, offset, size)

    def extend(self, path: bytes, offset: int, size: int) -> None:
        with self._file(path, os.O_RDWR) as handle:
            self._store.fallocate(handle, 0, offset, size)
            self._store.sync(handle)

    def make(self, path: bytes) -> None:
        with self._file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL):
            pass

    def mkdir(self, path: bytes) -> None:
        with self._place(path) as (parent, name):
            self._store.mkdir(parent, name, 0o750)

    def symlink(self, path: bytes) -> bytes:
        with self._place(path) as (parent, name):
            self._store.symlink(parent, name, b"to/nowhere")
            return self._store.readlink(parent, name)

    def fifo(self, path: bytes) -> None:
        with self._place(path) as (parent, name):
            self._store.mknod(parent, name, stat.S_IFIFO | 0o600, 0)

    def link(self, path: bytes, new: bytes) -> int:
        with self._place(path) as (parent, name), self._place(new) as (new_parent, new_name):
            self._store.link(parent, name, new_parent, new_name)
            return self._store.stat(new_parent, new_name).st_nlink

    def unlink(self, path: bytes) -> None:
        with self._place(path) as (parent, name):
            self._store.unlink(parent, name)

    def rmdir(self, path: bytes) -> None:
        with self._place(path) as (parent, name):
            self._store.rmdir(parent, name)

    def rename(self, path: bytes, new: bytes, flags: int) -> None:
        with self._place(path) as (parent, name), self._place(new) as (new_parent, new_name):
            self._store.rename(parent, name, new_parent, new_name, flags)

    def chmod(self, path: bytes) -> int:
        with self._place(path) as (parent, name):
            self._store.chmod(parent, name, 0o640)
            return self._store.stat(parent, name).st_mode

    def utimens(self, path: bytes) -> tuple[int, int]:
        with self._place(path) as (parent, name):
            self._store.utimens(parent, name, -5, 1_234_567_890_123_456_789)
            found = self._store.stat(parent, name)
            return found.st_atime_ns, found.st_mtime_ns

    def seek(self, path: bytes, offset: int) -> int:
        # To write: what a directory answers is the filesystem's own affair.
        with self._file(path, os.O_RDWR) as handle:
            return self._store.seek(handle, offset, os.SEEK_HOLE) >= offset

    def tmpfile(self, path: bytes) -> None:
        with self._place(path) as (parent, name):
            handle = self._store.open(parent, b".", os.O_RDWR | os.O_TMPFILE)
            try:
                self._store.pwrite(handle, b"unnamed", 0)
                self._store.link_open(handle, parent, name)
            finally:
                self._store.close(handle)

    def tree(self, path: bytes = b"") -> dict[bytes, tuple[object, ...]]:
        """All that is to be seen."""
        found: dict[bytes, tuple[object, ...]] = {}
        with self._place(path + b"/." if path else b".") as (folder, _):
            for name, kind, ino in sorted(self._store.entries(folder)):
                at = self._store.stat(folder, name)
                assert at.st_ino == ino
                below = path + b"/" + name if path else name
                size = 0 if kind == stat.S_IFDIR else at.st_size
                found[below] = (kind, at.st_mode, size, 0 if kind == stat.S_IFDIR else at.st_nlink)
                if kind == stat.S_IFDIR and b"/" not in below:
                    found |= self.tree(below)
        return found


def _needs_an_order(step: tuple[object, ...]) -> bool:
    """Tell whether the errno of a step depends on which of two reasons is found first."""
    return step[0] in ("rename", "link") and len({str(path).count("/") for path in step[1:3]}) > 1


@given(steps=st.lists(STEPS, max_size=30))
def test_the_memory_store_answers_as_the_local_one(steps: list[tuple[object, ...]]) -> None:
    memory = MemoryStore(Disk())
    with tempfile.TemporaryDirectory() as folder:
        local = LocalStore(folder)
        before = os.umask(0)
        try:
            wanted, found = _Caller(local), _Caller(memory.store)
            for step in [("mkdir", b"d"), *steps]:
                if _needs_an_order(step):
                    continue
                assert (step, found.answer(step)) == (step, wanted.answer(step))
            assert found.tree() == wanted.tree()
        finally:
            os.umask(before)
            local.shut()
    assert memory.open_handles == 0


def test_a_disk_is_loaded_from_a_folder_and_dumped_to_one(tmp_path: Path) -> None:
    (tmp_path / "from/d").mkdir(parents=True)
    (tmp_path / "from/d/file").write_bytes(b"plain")
    (tmp_path / "from/link").symlink_to("d/file")
    (tmp_path / "to").mkdir()
    Disk.load(tmp_path / "from").copy().dump(tmp_path / "to")
    assert (tmp_path / "to/link").read_bytes() == b"plain"


class _Scene:
    """A recorded disk with a file `a` of 2,048 durable bytes `o`."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.store = MemoryStore(self.disk)
        self.top = self.store.open_dir(None, b".")
        self.file = self.make(b"a")
        self.store.pwrite(self.file, b"o" * 2048, 0)
        self.recording = Recording.start(self.disk)

    def make(self, name: bytes) -> int:
        return self.store.open(self.top, name, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def left(self, model: Model, name: bytes = b"a", issued: int | None = None) -> set[bytes | None]:
        """The bytes of a file in all states, None where it is not there; those by chance are among them."""
        every = set(every_cut(self.recording, model, Random(1), 10_000))
        cuts = [*every, *(some_cut(self.recording, model, Random(seed)) for seed in range(200))]
        disks = [rebuild(self.recording, cut) for cut in cuts if issued in (None, cut.issued)]
        return {_bytes_of(disk, name) for disk in disks}


def _bytes_of(disk: Disk, name: bytes) -> bytes | None:
    ino = disk.nodes[TOP].entries.get(name)
    return None if ino is None else bytes(disk.nodes[ino].data)


@pytest.mark.parametrize("model", ["ordered", "strict"])
def test_an_unsynced_write_is_there_or_not_sector_by_sector(model: Model) -> None:
    scene = _Scene()
    scene.store.pwrite(scene.file, b"n" * 1536, 256)
    assert all(data is not None and len(data) == 2048 for data in scene.left(model))
    old, new = b"o" * 512, b"n" * 512
    found = scene.left(model)
    assert b"o" * 2048 in found
    assert b"o" * 256 + b"n" * 1536 + b"o" * 256 in found
    assert all(data is not None and data[512:1024] in (old, new) for data in found)
    assert any(data is not None and data[512:1024] == new and data[1024:1536] == old for data in found), "torn"


@pytest.mark.parametrize("model", ["ordered", "strict"])
def test_a_sector_never_has_the_later_write_without_the_earlier(model: Model) -> None:
    scene = _Scene()
    scene.store.pwrite(scene.file, b"1" * 100, 0)
    scene.store.pwrite(scene.file, b"2" * 100, 200)
    found = {(data or b"")[:300:200] for data in scene.left(model)}
    assert found == {b"oo", b"1o", b"12"}


@pytest.mark.parametrize("model", ["ordered", "strict"])
def test_what_was_synced_is_there(model: Model) -> None:
    scene = _Scene()
    scene.store.pwrite(scene.file, b"n" * 4096, 0)
    scene.store.sync(scene.file, data_only=True)
    assert scene.left(model, issued=2) == {b"n" * 4096}
    scene.store.pwrite(scene.file, b"m" * 10, 0)
    scene.store.sync_all()
    assert scene.left(model, issued=4) == {b"m" * 10 + b"n" * 4086}


@pytest.mark.parametrize("model", ["ordered", "strict"])
def test_a_longer_file_may_have_zeros_in_the_place_of_its_bytes(model: Model) -> None:
    scene = _Scene()
    scene.store.pwrite(scene.file, b"n" * 1024, 2048)
    tails = {(data or b"")[2048:] for data in scene.left(model)}
    assert {b"", b"n" * 1024, bytes(1024), bytes(512) + b"n" * 512} <= tails
    assert {len(tail) for tail in tails} == {0, 1024}


def test_what_a_truncation_freed_is_not_written_to_before_it_is_durable() -> None:
    scene = _Scene()
    scene.store.pwrite(scene.file, b"p" * 8192, 2048)
    scene.store.sync(scene.file)
    scene.store.truncate(scene.file, 1000)
    scene.store.pwrite(scene.file, b"n" * 8192, 2048)
    for data in scene.left("ordered"):
        if data is not None and len(data) == 10240 and b"p" in data[4096:]:
            assert b"n" not in data[4096:]
    ends = {len(data or b"") for data in scene.left("ordered")}
    assert ends == {2048, 10240, 1000}


def test_the_rest_of_a_block_that_is_cut_may_be_zero_before_the_length_is_less() -> None:
    scene = _Scene()
    scene.store.sync(scene.file)
    scene.store.truncate(scene.file, 1000)
    found = scene.left("ordered")
    assert {b"o" * 2048, b"o" * 1000} <= found
    assert b"o" * 1000 + bytes(1048) in found


@pytest.mark.parametrize("model", ["ordered", "strict"])
def test_a_rename_is_atomic_and_may_be_lost_until_the_folder_is_synced(model: Model) -> None:
    scene = _Scene()
    other = scene.make(b"b")
    scene.store.pwrite(other, b"new", 0)
    scene.store.sync(other)
    scene.store.rename(scene.top, b"b", scene.top, b"a")
    done = len(scene.recording.log)
    assert scene.left(model, issued=done) == {b"o" * 2048, b"new"}
    assert scene.left(model, b"b", issued=done) == {b"new", None}
    scene.store.sync(scene.top)
    assert scene.left(model, issued=done + 1) == {b"new"}
    assert scene.left(model, b"b", issued=done + 1) == {None}


def test_in_order_a_later_change_of_names_tells_that_the_earlier_is_there() -> None:
    scene = _Scene()
    for name in (b"b", b"c"):
        scene.make(name)
    states: dict[Model, set[tuple[bool, bool]]] = {"ordered": set(), "strict": set()}
    for model, found in states.items():
        for cut in every_cut(scene.recording, model, Random(1), 1000):
            names = rebuild(scene.recording, cut).nodes[TOP].entries
            found.add((b"b" in names, b"c" in names))
    assert states["ordered"] == {(False, False), (True, False), (True, True)}
    assert states["strict"] == states["ordered"] | {(False, True)}


@pytest.mark.parametrize("model", ["ordered", "strict"])
def test_a_synced_file_has_its_name_and_the_folders_above_it(model: Model) -> None:
    scene = _Scene()
    scene.store.mkdir(scene.top, b"d", 0o700)
    folder = scene.store.open_dir(None, b"d")
    file = scene.store.open(folder, b"f", os.O_RDWR | os.O_CREAT)
    scene.store.sync(file, data_only=True)
    done = len(scene.recording.log)
    for cut in every_cut(scene.recording, model, Random(1), 1000):
        if cut.issued == done:
            disk = rebuild(scene.recording, cut)
            assert b"f" in disk.nodes[disk.nodes[TOP].entries[b"d"]].entries


def test_a_killed_process_leaves_what_it_did_and_pages_of_its_last_write() -> None:
    scene = _Scene()
    scene.store.pwrite(scene.file, b"n" * 9000, 0)
    scene.store.pwrite(scene.file, b"m", 0)
    old, new = b"o" * 2048, b"n" * 9000
    assert scene.left("kill") == {old, new, b"m" + new[1:]}
    assert {new[:4096], new[:8192]} <= scene.left("torn")


def test_a_cut_can_be_built_again_from_its_words() -> None:
    scene = _Scene()
    scene.store.pwrite(scene.file, b"n" * 1024, 0)
    cut = some_cut(scene.recording, "strict", Random(3), 1)
    again: Cut = eval(repr(cut), {"Cut": Cut, "frozenset": frozenset})
    assert again == cut
    assert _bytes_of(rebuild(scene.recording, again), b"a") == _bytes_of(rebuild(scene.recording, cut), b"a")
