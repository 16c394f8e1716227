"""What makes no sense with a scratch is refused before anything is asked or made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from cli.commands import Wafs

REFUSALS = {
    "read-only": (("--scratch", "--read-only"), "only one of --read-only"),
    "no scratch": (("--keep", "out"), "for --scratch"),
    "not empty": (("--scratch", "--keep", "full"), "not empty"),
    "in the vault": (("--scratch", "--keep", "v/out"), "inside the vault"),
    "scratch in the vault": (("--scratch", "--scratch-dir", "v"), "inside the vault"),
    "scratch in the mount": (("--scratch", "--scratch-dir", "mnt"), "inside the mountpoint"),
    "in the mount": (("--scratch", "--keep", "mnt/out"), "inside the mountpoint"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_makes_no_sense_is_refused(vault: Wafs, place: Path, case: str) -> None:
    words, expected = REFUSALS[case]
    (place / "mnt").mkdir()
    (place / "full").mkdir()
    (place / "full/file").write_text("file")
    before = sorted(os.listdir(place))
    result = vault("mount", "v", "mnt", *words)
    assert result.code == 2
    assert expected in result.err
    assert sorted(os.listdir(place)) == before


def test_a_wrong_password_leaves_nothing(vault: Wafs, place: Path) -> None:
    (place / "mnt").mkdir()
    (place / "wrong").write_text("wrong")
    before = sorted(os.listdir(place))
    words = ("--scratch", "--scratch-dir", ".", "--keep", "out", "--password-file", "wrong")
    assert vault("mount", "v", "mnt", *words).code == 3
    assert sorted(os.listdir(place)) == before


def test_a_folder_for_what_is_written_that_cannot_be_made(vault: Wafs, place: Path) -> None:
    (place / "mnt").mkdir()
    result = vault("mount", "v", "mnt", "--scratch", "--keep", "no/such/out")
    assert result.code == 7
    assert "no such file" in result.err
    assert vault("mount", "v", "mnt", "--scratch", "--scratch-dir", "no/such", "--password-file", "pw").code == 7
