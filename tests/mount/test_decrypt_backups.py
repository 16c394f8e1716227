"""`--decrypt-backups`: plain files beside encrypted ones, on the mount only, and exporters work on them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from mount.bench import PASSWORD, Bench
from mount.test_exporter import OPTIONS, export_android
from sample_backup import encrypted
from sample_backup.android import write_android
from sample_backup.encrypted_files import write_encrypted
from sample_backup.plan import make_plan
from wafs.whatsapp.keys import serialize

pytestmark = pytest.mark.mount

KEY = encrypted.root_key("phone")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A backup, plain and encrypted."""
    folder = tmp_path / "plain"
    folder.mkdir()
    write_android(make_plan(OPTIONS), folder)
    write_encrypted(folder)
    return folder


def filled(bench: Bench, source: Path, *keys: Path) -> Path:
    """A vault with what is in a folder, and with keys."""
    vault = bench.vault()
    words = ("--password-file", str(bench.password_file))
    assert bench.wafs("put", vault, f"{source}/.", "/", *words).code == 0
    for key in keys:
        added = bench.wafs("whatsapp", "key", "add", vault, "--key-file", key, *words)
        assert added.code == 0, added.text
    return vault


def hashes(vault: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in vault.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_an_exporter_gets_from_it_what_it_gets_from_the_plain_database(
    bench: Bench, plain: Path, tmp_path: Path
) -> None:
    expected = export_android(plain, tmp_path / "from plain")
    phone = tmp_path / "phone"
    shutil.copytree(plain / "WhatsApp", phone / "WhatsApp", copy_function=shutil.copy2)
    vault = filled(bench, phone, plain / "keys/64-digit-key.txt", plain / "keys/key")
    before = hashes(vault)

    daemon = bench.mount(vault, "--scratch", "--decrypt-backups")
    folder = daemon.place / "WhatsApp"
    database, contacts = folder / "Databases/msgstore.db", folder / "Backups/wa.db"
    assert database.read_bytes() == (plain / "msgstore.db").read_bytes()
    attrs, sealed = database.stat(), (folder / "Databases/msgstore.db.crypt15").stat()
    assert (stat.S_IMODE(attrs.st_mode), attrs.st_mtime_ns) == (0o444, sealed.st_mtime_ns)
    assert sorted(path.name for path in (folder / "Databases").glob("*.db")) == ["msgstore.db"]
    assert sorted(path.name for path in (folder / "Backups").glob("*.db")) == [
        "chatsettingsbackup.db", "stickers.db", "wa.db",
    ]  # fmt: skip
    for name, path in (("msgstore.db", database), ("wa.db", contacts)):
        os.symlink(path.relative_to(daemon.place), daemon.place / name)
    found = export_android(daemon.place, tmp_path / "from mount")
    daemon.unmount()

    assert found == expected
    assert hashes(vault) == before
    assert not any(KEY in data for data, _ in before.values())


def test_a_read_only_mount_shows_all_of_them_and_no_key(bench: Bench, plain: Path, tmp_path: Path) -> None:
    phone = tmp_path / "phone"
    shutil.copytree(plain / "WhatsApp/Databases", phone / "Databases", copy_function=shutil.copy2)
    vault = filled(bench, phone, plain / "keys/encrypted_backup.key", plain / "keys/key")
    daemon = bench.mount(vault, "--read-only", "--decrypt-backups=all")
    names = sorted(path.name for path in daemon.place.glob("Databases/*.db"))
    assert names == [
        "msgstore-2020-05-01.1.db", "msgstore-2024-05-01.1.db", "msgstore-2026-09-30.1.db", "msgstore.db",
    ]  # fmt: skip
    with closing(sqlite3.connect(daemon.place / "Databases/msgstore-2020-05-01.1.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with pytest.raises(OSError, match="Read-only"):
        (daemon.place / "new").touch()
    everything = [path for path in daemon.place.rglob("*") if path.is_file()]
    assert not any(path.name == "wafs.keys" for path in everything)
    assert not any(KEY in data or serialize(KEY) in data for data in map(Path.read_bytes, everything))


def test_what_cannot_be_decrypted_is_told_and_stops_nothing(bench: Bench, plain: Path, tmp_path: Path) -> None:
    phone = tmp_path / "phone"
    phone.mkdir()
    good = (plain / "WhatsApp/Databases/msgstore.db.crypt15").read_bytes()
    (phone / "good.db.crypt15").write_bytes(good)
    (phone / "damaged.db.crypt15").write_bytes(good[:300] + b"x" + good[301:])
    (phone / "nonsense.db.crypt15").write_bytes(b"?")
    (phone / "there.db.crypt15").write_bytes(good)
    (phone / "there.db").write_bytes(b"mine")
    vault = filled(bench, phone, plain / "keys/64-digit-key.txt")
    daemon = bench.mount(vault, "--scratch", "--decrypt-backups")
    daemon.expect("warning: not decrypted: /damaged.db.crypt15: the backup is damaged")
    daemon.expect("warning: not decrypted: /nonsense.db.crypt15: this is not an encrypted backup")
    assert sorted(path.name for path in daemon.place.glob("*.db")) == ["good.db", "there.db"]
    assert (daemon.place / "there.db").read_bytes() == b"mine"
    assert "/there.db is there already" in daemon.text()
    assert "1 backup decrypted" in daemon.text()


def test_it_wants_a_place_that_is_thrown_away(bench: Bench, plain: Path) -> None:
    vault = bench.vault()
    place = bench.folder / "mnt"
    place.mkdir()
    refused = bench.refused(vault, place, "--decrypt-backups")
    assert (refused.code, "is for --scratch and --read-only" in refused.text) == (2, True)
    daemon = bench.mount(vault, "--read-only", "--decrypt-backups")
    daemon.expect("no backup is decrypted: the vault keeps no keys")


def test_in_the_background_it_says_what_it_does_before_it_returns(bench: Bench, plain: Path, tmp_path: Path) -> None:
    phone = tmp_path / "phone"
    phone.mkdir()
    shutil.copy(plain / "WhatsApp/Databases/msgstore.db.crypt15", phone)
    vault = filled(bench, phone, plain / "keys/64-digit-key.txt")
    place = bench.folder / "background"
    place.mkdir()
    words = ("--password-file", str(bench.password_file), "--log-file", str(tmp_path / "log"))
    said = bench.wafs("mount", vault, place, "--scratch", "--decrypt-backups", *words)
    try:
        assert (said.code, said.text) == (0, "wafs: 1 backup decrypted for this mount\n")
        assert (place / "msgstore.db").read_bytes() == (plain / "msgstore.db").read_bytes()
    finally:
        ended = bench.wafs("umount", place)
    assert (ended.code, "created" in ended.text) == (0, False), ended.text
    assert PASSWORD.decode() not in (tmp_path / "log").read_text()
    assert "msgstore" not in (tmp_path / "log").read_text()
