"""The layout of a backup, told from names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_backup.android import write_android
from sample_backup.ios import write_ios
from sample_backup.ios_schema import DOMAIN
from sample_backup.plan import Options, make_plan
from wafs.whatsapp.layout import (
    LOOK_DEPTH,
    BackupKind,
    Category,
    category_of,
    ios_categories,
    ios_category_of,
    ios_fixed_category,
    kind_of,
)

if TYPE_CHECKING:
    from pathlib import Path

NEW = "Android/media/com.whatsapp/WhatsApp/"
BUSINESS = "Android/media/com.whatsapp.w4b/WhatsApp Business/"
FILE_ID = "7c7fba66680ef796b916b067077cc246adacf01d"
NAMES = st.lists(st.binary(max_size=20).filter(lambda name: b"/" not in name), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("msgstore.db", Category.DATABASES),
        ("wa.db-wal", Category.DATABASES),
        ("WhatsApp/Databases/msgstore-2026-11-20.1.db.crypt15", Category.DATABASES),
        ("Databases/msgstore-increment-1.db.crypt14", Category.DATABASES),
        (BUSINESS + "Databases/msgstore.db.crypt15", Category.DATABASES),
        (NEW + "Backups/wa.db.crypt15", Category.BACKUPS),
        ("Backups/stickers.db.crypt15", Category.BACKUPS),
        (NEW + "Media/WhatsApp Images/Sent/IMG-20260101-WA0000.jpg", Category.IMAGES),
        (BUSINESS + "Media/WhatsApp Business Images/Private/IMG-1.jpg", Category.IMAGES),
        ("WhatsApp Images/IMG-20260101-WA0000.jpg", Category.IMAGES),
        ("WhatsApp/Media/WhatsApp Video/VID-1.mp4", Category.VIDEO),
        ("WhatsApp/Media/WhatsApp Animated Gifs/VID-1.mp4", Category.GIFS),
        ("WhatsApp/Media/WhatsApp Video Notes/202610/PTV-1.mp4", Category.VIDEO_NOTES),
        ("WhatsApp/Media/WhatsApp Voice Notes/202610/PTT-1.opus", Category.VOICE_NOTES),
        ("whatsapp/media/whatsapp audio/aud-1.m4a", Category.AUDIO),
        ("WhatsApp/Media/WhatsApp Stickers/STK-1.webp", Category.STICKERS),
        ("WhatsApp/Media/WhatsApp Documents/msgstore.db", Category.DOCUMENTS),
        ("WhatsApp/Media/WhatsApp Profile Photos/1.jpg", Category.PROFILE_PHOTOS),
        ("WhatsApp/Media/WallPaper/1.jpg", Category.WALLPAPER),
        ("WhatsApp/Media/.Statuses/1.jpg", Category.STATUSES),
        ("WhatsApp/Media/.Links/1.jpg", Category.LINKS),
        ("WhatsApp/Media/.nomedia", Category.OTHER),
        ("WhatsApp/Media/WhatsApp Holograms/1", Category.OTHER),
        ("WhatsApp Images", Category.OTHER),
        ("holidays/Databases/x", Category.OTHER),
        ("holidays/a.jpg", Category.OTHER),
    ],
)
def test_the_category_of_a_path(path: str, category: Category) -> None:
    assert category_of(path.encode()) is category


@pytest.mark.parametrize(
    ("domain", "path", "category"),
    [
        (DOMAIN, "ChatStorage.sqlite", Category.DATABASES),
        (DOMAIN, "ContactsV2.sqlite-wal", Category.DATABASES),
        (DOMAIN.replace("WhatsApp.", "WhatsAppSMB."), "CallHistory.sqlite", Category.DATABASES),
        (DOMAIN, "Message/Media/1@s.whatsapp.net/a/b/u.jpg", Category.IMAGES),
        (DOMAIN, "Message/Media/1@s.whatsapp.net/a/b/u.MP4", Category.VIDEO),
        (DOMAIN, "Message/Media/1@s.whatsapp.net/a/b/u.opus", Category.VOICE_NOTES),
        (DOMAIN, "Message/Media/1@s.whatsapp.net/a/b/u.m4a", Category.AUDIO),
        (DOMAIN, "Message/Media/1@s.whatsapp.net/a/b/u.webp", Category.STICKERS),
        (DOMAIN, "Message/Media/1@s.whatsapp.net/a/b/u.docx", Category.DOCUMENTS),
        (DOMAIN, "Media/Profile/1-2.thumb", Category.PROFILE_PHOTOS),
        (DOMAIN, "stickers/a.webp", Category.STICKERS),
        (DOMAIN, "current_wallpaper.jpg", Category.WALLPAPER),
        (DOMAIN, "Library/Preferences/x.plist", Category.OTHER),
        ("CameraRollDomain", "Media/DCIM/1.jpg", Category.OTHER),
    ],
)
def test_the_category_of_a_file_in_a_manifest(domain: str, path: str, category: Category) -> None:
    assert ios_category_of(domain, path) is category


def test_the_rows_of_a_manifest() -> None:
    rows = [(FILE_ID, DOMAIN, "ChatStorage.sqlite"), ("../../etc/passwd", DOMAIN, "ChatStorage.sqlite")]
    assert dict(ios_categories(rows)) == {f"7c/{FILE_ID}".encode(): Category.DATABASES}
    assert ios_fixed_category(b"Manifest.db") is Category.DATABASES
    assert ios_fixed_category(b"7c/" + FILE_ID.encode()) is Category.OTHER


@pytest.mark.parametrize(
    ("paths", "kind"),
    [
        (["msgstore.db", "wa.db", "WhatsApp/Media"], BackupKind.ANDROID),
        (["WhatsApp", "WhatsApp/Databases"], BackupKind.ANDROID),
        (["Databases", "Databases/msgstore.db.crypt15"], BackupKind.ANDROID),
        (["Media", "Media/WhatsApp Business Images"], BackupKind.ANDROID),
        (["WhatsApp Images"], BackupKind.ANDROID),
        ([NEW + "Backups"], BackupKind.ANDROID),
        ([BUSINESS + "Media"], BackupKind.ANDROID),
        (["Manifest.db", "Info.plist"], BackupKind.IOS),
        ([f"7c/{FILE_ID}", "Manifest.db"], BackupKind.IOS),
        (["Manifest.db"], BackupKind.PLAIN),
        (["Media", "Databases", "WhatsApp Business", "WhatsApp notes"], BackupKind.PLAIN),
        ([f"7c/{FILE_ID}", "below/Manifest.db"], BackupKind.PLAIN),
        ([], BackupKind.PLAIN),
    ],
)
def test_the_kind_of_a_folder(paths: list[str], kind: BackupKind) -> None:
    assert kind_of([path.encode() for path in paths]) is kind


def test_the_kind_of_the_sample_backups(tmp_path: Path) -> None:
    plan = make_plan(Options(messages=60, media_files=20, media_bytes=20_000))
    write_android(plan, tmp_path / "android")
    write_ios(plan, tmp_path / "ios")
    listed = {
        name: [bytes(path.relative_to(tmp_path / name)) for path in (tmp_path / name).rglob("*")]
        for name in ("android", "ios")
    }
    assert kind_of(listed["android"]) is BackupKind.ANDROID
    assert kind_of(listed["ios"]) is BackupKind.IOS
    assert kind_of(path for path in listed["android"] if path.count(b"/") < LOOK_DEPTH) is BackupKind.ANDROID


@given(NAMES)
def test_any_path_has_a_category_whatever_its_case_and_its_last_name(names: list[bytes]) -> None:
    path = b"/".join(names)
    assert category_of(path) is category_of(path.upper())
    assert kind_of([path]) in BackupKind


@given(NAMES, st.sampled_from([b"WhatsApp Video", b"WhatsApp Business Video"]))
def test_what_lies_below_a_media_folder_belongs_to_it(names: list[bytes], folder: bytes) -> None:
    path = b"/".join([b"anywhere", folder, *names])
    assert category_of(path) is Category.VIDEO


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_row_of_a_manifest_has_a_category(domain: str, path: str) -> None:
    assert ios_category_of(domain, path) in Category
    assert ios_category_of(domain + "net.whatsapp.", path) in Category
