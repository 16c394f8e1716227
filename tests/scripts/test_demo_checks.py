"""The checks of the demonstration notice what they claim to notice."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from demo_job.export import changes_made, compare, media_folder, stand_in
from demo_job.search import Needles, needles, readable
from demo_job.tree import BLOCK, Changes, copy, differences, listing
from sample_backup.android import write_android
from sample_backup.plan import Options, make_plan

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = Changes()
PICTURE = "WhatsApp/Media/IMG-1.jpg"


def ignore(_count: int) -> None:
    """Stand in for a progress bar."""


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    root = tmp_path / "backup"
    (root / "WhatsApp/Media").mkdir(parents=True)
    (root / "msgstore.db").write_bytes(b"messages" * 100)
    (root / PICTURE).write_bytes(bytes(range(256)) * 8)
    (root / "link").symlink_to("msgstore.db")
    return root


@pytest.fixture
def copied(backup: Path, tmp_path: Path) -> Path:
    target = tmp_path / "copy"
    target.mkdir()
    copy(backup, target, listing(backup), ignore)
    return target


def test_a_copy_is_equal_in_every_respect(backup: Path, copied: Path) -> None:
    assert differences(backup, copied, NOTHING, ignore) == []


def flip_a_byte(root: Path) -> None:
    info = (root / PICTURE).stat()
    data = bytearray((root / PICTURE).read_bytes())
    data[700] ^= 1
    (root / PICTURE).write_bytes(data)
    os.utime(root / PICTURE, ns=(info.st_atime_ns, info.st_mtime_ns))


def shift_the_time(root: Path) -> None:
    info = (root / PICTURE).stat()
    os.utime(root / PICTURE, ns=(info.st_atime_ns, info.st_mtime_ns + 1))


def turn_the_link(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (flip_a_byte, "bytes differ at or after 0: " + PICTURE),
        (shift_the_time, "time "),
        (turn_the_link, "points to elsewhere"),
        (lambda root: (root / PICTURE).chmod(0o604), "mode 604"),
        (lambda root: (root / "msgstore.db").unlink(), "missing: msgstore.db"),
        (lambda root: (root / "more").touch(), "nobody put this here: more"),
        (lambda root: os.truncate(root / "msgstore.db", 799), "bytes differ"),
    ],
)
def test_every_difference_is_noticed(backup: Path, copied: Path, spoil: object, complaint: str) -> None:
    assert callable(spoil)
    spoil(copied)
    problems = differences(backup, copied, NOTHING, ignore)
    assert any(complaint in problem for problem in problems), problems


def test_a_string_is_found_across_the_border_of_two_blocks(tmp_path: Path) -> None:
    text = b"a message nobody may read"
    (tmp_path / "file").write_bytes(bytes(BLOCK - 10) + text + bytes(5))
    assert readable(tmp_path, Needles([text], 1), ignore) == [f"{text!r} in file"]
    assert readable(tmp_path, Needles([b"another message"], 1), ignore) == []


def test_a_plain_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "IMG-20230101-WA0001.jpg").touch()
    found = readable(tmp_path, Needles([b"IMG-20230101"], 1), ignore)
    assert found == ["b'IMG-20230101' in the name IMG-20230101-WA0001.jpg"]


def test_the_plain_backup_itself_is_full_of_what_is_searched_for(tmp_path: Path) -> None:
    root = tmp_path / "backup"
    write_android(make_plan(Options(messages=60, media_files=20, media_bytes=50_000)), root)
    wanted = needles(root, listing(root), 1)
    assert len(wanted.chosen) == wanted.known > 50
    found = readable(root, wanted, ignore)
    for needle in wanted.chosen:
        assert any(problem.startswith(f"{needle!r} in ") for problem in found), needle


def write_export(path: Path, root: Path, text: str) -> Path:
    message = {"data": f"{root}/WhatsApp/Media/a.jpg", "caption": text}
    path.write_text(json.dumps({"chat": {"messages": {"1": message}}}))
    return path


def test_exports_may_differ_in_the_path_of_the_backup_only(tmp_path: Path) -> None:
    one, two = tmp_path / "a&b", tmp_path / "c"
    plain = write_export(tmp_path / "1.json", one, "hello")
    same = write_export(tmp_path / "2.json", two, "hello")
    other = write_export(tmp_path / "3.json", two, "hullo")
    assert compare(plain, one, same, two) == []
    assert compare(plain, one, other, two) == ["the export of chat chat differs"]
    assert compare(plain, one, same, tmp_path / "elsewhere") != []


def test_the_exporter_cannot_write_into_the_backup(backup: Path, tmp_path: Path) -> None:
    (backup / "WhatsApp/thumbnails").mkdir()
    (backup / "WhatsApp/thumbnails/old.png").write_bytes(b"old")
    before = listing(backup).entries
    shown = tmp_path / "shown"

    stand_in(backup, shown)
    media = media_folder(shown)
    assert (media / "Media/IMG-1.jpg").read_bytes() == (backup / PICTURE).read_bytes()
    (media / "thumbnails/new.png").write_bytes(b"new")
    (media / "vCards").mkdir()
    (media / "vCards/card.vcf").write_bytes(b"card")
    (shown / "msgstore.db").write_bytes(b"changed")

    assert listing(backup).entries == before
    changes = changes_made(backup, shown)
    assert set(changes.files) == {
        "msgstore.db",
        "WhatsApp/thumbnails/new.png",
        "WhatsApp/vCards/card.vcf",
    }
    assert changes.removed == set()


def test_a_journal_that_was_folded_in_is_expected_to_be_gone(tmp_path: Path) -> None:
    backup, shown = tmp_path / "backup", tmp_path / "shown"
    backup.mkdir()
    with closing(sqlite3.connect(tmp_path / "live.db")) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE t (x)")
        db.commit()
        for side in ("", "-wal"):
            data = (tmp_path / f"live.db{side}").read_bytes()
            (backup / f"msgstore.db{side}").write_bytes(data)
    stand_in(backup, shown)
    with closing(sqlite3.connect(shown / "msgstore.db")) as db:
        db.execute("SELECT * FROM t").fetchall()
    changes = changes_made(backup, shown)
    assert set(changes.files) == {"msgstore.db"}
    assert changes.removed == {"msgstore.db-wal"}
