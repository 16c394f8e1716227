"""Where backups lie in a vault, told from names."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.places import IOS_DOMAINS, App, Place, find_places, ios_file_id, ios_place_of

CHATS = {app: ios_place_of(ios_file_id(domain, b"ChatStorage.sqlite")).decode() for app, domain in IOS_DOMAINS.items()}

NAMES = st.sampled_from(
    [
        *("WhatsApp", "WhatsApp Business", "Media", "Databases", "Backups", "WhatsApp Images", "com.whatsapp.w4b"),
        *("2026-11-23", "a", "7c", "Manifest.db", "Info.plist", "ChatStorage.sqlite", "msgstore.db", "wa.db"),
        *("msgstore-2026-11-23.1.db", "msgstore.db.crypt15", "IMG-20261123-WA0001.jpg", "7c" + 38 * "0"),
    ]
)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)


def places_of(*paths: str) -> list[Place]:
    return find_places([VaultFile(f"/{path}".encode(), 1, 0, number) for number, path in enumerate(paths)])


@given(st.lists(PATHS, unique=True, max_size=12))
def test_each_database_is_in_one_backup(paths: list[str]) -> None:
    places = places_of(*paths)
    given_away = Counter(number for place in places for number in (*place.databases, *place.crypts))
    ios = {number for place in places if place.manifest is not None for number in place.files.values()}
    for number, path in enumerate(paths):
        name = path.rpartition("/")[2]
        is_one = name.startswith("msgstore") or name == "ChatStorage.sqlite"
        assert given_away[number] == (is_one and number not in ios)
    for place in places:
        assert not place.folder.endswith(b"/")
        assert all(0 <= number < len(paths) for number in place.files.values())
    assert len({(place.kind, place.app, place.folder) for place in places}) == len(places)


@pytest.mark.parametrize(
    ("database", "others", "folder"),
    [
        ("msgstore.db", ["WhatsApp/Media/x"], b"/WhatsApp"),
        ("msgstore.db", ["Android/media/com.whatsapp/WhatsApp/Media/x"], b"/Android/media/com.whatsapp/WhatsApp"),
        ("msgstore.db", ["WhatsApp/Media/x", "WhatsApp Business/Media/x"], b"/WhatsApp"),
        ("msgstore.db", ["1/WhatsApp/Media/x", "2/WhatsApp/Media/x"], b""),
        ("2/msgstore.db", ["1/WhatsApp/Media/x", "2/WhatsApp/Media/x"], b"/2/WhatsApp"),
        ("2/msgstore.db", ["Media/WhatsApp Images/x", "2/WhatsApp/Media/x"], b"/2/WhatsApp"),
        ("Databases/msgstore.db", ["Media/WhatsApp Images/x"], b""),
        ("old/msgstore.db", ["Media/WhatsApp Images/x"], b""),
        ("old/WhatsApp Images/msgstore.db", [], b"/old"),
        ("data/data/com.whatsapp/databases/msgstore.db", [], b"/data/data/com.whatsapp"),
        ("WhatsApp Business/Databases/msgstore.db", ["WhatsApp/Media/x"], b"/WhatsApp Business"),
    ],
)
def test_to_which_backup_a_database_belongs(database: str, others: list[str], folder: bytes) -> None:
    (place,) = (place for place in places_of(database, *others) if 0 in place.databases)
    assert place.folder == folder
    assert place.app is (App.BUSINESS if b"Business" in folder else App.WHATSAPP)


def test_a_manifest_alone_makes_no_backup_of_an_iphone() -> None:
    assert places_of("Manifest.db", "notes/a.txt") == []
    (place,) = places_of("x/Manifest.db", "x/Info.plist", "x/sub/msgstore.db")
    assert (place.kind, place.folder, place.databases) == ("ios", b"/x", [])


def test_both_apps_of_an_iphone() -> None:
    whatsapp, business = places_of("Manifest.db", CHATS[App.WHATSAPP], CHATS[App.BUSINESS])[::-1]
    assert (whatsapp.app, whatsapp.databases, whatsapp.manifest) == (App.WHATSAPP, [1], 0)
    assert (business.app, business.databases, business.manifest) == (App.BUSINESS, [2], None)
