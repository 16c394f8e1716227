"""Salvage against chance: whatever is flipped, cut, renamed or removed, what comes out is what was written."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs.paths import Paths
from vault.making import CHUNK, make_vault, opened, recovery_only
from wafs.check import opening
from wafs.check.folders import Folder
from wafs.check.salvage import LOST_FOLDER, Salvage
from wafs.check.salvage_report import Report, ReportFile, What
from wafs.check.salvage_target import Target
from wafs.check.watch import Alone
from wafs.crypto.aead import OVERHEAD
from wafs.format.layout import chunk_offset
from wafs.fs.attrs import SetAttrs
from wafs.fs.vfs import Vfs
from wafs.store.local import LocalStore
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = {
    b"empty": b"",
    b"one": b"1",
    b"folder/several": os.urandom(3 * CHUNK + 7),
    b"folder/deep/inside": b"inside",
    b"folder/" + b"long " * 40: b"a long name",
    b"moved/after birth": os.urandom(CHUNK),
}
FOLDERS = (b"folder", b"folder/deep", b"moved")


@pytest.fixture(scope="module")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vault that nobody changes."""
    path = make_vault(tmp_path_factory.mktemp("salvage") / "vault")
    with Vfs(opened(path)) as vfs:
        paths = Paths(vfs)
        for folder in (b"folder", b"folder/deep", b"born"):
            paths.mkdir(folder)
        paths.rename(b"born", b"moved")
        for name, data in FILES.items():
            paths.write(name, data)
    return path


@pytest.fixture
def vault(specimen: Path, tmp_path: Path) -> Path:
    return _copy(specimen, tmp_path)


def _copy(specimen: Path, folder: Path) -> Path:
    return Path(shutil.copytree(specimen, folder / "vault", symlinks=True))


def salvaged(vault: Path, folder: Path) -> Report:
    """Salvage into a new folder."""
    folder.mkdir()
    store = LocalStore(str(folder))
    top = store.open_dir(None, b".")
    with opening.opened(str(vault), recovery_only) as patient:
        assert patient is not None
        target = Target(store, top, (0, 0))
        work = Salvage(patient, target, Alone())
        try:
            assert work.total_size() >= 0
            work.run()
        finally:
            work.close()
            target.close()
            store.close(top)
            store.shut()
    assert work.report.finished
    return work.report


def contents(folder: Path) -> dict[bytes, bytes]:
    found = {}
    for path in folder.rglob("*"):
        if stat.S_ISREG(path.lstat().st_mode):
            found[os.fsencode(path.relative_to(folder))] = path.read_bytes()
    return found


def _entries(vault: Path) -> list[Path]:
    return sorted((vault / "tree").rglob("*"))


def _harm(vault: Path, dice: random.Random) -> None:
    """Do one thing to the ciphertext tree."""
    path = dice.choice(_entries(vault))
    kind = dice.choice(["flip", "cut", "zero", "rename", "remove", "move", "grow"])
    if kind == "rename":
        path.rename(path.with_name(f"{dice.getrandbits(64):016x}{path.suffix}"))
    elif kind == "move":
        folder = dice.choice([vault / "tree", *(path for path in _entries(vault) if path.is_dir())])
        if not (folder / path.name).exists() and path not in [folder, *folder.parents]:
            path.rename(folder / path.name)
    elif not path.is_dir():
        if kind == "remove":
            path.unlink()
            return
        data = bytearray(path.read_bytes())
        at = dice.randrange(len(data) or 1)
        if kind == "flip" and data:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == "cut":
            del data[at:]
        elif kind == "zero":
            data[at : at + 5000] = bytes(len(data[at : at + 5000]))
        elif kind == "grow":
            data += os.urandom(dice.randrange(9000))
        path.write_bytes(data)


def test_symlinks_of_any_length_are_saved(vault: Path, tmp_path: Path) -> None:
    targets = {b"near": b"folder/several", b"far": b"../" * 1365}
    with Vfs(opened(vault)) as vfs:
        for name, to in targets.items():
            Paths(vfs).symlink(name, to)
    report = salvaged(vault, tmp_path / "out")
    assert (report.symlinks, report.items) == (2, [])
    assert {name: os.readlink(os.fsencode(tmp_path / "out") + b"/" + name) for name in targets} == targets


@given(seed=st.integers(0, 2**32), harms=st.integers(0, 4))
def test_nothing_comes_out_that_was_not_written(
    specimen: Path, tmp_path_factory: pytest.TempPathFactory, seed: int, harms: int
) -> None:
    folder = tmp_path_factory.mktemp("harmed")
    vault = _copy(specimen, folder)
    dice = random.Random(seed)
    for _ in range(harms):
        _harm(vault, dice)
    before = contents(vault)
    report = salvaged(vault, folder / "out")
    assert contents(vault) == before
    gaps = {item.saved_as: item.gaps for item in report.items if item.saved_as is not None}
    unsure = {item.saved_as for item in report.items if item.what is What.DAMAGED}
    found = contents(folder / "out")
    for name, data in found.items():
        mended = bytearray(data)
        for gap in gaps.get(name, ()):
            assert not any(data[gap.start : gap.stop])
        # Whatever is not a gap stands where it stood in the file that was written.
        origins = [FILES[name]] if name in FILES else list(FILES.values())
        for origin in origins:
            mended = bytearray(data)
            for gap in gaps.get(name, ()):
                part = origin[gap.start : gap.stop]
                mended[gap.start : gap.start + len(part)] = part
            if mended[: len(origin)] == origin[: len(mended)] and (len(mended) == len(origin) or name in unsure):
                break
        else:
            pytest.fail(f"{name!r} is nothing that was written")
    if not harms:
        assert found == FILES
        assert report.items == []
    json.loads(report.encode())
    shutil.rmtree(folder)


def test_chunks_of_two_versions_are_told(vault: Path, tmp_path: Path) -> None:
    (path,) = (entry for entry in _entries(vault) if entry.is_file() and entry.stat().st_size > 3 * CHUNK)
    older = path.read_bytes()
    with Vfs(opened(vault)) as vfs, Paths(vfs).held(b"folder/several") as number:
        fh = vfs.files.open(number, os.O_RDWR).fh
        vfs.files.write(fh, CHUNK + 5, memoryview(b"newer"), Scratch())
        vfs.files.release(fh)
    newer = bytearray(path.read_bytes())
    chunk = slice(chunk_offset(1, CHUNK), chunk_offset(1, CHUNK) + CHUNK + OVERHEAD)
    newer[chunk] = older[chunk]
    path.write_bytes(newer)
    report = salvaged(vault, tmp_path / "out")
    (item,) = report.items
    assert (item.what, item.path, item.gaps) == (What.DAMAGED, b"/folder/several", ())
    assert "different versions" in item.problems[0]
    assert contents(tmp_path / "out") == FILES


def test_changes_that_are_still_in_the_journal_come_along(specimen: Path, tmp_path: Path) -> None:
    source = _copy(specimen, tmp_path)
    path = b"folder/several"
    expected = bytearray(FILES[path] + b"more")
    with Vfs(opened(source)) as vfs, Paths(vfs).held(path) as number:
        fh = vfs.files.open(number, os.O_RDWR).fh
        for offset, data in ((CHUNK + 5, b"newer"), (len(FILES[path]), b"more")):
            vfs.files.write(fh, offset, memoryview(data), Scratch())
            expected[offset : offset + len(data)] = data
        # As a process that was killed now leaves it.
        left = _copy(source, tmp_path / "left")
        vfs.files.release(fh)
    assert (left / "wafs.journal").is_file()
    before = contents(left)
    report = salvaged(left, tmp_path / "out")
    assert contents(tmp_path / "out") == {**FILES, path: expected}
    assert report.items == []
    assert contents(left) == before
    journal = bytearray((left / "wafs.journal").read_bytes())
    journal[30] ^= 1
    (left / "wafs.journal").write_bytes(journal)
    report = salvaged(left, tmp_path / "again")
    assert report.is_damaged
    assert contents(tmp_path / "again")[b"one"] == b"1"


@pytest.mark.parametrize("cut", [0, 1, CHUNK, CHUNK + 7, 2 * CHUNK + 1])
def test_cuts_that_are_still_in_the_journal_come_along(specimen: Path, tmp_path: Path, cut: int) -> None:
    source = _copy(specimen, tmp_path)
    path = b"folder/several"
    with Vfs(opened(source)) as vfs, Paths(vfs).held(path) as number:
        fh = vfs.files.open(number, os.O_RDWR).fh
        vfs.attributes.set(number, SetAttrs(size=cut))
        vfs.files.write(fh, 3 * CHUNK, memoryview(b"behind a gap"), Scratch())
        left = _copy(source, tmp_path / "left")
        vfs.files.release(fh)
    expected = FILES[path][:cut].ljust(3 * CHUNK, b"\0") + b"behind a gap"
    report = salvaged(left, tmp_path / "out")
    assert contents(tmp_path / "out") == {**FILES, path: expected}
    assert report.items == []


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    (tmp_path / "out").mkdir()
    store = LocalStore(str(tmp_path / "out"))
    top = store.open_dir(None, b".")
    made = Target(store, top, (0, 0))
    yield made
    made.close()
    store.close(top)
    store.shut()


def _put(target: Target, name: bytes, data: bytes) -> bytes:
    with target.new_file(target.top) as (temporary, handle):
        target.store.pwrite(handle, data, 0)
        return target.place(target.top, temporary, name, b"label")


def test_a_name_is_never_used_twice(target: Target, tmp_path: Path) -> None:
    assert [_put(target, b"a.jpg", bytes([n])) for n in range(4)] == [
        b"a.jpg",
        b"a (2).jpg",
        b"label (2)",
        b"a (3).jpg",
    ]
    longest = b"x" * 251 + b".jpg"
    assert len(_put(target, longest, b"")) == len(_put(target, longest, b"")) == 255
    assert len(contents(tmp_path / "out")) == 6


def test_a_name_that_the_target_does_not_take_becomes_a_label(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, mkdir = LocalStore.rename, LocalStore.mkdir

    def refusing(store: LocalStore, parent: int, name: bytes, new_parent: int, new_name: bytes, flags: int = 0) -> None:
        if b":" in new_name:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        rename(store, parent, name, new_parent, new_name, flags)

    def refusing_folders(store: LocalStore, parent: int, name: bytes, mode: int) -> None:
        if b":" in name:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        mkdir(store, parent, name, mode)

    monkeypatch.setattr(LocalStore, "rename", refusing)
    monkeypatch.setattr(LocalStore, "mkdir", refusing_folders)
    assert _put(target, b"a:b", b"x") == b"label (2)"
    assert target.make_folder(target.top, b"c:d", b"label").entry == b"label (3)"
    assert contents(tmp_path / "out") == {b"label (2)": b"x"}


def test_what_was_not_finished_is_removed(target: Target, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), target.new_file(target.top):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path / "out") == []


def test_folders_are_merged_unless_they_must_be_fresh(target: Target) -> None:
    assert target.make_folder(target.top, b"f").entry == b"f"
    assert target.make_folder(target.top, b"f").entry == b"f"
    fresh = target.make_folder(target.top, b"f", fresh=True)
    assert isinstance(fresh, Folder)
    assert fresh.entry == b"f (2)"
    assert _put(target, LOST_FOLDER, b"") == LOST_FOLDER
    assert target.make_folder(target.top, LOST_FOLDER).entry == LOST_FOLDER + b" (2)"


def test_a_report_is_valid_json_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "report"
    report = Report("vault")
    with ReportFile(os.fsencode(path), report) as file:
        assert not json.loads(path.read_bytes())["finished"]
        assert path.stat().st_size == 64 * 1024
        report.finished = True
        file.write(report)
        assert json.loads(path.read_bytes())["finished"]
        assert path.stat().st_size < 1000
