"""Repair, below the command line: what it does about each kind, and what it leaves alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from check.sick import BREAKS, FILES, Case, chunk_at, in_flight, make_case, patch, reseal
from fs.paths import Paths
from tamper.specimen import sealed_path
from vault.making import CHUNK, opened, recovery_only
from wafs.check.findings import FACTS, Finding, Kind, SealFile
from wafs.check.headers import read_copies
from wafs.check.opening import opened as opened_for_check
from wafs.check.repair import Repaired, plan, repair, seal
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from pathlib import Path

MENDED = {
    Kind.HEADER_MISSING,
    Kind.HEADER_DAMAGED,
    Kind.HEADER_FORGED,
    Kind.JOURNAL_DAMAGED,
    Kind.MISPLACED,
    Kind.LONG_NAME_LEFT,
    Kind.LONG_NAME_FOREIGN,
    Kind.LEFTOVER,
    Kind.FOLDER_RECORD_STALE,
    Kind.UNSEALED,
}
"""What a repair does away with always; a damaged record of a folder, only if the id can be known."""


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return make_case(tmp_path / "vault")


def mend(case: Case, findings: list[Finding]) -> list[Repaired]:
    planned = plan(findings)
    with opened_for_check(str(case.path), recovery_only, read_copies(str(case.path))) as patient:
        assert patient is not None
        done = list(repair(patient, planned, lambda: None))
    if any(isinstance(finding.fix, SealFile) for finding in planned):
        with Vfs(opened(case.path)) as vfs:
            done += seal(vfs, planned, lambda: None)
    return done


def pieces(folder: Path) -> set[str]:
    """What is in a folder, wherever it lies: a hash of each file's bytes."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def contents(case: Case) -> dict[bytes, bytes]:
    with Vfs(opened(case.path, read_only=True)) as vfs:
        return {path: node.content for path, node in Paths(vfs).walk().items() if node.kind == stat.S_IFREG}


def test_a_repair_of_a_whole_vault_does_nothing(case: Case) -> None:
    assert plan(case.check()) == []
    assert mend(case, []) == []


@pytest.mark.parametrize("kind", BREAKS, ids=lambda kind: kind.value)
def test_what_can_be_repaired_is_not_found_again_and_nothing_is_deleted(case: Case, kind: Kind) -> None:
    BREAKS[kind](case)
    before, findings = pieces(case.path), case.check()
    done = mend(case, findings)
    after = case.check()
    assert [item.problem for item in done] == [None] * len(done)
    assert [finding for finding in after if finding.repairable] == []
    if kind in MENDED:
        assert (len(done), after) == (1, [])
    else:
        assert done == []
        assert [(finding.kind, finding.path) for finding in after] == [(item.kind, item.path) for item in findings]
    # A file that is sealed gets a new state, and a stale record is written anew; everything else is still somewhere.
    lost = before - pieces(case.path)
    assert len(lost) == (kind in (Kind.UNSEALED, Kind.FOLDER_RECORD_STALE))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind in MENDED], ids=lambda kind: kind.value)
def test_every_file_reads_after_a_repair_as_before_it(case: Case, kind: Kind) -> None:
    truth = contents(case)
    BREAKS[kind](case)
    mend(case, case.check())
    assert contents(case).items() >= {name: data for name, data in truth.items() if b"long" not in name}.items()
    assert truth.items() >= FILES.items()


def test_what_is_out_of_place_goes_to_a_folder_under_its_own_path(case: Case) -> None:
    (case.path / "tree/x.name").write_bytes(b"nobody's")
    (case.places[b"album"] / "wafs.dir.tmp").write_bytes(b"half a record")
    times = case.places[b"album"].stat().st_mtime_ns
    done = mend(case, case.check())
    (folder,) = case.path.glob("set-aside-*")
    album = case.entry(b"album")
    assert {item.aside for item in done} == {
        os.fsencode(folder.name) + b"/tree/x.name",
        os.fsencode(folder.name) + b"/" + album + b"/wafs.dir.tmp",
    }
    assert (folder / "tree/x.name").read_bytes() == b"nobody's"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert case.places[b"album"].stat().st_mtime_ns == times
    assert b"album" not in b"".join(os.fsencode(path) for path in folder.rglob("*"))
    (case.path / "tree/y.name").write_bytes(b"another")
    mend(case, case.check())
    assert len(list(case.path.glob("set-aside-*"))) == 2


def test_a_damaged_record_is_written_anew_where_the_id_is_known(case: Case) -> None:
    """The folder stands where it was made, so its names open under the id that it had at birth."""
    (case.places[b"album"] / "wafs.dir").write_bytes(b"?" * 48)
    (finding,) = case.check()
    assert (finding.kind, finding.repairable) == (Kind.FOLDER_RECORD_DAMAGED, True)
    assert finding.remedy != FACTS[finding.kind].remedy
    (done,) = mend(case, [finding])
    assert case.check() == []
    assert (case.path / os.fsdecode(done.aside or b"")).read_bytes() == b"?" * 48
    assert contents(case).items() >= FILES.items()


def test_an_empty_folder_with_a_damaged_record_gets_an_id_of_its_own(case: Case) -> None:
    (case.places[b"empty folder"] / "wafs.dir").mkdir()
    assert [finding.kind for finding in case.check()] == [Kind.FOLDER_RECORD_DAMAGED]
    mend(case, case.check())
    assert case.check() == []
    with Vfs(opened(case.path)) as vfs:
        Paths(vfs).write(b"empty folder/new", b"new")
    assert case.check() == []


def test_a_folder_that_was_moved_and_lost_its_record_gets_its_id_back(case: Case) -> None:
    """It has the id of the place where it was made, and its name still tells which one that was."""
    with Vfs(opened(case.path)) as vfs:
        paths = Paths(vfs)
        paths.rename(b"album/deep", b"deep")
        with paths.held(b"deep") as number:
            record = sealed_path(paths, case.path, number) / "wafs.dir"
    inside = {path: data for path, data in contents(case).items() if path.startswith(b"deep/")}
    for is_gone in (False, True):
        if is_gone:
            record.unlink()
        else:
            patch(record, 20)
        (finding,) = case.check()
        assert (finding.path, finding.repairable) == (b"/deep", True)
        assert [item.problem for item in mend(case, [finding])] == [None]
        assert case.check() == []
        assert {path: data for path, data in contents(case).items() if path.startswith(b"deep/")} == inside
    assert inside


def test_a_copy_of_a_folder_does_not_get_the_id_of_the_first(case: Case) -> None:
    shutil.copytree(case.places[b"album/deep"], case.places[b"empty folder"] / case.places[b"album/deep"].name)
    findings = case.check()
    assert [(finding.kind, finding.repairable) for finding in findings] == [(Kind.NAME_DAMAGED, False)]
    assert mend(case, findings) == []


def test_what_was_moved_goes_back_unless_something_is_there_by_then(case: Case) -> None:
    album, truth = case.places[b"album"], contents(case)
    album.rename(case.places[b"empty folder"] / album.name)
    (finding,) = case.check()
    assert (finding.kind, finding.path) == (Kind.MISPLACED, b"/album")
    album.mkdir()
    assert [item.problem for item in mend(case, [finding])] == ["File exists"]
    album.rmdir()
    assert [item.problem for item in mend(case, [finding])] == [None]
    assert case.check() == []
    assert contents(case) == truth


def test_a_record_that_cannot_be_known_is_left_alone(case: Case) -> None:
    patch(case.places[b"moved"] / "wafs.dir", 20)
    findings = case.check()
    assert [finding.repairable for finding in findings] == [False]
    assert "1 entries" in findings[0].message


def test_sealing_keeps_the_time_and_what_is_there(case: Case) -> None:
    place = case.places[b"photo"]
    reseal(case, b"photo", lambda state: in_flight(state)._replace(size=CHUNK))
    patch(place, chunk_at(6) + 40)
    os.utime(place, ns=(1, 123_456_789))
    mend(case, case.check())
    assert case.check() == []
    assert place.stat().st_mtime_ns == 123_456_789
    assert contents(case)[b"photo"] == FILES[b"photo"][: 6 * CHUNK]


def test_what_fails_is_told_and_the_rest_is_done(case: Case) -> None:
    """Between check and repair somebody removed one of the two, and changed the password."""
    for name in ("x.name", "y.name"):
        (case.path / "tree" / name).write_bytes(name.encode())
    (case.path / "wafs.vault.copy").unlink()
    findings = case.check()
    (case.path / "tree/x.name").unlink()
    patch(case.path / "wafs.vault", 3)
    with opened_for_check(str(case.path), lambda _type: None) as patient:
        assert patient is None
    patch(case.path / "wafs.vault", 3)
    done = {item.finding.entry: item.problem for item in mend(case, findings)}
    assert done == {b"tree/x.name": "No such file or directory", b"tree/y.name": None, b"wafs.vault.copy": None}


def test_a_header_that_changed_since_the_check_is_not_undone(case: Case) -> None:
    (case.path / "wafs.vault.copy").unlink()
    findings = case.check()
    BREAKS[Kind.SLOT_UNKNOWN](case)
    (case.path / "wafs.vault.copy").unlink()
    (item,) = mend(case, findings)
    assert item.problem == "the vault header was changed meanwhile"
    assert not (case.path / "wafs.vault.copy").exists()


def test_an_interrupt_stops_between_two_repairs(case: Case) -> None:
    for name in ("x.name", "y.name"):
        (case.path / "tree" / name).write_bytes(b"")
    asked = 0

    def check_interrupt() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            msg = "stop"
            raise KeyboardInterrupt(msg)

    planned = plan(case.check())
    done: list[Repaired] = []
    with opened_for_check(str(case.path), recovery_only) as patient:
        assert patient is not None
        with pytest.raises(KeyboardInterrupt, match=r"^stop$"):
            done.extend(repair(patient, planned, check_interrupt))
    assert len(done) == 1
    assert [finding.entry for finding in case.check()] == [b"tree/y.name"]
