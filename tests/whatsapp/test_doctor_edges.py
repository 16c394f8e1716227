"""The doctor where things are rare: damage of the vault itself, databases with less in them, progress, stopping."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sample_backup.ios_schema import DOMAIN
from vault.making import CHUNK
from wafs.format.layout import plain_size
from wafs.whatsapp import database as database_module
from wafs.whatsapp import sqlite_vfs
from wafs.whatsapp.doctor import Doctor
from wafs.whatsapp.doctor_findings import Kind
from wafs.whatsapp.places import ios_file_id, ios_place_of
from whatsapp.examining import MEDIA, PLAN, Look, Tree, examine, kinds, only
from whatsapp.test_database import make as make_database
from whatsapp.vault_files import fill, read_only, tree_of

if TYPE_CHECKING:
    from pathlib import Path

CHATS = ios_place_of(ios_file_id(DOMAIN, b"ChatStorage.sqlite")).decode()


class Counting:
    """Counts what is promised and what is done, and may stop."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.expected = self.done = self.checks = 0
        self.seen: list[bytes] = []
        self._stop_after = stop_after

    def check(self) -> None:
        self.checks += 1
        if self._stop_after is not None and self.checks > self._stop_after:
            raise KeyboardInterrupt

    def expect(self, size: int) -> None:
        self.expected += size

    def looking_at(self, path: bytes) -> None:
        self.seen.append(path)

    def advanced(self, size: int) -> None:
        self.done += size
        assert self.done <= self.expected


def spoil(vault: Path, size: int) -> None:
    """Flip a bit in the one file of the vault that has so many plain bytes."""
    files = (path for path in (vault / "tree").rglob("*.wafs") if path.is_file())
    (path,) = (path for path in files if plain_size(path.stat().st_size, CHUNK) == size)
    broken = bytearray(path.read_bytes())
    broken[300] ^= 1
    path.write_bytes(broken)


def test_progress_reaches_its_end(
    encrypted_android: Tree, ios: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_STEPS_BETWEEN", 20)
    copies = {"a": bytes(200_000), "b": bytes(200_000), "c": bytes(100_000) + b"x" * 100_000}
    fill(tmp_path / "v", {**encrypted_android, **copies, **{f"phone/{name}": data for name, data in ios.items()}})
    watch = Counting()
    with read_only(tmp_path / "v") as vfs:
        Doctor(vfs, b"/", watch).run()
    assert watch.done == watch.expected > 0
    assert {b"/msgstore.db", b"/phone/Manifest.db", b"/a"} <= set(watch.seen)

    for stop_after in range(0, watch.checks, watch.checks // 15):
        with read_only(tmp_path / "v") as vfs:
            doctor = Doctor(vfs, b"/", Counting(stop_after))
            with pytest.raises(KeyboardInterrupt):
                doctor.run()
            assert not doctor.report.complete


def test_damage_of_the_vault_under_an_encrypted_backup(encrypted_android: Tree, tmp_path: Path) -> None:
    name = "WhatsApp/Databases/msgstore.db.crypt15"
    fill(tmp_path / "v", {name: encrypted_android[name]})
    spoil(tmp_path / "v", len(encrypted_android[name]))
    report = examine(tmp_path / "v")
    assert kinds(report) == ["unreadable"]
    assert only(report, Kind.UNREADABLE).path == f"/{name}".encode()
    assert report.backups[0].crypts[0].facts is None


def test_damage_of_the_vault_under_a_manifest(ios: Tree, tmp_path: Path) -> None:
    kept = {name: ios[name] for name in ("Manifest.db", CHATS)}
    assert len(kept["Manifest.db"]) != len(kept[CHATS])
    fill(tmp_path / "v", kept)
    spoil(tmp_path / "v", len(kept["Manifest.db"]))
    report = examine(tmp_path / "v")
    assert kinds(report) == ["manifest-unreadable", "media-missing"]
    assert report.backups[0].manifest is None


def test_a_manifest_that_is_damaged_or_none(ios: Tree, tmp_path: Path) -> None:
    data = bytearray(ios["Manifest.db"])
    data[4096 * 3] ^= 0xFF
    fill(tmp_path / "one", {**ios, "Manifest.db": bytes(data)})
    assert "manifest-damaged" in kinds(examine(tmp_path / "one"))
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE Files (fileID TEXT)")
        other = db.serialize()
    fill(tmp_path / "two", {**ios, "Manifest.db": other})
    assert kinds(examine(tmp_path / "two")) == ["manifest-damaged"]


def test_a_database_that_takes_too_long(android: Tree, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_STEPS_BETWEEN", 10)
    monkeypatch.setattr(database_module, "_STEPS_AT_LEAST", 20)
    monkeypatch.setattr(database_module, "_STEPS_PER_BYTE", 0)
    report = look(android)
    assert "database-costly" in kinds(report)
    assert report.backups[0].main is None


def test_a_rollback_that_is_too_large(look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_vfs, "_WRITTEN_MOST", 8192)
    (tmp_path / "plain").mkdir()
    make_database(tmp_path / "plain/msgstore.db", "hot", 1)
    assert kinds(look(tree_of(tmp_path / "plain"))) == ["database-costly"]


def changed(tmp_path: Path, data: bytes, script: str) -> bytes:
    path = tmp_path / "changed.db"
    path.write_bytes(data)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("DROP TABLE chat", "chat "),
        ("DROP TABLE jid; UPDATE chat SET subject = NULL", "chat "),
        ("DELETE FROM chat", "chat "),
        ("UPDATE message SET chat_row_id = NULL", "no chat"),
        ("UPDATE message SET chat_row_id = 'x'", "chat 'x'"),
        ("UPDATE chat SET subject = x'ff41'", "\ufffdA"),
        ("UPDATE chat SET subject = NULL; UPDATE jid SET raw_string = '1-2@g.us'", "1-2@g.us"),
    ],
)
def test_chats_without_a_name(android: Tree, look: Look, tmp_path: Path, script: str, name: str) -> None:
    database = changed(tmp_path, android["msgstore.db"], script)
    report = look({"msgstore.db": database})
    assert report.backups[0].main is not None
    missing = report.backups[0].main.missing
    assert missing is not None
    assert missing.lacking.count == len(MEDIA)
    assert missing.chats[0][0].startswith(name)


@pytest.mark.parametrize("contacts", [b"no database" * 90, b"", None])
def test_people_without_contacts_are_shown_by_number(android: Tree, look: Look, contacts: bytes | None) -> None:
    tree = {"msgstore.db": android["msgstore.db"]} | ({} if contacts is None else {"wa.db": contacts})
    report = look(tree)
    assert kinds(report) == ["media-missing"]
    assert report.backups[0].main is not None
    missing = report.backups[0].main.missing
    assert missing is not None
    people = {message.chat.number for message in PLAN.messages if not message.chat.is_group}
    assert {f"+{number}" for number in people} & {name for name, _ in missing.chats}


def test_chats_of_an_iphone_without_a_name(ios: Tree, look: Look, tmp_path: Path) -> None:
    report = look(
        {"out/ChatStorage.sqlite": changed(tmp_path, ios[CHATS], "UPDATE ZWACHATSESSION SET ZPARTNERNAME = NULL")}
    )
    assert report.backups[0].main is not None
    missing = report.backups[0].main.missing
    assert missing is not None
    assert "@" in missing.chats[0][0]


def test_media_without_a_date_or_a_path(android: Tree, look: Look, tmp_path: Path) -> None:
    script = (
        "UPDATE message SET timestamp = 'never'; UPDATE message_media SET file_path = NULL WHERE message_row_id % 2"
    )
    report = look({"msgstore.db": changed(tmp_path, android["msgstore.db"], script)})
    assert kinds(report) == ["media-missing", "media-without-file"]
    assert report.backups[0].main is not None
    counts, missing = report.backups[0].main.counts, report.backups[0].main.missing
    assert counts is not None
    assert missing is not None
    assert (counts.newest_s, dict(counts.months)) == (None, {})
    assert set(missing.lacking.months) == {None}


def test_a_status_of_a_day_is_not_missing(android: Tree, look: Look, tmp_path: Path) -> None:
    script = "UPDATE message_media SET file_path = 'Media/.Statuses/' || message_row_id || '.jpg'"
    report = look({"msgstore.db": changed(tmp_path, android["msgstore.db"], script)})
    assert kinds(report) == ["media-without-file"]
    assert only(report, Kind.MEDIA_WITHOUT_FILE).count == len(MEDIA)


def test_media_of_2021_in_two_tables(look: Look) -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript("""
            CREATE TABLE messages (_id INTEGER PRIMARY KEY, key_remote_jid TEXT, timestamp INTEGER);
            CREATE TABLE message_media (message_row_id INTEGER PRIMARY KEY, file_path TEXT);
            INSERT INTO messages VALUES (1, '49123@s.whatsapp.net', 1600000000000), (2, NULL, 1600000000000);
            INSERT INTO message_media VALUES (1, 'Media/WhatsApp Images/a.jpg'), (2, '/sdcard/WhatsApp/Media/x/b.jpg');
        """)
        data = db.serialize()
    report = look({"msgstore.db": data, "WhatsApp/Media/x/b.jpg": b"b", "WhatsApp/Media/WhatsApp Images/c.jpg": b"c"})
    assert kinds(report) == ["media-missing", "media-unnamed"]
    assert report.backups[0].main is not None
    assert report.backups[0].main.missing is not None
    assert report.backups[0].main.missing.chats == [("+49123", 1)]


def test_a_path_cannot_leave_its_backup(android: Tree, look: Look, tmp_path: Path) -> None:
    script = "UPDATE message_media SET file_path = 'Media/../../wa.db'"
    report = look({**android, "msgstore.db": changed(tmp_path, android["msgstore.db"], script)})
    assert kinds(report) == ["media-missing", "media-unnamed"]
    assert only(report, Kind.MEDIA_MISSING).count == 1
