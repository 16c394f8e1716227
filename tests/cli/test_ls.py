"""`wafs ls`, `wafs rm` and `wafs info`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.commands import Wafs


@pytest.fixture
def filled(vault: Wafs, place: Path) -> Wafs:
    (place / "src/sub/deep").mkdir(parents=True)
    (place / "src/.hidden").write_bytes(b"x")
    (place / "src/sub/b").write_bytes(b"beta")
    (place / "src/link").symlink_to("sub")
    os.utime("src/sub/b", (1_600_000_000, 1_600_000_000))
    os.chmod("src/sub/b", 0o604)
    vault.do("put", "v", "src/.", "/")
    return vault


def test_names(filled: Wafs) -> None:
    assert filled.do("ls", "v").lines() == [".hidden", "link", "sub/"]
    assert filled.do("ls", "v", "sub").lines() == ["b", "deep/"]
    assert filled.do("ls", "v", "link").lines() == ["b", "deep/"]
    assert filled.do("ls", "v", "/sub/b").lines() == ["/sub/b"]
    assert filled.do("ls", "-R", "v").lines() == [".hidden", "link", "sub/", "sub/b", "sub/deep/"]


def test_long_lines(filled: Wafs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC0")
    assert filled.do("ls", "-l", "v", "sub/b").lines() == ["-rw----r--              4 2020-09-13 12:26 sub/b"]
    assert filled.do("ls", "-l", "v").lines()[1].endswith(" link -> sub")


def test_json(filled: Wafs) -> None:
    found = [json.loads(line) for line in filled.do("ls", "-R", "--json", "v").lines()]
    assert [(each["path"], each["type"]) for each in found] == [
        (".hidden", "file"),
        ("link", "symlink"),
        ("sub", "folder"),
        ("sub/b", "file"),
        ("sub/deep", "folder"),
    ]
    assert found[1]["target"] == "sub"
    assert found[3] == {
        "path": "sub/b",
        "type": "file",
        "size": 4,
        "mode": "0604",
        "mtime_ns": 1_600_000_000 * 10**9,
    }


def test_what_is_not_there(filled: Wafs) -> None:
    result = filled.unlocked("ls", "v", "/sub/nope")
    assert (result.code, result.out) == (1, b"")
    assert result.err == "wafs: error: /sub/nope: no such file or directory\n"


def test_rm_of_files_and_folders(filled: Wafs) -> None:
    filled.do("rm", "v", ".hidden", "link")
    assert filled.names() == ["sub/", "sub/b", "sub/deep/"]
    refused = filled.unlocked("rm", "v", "sub")
    assert (refused.code, "wafs rm -r" in refused.err) == (1, True)
    filled.do("rm", "-r", "v", "/sub/")
    assert filled.names() == []
    assert list(Path("v/tree").iterdir()) == []


@pytest.mark.parametrize("path", ["/", "", ".", "//", "/./", "..", "sub/.."])
def test_rm_refuses_the_top(filled: Wafs, path: str) -> None:
    before = filled.names()
    assert filled.unlocked("rm", "-r", "v", path).code == 1
    assert filled.names() == before


def test_rm_goes_on_after_a_failure(filled: Wafs) -> None:
    result = filled.unlocked("rm", "v", "nope", ".hidden")
    assert (result.code, "nope: no such file" in result.err) == (1, True)
    assert ".hidden" not in filled.names()


def test_rm_of_a_symlink_leaves_its_target(filled: Wafs) -> None:
    filled.do("rm", "-r", "v", "link")
    assert filled.names() == [".hidden", "sub/", "sub/b", "sub/deep/"]


def test_info_needs_no_password(filled: Wafs) -> None:
    shown = json.loads(filled.ok("info", "--json", "--size", "v").out)
    assert len(shown.pop("id")) == 32
    assert shown.pop("created").endswith("Z")
    assert shown == {
        "format": 1,
        "chunk_size": 16384,
        "features": [],
        "slots": [
            {
                "type": "password",
                "label": "",
                "kdf": {"name": "argon2id", "memory_kib": 8192, "passes": 3, "lanes": 4},
            }
        ],
        "header_copies_intact": True,
        "files": 2,
        "size": (256 + 1 + 28) + (256 + 4 + 28),
    }


def test_info_tells_a_damaged_header_copy(filled: Wafs) -> None:
    Path("v/wafs.vault").write_bytes(b"")
    assert "one is damaged or missing" in filled.ok("info", "v").out.decode()
    assert filled.unlocked("ls", "v").code == 0
    assert "one is damaged" in filled.ok("info", "v").out.decode()


def test_status_without_mounts_below_here(vault: Wafs, place: Path) -> None:
    listed = json.loads(vault.ok("status", "--json").out)
    assert [mount for mount in listed if mount["mountpoint"].startswith(os.fspath(place))] == []
    assert vault.ok("status").code == 0


def test_umount_of_what_is_no_mount(vault: Wafs) -> None:
    result = vault("umount", "v")
    assert (result.code, "v is not a mounted vault" in result.err) == (1, True)
