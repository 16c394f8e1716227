"""`wafs why` without a mount: where it asks, and what it says. On a real mount: tests/mount/test_why.py."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wafs.fuse import mountinfo

if TYPE_CHECKING:
    from cli.commands import Wafs

REASON = {
    "path": "/sub/a\x1bb",
    "rule": "F-30",
    "message": "chunk 1 does not verify",
    "remedy": "restore it from a backup",
    "start": 16384,
    "stop": 32768,
    "first": 1.0,
    "last": 2.0,
    "count": 1200,
}


@pytest.fixture
def mounted(place: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes | int]:
    """A folder that passes for a mount; the values are what its attributes answer, or the errno."""
    (place / "mnt/sub").mkdir(parents=True)
    answers: dict[str, bytes | int] = {}
    at = os.fsencode(os.path.realpath(place / "mnt"))
    mount = mountinfo.MountInfo(at, mountinfo.FSTYPE, b"/the/vault", (), 0, 1)

    def getxattr(path: str | bytes, name: str, **_: Any) -> bytes:
        assert name == "user.wafs.why"
        answer = answers[os.path.relpath(os.fsdecode(path), place)]
        if isinstance(answer, int):
            raise OSError(answer, os.strerror(answer))
        return answer

    monkeypatch.setattr(mountinfo, "list_vaults", lambda: [mount])
    monkeypatch.setattr(os, "getxattr", getxattr)
    return answers


@pytest.mark.parametrize("path", [".", "/", "no/such/file", "mntx"])
def test_a_path_elsewhere_is_refused_with_what_to_do(wafs: Wafs, mounted: dict[str, bytes | int], path: str) -> None:
    result = wafs("why", path)
    assert result.code == 2
    assert f"{path} is not in a mounted vault" in result.err
    assert "wafs status shows" in result.err


def test_a_reason_is_told_in_plain_words(wafs: Wafs, mounted: dict[str, bytes | int]) -> None:
    mounted["mnt/sub/a\x1bb"] = json.dumps([REASON]).encode()
    lines = wafs.ok("why", "mnt/sub/a\x1bb").lines()
    assert lines[0].endswith("mnt/sub/a\\eb")
    assert lines[1] == "    what failed: chunk 1 does not verify (F-30 of the format)"
    assert lines[2] == "    which bytes: 16,384 to 32,767; other parts of the file may be whole"
    assert lines[3].startswith("    when: 1,200 times, last at ")
    assert lines[4] == "    what to do: restore it from a backup"


def test_what_is_not_known_is_said_with_where_to_look(wafs: Wafs, mounted: dict[str, bytes | int]) -> None:
    Path("mnt/x").touch()
    mounted["mnt/x"] = b"[]"
    result = wafs.ok("why", "mnt/x")
    assert result.lines() == ["nothing is known of mnt/x: nothing has failed there since the vault was mounted"]
    assert "wafs check /the/vault" in result.err
    assert json.loads(wafs.ok("why", "--json", "mnt/x").out) == []


def test_where_the_path_gives_no_answer_the_mount_does(wafs: Wafs, mounted: dict[str, bytes | int]) -> None:
    other = {**REASON, "path": "/other"}
    above = {**REASON, "path": "/sub"}
    mounted["mnt/sub/a\x1bb"] = errno.EIO
    mounted["mnt"] = json.dumps([REASON, other, above, {**REASON, "path": None}]).encode()
    assert json.loads(wafs.ok("why", "--json", "mnt/sub/a\x1bb").out) == [REASON, above]
    assert len(json.loads(wafs.ok("why", "--json", "mnt").out)) == 4
    assert "a file that has no name any more" in wafs.ok("why", "mnt").lines()


def test_a_mount_that_is_dead_is_an_error(wafs: Wafs, mounted: dict[str, bytes | int]) -> None:
    mounted["mnt"] = mounted["mnt/x"] = errno.ENOTCONN
    result = wafs("why", "mnt/x")
    assert result.code == 7
    assert os.strerror(errno.ENOTCONN).lower() in result.err


def test_a_file_that_is_not_there_is_not_said_to_be_well(wafs: Wafs, mounted: dict[str, bytes | int]) -> None:
    mounted["mnt/sub/none"] = errno.ENOENT
    mounted["mnt"] = b"[]"
    result = wafs("why", "mnt/sub/none")
    assert result.code == 1
    assert "there is no mnt/sub/none" in result.err
    assert "wafs check /the/vault" in result.err
