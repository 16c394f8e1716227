"""`wafs check`: what it says to a person and to a script, and what it changes: nothing, unless it is told to."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from check.sick import BREAKS, Case, chunk_at, in_flight, leave_open, make_case, patch, reseal
from cli.commands import Result, Wafs
from vault.making import CHUNK
from vault.making import PASSWORD as CASE_PASSWORD
from wafs.check.findings import Kind
from wafs.check.vault_check import VaultCheck
from wafs.vault.lock import VaultLock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wafs.check.findings import Finding


@pytest.fixture
def case(place: Path) -> Case:
    (place / "pw").write_bytes(CASE_PASSWORD + b"\n")
    return make_case(place / "v")


def check(wafs: Wafs, *words: object) -> Result:
    return wafs.unlocked("check", "v", *words)


def look(wafs: Wafs, *words: object) -> tuple[int, dict[str, Any]]:
    result = check(wafs, "--json", *words)
    return result.code, json.loads(result.out)


def snapshot(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Everything about a tree that a change could leave a trace in."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        attrs = path.lstat()
        plain = path.is_file() and not path.is_symlink()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if plain else ""
        found[str(path)] = (attrs.st_ino, attrs.st_mtime_ns, digest)
    return found


def test_a_whole_vault(wafs: Wafs, case: Case) -> None:
    before = snapshot(case.path)
    result = check(wafs)
    assert (result.code, result.lines(), result.err) == (0, ["all 8 files are whole"], "")
    result = check(wafs, "--quick")
    assert result.lines() == ["all 8 files look whole (their contents were not read)", "", "next: wafs check v"]
    assert snapshot(case.path) == before


def test_an_empty_vault_and_one_file(vault: Wafs, place: Path) -> None:
    assert check(vault).lines() == ["the vault has no files"]
    (place / "a").write_bytes(b"a")
    vault.do("put", "v", "a", "/")
    assert check(vault).lines() == ["the one file is whole"]
    assert check(vault, "--quick").lines()[0] == "the one file looks whole (their contents were not read)"


def test_damage_is_told_so_that_a_person_knows_what_is_lost_and_what_to_do(wafs: Wafs, case: Case) -> None:
    patch(case.places[b"photo"], chunk_at(1))
    patch(case.places[b"photo"], chunk_at(4))
    (case.path / "tree/desktop.ini").write_bytes(b"")
    result = check(wafs)
    assert result.code == 5
    assert result.lines() == [
        "7 of 8 files are whole, 1 is damaged",
        "",
        "damaged:",
        "  /photo",
        "    bytes 4,096 to 8,191 do not open: they were changed outside of wafs, or the disk lost them"
        " (4.0 KiB of 24.5 KiB)",
        "    bytes 16,384 to 20,479 do not open: they were changed outside of wafs, or the disk lost them"
        " (4.0 KiB of 24.5 KiB)",
        "    next: restore this file from a backup; wafs salvage copies out what is left of it",
        "",
        "to look at:",
        "  /",
        "    on the disk: tree/desktop.ini, in the folder of the vault",
        "    a file that wafs did not make",
        "    next: find out who put it there; wafs never shows or changes it",
        "",
        "next: wafs salvage v NEW-FOLDER",
    ]


def test_a_file_with_many_holes_in_it_does_not_flood_the_screen(vault: Wafs, place: Path) -> None:
    (place / "big").write_bytes(os.urandom(40 * 16384))
    vault.do("put", "v", "big", "/")
    (sealed,) = Path("v/tree").glob("*.wafs")
    for number in range(0, 40, 2):
        patch(sealed, 256 + number * 16412)
    lines = check(vault).lines()
    assert sum("do not open" in line for line in lines) == 10
    assert "    and 10 more ranges, 160.0 KiB in all" in lines


def test_names_do_not_drive_the_terminal(vault: Wafs, place: Path) -> None:
    (place / "red \x1b[31m\n").write_bytes(b"x")
    vault.do("put", "v", "red \x1b[31m\n", "/")
    (sealed,) = Path("v/tree").glob("*.wafs")
    patch(sealed, 300 - 16)
    out = check(vault).out
    assert b"\x1b" not in out
    assert rb"/red \e[31m\n" in out


def test_the_object_for_scripts(wafs: Wafs, case: Case) -> None:
    patch(case.places[b"photo"], chunk_at(6))
    code, facts = look(wafs)
    (finding,) = facts.pop("findings")
    assert code == 5
    assert facts.pop("seconds") >= 0
    assert facts.pop("bytes") > 25_000
    assert facts == {
        "version": 1,
        "vault": "v",
        "quick": False,
        "complete": True,
        "files": {"checked": 8, "whole": 7, "damaged": 1, "nameless": 0},
        "folders": 4,
        "symlinks": 2,
        "counts": {"chunk-damaged": 1},
    }
    assert finding.pop("message").startswith("bytes 24,576 to 25,099 do not open")
    assert finding == {
        "kind": "chunk-damaged",
        "severity": "damage",
        "rule": "F-30",
        "path": "/photo",
        "entry": os.fsdecode(case.entry(b"photo")),
        "range": [6 * CHUNK, 25_100],
        "size": 25_100,
        "remedy": "restore this file from a backup; wafs salvage copies out what is left of it",
        "repairable": False,
    }


def test_what_is_only_good_to_know_is_no_finding(wafs: Wafs, case: Case) -> None:
    reseal(case, b"photo", in_flight)
    (case.path / "holiday.jpg").write_bytes(b"plain")
    result = check(wafs)
    assert result.code == 0
    assert result.lines()[0] == "all 8 files are whole"
    assert result.lines()[2] == "good to know:"
    assert result.lines()[-1] == "next: wafs check --repair --dry-run v"


@pytest.mark.parametrize("kind", [kind for kind in BREAKS if kind is not Kind.CHANGING], ids=lambda kind: kind.value)
def test_every_kind_has_words_for_a_person_and_an_exit_code(wafs: Wafs, case: Case, kind: Kind) -> None:
    path = BREAKS[kind](case)
    code, facts = look(wafs)
    (finding,) = facts["findings"]
    assert code == (0 if finding["severity"] == "note" else 5)
    result = check(wafs)
    assert result.code == code
    lines = result.lines()
    assert f"    next: {finding['remedy']}" in lines
    assert any(finding["message"] in line for line in lines)
    assert "  " + (os.fsdecode(path) if path is not None else finding["entry"]) in lines
    assert ("next: wafs check --repair --dry-run v" in lines) == finding["repairable"]


def test_no_header_that_opens(wafs: Wafs, case: Case) -> None:
    for name in ("wafs.vault", "wafs.vault.copy"):
        patch(case.path / name, 50)
    result = wafs("check", "v", "--password-command", "false")
    assert result.code == 5
    assert (
        result.lines()[0] == "no file could be checked: no copy of the vault header opens; the files are there, locked"
    )
    assert result.lines()[-1].startswith("next: bring back wafs.vault or wafs.vault.copy from a backup")
    assert "damaged:" in result.lines()
    assert check(wafs, "--repair").code == 5
    assert "nothing here can be repaired" in check(wafs, "--repair").lines()


@pytest.mark.parametrize("words", [("check", "pw"), ("check", "nothing"), ("check", ".")])
def test_what_is_no_vault(wafs: Wafs, case: Case, words: tuple[str, ...]) -> None:
    assert wafs.unlocked(*words).code in (4, 7)


def test_the_wrong_password_and_words_that_make_no_sense(wafs: Wafs, case: Case, place: Path) -> None:
    assert wafs("check", "v", "--dry-run", "--password-file", "pw").code == 2
    (place / "pw").write_bytes(b"wrong\n")
    assert check(wafs).code == 3


def _stopping(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    plain = VaultCheck.run

    def run(self: VaultCheck) -> Iterator[Finding]:
        for number, finding in enumerate(plain(self)):
            yield finding
            if number == after:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(VaultCheck, "run", run)


def test_an_interrupt_shows_what_was_found_so_far(wafs: Wafs, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (b"chunks", b"photo"):
        patch(case.places[name], chunk_at(1))
    _stopping(monkeypatch, 0)
    result = check(wafs)
    assert result.code == 130
    assert result.lines()[0].startswith("stopped before the end; so far ")
    assert "  /chunks" in result.lines()
    assert "  /photo" not in result.lines()
    assert result.lines()[-1] == "next: wafs check v"
    code, facts = look(wafs)
    assert (code, facts["complete"], len(facts["findings"])) == (130, False, 1)


def _break_much(case: Case) -> None:
    BREAKS[Kind.HEADER_DAMAGED](case)
    BREAKS[Kind.FOLDER_RECORD_STALE](case)
    BREAKS[Kind.LONG_NAME_FOREIGN](case)
    BREAKS[Kind.UNSEALED](case)
    (case.places[b"album/deep"] / "wafs.dir.tmp").write_bytes(b"half")


def test_a_dry_run_shows_the_plan_and_changes_nothing(wafs: Wafs, case: Case) -> None:
    _break_much(case)
    patch(case.places[b"chunks"], chunk_at(0))
    before = snapshot(case.path)
    result = check(wafs, "--repair", "--dry-run")
    assert snapshot(case.path) == before
    assert result.code == 5
    lines = result.lines()
    assert "would be repaired (nothing was changed):" in lines
    for words in ("write it anew, as wafs.vault has it", "move it aside", "seal it as it is"):
        assert f"    {words}" in lines
    assert lines[-1] == "next: wafs check --repair v"
    _, facts = look(wafs, "--repair", "--dry-run")
    assert [item["done"] for item in facts["repairs"]] == [False] * 5
    assert snapshot(case.path) == before


def test_a_repair_and_a_second_check(wafs: Wafs, case: Case) -> None:
    _break_much(case)
    result = check(wafs, "--repair")
    assert result.code == 0, result.out
    (aside,) = case.path.glob("set-aside-*")
    lines = result.lines()
    assert "repaired:" in lines
    assert f"    the old one is now {aside.name}/wafs.vault.copy in the folder of the vault" in lines
    assert lines[-1] == "next: wafs check v"
    assert check(wafs).lines() == ["all 8 files are whole"]
    code, facts = look(wafs, "--repair")
    assert (code, facts["repairs"]) == (0, [])


def test_what_cannot_be_repaired_stays_and_is_named(wafs: Wafs, case: Case) -> None:
    _break_much(case)
    patch(case.places[b"chunks"], chunk_at(0))
    sick = case.places[b"chunks"].read_bytes()
    code, facts = look(wafs, "--repair")
    assert code == 5
    assert [item["problem"] for item in facts["repairs"]] == [None] * 5
    assert all(item["done"] for item in facts["repairs"])
    assert case.places[b"chunks"].read_bytes() == sick
    result = check(wafs, "--repair")
    assert result.code == 5
    assert "nothing here can be repaired" in result.lines()
    assert result.lines()[-1] == "next: wafs salvage v NEW-FOLDER"


@pytest.mark.parametrize("words", [("--repair",), ("--repair", "--dry-run")])
def test_a_vault_in_use_is_checked_and_not_repaired(wafs: Wafs, case: Case, words: tuple[str, ...]) -> None:
    lock = VaultLock(str(case.path))
    try:
        assert check(wafs).code == 0
        result = check(wafs, *words)
        assert result.code == 6
        assert "in use" in result.err
    finally:
        lock.release()


def test_what_waits_in_a_journal_is_a_note_and_a_repair_finishes_it(wafs: Wafs, case: Case, place: Path) -> None:
    leave_open(case, place / "left")
    before = snapshot(place / "left")
    assert wafs.unlocked("check", "left").code == 0
    assert wafs.unlocked("check", "left", "--repair", "--dry-run").code == 0
    assert snapshot(place / "left") == before
    result = wafs.unlocked("check", "left", "--repair")
    assert result.code == 0
    assert "    bring its changes into place" in result.lines()
    assert wafs.do("check", "left").lines() == ["all 8 files are whole"]
    assert wafs.do("cat", "left", "photo").out[CHUNK : CHUNK + 500] == b"newer" * 100


def test_a_damaged_journal_goes_aside_and_the_rest_is_repaired(wafs: Wafs, case: Case) -> None:
    BREAKS[Kind.UNSEALED](case)
    BREAKS[Kind.LONG_NAME_FOREIGN](case)
    BREAKS[Kind.JOURNAL_DAMAGED](case)
    result = wafs.unlocked("ls", "v", "/")
    assert result.code == 5
    assert "check --repair moves the journal aside" in result.err
    code, facts = look(wafs, "--repair")
    assert code == 0
    problems = {item["kind"]: item["problem"] for item in facts["repairs"]}
    assert problems == {"journal-damaged": None, "long-name-foreign": None, "unsealed": None}
    assert check(wafs).lines()[0].startswith("all ")
    wafs.do("ls", "v", "/")
