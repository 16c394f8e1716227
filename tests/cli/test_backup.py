"""`wafs backup`: only what is new or changed, each file whole or not at all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from cli.backups import PLAN, backed_up, counts, restored
from cli.commands import Wafs
from cli.local_tree import facts_of
from sample_backup.ios import write_ios
from wafs.whatsapp.layout import Category


def test_an_android_backup_comes_back_as_it_was(vault: Wafs, phone: Path, place: Path) -> None:
    (phone / "link").symlink_to("msgstore.db")
    os.utime(phone / "link", ns=(5, 7), follow_symlinks=False)
    (phone / ("x" * 255)).write_text("a name of 255 bytes")
    (phone / os.fsdecode(b"\xff\xfe")).write_text("not UTF-8")
    (phone / "empty").mkdir(mode=0o750)
    files = sum(not path.is_dir() for path in phone.rglob("*"))
    first = vault.do("backup", "phone", "v:/phone")
    assert "phone is an Android backup" in first.err
    assert first.lines()[-1].split()[:2] == ["all", str(files)]
    assert restored(vault, place, "/phone/.") == facts_of(phone)
    found = backed_up(vault, "phone", "v:/phone")
    assert (found["files"], found["unchanged"], found["new"], found["changed"]) == (files, files, 0, 0)


def test_categories_are_counted(vault: Wafs, phone: Path) -> None:
    found = counts(vault, "phone", "v")
    assert found["databases"]["files"] == 2
    assert found["images"]["new"] > found["video"]["new"] > 0
    assert sum(facts["bytes"] for name, facts in found.items() if name != "all") == found["all"]["bytes"]
    size = sum(path.stat().st_size for path in phone.rglob("*") if path.is_file())
    assert found["all"]["bytes"] == size


def test_an_ios_backup_is_told_by_its_manifest(vault: Wafs, place: Path) -> None:
    write_ios(PLAN, place / "ios")
    assert "ios is an iOS backup" in vault.do("backup", "--dry-run", "ios", "v").err
    found = counts(vault, "ios", "v:/ios")
    assert found["databases"]["files"] == 3
    assert found["images"]["files"] > found["documents"]["files"] > 0
    assert restored(vault, place, "/ios/.") == facts_of(place / "ios")
    assert list(counts(vault, "--only", "images", "ios", "v:/some"))[:2] == ["databases", "images"]
    assert vault.names("/some") != []
    assert backed_up(vault, "--only", "images", "ios", "v:/some")["unchanged"] == found["images"]["files"]


def test_an_encrypted_ios_backup_is_copied_as_it_is(vault: Wafs, place: Path) -> None:
    write_ios(PLAN, place / "ios")
    (place / "ios/Manifest.db").write_bytes(os.urandom(4096))
    assert "manifest of this iOS backup cannot be read" in vault.do("backup", "ios", "v").err
    (place / "ios/Manifest.plist").write_bytes(b"<plist><dict><key>IsEncrypted</key><true/></dict></plist>")
    result = vault.do("backup", "ios", "v")
    assert "this iOS backup is encrypted" in result.err
    assert restored(vault, place) == facts_of(place / "ios")


def test_a_manifest_that_never_ends_or_has_another_name_is_none(vault: Wafs, place: Path) -> None:
    (place / "ios").mkdir()
    (place / "ios/Info.plist").write_text("x")
    with closing(sqlite3.connect("ios/Manifest.db")) as db:
        db.execute(
            "CREATE VIEW Files AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
            " SELECT n AS fileID, n AS domain, n AS relativePath, n > 0 AS flags FROM r"
        )
    assert "manifest of this iOS backup cannot be read" in vault.do("backup", "ios", "v").err
    assert "manifest of this iOS backup cannot be read" in vault.do("restore", "v", "out").err
    os.rename("ios/Manifest.db", "ios/MANIFEST.DB")
    assert "manifest of this iOS backup cannot be read" in vault.do("backup", "ios", "v:/other").err


def test_whatsapp_business_and_plain_folders(vault: Wafs, phone: Path, place: Path) -> None:
    deep = place / "sd/Android/media/com.whatsapp.w4b"
    deep.mkdir(parents=True)
    (phone / "WhatsApp").rename(deep / "WhatsApp Business")
    media = deep / "WhatsApp Business/Media"
    (media / "WhatsApp Images").rename(media / "WhatsApp Business Images")
    assert "sd is an Android backup" in vault.do("backup", "--dry-run", "sd", "v").err
    assert counts(vault, "sd", "v:/sd")["images"]["new"] > 1
    (place / "notes").mkdir()
    (place / "notes/a.jpg").write_text("x")
    assert "notes is a plain folder" in vault.do("backup", "notes", "v:/notes").err
    assert vault.names("/notes") == ["a.jpg"]


def test_only_what_was_touched_is_copied(vault: Wafs, phone: Path, place: Path) -> None:
    vault.do("backup", "phone", "v")
    image = next((phone / "WhatsApp/Media/WhatsApp Images").glob("*.jpg"))
    image.write_bytes(b"another picture")
    os.utime(phone / "wa.db", ns=(1, os.stat("phone/wa.db").st_mtime_ns + 1))
    os.chmod(phone / "msgstore.db", 0o640)
    (phone / "new").write_text("new")
    found = counts(vault, "phone", "v")
    assert (found["all"]["changed"], found["all"]["new"]) == (2, 1)
    assert (found["images"]["changed"], found["databases"]["changed"]) == (1, 1)
    assert restored(vault, place) == facts_of(phone)


def test_a_storage_that_keeps_times_in_coarse_steps(vault: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    (place / "src/a").write_text("a")
    os.utime("src/a", ns=(0, 1_600_000_000_123_456_789))
    for kept in (1_600_000_000_000_000_000, 1_600_000_000_123_456_700):
        vault.do("backup", "src", "v")
        (sealed,) = (place / "v/tree").iterdir()
        for entry in [sealed, *(place / "v").iterdir(), place / "v"]:
            os.utime(entry, ns=(0, kept))
        assert backed_up(vault, "--dry-run", "src", "v")["unchanged"] == 1
        os.utime(place / "v/wafs.vault", ns=(0, kept + 1))
        assert backed_up(vault, "--dry-run", "src", "v")["changed"] == 1


def test_what_is_missing_in_the_source_stays_in_the_vault(vault: Wafs, phone: Path) -> None:
    vault.do("backup", "phone", "v")
    before = vault.names()
    subprocess.run(["rm", "-r", "phone/WhatsApp"], check=True)
    vault.do("backup", "phone", "v")
    assert vault.names() == before


def test_checksum_sees_what_size_and_time_do_not_show(vault: Wafs, phone: Path, place: Path) -> None:
    vault.do("backup", "phone", "v")
    before = os.stat("phone/wa.db").st_mtime_ns
    data = bytearray((phone / "wa.db").read_bytes())
    data[-1] ^= 1
    (phone / "wa.db").write_bytes(data)
    os.utime("phone/wa.db", ns=(before, before))
    os.utime("phone/msgstore.db", ns=(7, 7))
    assert backed_up(vault, "--dry-run", "phone", "v")["changed"] == 1
    found = backed_up(vault, "--checksum", "phone", "v")
    assert (found["changed"], found["new"]) == (1, 0)
    assert restored(vault, place) == facts_of(phone)


def test_checksum_replaces_a_damaged_copy(vault: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    (place / "src/a").write_bytes(os.urandom(20_000))
    vault.do("backup", "src", "v")
    (path,) = (path for path in (place / "v/tree").rglob("*") if path.is_file() and path.stat().st_size > 20_000)
    attrs = path.stat()
    with path.open("r+b") as file:
        file.seek(300)
        file.write(b"damage")
    os.utime(path, ns=(attrs.st_atime_ns, attrs.st_mtime_ns))
    assert backed_up(vault, "src", "v")["unchanged"] == 1
    assert backed_up(vault, "--checksum", "src", "v")["changed"] == 1
    assert vault.cat("a") == (place / "src/a").read_bytes()


def test_a_dry_run_changes_nothing(vault: Wafs, phone: Path, place: Path) -> None:
    vault.do("put", "v", "pw", "/")
    before = facts_of(place / "v")
    found = backed_up(vault, "--dry-run", "phone", "v:/deep/down")
    assert found["new"] == found["files"] > 20
    assert "nothing was changed" in vault.do("backup", "--dry-run", "--snapshot", "phone", "v").err
    assert facts_of(place / "v") == before


def test_what_is_left_out(vault: Wafs, phone: Path) -> None:
    found = counts(vault, "--no-videos", "phone", "v:/a")
    assert (found["video"]["files"], found["video"]["skipped"] > 0) == (0, True)
    assert not any("WhatsApp Video" in name for name in vault.names("/a"))
    found = counts(vault, "--only", "images", "--only", "databases", "--exclude", "databases", "phone", "v:/b")
    assert {name for name, facts in found.items() if facts["files"]} == {"images", "all"}
    vault.do("backup", "--include-glob", "*.db", "phone", "v:/c")
    assert vault.names("/c") == ["msgstore.db", "wa.db"]
    vault.do("backup", "--exclude-glob", "WhatsApp/Media", "phone", "v:/d")
    assert [name for name in vault.names("/d") if "Media" in name] == []
    assert vault.unlocked("backup", "--only", "memes", "phone", "v").code == 2


def test_the_help_names_every_category(wafs: Wafs) -> None:
    shown = "".join(wafs.ok("backup", "--help").out.decode().split()).replace("-", "")
    assert [category for category in Category if category.replace("-", "") not in shown] == []


def test_what_cannot_be_backed_up_is_named_and_the_rest_is(vault: Wafs, place: Path) -> None:
    (place / "src/sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c"):
        (place / "src" / name).write_text(name)
    vault.do("put", "v", "pw", "/sub")
    os.mkfifo("src/pipe")
    result = vault.unlocked("backup", "src", "v")
    assert result.code == 1
    assert "src/sub: a folder cannot replace the file" in result.err
    assert "neither a file, a folder nor a symlink: src/pipe" in result.err
    assert vault.names() == ["a", "b", "sub"]
    assert vault.unlocked("backup", "--json", "src", "v").out.count(b'"error"') == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("backup", "nope", "v"), 1, "nope: no such folder"),
        (("backup", "pw", "v"), 1, "pw: not a folder"),
        (("backup", "src", "v:/file"), 1, "/file: not a folder"),
        (("backup", "src", "nowhere"), 7, "nowhere: no such file"),
        (("backup", "--snapshot=../x", "src", "v"), 2, "cannot be the name of a snapshot"),
        (("backup", "--snapshot=", "src", "v"), 2, "cannot be the name of a snapshot"),
        (("backup", "v", "v"), 2, "v lies inside the vault itself"),
        (("backup", "v/tree", "v:/x"), 2, "v/tree lies inside the vault itself"),
        (("put", "v", "v/.", "/x"), 2, "v/. lies inside the vault itself"),
        (("backup", "--snapshot=latest", "src", "v"), 2, "cannot be the name of a snapshot"),
    ],
)
def test_what_makes_no_sense(vault: Wafs, place: Path, words: tuple[str, ...], code: int, said: str) -> None:
    (place / "src").mkdir()
    vault.do("put", "v", "pw", "/file")
    result = vault.unlocked(*words)
    assert (result.code, said in result.err) == (code, True), result.err


def test_the_vault_in_its_own_source_is_left_out(vault: Wafs, place: Path) -> None:
    result = vault.do("backup", ".", "v")
    assert "left out, it is the vault itself: ./v" in result.err
    assert vault.names() == ["pw"]


def test_a_source_that_is_a_symlink_is_followed(vault: Wafs, phone: Path, place: Path) -> None:
    os.symlink("phone", "way")
    vault.do("backup", "way", "v")
    assert restored(vault, place) == facts_of(phone)
