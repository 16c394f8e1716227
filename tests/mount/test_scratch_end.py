"""At the end of a scratch mount it is told what was changed, kept what was wanted, and nothing else is left."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from fs.paths import Paths
from fs.scratches import ciphertext_of
from mount.daemon import WAIT_S
from wafs.vault.lock import VaultLock

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench

pytestmark = pytest.mark.mount


@pytest.fixture
def vault(bench: Bench) -> Path:
    """A vault with some files."""
    path = bench.vault()
    with bench.vfs(path, read_only=False) as vfs:
        paths = Paths(vfs)
        paths.mkdir(b"folder")
        paths.write(b"folder/secret name", b"1" * 50_000)
        paths.write(b"other", b"other")
        paths.write(b"gone", b"gone")
    return path


def mount(bench: Bench, vault: Path, *options: str | Path) -> Path:
    """Mount with a scratch in the background."""
    place = bench.folder / "mnt"
    place.mkdir(exist_ok=True)
    words = ("--scratch", "--scratch-dir", bench.folder, "--password-file", bench.password_file)
    started = bench.wafs("mount", vault, place, *words, "--log-file", bench.folder / "log", *options)
    assert started.code == 0, started.text
    return place


def change(place: Path) -> None:
    with (place / "folder/secret name").open("r+b") as file:
        file.write(b"changed")
    (place / "folder").rename(place / "moved")
    (place / "gone").unlink()
    (place / "new").mkdir()
    (place / "new/file").write_bytes(b"new" * 1000)
    (place / "temporary").write_bytes(b"temporary")
    (place / "temporary").unlink()


def scratches(bench: Bench) -> list[Path]:
    return list(bench.folder.glob("wafs-scratch-*"))


def test_umount_tells_what_was_changed(bench: Bench, vault: Path) -> None:
    before = ciphertext_of(vault)
    place = mount(bench, vault)
    status = json.loads(os.getxattr(place, "user.wafs.status"))
    assert status["scratch"] is True
    assert [name for name in scratches(bench) if name.stat().st_mode & 0o077] == []
    change(place)
    ended = bench.wafs("umount", "--json", place)
    assert ended.code == 0, ended.text
    report = json.loads(ended.text)
    told = [(one["kind"], one["type"], one["path"], one["bytes"], one.get("old_path")) for one in report["changes"]]
    written = told[2][3]
    assert 16_384 <= written <= 16_800
    assert told == [
        ("deleted", "file", "/gone", 4, None),
        ("moved", "folder", "/moved", 0, "/folder"),
        ("changed", "file", "/moved/secret name", written, None),
        ("created", "folder", "/new", 0, None),
        ("created", "file", "/new/file", 3000, None),
    ]
    assert report["counts"]["created"] == {"files": 1, "folders": 1, "bytes": 3000}
    assert report["kept"] == []
    assert ciphertext_of(vault) == before
    assert scratches(bench) == []
    log = (bench.folder / "log").read_text()
    assert "created 1 file and 1 folder" in log
    assert "secret" not in log


def test_what_was_written_is_kept(bench: Bench, vault: Path) -> None:
    before = ciphertext_of(vault)
    place = mount(bench, vault, "--keep", bench.folder / "out", "--keep-in", "/results/today")
    change(place)
    ended = bench.wafs("umount", place)
    assert ended.code == 0, ended.text
    assert "kept in /results/today of the vault: 2 files" in ended.text
    out = bench.folder / "out"
    secret = b"changed" + b"1" * 49_993
    assert (out / "moved/secret name").read_bytes() == secret
    assert (out / "new/file").read_bytes() == b"new" * 1000
    assert sorted(os.listdir(out)) == ["moved", "new"]
    with bench.vfs(vault) as vfs:
        paths = Paths(vfs)
        assert paths.read(b"results/today/moved/secret name") == secret
        assert paths.read(b"results/today/new/file") == b"new" * 1000
        assert paths.read(b"folder/secret name") == b"1" * 50_000
        assert paths.names() == [b"folder", b"gone", b"other", b"results"]
    after = ciphertext_of(vault)
    assert {name: after[name] for name in before if "tree/" in name} == {
        name: facts for name, facts in before.items() if "tree/" in name
    }
    assert scratches(bench) == []


def test_what_cannot_be_kept_is_told(bench: Bench, vault: Path) -> None:
    place = mount(bench, vault, "--keep", bench.folder / "out", "--keep-in", "/")
    (place / "new").write_bytes(b"new")
    (place / "other").write_bytes(b"other version")
    (bench.folder / "out/new").write_bytes(b"of somebody else")
    lock = VaultLock(str(vault), shared=True)
    ended = bench.wafs("umount", place)
    lock.release()
    assert ended.code == 1, ended.text
    assert "is there already, and is not replaced" in ended.text
    assert "in use by a scratch mount" in ended.text
    assert (bench.folder / "out/new").read_bytes() == b"of somebody else"
    assert (bench.folder / "out/other").read_bytes() == b"other version"
    with bench.vfs(vault) as vfs:
        assert Paths(vfs).names() == [b"folder", b"gone", b"other"]


def test_several_scratches_and_no_writer(bench: Bench, vault: Path) -> None:
    one, two = (bench.mount(vault, "--scratch", at=name) for name in ("one", "two"))
    reader = bench.mount(vault, "--read-only", at="reader")
    (bench.folder / "place").mkdir()
    writer = bench.refused(vault, bench.folder / "place")
    assert writer.code == 6
    assert "in use by a scratch mount" in writer.text
    (one.place / "other").write_text("one")
    (two.place / "other").write_text("two")
    assert [(mounted.place / "other").read_text() for mounted in (one, two, reader)] == ["one", "two", "other"]
    for mounted in (one, two, reader):
        mounted.unmount()
    writing = bench.mount(vault, at="one")
    refused = bench.refused(vault, bench.folder / "place", "--scratch")
    assert refused.code == 6
    assert "another process that writes to it" in refused.text
    writing.unmount()


def test_a_folder_goes_with_its_mount_however_that_ends(bench: Bench, vault: Path) -> None:
    options = ("--scratch", "--scratch-dir", str(bench.folder))
    told = bench.mount(vault, *options)
    (told.place / "new").write_text("new")
    assert told.signal(signal.SIGTERM) == 0
    assert "created 1 file" in told.text()
    assert scratches(bench) == []

    killed = bench.mount(vault, *options, at=told.place)
    (killed.place / "new").write_text("new")
    killed.kill()
    (left,) = scratches(bench)
    # One of somebody else, or that is in use, is left alone.
    other = bench.folder / "wafs-scratch-other"
    other.mkdir(mode=0o755)
    again = bench.mount(vault, *options, at=told.place)
    assert not left.exists()
    assert other.exists()
    assert sorted(os.listdir(again.place)) == ["folder", "gone", "other"]
    again.unmount()


def test_a_vault_that_was_not_closed_is_made_whole_in_the_scratch_only(bench: Bench, vault: Path) -> None:
    writer = bench.mount(vault, at="writer")
    with (writer.place / "folder/secret name").open("r+b") as file:
        file.seek(20_000)
        file.write(b"not in its place yet")
    (writer.place / "fresh").write_text("fresh")
    writer.kill()
    before = ciphertext_of(vault)
    assert any("wafs.journal" in name for name in before)
    scratch = bench.mount(vault, "--scratch")
    scratch.tolerate("was not closed|journal|recover|in flight|brought")
    assert (scratch.place / "folder/secret name").read_bytes()[20_000:20_020] == b"not in its place yet"
    assert (scratch.place / "fresh").read_text() == "fresh"
    (scratch.place / "fresh").write_text("changed")
    told = json.loads(bench.wafs("umount", "--json", scratch.place).text)
    assert [(one["kind"], one["path"]) for one in told["changes"]] == [("changed", "/fresh")]
    scratch.process.wait(WAIT_S)
    assert ciphertext_of(vault) == before


@pytest.mark.parametrize(("path", "words"), [("/other/place", "not a folder"), ("/folder/../x", "goes up")])
def test_a_place_in_the_vault_that_cannot_be_is_refused(bench: Bench, vault: Path, path: str, words: str) -> None:
    (bench.folder / "mnt").mkdir()
    options = ("--scratch", "--scratch-dir", bench.folder, "--log-file", bench.folder / "log", "--keep-in", path)
    found = bench.wafs("mount", vault, bench.folder / "mnt", "--password-file", bench.password_file, *options)
    assert found.code == 2
    assert words in found.text
    assert path.split("/")[1] not in (bench.folder / "log").read_text()
    assert scratches(bench) == []
