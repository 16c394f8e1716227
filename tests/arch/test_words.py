"""One word per thing, no loose ends, and no trace of the machine a file was written on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arch.tree import ROOT, hits, lower_sources, project_files, sources

# A second word for the same thing -> the word used here.
SECOND_WORDS = {
    r"pass.?phrase": "password",
    r"\brepo(sitory)?\b": "vault",
    r"\bkeyslot": "key slot",
    r"\b(volume|root) key\b": "master key",
    r"\b(wrapping|key.encryption) key\b": "KEK",
    r"\bcontent key\b": "file key",
    r"\bclear.?text\b": "plain",
    r"\bsuperblock\b": "header",
    r"\binitiali[sz]ation vector\b": "nonce",
    r"\bi-?node id\b": "ino",
    r"\bback.?end\b": "store",
}

THIS_FILE = Path(__file__).resolve()
MACHINE_PATH = r"(?<![\w.~/-])/(work/|root/|home/\w|Users/\w|opt/\w)"
REGISTRY = r"(?i)pypi\.org|pythonhosted|\bpypi[-.]|simple/?index|index-url|proxy\.golang"


@pytest.mark.parametrize(("pattern", "word"), SECOND_WORDS.items(), ids=SECOND_WORDS.values())
def test_no_second_word_for_one_thing(pattern: str, word: str) -> None:
    assert hits(sources("wafs"), pattern, re.IGNORECASE) == [], f"the word is: {word}"


def test_an_unfinished_spot_names_its_issue() -> None:
    loose = r"\b(FIXME|XXX|HACK)\b|\bTODO\b(?!\(#\d+\): )"
    paths = [path for path in sources("wafs", "tests", "scripts") if path != THIS_FILE]
    assert hits(paths, loose) == []


def test_no_file_names_a_path_or_a_registry_of_a_machine() -> None:
    paths = [path for path in project_files() if path != THIS_FILE]
    assert hits(paths, MACHINE_PATH) == []
    assert hits(paths, REGISTRY) == []


def test_the_core_does_not_know_whose_backups_it_keeps() -> None:
    paths = lower_sources()
    assert {path.relative_to(ROOT / "wafs").parts[0] for path in paths} >= {"format", "fs", "vault"}
    assert hits(paths, "whatsapp", re.IGNORECASE) == []
