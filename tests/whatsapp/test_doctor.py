"""The doctor finds each fault that was planted in a backup, and nothing else."""

from __future__ import annotations

import os
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs.paths import Paths
from sample_backup import encrypted
from vault.making import make_vault, opened
from wafs.errors import NotFoundError
from wafs.fs.vfs import Vfs
from wafs.whatsapp.doctor_findings import FACTS, Kind
from wafs.whatsapp.keys import parse_key_file
from wafs.whatsapp.months import month_at
from wafs.whatsapp.source import Candidate
from whatsapp.examining import MEDIA, OPTIONS, PLAN, Look, Tree, examine, kinds, only
from whatsapp.vault_files import fill

if TYPE_CHECKING:
    from collections.abc import Callable


PHOTO = next(path for path in MEDIA if "WhatsApp Images/" in path)
SECOND = next(path for path in reversed(MEDIA) if path != PHOTO)


def test_a_whole_android_backup(android: Tree, look: Look) -> None:
    report = look(android)
    assert kinds(report) == []
    assert kinds(report, worse_than_ok=False) == ["database-whole", "media-complete"]
    (backup,) = report.backups
    assert (backup.kind, backup.app, backup.folder) == ("android", "whatsapp", b"/WhatsApp")
    assert (backup.media_files, backup.unnamed) == (len(MEDIA), (0, 0))
    assert backup.media_bytes == sum(message.media.size for message in MEDIA.values() if message.media)
    database = backup.main
    assert database is not None
    assert database.counts is not None
    assert database.matched is not None
    assert database.counts.messages == OPTIONS.messages
    assert database.counts.chats == len({message.chat for message in PLAN.messages})
    assert database.counts.oldest_s == PLAN.messages[0].time_s
    assert database.counts.newest_s == max(message.time_s for message in PLAN.messages)
    assert sum(database.counts.months.values()) == OPTIONS.messages
    assert sum(backup.media_by_month.values()) == backup.media_bytes
    assert database.matched.media == len(MEDIA)
    assert report.complete


def test_a_medium_that_is_missing(android: Tree, look: Look) -> None:
    report = look({name: data for name, data in android.items() if name != f"WhatsApp/{PHOTO}"})
    assert kinds(report) == ["media-missing"]
    found = only(report, Kind.MEDIA_MISSING)
    message = MEDIA[PHOTO]
    assert message.media
    assert (found.count, found.size, found.first) == (1, message.media.size, (PHOTO.encode(),))
    (backup,) = report.backups
    assert backup.main is not None
    missing = backup.main.missing
    assert missing is not None
    assert missing.chats == [(message.chat.name, 1)]
    assert dict(missing.lacking.months) == {month_at(message.time_s): 1}


def test_all_media_that_are_missing_are_counted_by_chat_and_month(android: Tree, look: Look) -> None:
    report = look({name: data for name, data in android.items() if "/Media/" not in name})
    (backup,) = report.backups
    assert backup.main is not None
    assert backup.main.missing is not None
    lacking = backup.main.missing.lacking
    assert lacking.count == len(MEDIA) == sum(lacking.months.values()) == sum(lacking.chats.values())
    assert len(lacking.chats) == len({message.chat for message in MEDIA.values()})
    assert [count for _, count in backup.main.missing.chats] == sorted(lacking.chats.values(), reverse=True)


def test_a_medium_that_no_message_names(android: Tree, look: Look) -> None:
    added = "WhatsApp/Media/WhatsApp Images/Sent/IMG-20210305-WA0099.jpg"
    report = look({**android, added: b"new picture", "WhatsApp/Media/WhatsApp Images/.thumb": b"x"})
    assert kinds(report) == ["media-unnamed"]
    found = only(report, Kind.MEDIA_UNNAMED)
    assert (found.count, found.size, found.first) == (1, 11, (b"/" + added.encode(),))


def test_a_medium_with_nothing_in_it(android: Tree, look: Look) -> None:
    report = look({**android, f"WhatsApp/{PHOTO}": b""})
    assert kinds(report) == ["media-empty"]
    assert only(report, Kind.MEDIA_EMPTY).first == (PHOTO.encode(),)


def test_a_page_of_the_database_that_is_damaged(android: Tree, tmp_path: Path) -> None:
    whole = android["msgstore.db"]
    counted = set()
    for page in range(1, len(whole) // 4096):
        data = bytearray(whole)
        data[4096 * page] ^= 0xFF
        fill(tmp_path / str(page), {"msgstore.db": bytes(data)})
        report = examine(tmp_path / str(page))
        assert kinds(report).count("database-damaged") == 1
        assert "database-whole" not in kinds(report, worse_than_ok=False)
        (database,) = report.backups[0].databases
        assert database.whole is False
        counted.add(database.counts.messages if database.counts else None)
    assert OPTIONS.messages in counted, "a page of another table"
    assert any(count is not None and 0 < count < OPTIONS.messages for count in counted), "a page of the messages"


def test_a_vault_that_is_damaged_under_the_database(android: Tree, tmp_path: Path) -> None:
    fill(tmp_path / "v", {name: data for name, data in android.items() if name == "msgstore.db"})
    (sealed,) = (tmp_path / "v/tree").glob("*.wafs")
    broken = bytearray(sealed.read_bytes())
    broken[len(broken) // 2] ^= 1
    sealed.write_bytes(broken)
    report = examine(tmp_path / "v")
    assert "database-unreadable" in kinds(report)
    assert report.backups[0].databases[0].whole is False


def test_encrypted_backups_and_their_keys(encrypted_android: Tree, tmp_path: Path) -> None:
    fill(tmp_path / "with", encrypted_android)
    report = examine(tmp_path / "with")
    assert kinds(report) == []
    states = {crypt.facts.key for crypt in report.backups[0].crypts if crypt.facts}
    assert states == {"/keys/encrypted_backup.key", "/keys/key"}

    without = {name: data for name, data in encrypted_android.items() if not name.startswith("keys/")}
    fill(tmp_path / "without", without)
    report = examine(tmp_path / "without")
    assert kinds(report) == ["crypt-no-key"] * 7
    whole = [finding.path for finding in report.all_findings if "is whole, but no key" in finding.message]
    assert len(whole) == 6, "the archive of stickers has no checksum"

    key = Candidate("phone", parse_key_file(encrypted.root_key("phone")))
    report = examine(tmp_path / "without", keys=(key,))
    assert kinds(report) == ["crypt-no-key"] * 2, "those of before end-to-end encryption need another key"


@pytest.mark.parametrize("has_key", [True, False])
def test_an_encrypted_backup_that_was_cut_off(encrypted_android: Tree, tmp_path: Path, has_key: bool) -> None:
    cut = "WhatsApp/Databases/msgstore.db.crypt15"
    tree = {**encrypted_android, cut: encrypted_android[cut][:-1000]}
    if not has_key:
        tree = {name: data for name, data in tree.items() if name == cut}
    fill(tmp_path / "v", tree)
    report = examine(tmp_path / "v")
    assert kinds(report) == ["crypt-damaged"]
    assert only(report, Kind.CRYPT_DAMAGED).path == b"/" + cut.encode()


def test_what_is_named_like_an_encrypted_backup(android: Tree, look: Look) -> None:
    report = look({**android, "WhatsApp/Databases/msgstore.db.crypt14": b"hello" * 100})
    assert kinds(report) == ["crypt-unknown"]


def test_copies_and_what_they_cost(android: Tree, look: Look) -> None:
    big = b"\xff\xd8" + bytes(100_000)
    tree = {**android, f"WhatsApp/{PHOTO}": big, f"WhatsApp/{SECOND}": big}
    almost = next(name for name in tree if "Voice Notes/" in name and not name.endswith("a"))
    report = look({**tree, almost: big[:-1] + b"x"})
    assert kinds(report) == ["duplicates"]
    found = only(report, Kind.DUPLICATES)
    assert (found.count, found.size) == (1, len(big))
    assert report.duplicates is not None
    assert sorted(report.duplicates.groups[0][1]) == sorted(f"/WhatsApp/{name}".encode() for name in (PHOTO, SECOND))


def snapshots(vault: Path, trees: dict[str, Tree], linked: set[str]) -> None:
    """Make dated folders; the files named in `linked` are stored once."""
    first: dict[str, bytes] = {}
    with Vfs(opened(make_vault(vault))) as vfs:
        paths, made = Paths(vfs), set()
        for day, tree in trees.items():
            for name, data in tree.items():
                path = f"{day}/{name}"
                for depth in range(1, path.count("/") + 1):
                    above = "/".join(path.split("/")[:depth])
                    if above not in made:
                        made.add(above)
                        paths.mkdir(os.fsencode(above))
                if name in linked and name in first:
                    paths.link(first[name], os.fsencode(path))
                else:
                    paths.write(os.fsencode(path), data)
                    first.setdefault(name, os.fsencode(path))


def test_snapshots_of_several_days(android: Tree, tmp_path: Path) -> None:
    later = {name: data for name, data in android.items() if name not in (f"WhatsApp/{PHOTO}", "wa.db")}
    linked = {name for name in android if name.startswith("WhatsApp/")}
    trees = {"2026-11-22": android, "2026-11-23": {**later, "msgstore.db": android["msgstore.db"] + bytes(4096)}}
    snapshots(tmp_path / "v", trees, linked)
    report = examine(tmp_path / "v")
    assert [backup.folder for backup in report.backups] == [b"/2026-11-22/WhatsApp", b"/2026-11-23/WhatsApp"]
    assert kinds(report) == ["media-elsewhere"], "links are no copies"
    assert only(report, Kind.MEDIA_ELSEWHERE).first == (PHOTO.encode(),)

    report = examine(tmp_path / "v", b"2026-11-23")
    assert [backup.folder for backup in report.backups] == [b"/2026-11-23/WhatsApp"]
    assert kinds(report) == ["media-missing"]
    report = examine(tmp_path / "v", b"/2026-11-22/msgstore.db")
    assert [backup.databases[0].file.path for backup in report.backups] == [b"/2026-11-22/msgstore.db"]
    with pytest.raises(NotFoundError):
        examine(tmp_path / "v", b"/2026-11-24")


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name.replace("msgstore.db", "WhatsApp/Databases/msgstore.db"),
        lambda name: f"sdcard/Android/media/com.whatsapp/{name}",
        lambda name: name.removeprefix("WhatsApp/"),
        lambda name: name.removeprefix("WhatsApp/Media/"),
        lambda name: name.replace("WhatsApp/Media/", "whatsapp/MEDIA/").replace("WhatsApp Images", "WHATSAPP IMAGES"),
        lambda name: unicodedata.normalize("NFD", name) if name.count("\u00fc") < 50 else name,
    ],
    ids=["in Databases", "whole card", "the folder itself", "only media", "another case", "another form"],
)
def test_layouts(android: Tree, look: Look, rename: Callable[[str], str]) -> None:
    report = look({rename(name): data for name, data in android.items()})
    assert kinds(report) == []
    (backup,) = report.backups
    assert (backup.media_files, len(backup.databases)) == (len(MEDIA), 1)


def test_whatsapp_business(android: Tree, look: Look) -> None:
    report = look(
        {
            **{f"Android/media/com.whatsapp/{name}": data for name, data in android.items()},
            "Android/media/com.whatsapp.w4b/WhatsApp Business/Media/WhatsApp Business Images/IMG-1.jpg": b"x",
        }
    )
    assert [backup.app for backup in report.backups] == ["business", "whatsapp"]
    assert kinds(report) == ["database-absent"]


def test_messages_that_are_only_in_the_wal(android: Tree, look: Look, tmp_path: Path) -> None:
    path = tmp_path / "msgstore.db"
    path.write_bytes(android["msgstore.db"])
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute("UPDATE message SET text_data = 'x' WHERE _id = 1")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("INSERT INTO message (_id, chat_row_id, timestamp) SELECT _id + 5000, 1, timestamp FROM message")
        db.commit()
        live = {"msgstore.db": path.read_bytes(), "msgstore.db-wal": Path(f"{path}-wal").read_bytes()}
    report = look({**android, **live})
    assert kinds(report) == []
    (database,) = report.backups[0].databases
    assert database.counts is not None
    assert (database.has_wal, database.counts.messages) == (True, 2 * OPTIONS.messages)


def made_of(script: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(script)
        return db.serialize()


def test_messages_as_they_were_before_2022(look: Look) -> None:
    script = """
        CREATE TABLE messages (_id INTEGER PRIMARY KEY, key_remote_jid TEXT, timestamp INTEGER, media_wa_type TEXT);
        INSERT INTO messages VALUES (1, '-1', 0, NULL), (2, 'a@s.whatsapp.net', 1500000000000, '0'),
            (3, 'a@s.whatsapp.net', 1500000000000, '1'), (4, 'b@s.whatsapp.net', 1600000000000, '2');
    """
    report = look({"WhatsApp/Databases/msgstore.db": made_of(script), "WhatsApp/Media/WhatsApp Audio/a.opus": b"x"})
    assert kinds(report) == ["media-unknown"]
    assert report.backups[0].main is not None
    counts = report.backups[0].main.counts
    assert counts is not None
    assert (counts.messages, counts.chats) == (3, 2)
    assert report.backups[0].unnamed is None


def test_a_database_that_is_not_known(look: Look) -> None:
    report = look({"msgstore.db": made_of("CREATE TABLE chats_2030 (a); CREATE TABLE words_2030 (a)")})
    assert kinds(report) == ["database-unknown"]
    assert only(report, Kind.DATABASE_UNKNOWN).details == ("its tables: chats_2030, words_2030",)


def test_a_file_that_the_vault_does_not_give(android: Tree, tmp_path: Path) -> None:
    fill(tmp_path / "v", {"msgstore.db": android["msgstore.db"], "a": bytes(5000), "b": bytes(5000)})
    one = next(path for path in (tmp_path / "v/tree").glob("*.wafs") if path.stat().st_size < 10_000)
    broken = bytearray(one.read_bytes())
    broken[1000] ^= 1
    one.write_bytes(broken)
    report = examine(tmp_path / "v")
    assert kinds(report) == ["media-missing", "unreadable"]


def test_nothing_there(look: Look) -> None:
    report = look({"notes.txt": b"x", "Manifest.db": b"not of an iPhone"})
    assert kinds(report) == ["nothing-found"]


PATHS = st.sampled_from(
    [
        *("msgstore.db", "msgstore.db-wal", "msgstore.db-journal", "Databases/msgstore.db.crypt15"),
        *("phone/Manifest.db", "phone/Manifest.plist", "out/ChatStorage.sqlite", "key"),
        "phone/7c/7c7fba66680ef796b916b067077cc246adacf01d",
    ]
)
BEGINNINGS = st.sampled_from([b"", b"SQLite format 3\0\x10\x00\x01\x01\x00\x40\x20\x20", b"bplist00", b"7\x7f\x06\x82"])


@given(st.dictionaries(PATHS, st.builds(bytes.__add__, BEGINNINGS, st.binary(max_size=300)), min_size=1))
def test_anything_may_be_in_a_vault(tmp_path_factory: pytest.TempPathFactory, tree: Tree) -> None:
    vault = tmp_path_factory.mktemp("any") / "v"
    fill(vault, tree)
    report = examine(vault)
    assert report.complete
    assert report.all_findings


def test_every_kind_has_words() -> None:
    assert set(FACTS) == set(Kind)
    for facts in FACTS.values():
        assert facts.meaning or facts.level.value == "ok"
        assert facts.remedy or facts.level.value in ("ok", "note")
