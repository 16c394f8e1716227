"""Reasons: whatever became an I/O error can be asked for, in bounded memory."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import pytest

from wafs.errors import AuthenticationError, DamageError, MalformedError, TruncatedError
from wafs.format.layout import chunk_offset
from wafs.fs.reasons import KEPT
from wafs.units import ROOT_INO

if TYPE_CHECKING:
    from pathlib import Path

    from fs.paths import Paths
    from log_police import ExpectLog

CHUNK = 4096
SIZE = 3 * CHUNK + 10


def test_a_damaged_chunk_is_named_by_its_bytes(paths: Paths, vault_path: Path, expect_log: ExpectLog) -> None:
    expect_log("inode .* gave an I/O error: chunk 3 does not verify .F-30.")
    paths.mkdir(b"folder")
    paths.write(b"folder/file", os.urandom(SIZE))
    (cipher,) = (path for path in (vault_path / "tree").rglob("*.wafs") if path.is_file())
    data = bytearray(cipher.read_bytes())
    data[chunk_offset(3, CHUNK) + 15] ^= 1
    cipher.write_bytes(data)
    files, reasons = paths.vfs.files, paths.vfs.reasons
    with paths.held(b"folder/file") as number:
        fh = files.open(number, os.O_RDONLY).fh
        for _ in range(2):
            with pytest.raises(AuthenticationError, match="chunk 3") as caught:
                files.read(fh, 0, SIZE, paths.scratch)
            reasons.note(number, caught.value)
        files.release(fh)
        (reason,) = reasons.of(number)
        assert (reason.path, reason.rule, reason.count) == (b"/folder/file", "F-30", 2)
        assert (reason.start, reason.stop) == (3 * CHUNK, SIZE)
        assert "backup" in reason.remedy
        assert reason.first <= reason.last
        assert reasons.of(ROOT_INO) == [reason]
        assert reasons.of(number + 1) == []


@pytest.mark.parametrize(
    ("error", "rule", "remedy"),
    [
        (AuthenticationError("chunks of the file are of different versions"), "F-27", "backup"),
        (AuthenticationError(), "F-21", "backup"),
        (TruncatedError("ciphertext file has 3 bytes"), "F-24", "backup"),
        (MalformedError("bytes"), "F-20", "backup"),
        (DamageError(), "F-20", "backup"),
        (OSError(errno.EIO, "x"), "I-5", "disk"),
        (KeyError("x"), "I-5", "bug in wafs"),
    ],
)
def test_every_kind_of_error_has_a_rule_and_a_remedy(
    paths: Paths, expect_log: ExpectLog, error: Exception, rule: str, remedy: str
) -> None:
    expect_log("inode 1 gave an I/O error")
    paths.vfs.reasons.note(ROOT_INO, error)
    (reason,) = paths.vfs.reasons.of(ROOT_INO)
    assert (reason.path, reason.rule, reason.start, reason.stop) == (b"/", rule, None, None)
    assert remedy in reason.remedy
    assert reason.message


def test_the_newest_are_kept_and_the_same_one_counts_once(paths: Paths, expect_log: ExpectLog) -> None:
    expect_log("gave an I/O error: number")
    reasons = paths.vfs.reasons
    for number in range(KEPT + 10):
        reasons.note(ROOT_INO, MalformedError(f"number {number}"))
        reasons.note(ROOT_INO, MalformedError("number 0"))
    kept = reasons.of(ROOT_INO)
    assert len(kept) == KEPT
    assert kept[0].message == "number 0"
    assert kept[0].count == KEPT + 11
    assert kept[1].message == f"number {KEPT + 9}"


def test_what_is_given_out_fits_into_an_attribute(paths: Paths, expect_log: ExpectLog) -> None:
    expect_log("gave an I/O error: ")
    reasons = paths.vfs.reasons
    for number in range(KEPT):
        reasons.note(ROOT_INO, MalformedError(f"{number} " + 2000 * "x"))
    data = reasons.encode(ROOT_INO)
    assert len(data) < 64 * 1024
    found = json.loads(data)
    assert 10 < len(found) < KEPT
    assert found[0]["message"].startswith(f"{KEPT - 1} ")


def test_an_inode_that_nobody_knows_has_a_reason_too(paths: Paths, expect_log: ExpectLog) -> None:
    expect_log("inode 4711 gave an I/O error")
    paths.vfs.reasons.note(4711, TruncatedError("gone"))
    assert paths.vfs.reasons.of(4711)[0].path is None
    assert json.loads(paths.vfs.reasons.encode(4711))[0]["path"] is None
    assert paths.vfs.reasons.encode(5) == b"[]"


def test_plain_names_are_for_debugging_alone(
    paths: Paths, expect_log: ExpectLog, caplog: pytest.LogCaptureFixture
) -> None:
    expect_log("gave an I/O error")
    caplog.set_level("DEBUG", "wafs")
    paths.write(b"secret name", b"x")
    with paths.held(b"secret name") as number:
        paths.vfs.reasons.note(number, TruncatedError("cut"))
    levels = {record.levelname for record in caplog.records if "secret name" in record.getMessage()}
    assert levels == {"DEBUG"}
