"""Programs get from a scratch mount what they get from a plain copy, and every byte of the vault stays as it is."""

from __future__ import annotations

import json
import mmap
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from fs.paths import Paths
from fs.scratches import ciphertext_of
from mount.programs import run
from mount.test_exporter import EXPORTER, OPTIONS, export_android, export_ios
from mount.trees import make_tree, nodes
from sample_backup.android import write_android
from sample_backup.ios import write_ios
from sample_backup.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mount.bench import Bench

pytestmark = pytest.mark.mount

WAL = "PRAGMA journal_mode = WAL"


@dataclass
class Both:
    """The same files in a plain folder, and on a scratch mount."""

    plain: Path
    mounted: Path


def with_wal(backup: Path) -> None:
    with closing(sqlite3.connect(backup / "msgstore.db")) as db:
        db.execute(WAL)


def with_live_wal(backup: Path) -> None:
    """Leave -wal and -shm as an app does that runs while its files are copied."""
    place = backup / "msgstore.db"
    with closing(sqlite3.connect(place)) as db:
        db.execute(WAL)
        db.execute("UPDATE message SET text_data = text_data || ' edited' WHERE _id % 7 = 0")
        db.commit()
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{place}{suffix}", backup.parent / f"live{suffix}")
    for suffix in ("", "-wal", "-shm"):
        os.replace(backup.parent / f"live{suffix}", f"{place}{suffix}")
    assert (backup / "msgstore.db-wal").stat().st_size > 0


@pytest.fixture
def both(bench: Bench) -> Iterator[Callable[[Callable[[Path], None]], Both]]:
    """Fill a folder, put a copy of it into a vault, and mount that with a scratch; nothing of it may change."""
    before: list[object] = []
    vault = bench.vault()

    def fill(write: Callable[[Path], None]) -> Both:
        plain = bench.folder / "plain"
        write(plain)
        put = bench.wafs("put", vault, plain, "/backup", "--password-file", bench.password_file)
        assert put.code == 0, put.text
        if (plain / "hard link").exists():
            # `put` makes two files of it.
            with bench.vfs(vault, read_only=False) as vfs:
                paths = Paths(vfs)
                paths.unlink(b"backup/hard link")
                paths.link(b"backup/Media/IMG-4096.jpg", b"backup/hard link")
        before.append(ciphertext_of(vault))
        daemon = bench.mount(vault, "--scratch", "--scratch-dir", str(bench.folder))
        return Both(plain, daemon.place / "backup")

    yield fill
    for daemon in bench.daemons:
        if daemon.mounted():
            daemon.unmount()
    assert before == [ciphertext_of(vault)]
    assert list(bench.folder.glob("wafs-scratch-*")) == []


@pytest.mark.parametrize("prepare", [with_wal, with_live_wal])
def test_an_exporter_on_android(both: Any, tmp_path: Path, prepare: Callable[[Path], None]) -> None:
    def write(folder: Path) -> None:
        folder.mkdir()
        write_android(make_plan(OPTIONS), folder)
        prepare(folder)

    pair = both(write)
    found = export_android(pair.mounted, tmp_path / "from mount")
    expected = export_android(pair.plain, tmp_path / "from plain")
    assert found == expected
    assert sum(len(chat["messages"]) for chat in found.values()) > 200
    # The exporter writes into what it reads.
    assert nodes(pair.mounted, folder_times=False).keys() == nodes(pair.plain, folder_times=False).keys()
    assert (pair.mounted / "WhatsApp/thumbnails").is_dir()


def test_an_exporter_that_moves_the_media_out(both: Any, tmp_path: Path) -> None:
    if not EXPORTER.exists():
        pytest.skip("whatsapp-chat-exporter is not installed")

    def write(folder: Path) -> None:
        folder.mkdir()
        write_android(make_plan(OPTIONS), folder)

    def export(backup: Path, out: Path) -> Any:
        databases = ("-d", backup / "msgstore.db", "-w", backup / "wa.db")
        out.mkdir()
        words = ("--no-banner", "--android", *databases, "-m", "WhatsApp", "-c", "-o", out / "html", "-j", out / "json")
        run(EXPORTER, *words, cwd=backup)
        text = (out / "json").read_text()
        return json.loads(text.replace(str(backup), "BACKUP").replace(str(out), "OUT"))

    pair = both(write)
    found = export(pair.mounted, tmp_path / "from mount")
    assert found == export(pair.plain, tmp_path / "from plain")
    # It empties what it reads.
    assert not (pair.mounted / "WhatsApp").exists()
    assert (
        nodes(tmp_path / "from mount/html", folder_times=False).keys()
        == nodes(tmp_path / "from plain/html", folder_times=False).keys()
    )


def test_an_exporter_on_ios(both: Any, tmp_path: Path) -> None:
    pair = both(lambda folder: write_ios(make_plan(OPTIONS), folder))
    found = export_ios(pair.mounted, tmp_path / "from mount")
    assert found == export_ios(pair.plain, tmp_path / "from plain")
    assert sum(len(chat["messages"]) for chat in found.values()) > 200


def test_readers_and_viewers_of_a_live_database(both: Any) -> None:
    def write(folder: Path) -> None:
        folder.mkdir()
        write_android(make_plan(OPTIONS), folder)
        with_live_wal(folder)

    query = "SELECT _id, text_data FROM message ORDER BY _id"

    def read_only(folder: Path) -> list[Any]:
        with closing(sqlite3.connect(f"file:{folder / 'msgstore.db'}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    def view(folder: Path) -> list[Any]:
        with closing(sqlite3.connect(folder / "msgstore.db")) as db:
            assert db.execute(WAL).fetchone() == ("wal",)
            db.execute("CREATE INDEX viewed ON message (timestamp)")
            db.execute("UPDATE message SET text_data = 'seen' WHERE _id = 3")
            db.commit()
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return db.execute(query).fetchall()

    pair = both(write)
    for look in (read_only, view, read_only):
        found = look(pair.mounted)
        assert found == look(pair.plain)
        assert sum(" edited" in (text or "") for _, text in found) > 10


def test_a_tree_that_is_changed_in_every_way(both: Any) -> None:
    def change(top: Path) -> None:
        media = top / "Media"
        (media / "IMG-4096.jpg").chmod(0o640)
        os.utime(media / "IMG-16383.jpg", ns=(5, 7))
        os.truncate(media / "IMG-1100000.jpg", 500_000)
        os.truncate(media / "IMG-16385.jpg", 50_000)
        with (media / "IMG-100000.jpg").open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
            mapped[70_000:70_005] = b"plain"
        with (top / "sparse").open("r+b") as file:
            file.seek(6_000_000)
            file.write(b"more")
        with (top / "hard link").open("ab") as end:
            end.write(b"through the other name")
        os.setxattr(top / "private", "user.new", b"value")
        os.removexattr(top / "hidden", "user.folder")
        media.rename(top / "Renamed")
        (top / "Renamed/WhatsApp Images/Sent/IMG-0001.jpg").rename(top / "out.jpg")
        (top / "Renamed/new folder").mkdir()
        (top / "Renamed/new folder/file").write_text("new")
        (top / "program").unlink()
        (top / "program").write_text("another")
        (top / "empty folder").rmdir()
        (top / "link").unlink()
        (top / "link").symlink_to("Renamed")
        os.link(top / "private", top / "linked")
        for path in [*top.rglob("*"), top]:
            os.utime(path, ns=(9, 11), follow_symlinks=False)

    def write(folder: Path) -> None:
        folder.mkdir()
        make_tree(folder)

    pair = both(write)
    assert nodes(pair.mounted, folder_times=False) == nodes(pair.plain, folder_times=False)
    change(pair.mounted)
    change(pair.plain)
    assert nodes(pair.mounted) == nodes(pair.plain)
    shutil.rmtree(pair.mounted)
    assert os.listdir(pair.mounted.parent) == []
    make_tree_again(pair)
    assert nodes(pair.mounted, folder_times=False) == nodes(pair.plain, folder_times=False)


def make_tree_again(pair: Both) -> None:
    shutil.rmtree(pair.plain)
    for top in (pair.plain, pair.mounted):
        top.mkdir()
        make_tree(top)


def test_a_page_of_a_large_database_costs_a_page(both: Any, bench: Bench) -> None:
    def write(folder: Path) -> None:
        folder.mkdir()
        with (folder / "large.db").open("wb") as file:
            for number in range(40):
                file.write(bytes([number]) * 1_000_000)

    pair = both(write)
    (scratch,) = bench.folder.glob("wafs-scratch-*")
    fd = os.open(pair.mounted / "large.db", os.O_RDWR)
    assert os.pread(fd, 4, 20_000_000) == bytes([20]) * 4
    assert os.listdir(scratch) == []
    os.pwrite(fd, b"p" * 4096, 20_480_000)
    os.close(fd)
    around = (pair.mounted / "large.db").read_bytes()[20_479_990:20_484_106]
    assert around == bytes([20]) * 10 + b"p" * 4096 + bytes([20]) * 10
    told = bench.wafs("umount", "--json", pair.mounted.parent)
    (change,) = json.loads(told.text)["changes"]
    assert (change["kind"], change["path"]) == ("changed", "/backup/large.db")
    # One chunk of 16 KiB, and what is sealed with it.
    assert 16_384 <= change["bytes"] <= 16_800
