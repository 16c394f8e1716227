"""Pieces of a vault cut off, put elsewhere, replaced or added: an error or a report, never another truth."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from fs.paths import Paths
from tamper.specimen import CLEAR, FILES, FLYING, LONG, SPARSE, Specimen, check, look
from vault.making import CHUNK, make_vault, opened
from wafs.errors import AuthenticationError, TruncatedError
from wafs.format.layout import chunk_offset
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from log_police import ExpectLog

SEALED = CHUNK + 28
SLOTS = (slice(96, 176), slice(176, 256))


def _chunk(number: int) -> slice:
    return slice(chunk_offset(number, CHUNK), chunk_offset(number + 1, CHUNK))


def _outcome(specimen: Specimen, name: bytes, sealed: bytes) -> str:
    """Put other bytes in the place of a file; the error that reading it gives, or `intact`."""
    place = specimen.places[name]
    place.write_bytes(sealed)
    with Vfs(opened(specimen.path, read_only=True)) as vfs:
        try:
            found = Paths(vfs).node(name)
        except CLEAR as error:
            return type(error).__name__
    assert found == specimen.truth[name]
    return "intact"


@pytest.mark.parametrize("name", [b"several", SPARSE, b"chunk"])
def test_truncation_at_every_edge_is_found(specimen: Specimen, name: bytes) -> None:
    sealed = specimen.places[name].read_bytes()
    edges = {256, 96, 176, 0} | set(range(256, len(sealed), SEALED))
    for edge in sorted(edges):
        for size in {max(edge - 1, 0), edge, edge + 1, edge + 28, edge + 29}:
            if size < len(sealed):
                assert _outcome(specimen, name, sealed[:size]) == "TruncatedError", size


@pytest.mark.parametrize("name", [b"one", b"empty", b"folder/deep/inside"])
def test_truncation_of_a_small_file_at_every_length_is_found(specimen: Specimen, name: bytes) -> None:
    sealed = specimen.places[name].read_bytes()
    for size in range(len(sealed)):
        assert _outcome(specimen, name, sealed[:size]) == "TruncatedError", size
    assert _outcome(specimen, name, sealed) == "intact"


def test_a_file_in_flight_is_never_shorter_than_what_was_sealed(specimen: Specimen) -> None:
    place = specimen.places[FLYING]
    sealed = place.read_bytes()
    for size in range(256, len(sealed), 101):
        place.write_bytes(sealed[:size])
        with Vfs(opened(specimen.path, read_only=True)) as vfs:
            try:
                plain = Paths(vfs).read(FLYING)
            except TruncatedError:
                assert size < chunk_offset(2, CHUNK)
            except AuthenticationError:
                assert size > chunk_offset(1, CHUNK)
            else:
                assert plain == specimen.truth[FLYING].content[: len(plain)]
                assert len(plain) >= 5400


def test_an_old_tail_behind_a_shorter_file_is_found(specimen: Specimen) -> None:
    old = specimen.places[b"several"].read_bytes()
    with Vfs(opened(specimen.path)) as vfs:
        paths = Paths(vfs)
        with paths.held(b"several") as number:
            fh = vfs.files.open(number, os.O_RDWR).fh
            vfs.files.content_of(fh).truncate(CHUNK, paths.scratch)
            vfs.files.release(fh)
    short = specimen.places[b"several"].read_bytes()
    wanted = specimen.truth[b"several"]
    specimen.truth[b"several"] = wanted._replace(content=wanted.content[:CHUNK])
    try:
        assert _outcome(specimen, b"several", short) == "intact"
        assert _outcome(specimen, b"several", short + old[len(short) :]) == "TruncatedError"
        assert _outcome(specimen, b"several", short + bytes(1)) == "TruncatedError"
        assert _outcome(specimen, b"several", short + bytes(SEALED)) == "TruncatedError"
    finally:
        specimen.truth[b"several"] = wanted


FORGERIES: dict[str, tuple[Callable[[bytes, bytes], bytes], str]] = {
    "chunks-swapped": (lambda own, _: own[:256] + own[_chunk(1)] + own[_chunk(0)] + own[_chunk(1).stop :], "auth"),
    "chunk-twice": (lambda own, _: own[:256] + own[_chunk(0)] * 2 + own[_chunk(1).stop :], "auth"),
    "chunk-of-another": (lambda own, other: own[:256] + other[_chunk(0)] + own[_chunk(0).stop :], "auth"),
    "chunk-of-zeros": (lambda own, _: own[: _chunk(1).start] + bytes(SEALED) + own[_chunk(1).stop :], "auth"),
    "all-zeros": (lambda own, _: own[:256] + bytes(len(own) - 256), "auth"),
    "header-of-another": (lambda own, other: other[:256] + own[256:], "truncated"),
    "header-of-zeros": (lambda own, _: bytes(256) + own[256:], "malformed"),
    "record-of-another": (lambda own, other: other[:96] + own[96:], "auth"),
    "states-swapped": (lambda own, _: own[:96] + own[SLOTS[1]] + own[SLOTS[0]] + own[256:], "auth"),
    "state-twice": (lambda own, _: own[:96] + own[SLOTS[0]] * 2 + own[256:], "auth"),
    "states-of-another": (lambda own, other: own[:96] + other[96:256] + own[256:], "auth"),
    "states-of-zeros": (lambda own, _: own[:96] + bytes(160) + own[256:], "auth"),
    "nothing": (lambda _, __: b"", "truncated"),
    "noise": (lambda own, _: b"\x55" * len(own), "malformed"),
}
ERRORS = {"auth": "AuthenticationError", "truncated": "TruncatedError", "malformed": "MalformedError"}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_pieces_do_not_fit_elsewhere(specimen: Specimen, forgery: str) -> None:
    forge, expected = FORGERIES[forgery]
    own, other = (specimen.places[name].read_bytes() for name in (b"several", b"chunk"))
    assert _outcome(specimen, b"several", forge(own, other)) == ERRORS[expected]
    assert _outcome(specimen, b"several", own) == "intact"


def test_an_older_state_slot_gives_an_error_or_a_file_as_it_once_was(specimen: Specimen) -> None:
    """Going back to an earlier file is not found by the file alone; a mixture that never was must not open."""
    place = specimen.places[b"one"]
    old = place.read_bytes()
    with Vfs(opened(specimen.path)) as vfs:
        paths = Paths(vfs)
        with paths.held(b"one") as number:
            fh = vfs.files.open(number, os.O_RDWR).fh
            vfs.files.write(fh, 1, memoryview(b"2"), paths.scratch)
            vfs.files.release(fh)
    new = place.read_bytes()
    seen = set()
    for slot in SLOTS:
        for base, other in ((new, old), (old, new)):
            place.write_bytes(base[: slot.start] + other[slot] + base[slot.stop :])
            with Vfs(opened(specimen.path, read_only=True)) as vfs:
                try:
                    seen.add(Paths(vfs).read(b"one"))
                except CLEAR as error:
                    seen.add(type(error).__name__.encode())
    assert seen <= {b"12", b"1", b"AuthenticationError", b"MalformedError", b"TruncatedError"}
    assert b"MalformedError" in seen


def test_whole_files_in_each_other_s_place_are_found_by_their_owner_only_where_the_format_says_so(
    specimen: Specimen, reports: ExpectLog
) -> None:
    """A file is not bound to its name: renaming must not touch it. The threat model says so."""
    one, several = specimen.places[b"one"], specimen.places[b"several"]
    held = one.read_bytes()
    one.write_bytes(several.read_bytes())
    several.write_bytes(held)
    found = look(specimen.path)
    assert (found[b"one"].content, found[b"several"].content) == (FILES[b"several"], FILES[b"one"])
    assert reports.records


@pytest.mark.parametrize("name", [b"folder", b"folder/deep", b"renamed"])
@pytest.mark.parametrize("target", ["", "elsewhere", "another-name"])
def test_a_folder_put_elsewhere_shows_nothing_of_itself(
    specimen: Specimen, reports: ExpectLog, name: bytes, target: str
) -> None:
    place = specimen.places[name]
    if target == "elsewhere":
        place.rename(specimen.places[b"renamed" if name != b"renamed" else b"folder"] / place.name)
    elif target == "another-name":
        # In the place of another folder, under its name.
        other = specimen.places[b"renamed" if name != b"renamed" else b"folder"]
        shutil.rmtree(other)
        place.rename(other)
    else:
        shutil.rmtree(place)
        found = look(specimen.path)
        assert found == {
            path: node for path, node in specimen.truth.items() if not f"{path!r}"[2:].startswith(name.decode())
        }
        return
    assert check(specimen, reports) in ("foreign", "AuthenticationError")


def test_files_put_into_another_folder_are_foreign(specimen: Specimen, reports: ExpectLog) -> None:
    for name in (b"one", b"chunk"):
        place = specimen.places[name]
        place.rename(specimen.places[b"folder"] / place.name)
    assert check(specimen, reports) == "foreign"


@pytest.mark.parametrize("how", ["swapped", "copied", "missing", "alone", "empty", "of-a-short-name"])
def test_name_files_fit_their_entry_only(specimen: Specimen, reports: ExpectLog, how: str) -> None:
    with Vfs(opened(specimen.path)) as vfs:
        Paths(vfs).write(b"folder/" + b"2" * 200, b"another long name")
    first, second = sorted(specimen.places[b"folder"].glob("*.name"))
    if how == "swapped":
        held = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(held)
    elif how == "copied":
        second.write_bytes(first.read_bytes())
    elif how == "missing":
        first.unlink()
        second.unlink()
    elif how == "alone":
        for name_file in (first, second):
            name_file.with_suffix(".wafl").unlink()
            name_file.write_bytes(name_file.read_bytes() + b"!")
    elif how == "empty":
        first.write_bytes(b"")
        second.write_bytes(b"")
    else:
        first.write_bytes(bytes(32))
    specimen.truth[b"folder/" + b"2" * 200] = specimen.truth[b"one"]._replace(content=b"another long name", xattrs=())
    try:
        assert check(specimen, reports) == "foreign"
    finally:
        del specimen.truth[b"folder/" + b"2" * 200]


@pytest.mark.parametrize(
    "entry",
    ["desktop.ini", ".DS_Store", "copy of {}", "{} (1)", "{}.tmp", "{}~", "AAAA.wafs", "x.wafl", "x.name", "=.wafs"],
)
def test_foreign_files_are_reported_and_never_shown(specimen: Specimen, reports: ExpectLog, entry: str) -> None:
    for place in (specimen.path / "tree", specimen.places[b"folder"]):
        (place / entry.format(specimen.places[b"one"].name)).write_bytes(specimen.places[b"one"].read_bytes())
    before = len(reports.records)
    assert look(specimen.path) == specimen.truth
    assert [record.levelname for record in reports.records[before:]] == ["WARNING"] * 2


KINDS = ["folder", "symlink", "symlink-to-a-file", "fifo", "socket", "missing"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [b"one", b"folder/" + LONG, b"link", b"folder/deep"])
def test_an_entry_of_another_type_is_that_type_and_never_bytes(
    specimen: Specimen, reports: ExpectLog, name: bytes, kind: str
) -> None:
    place = specimen.places[name]
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    _plant(place, kind, specimen.places[b"several"])
    try:
        found = look(specimen.path)
    except CLEAR:
        return
    finally:
        assert reports.records
    node = found.pop(name, None)
    assert node is None or (node.content == b"" and not stat.S_ISREG(node.kind))
    assert all(specimen.truth[path] == other for path, other in found.items())


def _plant(place: Path, kind: str, file: Path) -> None:
    match kind:
        case "folder":
            place.mkdir()
        case "symlink":
            place.symlink_to("/etc/passwd")
        case "symlink-to-a-file":
            place.symlink_to(file)
        case "fifo":
            os.mkfifo(place)
        case "socket":
            os.mknod(place, stat.S_IFSOCK | 0o600)


@pytest.mark.parametrize("kind", ["fifo", "socket", "symlink-to-a-file", "folder"])
def test_a_file_whose_type_changes_while_it_is_known_does_not_hang(specimen: Specimen, kind: str) -> None:
    with Vfs(opened(specimen.path)) as vfs:
        paths = Paths(vfs)
        with paths.held(b"one") as number:
            place = specimen.places[b"one"]
            place.unlink()
            _plant(place, kind, specimen.places[b"several"])
            for flags in (os.O_RDONLY, os.O_RDWR):
                with pytest.raises(CLEAR):
                    vfs.files.open(number, flags)


@pytest.mark.parametrize("kind", ["symlink", "fifo", "missing"])
def test_a_tree_that_is_no_folder_is_an_error(specimen: Specimen, reports: ExpectLog, kind: str) -> None:
    tree = specimen.path / "tree"
    tree.rename(specimen.path / "elsewhere")
    _plant(tree, kind, specimen.path / "elsewhere")
    assert check(specimen, reports) not in ("intact", "foreign")


def test_a_tree_of_another_vault_shows_nothing(specimen: Specimen, reports: ExpectLog, tmp_path: Path) -> None:
    other = make_vault(tmp_path / "other")
    shutil.rmtree(other / "tree")
    shutil.copytree(specimen.path / "tree", other / "tree", symlinks=True)
    before = len(reports.records)
    with Vfs(opened(other, read_only=True)) as vfs, pytest.raises(AuthenticationError):
        # The root was moved from, so it has a record.
        Paths(vfs).names()
    (other / "tree/wafs.dir").unlink()
    assert look(other) == {}
    assert len(reports.records) == before + 1


def test_the_header_of_another_vault_opens_nothing(specimen: Specimen, reports: ExpectLog, tmp_path: Path) -> None:
    other = make_vault(tmp_path / "other")
    for name in ("wafs.vault", "wafs.vault.copy"):
        shutil.copy(other / name, specimen.path / name)
    assert check(specimen, reports) == "AuthenticationError"
