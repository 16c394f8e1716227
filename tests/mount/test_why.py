"""`wafs why` on a real mount: an I/O error comes with the file, the bytes, the reason and what to do."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import pytest

from wafs.format.layout import chunk_offset
from wafs.vault.vault import DEFAULT_CHUNK_SIZE as CHUNK

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

SIZE = 40 * CHUNK + 100
"""More than the kernel reads ahead at a time on its own, so that both ends are asked for."""


def _break_chunk(bench: Bench, daemon: Daemon, number: int) -> Daemon:
    """Write files, break a chunk of the large one while nothing is mounted, and mount again."""
    (daemon.place / "folder").mkdir()
    (daemon.place / "folder/photo").write_bytes(os.urandom(SIZE))
    (daemon.place / "whole").write_bytes(b"whole")
    daemon.unmount()
    (cipher,) = (
        path for path in (daemon.vault / "tree").rglob("*.wafs") if path.is_file() and path.stat().st_size > SIZE
    )
    with cipher.open("r+b") as file:
        file.seek(chunk_offset(number, CHUNK) + 20)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    return bench.mount(daemon.vault, at=daemon.place)


def _fail_to_read(path: Path) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        path.read_bytes()


def test_the_file_the_bytes_and_the_remedy_are_told(bench: Bench, daemon: Daemon) -> None:
    again = _break_chunk(bench, daemon, 40)
    photo = again.place / "folder/photo"
    quiet = bench.wafs("why", photo)
    assert quiet.code == 0
    assert "nothing is known" in quiet.text
    assert f"wafs check {again.vault}" in quiet.text
    again.expect("chunk 40 does not verify")
    _fail_to_read(photo)
    for asked in (photo, again.place):
        told = bench.wafs("why", asked)
        assert told.code == 0
        assert str(photo) in told.text
        assert "chunk 40 does not verify" in told.text
        assert f"{40 * CHUNK:,} to {SIZE - 1:,}" in told.text
        assert "restore it from a backup" in told.text
    assert "nothing is known" in bench.wafs("why", again.place / "whole").text
    assert "photo" not in again.text()


def test_json_and_the_attribute(bench: Bench, daemon: Daemon) -> None:
    again = _break_chunk(bench, daemon, 0)
    photo = again.place / "folder/photo"
    again.expect("chunk 0 does not verify")
    _fail_to_read(photo)
    (reason,) = json.loads(bench.wafs("why", "--json", photo).text)
    assert reason["path"] == "/folder/photo"
    assert (reason["start"], reason["stop"], reason["rule"]) == (0, CHUNK, "F-30")
    assert json.loads(os.getxattr(photo, "user.wafs.why"))[0]["path"] == "/folder/photo"
    assert "user.wafs.why" not in os.listxattr(photo)
    with pytest.raises(PermissionError, match="denied"):
        os.setxattr(photo, "user.wafs.why", b"[]")


def test_a_file_that_cannot_be_opened_has_a_reason(bench: Bench, daemon: Daemon) -> None:
    again = _break_chunk(bench, daemon, 0)
    again.unmount()
    (cipher,) = (
        path for path in (daemon.vault / "tree").rglob("*.wafs") if path.is_file() and path.stat().st_size > SIZE
    )
    os.truncate(cipher, chunk_offset(3, CHUNK))
    last = bench.mount(daemon.vault, at=daemon.place)
    last.expect("are sealed")
    _fail_to_read(last.place / "folder/photo")
    told = bench.wafs("why", last.place / "folder/photo")
    assert "F-24" in told.text
    assert "are sealed" in told.text


def test_a_path_that_is_not_on_a_mount_is_refused(bench: Bench, daemon: Daemon) -> None:
    for path in (bench.folder, daemon.vault, "/"):
        result = bench.wafs("why", path)
        assert result.code == 2
        assert "is not in a mounted vault" in result.text
