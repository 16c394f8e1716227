"""A manifest of an iOS backup that would have a tool write elsewhere is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sample_backup import ios_schema
from wafs.errors import UserError
from wafs.whatsapp.ios_manifest import check_paths

if TYPE_CHECKING:
    from pathlib import Path


def manifest(folder: Path, *paths: object, sql: str = "") -> str:
    place = str(folder / "Manifest.db")
    with closing(sqlite3.connect(place)) as db:
        db.execute("CREATE TABLE Files (fileID TEXT, domain TEXT, relativePath TEXT, flags INTEGER, file BLOB)")
        rows = [(str(number), ios_schema.DOMAIN, path, 1, b"") for number, path in enumerate(paths)]
        db.executemany("INSERT INTO Files VALUES (?, ?, ?, ?, ?)", rows)
        db.executescript(sql)
        db.commit()
    return place


def test_paths_within_it_are_fine(tmp_path: Path) -> None:
    check_paths(manifest(tmp_path, "", None, "ChatStorage.sqlite", "Message/Media/a..b/..c", "Message/Media"))


@pytest.mark.parametrize("path", ["../x", "Message/../../x", "/etc/x", "Message/..", b"../x"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, path: object) -> None:
    with pytest.raises(UserError, match="lead out"):
        check_paths(manifest(tmp_path, "ChatStorage.sqlite", path))


def test_what_may_say_something_else_next_time_is_refused(tmp_path: Path) -> None:
    view = "ALTER TABLE Files RENAME TO Real; CREATE VIEW Files AS SELECT * FROM Real WHERE random() % 2;"
    with pytest.raises(UserError, match="lead out"):
        check_paths(manifest(tmp_path, "../x", sql=view))


def test_a_view_that_has_no_end_is_refused(tmp_path: Path) -> None:
    rows = (
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS relativePath, n AS domain FROM r"
    )
    with pytest.raises(UserError, match="lead out"):
        check_paths(manifest(tmp_path, sql=f"DROP TABLE Files; CREATE VIEW Files AS {rows};"))


def test_an_encrypted_one_is_left_to_the_tool(tmp_path: Path) -> None:
    (tmp_path / "Manifest.db").write_bytes(b"encrypted" * 1000)
    check_paths(str(tmp_path / "Manifest.db"))
