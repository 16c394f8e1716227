"""`wafs doctor`: what it says to a person and to a script."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pexpect
import pytest

from cli.commands import WITH_PASSWORD, Result, Wafs, command, environment
from sample_backup.android import write_android
from sample_backup.encrypted_files import write_encrypted
from sample_backup.ios import write_ios
from sample_backup.plan import Options, make_plan
from wafs.cli.screen import size_words
from wafs.whatsapp.database_exam import DatabaseExam

OPTIONS = Options(messages=60, media_files=12, media_bytes=60_000)
PLAN = make_plan(OPTIONS)
PHOTO = next(message for message in PLAN.messages if message.media and "WhatsApp Images/" in message.media.path)


@pytest.fixture
def backup(place: Path) -> Path:
    """A backup beside the vault; tests spoil it and put it in."""
    write_android(PLAN, place / "src")
    return place / "src"


def doctor(wafs: Wafs, *words: object) -> Result:
    return wafs.unlocked("doctor", *words)


def look(wafs: Wafs, *words: object) -> tuple[int, dict[str, Any]]:
    result = doctor(wafs, "--json", *words)
    return result.code, json.loads(result.out)


def test_a_whole_backup(vault: Wafs, backup: Path) -> None:
    vault.do("put", "v", "src/.", "/")
    result = doctor(vault, "v")
    assert (result.code, result.err) == (0, "")
    lines = result.lines()
    assert lines[:8] == [
        "1 backup, all is well",
        "",
        "Android backup of WhatsApp: /WhatsApp",
        "  60 messages in 15 chats, from 2019-01-01 to 2024-11-23",
        "  12 media files, 58.6 KiB",
        "  ok: the message database is whole: 15 chats, 60 messages, 12 media",
        "    /msgstore.db",
        "  ok: all 12 files that messages name are here",
    ]
    assert lines[-1].startswith("  2024 ")
    assert max(map(len, lines)) <= 80


def test_what_is_wrong_and_what_to_do(vault: Wafs, backup: Path) -> None:
    assert PHOTO.media
    (backup / "WhatsApp" / PHOTO.media.path).unlink()
    (backup / "WhatsApp/Media/WhatsApp Images/IMG-20200101-WA0000.jpg").write_bytes(b"new\n")
    write_encrypted(backup)
    vault.do("put", "v", "src/msgstore.db", "src/WhatsApp", "/")
    result = doctor(vault, "v")
    assert result.code == 5
    lines = result.lines()
    assert lines[0] == "1 backup, 1 problem and 7 warnings"
    chat = PHOTO.chat.name if PHOTO.chat.is_group else f"+{PHOTO.chat.number}"
    month = f"{PHOTO.media.path[-19:-15]}-{PHOTO.media.path[-15:-13]}"
    start = lines.index(f"  problem: 1 medium that messages name is not in the vault ({size_words(PHOTO.media.size)})")
    assert lines[start + 1 : start + 5] == [
        "    /msgstore.db",
        f"      by chat: {chat} (1)",
        f"      by month: {month} (1)",
        f"      {PHOTO.media.path}",
    ]
    assert [line for line in lines[start + 5 : start + 9] if line.startswith(("    means: ", "    next: "))] == [
        "    means: messages name these files, and no backup in the vault has them; what",
        "    next: look for them on the phone or in an older backup, and put them into",
    ]
    assert "    and 1 more" in lines, "six encrypted backups are told of at once"


def test_the_object_for_scripts(vault: Wafs, backup: Path) -> None:
    assert PHOTO.media
    (backup / "WhatsApp" / PHOTO.media.path).unlink()
    write_encrypted(backup)
    vault.do("put", "v", "src/msgstore.db", "src/WhatsApp", "src/keys", "/")
    code, found = look(vault, "v")
    assert code == 5
    assert set(found) == {
        *("version", "vault", "path", "complete", "level", "files", "bytes", "seconds", "counts"),
        *("backups", "duplicates", "findings"),
    }
    assert (found["version"], found["vault"], found["path"], found["level"]) == (1, "v", "/", "problem")
    assert found["complete"] is True
    assert found["counts"] == {"crypt-opens": 7, "database-whole": 1, "media-missing": 1}
    (backup_found,) = found["backups"]
    assert set(backup_found) == {
        *("kind", "app", "folder", "databases", "encrypted", "manifest", "media", "months", "findings"),
    }
    assert backup_found["media"]["unnamed"] == {"files": 0, "bytes": 0}
    assert sum(backup_found["months"]["messages"].values()) == OPTIONS.messages
    (database,) = backup_found["databases"]
    missing = database["media"].pop("missing")
    assert database == {
        "path": "/msgstore.db",
        "bytes": (backup / "msgstore.db").stat().st_size,
        "wal": False,
        "whole": True,
        "schema": "android",
        "chats": 15,
        "messages": 60,
        "oldest": "2019-01-01T00:00:12Z",
        "newest": "2024-11-23T12:00:13Z",
        "media": {"messages": 12, "without_file": 0, "found": 11, "elsewhere": 0, "empty": 0},
    }
    assert missing["first"][0]["path"] == PHOTO.media.path
    assert missing["months"] == {missing["first"][0]["month"]: 1}
    assert {crypt["state"] for crypt in backup_found["encrypted"]} == {"opens"}
    (finding,) = (each for each in backup_found["findings"] if each["kind"] == "media-missing")
    assert set(finding) == {
        *("level", "kind", "path", "message", "meaning", "remedy", "count", "bytes", "first", "details"),
    }


def test_a_key_of_the_vault_opens_backups(vault: Wafs, backup: Path) -> None:
    write_encrypted(backup)
    vault.do("put", "v", "src/WhatsApp", "/")
    assert look(vault, "v")[1]["counts"]["crypt-no-key"] == 7
    vault.do("whatsapp", "key", "add", "v", "--key-file", "src/keys/encrypted_backup.key", "--label", "phone")
    code, found = look(vault, "v")
    assert (code, found["counts"]["crypt-no-key"], found["counts"]["crypt-opens"]) == (0, 2, 5)
    Path("v/wafs.keys").write_bytes(b"damaged")
    code, found = look(vault, "v")
    assert (code, found["findings"][0]["path"], found["counts"]["crypt-no-key"]) == (5, "wafs.keys", 7)


def test_a_folder_of_the_vault(vault: Wafs, backup: Path) -> None:
    vault.do("put", "v", "src", "/")
    code, found = look(vault, "v:src/WhatsApp")
    assert (code, found["path"]) == (0, "src/WhatsApp")
    assert found["counts"] == {"database-absent": 1}
    result = doctor(vault, "v:nothing")
    assert (result.code, result.err) == (1, "wafs: error: nothing: no such file or directory\n")


def test_no_backup_at_all(vault: Wafs) -> None:
    result = doctor(vault, "v")
    assert (result.code, result.lines()[0]) == (1, "no WhatsApp backup was found")
    code, found = look(vault, "v")
    assert (code, found["backups"], found["findings"][0]["kind"]) == (1, [], "nothing-found")


def test_an_iphone_beside_a_phone(vault: Wafs, backup: Path) -> None:
    write_ios(PLAN, backup / "iphone")
    for message in PLAN.messages:
        if message.media and "WhatsApp Images/" not in message.media.path:
            (backup / "WhatsApp" / message.media.path).unlink()
    vault.do("put", "v", "src/.", "/")
    result = doctor(vault, "v")
    assert result.code == 5
    lines = result.lines()
    assert lines[0] == "2 backups, 1 problem"
    assert "iOS backup of WhatsApp: /iphone" in lines
    assert "    /iphone/7c/7c7fba66680ef796b916b067077cc246adacf01d (ChatStorage.sqlite)" in lines
    months = next(line for line in lines if line.startswith("      by month: "))
    assert months.startswith("      by month: 2019-")
    start = lines.index("the vault as a whole")
    assert lines[start + 1].startswith("  note: ")
    assert "copies of another one (" in lines[start + 1]
    assert any(line.endswith(", 2 times:") for line in lines[start:])
    assert max(len(line) for line in lines if "/" not in line) <= 80


def test_of_several_days_the_newest_is_drawn(vault: Wafs, backup: Path) -> None:
    vault.do("put", "v", "src", "/2026-11-22")
    with closing(sqlite3.connect(backup / "msgstore.db")) as db:
        db.execute("INSERT INTO message (_id, chat_row_id, timestamp) VALUES (9999, 1, 1735600000000)")
        db.commit()
    vault.do("put", "v", "src", "/2026-11-23")
    result = doctor(vault, "v")
    lines = result.lines()
    start = lines.index("Android backup of WhatsApp: /2026-11-22/WhatsApp")
    assert lines[start + 1 : start + 5] == [
        "  60 messages in 15 chats, from 2019-01-01 to 2024-11-23",
        "  12 media files, 58.6 KiB",
        "  ok: all is well",
        "",
    ]
    assert lines[start + 5] == "Android backup of WhatsApp: /2026-11-23/WhatsApp"
    assert sum(line.startswith("  2024 ") for line in lines) == 1
    assert lines[-1].startswith("        /2026-11-2"), "what was put twice is there twice"


def test_names_do_not_drive_the_terminal(vault: Wafs, backup: Path) -> None:
    with closing(sqlite3.connect(backup / "msgstore.db")) as db:
        db.execute("UPDATE message_media SET file_path = 'Media/\x1b[2J' WHERE message_row_id = ?", (PHOTO.number,))
        db.execute("UPDATE chat SET subject = 'a' || char(27) || '[31m'")
        db.commit()
    vault.do("put", "v", "src/.", "/")
    result = doctor(vault, "v")
    assert (result.code, b"\x1b" in result.out, b"Media/\\e[2J" in result.out) == (5, False, True)


def test_bars_are_plain_where_the_terminal_has_no_blocks(vault: Wafs, backup: Path) -> None:
    vault.do("put", "v", "src/.", "/")
    shown = pexpect.run(
        " ".join(command("doctor", "v", *WITH_PASSWORD)), env={**environment(), "PYTHONIOENCODING": "ascii"}
    )
    assert b" @" in shown
    assert b"\\u258" not in shown


def test_nothing_is_written(vault: Wafs, backup: Path) -> None:
    with closing(sqlite3.connect(backup / "msgstore.db")) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute("DELETE FROM message WHERE _id > 30")
        db.commit()
        vault.do("put", "v", "src/.", "/")
    before = {path: path.stat().st_mtime_ns for path in [Path(), *Path().rglob("*")]}
    code, found = look(vault, "v")
    assert (code, found["backups"][0]["databases"][0]["messages"]) == (0, 30)
    assert {path: path.stat().st_mtime_ns for path in [Path(), *Path().rglob("*")]} == before


def test_ctrl_c_shows_what_was_found_so_far(vault: Wafs, backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.do("put", "v", "src/.", "/")
    run = DatabaseExam.run

    def run_and_press(exam: DatabaseExam, *words: Any) -> None:
        run(exam, *words)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(DatabaseExam, "run", run_and_press)
    result = doctor(vault, "v")
    assert (result.code, result.err.strip()) == (130, "wafs: interrupted")
    assert result.lines()[0].startswith("stopped before the end; so far: 1 backup")
    assert result.lines()[-1] == "next: wafs doctor v"
    code, found = look(vault, "v")
    assert (code, found["complete"]) == (130, False)


def test_a_person_sees_how_far_it_is(vault: Wafs, backup: Path) -> None:
    vault.do("put", "v", "src/.", "/")
    terminal = pexpect.spawn(" ".join(command("doctor", "v", *WITH_PASSWORD)), env=environment(), dimensions=(50, 120))
    terminal.expect("doctor")
    terminal.expect("1 backup, all is well")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
