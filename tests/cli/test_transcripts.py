"""The sessions in transcripts/ run as they are written down."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cli.commands import ROOT, environment
from cli.transcript import matches, parse, play
from conftest import why_no_mounts

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_transcript(file: Path, place: Path) -> None:
    (place / "bin").mkdir()
    for name, words in (("wafs", "-m wafs"), ("make_backup", ROOT / "scripts/make_backup.py")):
        (place / "bin" / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (place / "bin" / name).chmod(0o755)
    (place / "work").mkdir()
    env = {**environment(), "PATH": f"{place}/bin:{os.environ['PATH']}", "TZ": "UTC0", "LC_ALL": "C.UTF-8"}
    text = file.read_text("utf-8")
    if "Needs a mount" in text and (reason := why_no_mounts()) is not None:
        pytest.skip(reason)
    if "whatsapp-chat-exporter" in text and not (Path(sys.executable).parent / "wtsexporter").exists():
        pytest.skip("whatsapp-chat-exporter is not installed")
    turns = parse(text)
    assert len(turns) > 2
    for turn in turns:
        problem = play(turn, folder=place / "work", env=env)
        assert problem is None, problem


@pytest.mark.parametrize(
    ("expected", "shown", "fits"),
    [
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        (["a"], [], False),
        ([], ["a"], False),
        (["a...c"], ["abbc"], True),
        (["a...c"], ["ab", "c"], False),
        (["...", "c"], ["a", "b", "c"], True),
        (["..."], [], True),
        (["a.c"], ["abc"], False),
    ],
)
def test_the_wildcards(expected: list[str], shown: list[str], *, fits: bool) -> None:
    assert matches(expected, shown) is fits


def test_parsing() -> None:
    first, second = parse("# words\n$ true\n$ false\nout\n[exit 1]\n")
    assert (first.command, first.expected, first.code) == ("true", [], 0)
    assert (second.command, second.expected, second.code) == ("false", ["out"], 1)
