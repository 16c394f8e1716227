"""The doctor on backups of iPhones, as Finder and iTunes make them."""

from __future__ import annotations

import os
import plistlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sample_backup.ios_schema import DOMAIN
from wafs.whatsapp.doctor_findings import Kind
from wafs.whatsapp.places import IOS_DOMAINS, App, ios_file_id, ios_place_of
from whatsapp.examining import MEDIA, OPTIONS, PLAN, Look, Tree, examine, kinds, only
from whatsapp.vault_files import fill

if TYPE_CHECKING:
    pass


NAMED = (b"ChatStorage.sqlite", b"ContactsV2.sqlite")


def test_a_whole_ios_backup(ios: Tree, look: Look) -> None:
    report = look({f"phone/{name}": data for name, data in ios.items()})
    assert kinds(report) == []
    assert kinds(report, worse_than_ok=False) == ["database-whole", "manifest-complete", "media-complete"]
    (backup,) = report.backups
    assert (backup.kind, backup.app, backup.folder) == ("ios", "whatsapp", b"/phone")
    assert backup.manifest is not None
    assert backup.manifest.files == len(MEDIA) + 2
    assert backup.unnamed == (0, 0)
    assert backup.main is not None
    assert backup.main.counts is not None
    assert (backup.main.counts.messages, backup.main.counts.newest_s) == (
        OPTIONS.messages,
        max(message.time_s for message in PLAN.messages),
    )


def test_a_file_that_the_manifest_names_and_that_is_missing(ios: Tree, look: Look) -> None:
    contacts = os.fsdecode(ios_place_of(ios_file_id(DOMAIN, b"ContactsV2.sqlite")))
    report = look({name: data for name, data in ios.items() if name != contacts})
    assert kinds(report) == ["manifest-missing-files"]
    found = only(report, Kind.MANIFEST_MISSING_FILES)
    assert (found.count, found.first) == (1, (f"{DOMAIN}-ContactsV2.sqlite".encode(),))


def test_a_medium_of_an_ios_backup(ios: Tree, tmp_path: Path) -> None:
    contacts_and_lists = {"Manifest.db", *(os.fsdecode(ios_place_of(ios_file_id(DOMAIN, name))) for name in NAMED)}
    medium = next(name for name in ios if name not in contacts_and_lists)
    fill(tmp_path / "cut", {**ios, medium: ios[medium][:-1]})
    report = examine(tmp_path / "cut")
    assert kinds(report) == ["manifest-wrong-sizes"]
    fill(tmp_path / "gone", {name: data for name, data in ios.items() if name != medium})
    report = examine(tmp_path / "gone")
    assert kinds(report) == ["manifest-missing-files", "media-missing"]


def test_files_of_other_apps_need_not_be_there(ios: Tree, look: Look, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(ios["Manifest.db"])
    with closing(sqlite3.connect(tmp_path / "m")) as db:
        db.execute("INSERT INTO Files VALUES ('ab' || hex(zeroblob(19)), 'CameraRollDomain', 'a.jpg', 1, NULL)")
        db.execute("INSERT INTO Files VALUES ('strange', NULL, x'ff', 1, x'00')")
        db.commit()
    report = look({**ios, "Manifest.db": (tmp_path / "m").read_bytes()})
    assert kinds(report) == ["manifest-other-apps"]
    assert only(report, Kind.MANIFEST_OTHER_APPS).count == 2


def test_an_ios_backup_that_the_computer_encrypted(ios: Tree, look: Look) -> None:
    chats = os.fsdecode(ios_place_of(ios_file_id(DOMAIN, b"ChatStorage.sqlite")))
    about = plistlib.dumps({"IsEncrypted": True}, fmt=plistlib.FMT_BINARY)
    tree = {name: os.urandom(64) for name in ios if name != chats}
    report = look({**tree, "Manifest.plist": about})
    assert kinds(report) == ["manifest-encrypted"]


@pytest.mark.parametrize("about", [b"no list", plistlib.dumps(["IsEncrypted"]), plistlib.dumps({"IsEncrypted": False})])
def test_a_manifest_that_is_no_database(ios: Tree, look: Look, about: bytes) -> None:
    report = look({**ios, "Manifest.db": bytes(5000), "Manifest.plist": about})
    assert kinds(report) == ["manifest-damaged"]


def test_an_ios_backup_without_whatsapp(ios: Tree, look: Look) -> None:
    chats = os.fsdecode(ios_place_of(ios_file_id(DOMAIN, b"ChatStorage.sqlite")))
    report = look({name: data for name, data in ios.items() if name != chats})
    assert kinds(report) == ["database-absent", "manifest-missing-files"]


def test_both_apps_in_one_ios_backup(ios: Tree, look: Look) -> None:
    chats = ios[os.fsdecode(ios_place_of(ios_file_id(DOMAIN, b"ChatStorage.sqlite")))]
    second = os.fsdecode(ios_place_of(ios_file_id(IOS_DOMAINS[App.BUSINESS], b"ChatStorage.sqlite")))
    report = look({**ios, second: chats})
    assert [backup.app for backup in report.backups] == ["business", "whatsapp"]
    assert kinds(report) == ["duplicates", "media-elsewhere"]


def test_chats_that_were_taken_out_of_an_ios_backup(ios: Tree, look: Look, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(ios["Manifest.db"])
    with closing(sqlite3.connect(tmp_path / "m")) as db:
        rows = db.execute("SELECT fileID, relativePath FROM Files WHERE flags = 1").fetchall()
    tree = {f"out/{path}": ios[f"{file_id[:2]}/{file_id}"] for file_id, path in rows}
    report = look(tree)
    assert kinds(report) == []
    (backup,) = report.backups
    assert (backup.kind, backup.folder) == ("ios", b"/out")
