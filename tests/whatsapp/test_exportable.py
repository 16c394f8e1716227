"""Backups that an export tool can read are found wherever they lie, and nothing is taken for one that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sample_backup.android import write_android
from sample_backup.ios import write_ios
from sample_backup.plan import Options, make_plan
from wafs.whatsapp.exportable import Exportable, Phone, find_encrypted, find_exportable, plain_path

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Options(messages=5, media_files=2, media_bytes=2000, contacts=2)
IOS_MESSAGES = ("7c/7c7fba66680ef796b916b067077cc246adacf01d", "72/724bd3b98b18518b455a87c1f3ac3a0d189c4466")


def make(top: Path, *paths: str) -> str:
    for path in paths:
        place = top / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    return str(top)


def android(place: str, contacts: str | None = None, media: str | None = None) -> Exportable:
    database = f"{place}/msgstore.db".lstrip("/")
    return Exportable(Phone.ANDROID, place, database, contacts, media)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], []),
        (["msgstore.db"], [android("")]),
        (["msgstore.db", "wa.db", "WhatsApp/Media/"], [android("", "wa.db", "WhatsApp")]),
        (["a/msgstore.db", "a/WhatsApp Business/Media/"], [android("a", media="a/WhatsApp Business")]),
        (["a/msgstore.db", "a/Media/x"], [android("a", media="a")]),
        (
            ["a/WhatsApp/Databases/msgstore.db", "a/WhatsApp/Backups/wa.db", "a/WhatsApp/Media/"],
            [android("a/WhatsApp/Databases", "a/WhatsApp/Backups/wa.db", "a/WhatsApp")],
        ),
        (["d/databases/msgstore.db", "d/WhatsApp/Media/"], [android("d/databases", media="d/WhatsApp")]),
        (["2020/msgstore.db", "2021/msgstore.db"], [android("2020"), android("2021")]),
        (["a/msgstore.db.crypt15", "a/msgstore-2020-01-01.1.db", "a/msgstore.db-wal"], []),
        ([".old/msgstore.db"], [android(".old")]),
        (["Media/msgstore.db"], []),
        (["Manifest.db"], []),
        (["i/Manifest.db", f"i/{IOS_MESSAGES[0]}"], [Exportable(Phone.IOS, "i", "i")]),
        (["Manifest.db", f"{IOS_MESSAGES[1]}"], [Exportable(Phone.IOS, "", "", business=True)]),
        (
            ["Manifest.db", *IOS_MESSAGES],
            [Exportable(Phone.IOS, "", ""), Exportable(Phone.IOS, "", "", business=True)],
        ),
    ],
)
def test_backups_are_found(tmp_path: Path, paths: list[str], expected: list[Exportable]) -> None:
    assert find_exportable(make(tmp_path, *paths)) == expected


def test_a_path_narrows_the_search(tmp_path: Path) -> None:
    top = make(tmp_path, "2020/msgstore.db", "2020/WhatsApp/Media/", "2021/msgstore.db", "notes.txt")
    found = android("2020", media="2020/WhatsApp")
    assert find_exportable(top, "2020") == [found]
    assert find_exportable(top, "2020/") == [found]
    assert find_exportable(top, "2020/msgstore.db") == [found]
    assert find_exportable(top, "notes.txt") == []
    make(tmp_path, "2021/msgstore-2021-01-01.1.db")
    dated = find_exportable(top, "2021/msgstore-2021-01-01.1.db")
    assert [(found.database, found.place) for found in dated] == [("2021/msgstore-2021-01-01.1.db", "2021")]
    with pytest.raises(FileNotFoundError):
        find_exportable(top, "2019")


def test_encrypted_databases_are_found(tmp_path: Path) -> None:
    paths = ["WhatsApp/Databases/msgstore.db.crypt15", "WhatsApp/Databases/msgstore-2020-01-01.1.db.crypt15"]
    top = make(tmp_path, *paths, "old/msgstore.db.crypt12", "msgstore.db", "wa.db.crypt15")
    assert find_encrypted(top) == [paths[0], "old/msgstore.db.crypt12"]
    assert find_encrypted(top, "old") == ["old/msgstore.db.crypt12"]
    assert [plain_path(path) for path in (*paths, "a.crypt/x")] == [
        "WhatsApp/Databases/msgstore.db",
        "WhatsApp/Databases/msgstore-2020-01-01.1.db",
        "a.crypt/x",
    ]


def test_the_sample_backups_are_found(tmp_path: Path) -> None:
    write_android(make_plan(SMALL), tmp_path / "a")
    write_ios(make_plan(SMALL), tmp_path / "i")
    assert find_exportable(str(tmp_path)) == [
        Exportable(Phone.ANDROID, "a", "a/msgstore.db", "a/wa.db", "a/WhatsApp"),
        Exportable(Phone.IOS, "i", "i"),
    ]
