"""`wafs export` makes of a vault what the exporter makes of a plain copy, leaves the vault as it was, and no trace."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from mount.fingerprint import fingerprint
from mount.programs import run
from sample_backup.android import write_android
from sample_backup.encrypted_files import write_encrypted
from sample_backup.ios import write_ios
from sample_backup.plan import Options, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from mount.bench import Bench, Refusal

pytestmark = pytest.mark.mount

EXPORTER = Path(sys.executable).parent / "wtsexporter"
PLAN = make_plan(Options(messages=200, media_files=20, media_bytes=200_000, contacts=8))
REMOTE = re.compile(rb"""<(?!a\s)[^>]*?(?:src|href|srcset|poster|data)\s*=\s*["']?\s*(?:[a-z]+:)?//""", re.IGNORECASE)


@pytest.fixture(autouse=True)
def _exporter() -> None:
    if not EXPORTER.exists():
        pytest.skip("whatsapp-chat-exporter is not installed")


def write_wal(folder: Path) -> None:
    """An Android backup as it is in the app: the last messages are in the log beside the database."""
    write_android(PLAN, folder)
    live = folder / "live.db"
    (folder / "msgstore.db").rename(live)
    with closing(sqlite3.connect(live)) as db:
        assert db.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("UPDATE message SET text_data = text_data || ' from the log' WHERE text_data IS NOT NULL")
        db.commit()
        for end in ("", "-wal"):
            shutil.copy(f"{live}{end}", folder / f"msgstore.db{end}")
    live.unlink()
    assert (folder / "msgstore.db-wal").stat().st_size > 1000


BACKUPS: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "android": (partial(write_android, PLAN), ("--android", "-w", "wa.db")),
    "wal": (write_wal, ("--android", "-w", "wa.db")),
    "ios": (partial(write_ios, PLAN), ("--ios", "-b", ".")),
}


def filled(bench: Bench, source: Path, at: str = "/") -> Path:
    """A vault with a folder in it."""
    vault = bench.folder / "vault"
    if not vault.exists():
        bench.vault()
    done = bench.wafs("put", vault, f"{source}/.", at, "--password-file", bench.password_file)
    assert done.code == 0, done.text
    return vault


def export(bench: Bench, *words: str | Path) -> Refusal:
    return bench.wafs("export", *words, "--password-file", bench.password_file)


@pytest.mark.parametrize("kind", BACKUPS)
def test_it_makes_what_the_exporter_makes_of_a_plain_copy(bench: Bench, tmp_path: Path, kind: str) -> None:
    make, words = BACKUPS[kind]
    plain = tmp_path / "plain"
    make(plain)
    vault = filled(bench, plain)
    before = fingerprint(vault)
    out = tmp_path / "out"

    done = export(bench, vault, "-o", out, "--html", "--json", "--txt")

    assert done.code == 0, done.text
    assert fingerprint(vault) == before
    assert not bench.is_mountpoint(vault)
    run(EXPORTER, "--no-banner", *words, "-o", "html", "-j", "result.json", "--txt", "text", cwd=plain)
    expected = json.loads((plain / "result.json").read_text())
    assert json.loads((out / "result.json").read_text()) == expected
    assert sum(len(chat["messages"]) for chat in expected.values()) >= 200
    if kind == "wal":
        assert "from the log" in (out / "result.json").read_text()
    pages = sorted(path.name for path in (plain / "html").glob("*.html"))
    assert sorted(path.name for path in out.glob("*.html")) == sorted([*pages, "index.html"])
    for text in (plain / "text").iterdir():
        assert (out / "text" / text.name).read_bytes() == text.read_bytes()
    messages = sum(len(chat["messages"]) for chat in expected.values())
    assert f"wafs: {len(pages)} chats, {messages} messages: " in done.text
    assert "Traceback" not in done.text


@pytest.mark.parametrize("kind", ["android", "ios"])
def test_the_pages_work_on_their_own(bench: Bench, tmp_path: Path, kind: str) -> None:
    BACKUPS[kind][0](tmp_path / "plain")
    out = tmp_path / "out"
    assert export(bench, filled(bench, tmp_path / "plain"), "-o", out).code == 0

    media = {path.read_bytes() for path in out.rglob("*") if path.is_file() and path.suffix not in (".html", ".vcf")}
    links = 0
    for page in out.glob("*.html"):
        text = page.read_bytes()
        assert REMOTE.search(text) is None
        assert b"<script" not in text
        assert b"Content-Security-Policy" in text[:1024]
        for link in re.findall(rb'(?:src|href)="([^"#:]+)"', text):
            links += link != b"index.html"
            assert (out / unquote(html.unescape(os.fsdecode(link)))).is_file(), link
    assert links > 20
    sizes = sorted(len(data) for data in media)
    assert {message.media.size for message in PLAN.messages if message.media} <= set(sizes)
    # Neither databases nor what else the backup holds comes along.
    assert [path.name for path in out.rglob("*") if "sqlite" in path.name or ".db" in path.name] == []
    assert out.stat().st_mode & 0o777 == 0o700


def test_the_pages_are_kept_in_the_vault(bench: Bench, tmp_path: Path) -> None:
    write_android(PLAN, tmp_path / "plain")
    vault = filled(bench, tmp_path / "plain", "/backup")
    assert export(bench, vault, "--keep-in", "backup").code == 1
    assert export(bench, vault, "--keep-in", "../x").code == 2
    done = export(bench, vault, "--keep-in", "/some/pages")
    assert done.code == 0, done.text
    assert "of the vault" in done.text.splitlines()[-1]
    daemon = bench.mount(vault, "--read-only")
    pages = daemon.place / "some" / "pages"
    links = {link for page in pages.glob("1*.html") for link in re.findall(rb'src="([^"#:]+)"', page.read_bytes())}
    assert len(links) > 5
    assert all((pages / unquote(html.unescape(os.fsdecode(link)))).is_file() for link in links)
    assert sorted(path.name for path in daemon.place.iterdir()) == ["backup", "some"]
    assert not (daemon.place / "backup" / "WhatsApp" / "thumbnails").exists()


def test_a_browser_would_be_told_by_the_original_pages(bench: Bench, tmp_path: Path) -> None:
    """The search for what is remote finds it, where it was asked to be left."""
    write_android(PLAN, tmp_path / "plain")
    out = tmp_path / "out"
    done = export(bench, filled(bench, tmp_path / "plain"), "-o", out, "--keep-remote", "--no-media")
    assert done.code == 0, done.text
    assert "can read the chats" in done.text
    assert any(REMOTE.search(page.read_bytes()) for page in out.glob("*.html"))
    assert not (out / "WhatsApp" / "Media").exists()
    assert "links to them lead nowhere" in done.text


def test_one_of_several_backups_is_named(bench: Bench, tmp_path: Path) -> None:
    write_android(PLAN, tmp_path / "old")
    write_ios(PLAN, tmp_path / "new")
    filled(bench, tmp_path / "old", "/2020")
    vault = filled(bench, tmp_path / "new", "/2024")
    refused = export(bench, vault, "-o", tmp_path / "out")
    assert refused.code == 2
    assert "there are 2 backups: /2024/Manifest.db, /2020/msgstore.db" in refused.text
    assert not (tmp_path / "out").exists()
    assert export(bench, f"{vault}:/2019").code == 1
    done = export(bench, vault, "--ios", "-o", tmp_path / "out", "--json", "--no-media")
    assert done.code == 0, done.text


def test_encrypted_backups_are_opened_with_the_keys_of_the_vault(bench: Bench, tmp_path: Path) -> None:
    plain, phone = tmp_path / "plain", tmp_path / "phone"
    write_android(PLAN, plain)
    write_encrypted(plain)
    shutil.copytree(plain / "WhatsApp", phone / "WhatsApp")
    vault = filled(bench, phone)
    refused = export(bench, vault, "--json", "-o", tmp_path / "none")
    assert refused.code == 1
    assert "is encrypted by WhatsApp" in refused.text
    assert not (tmp_path / "none").exists()
    key = ("--key-file", plain / "keys/64-digit-key.txt", "--password-file", bench.password_file)
    assert bench.wafs("whatsapp", "key", "add", vault, *key).code == 0
    before = fingerprint(vault)

    expected = None
    for place in ("", ":/WhatsApp/Databases/msgstore-2026-09-30.1.db.crypt15"):
        out = tmp_path / f"out{len(place)}"
        done = export(bench, f"{vault}{place}", "--json", "--no-media", "-o", out)
        assert done.code == 0, done.text
        found = json.loads((out / "result.json").read_text())
        assert found == (expected or found)
        expected = found
    run(EXPORTER, "--no-banner", "--android", "-w", "wa.db", "-o", "html", "-j", "result.json", cwd=plain)
    assert expected == json.loads((plain / "result.json").read_text())
    assert fingerprint(vault) == before


def test_what_cannot_be_exported_is_refused_and_nothing_is_left(bench: Bench, tmp_path: Path) -> None:
    write_android(PLAN, tmp_path / "plain")
    vault = filled(bench, tmp_path / "plain")
    out = tmp_path / "out"
    words = ("export", vault, "-o", out, "--password-file", bench.password_file)
    failed = bench.wafs(*words, "--", "--no-such-option")
    assert failed.code == 1
    assert "whatsapp-chat-exporter ended with exit code 2; nothing was kept" in failed.text.splitlines()[-1]
    assert not out.exists()
    out.mkdir()
    (out / "mine").touch()
    assert export(bench, vault, "-o", out).code == 1
    assert os.listdir(out) == ["mine"]
    assert export(bench, vault, "-o", vault / "out").code == 2
    assert export(bench, vault, "-o", tmp_path / "no" / "such").code == 1
