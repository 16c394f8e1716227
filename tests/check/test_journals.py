"""A vault that was not closed: what waits in its journal is no damage, and what was safe before must be whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from check.sick import FILES, Case, chunk_at, leave_open, make_case, patch
from check.test_salvage import salvaged
from fs.paths import Paths
from vault.making import CHUNK, opened, recovery_only
from wafs.check.findings import Finding, Kind, Severity, Span
from wafs.check.journal import pending
from wafs.check.opening import opened as opened_for_check
from wafs.check.repair import plan, repair
from wafs.errors import DamageError
from wafs.format.journal import JOURNAL_HEADER_SIZE, LENGTH
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from pathlib import Path

    from log_police import ExpectLog
    from wafs.store.base import Store


@pytest.fixture
def left(tmp_path: Path) -> Case:
    return leave_open(make_case(tmp_path / "used"), tmp_path / "left")


def bad(findings: list[Finding]) -> list[tuple[Kind, bytes | None, Span | None]]:
    return [(item.kind, item.path, item.span) for item in findings if item.severity is not Severity.NOTE]


def test_a_vault_that_was_closed_has_none(tmp_path: Path) -> None:
    case = make_case(tmp_path / "vault")
    assert not pending(str(case.path))
    assert case.check() == []


def test_what_waits_is_told_and_is_no_damage(left: Case) -> None:
    assert pending(str(left.path))
    findings = left.check()
    assert bad(findings) == bad(left.check(quick=True)) == []
    assert findings[0].kind is Kind.JOURNAL_PENDING
    assert findings[0].repairable
    assert {item.path for item in findings if item.kind is Kind.UNSEALED} == {b"/photo", b"/chunks"}


def test_a_chunk_that_the_journal_has_may_be_torn_and_its_neighbours_may_not(left: Case) -> None:
    patch(left.places[b"photo"], chunk_at(2) + 50)
    assert bad(left.check()) == []
    patch(left.places[b"photo"], chunk_at(3))
    assert bad(left.check()) == [(Kind.CHUNK_DAMAGED, b"/photo", Span(3 * CHUNK, 4 * CHUNK))]


def test_a_chunk_of_which_the_journal_has_some_bytes_must_open(left: Case, tmp_path: Path) -> None:
    patch(left.places[b"photo"], chunk_at(1) + 50)
    assert bad(left.check()) == [(Kind.CHUNK_DAMAGED, b"/photo", Span(CHUNK, 2 * CHUNK))]
    report = salvaged(left.path, tmp_path / "out")
    (told,) = [item for item in report.items if item.saved_as == b"photo"]
    assert [(gap.start, gap.stop) for gap in told.gaps] == [(CHUNK, 2 * CHUNK)]
    expected = FILES[b"photo"][:CHUNK] + bytes(CHUNK) + b"w" * CHUNK + FILES[b"photo"][3 * CHUNK :]
    assert (tmp_path / "out" / "photo").read_bytes() == expected


def test_salvage_puts_bytes_of_the_journal_over_what_is_in_place(left: Case, tmp_path: Path) -> None:
    salvaged(left.path, tmp_path / "out")
    body = FILES[b"photo"]
    expected = body[:CHUNK] + b"newer" * 100 + body[CHUNK + 500 : 2 * CHUNK] + b"w" * CHUNK + body[3 * CHUNK :]
    assert (tmp_path / "out" / "photo").read_bytes() == expected


def test_growth_may_be_torn_and_what_was_there_before_may_not(left: Case) -> None:
    patch(left.places[b"chunks"], chunk_at(5))
    os.truncate(left.places[b"chunks"], chunk_at(6) + 9)
    assert bad(left.check()) == []
    patch(left.places[b"chunks"], chunk_at(3))
    assert bad(left.check()) == [(Kind.CHUNK_DAMAGED, b"/chunks", Span(3 * CHUNK, 4 * CHUNK))]


def test_other_files_are_judged_as_ever(left: Case) -> None:
    patch(left.places[b"moved/kept"], chunk_at(0))
    os.truncate(left.places[b"photo"], chunk_at(2))
    found = bad(left.check())
    assert (Kind.CHUNK_DAMAGED, b"/moved/kept", Span(0, len(FILES[b"moved/kept"]))) in found
    # The journal has chunk 2.
    assert (Kind.LENGTH_WRONG, b"/photo", Span(3 * CHUNK, 25_100)) in found
    assert len(found) == 2


def test_a_tail_that_was_never_sealed_and_a_header_that_never_came_are_no_damage(left: Case) -> None:
    one = left.places[b"one"]
    patch(one, one.stat().st_size, b"a tail")
    os.truncate(left.places[b"empty"], 0)
    findings = left.check()
    assert bad(findings) == []
    assert {b"/one", b"/empty"} <= {item.path for item in findings if item.kind is Kind.UNSEALED}
    with Vfs(opened(left.path)):
        pass
    assert bad(left.check()) == []


def test_a_journal_that_was_changed_is_damage(left: Case) -> None:
    journal = left.path / "wafs.journal"
    data = journal.read_bytes()
    journal.write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:])
    assert Kind.JOURNAL_DAMAGED in {item.kind for item in left.check()}


def test_a_damaged_journal_goes_aside_and_the_vault_opens_as_it_was_before_it(left: Case) -> None:
    journal = left.path / "wafs.journal"
    data = bytearray(journal.read_bytes())
    data[JOURNAL_HEADER_SIZE + LENGTH.size + 3] ^= 1
    journal.write_bytes(data)
    # All that says that record 0 was safe is a record after it.
    (finding,) = [item for item in left.check() if item.kind is Kind.JOURNAL_DAMAGED]
    assert (finding.entry, finding.repairable) == (b"wafs.journal", True)
    with pytest.raises(DamageError, match=r"wafs\.journal, is damaged") as raised:
        opened(left.path)
    assert "--repair moves the journal aside" in str(raised.value.hint)
    with opened_for_check(str(left.path), recovery_only) as patient:
        assert patient is not None
        (done,) = repair(patient, plan([finding]), lambda: None)
    assert done.problem is None
    assert (left.path / os.fsdecode(done.aside or b"")).read_bytes() == data
    with Vfs(opened(left.path)) as vfs:
        assert Paths(vfs).read(b"photo") == FILES[b"photo"]
        assert Paths(vfs).read(b"chunks")[: len(FILES[b"chunks"])] == FILES[b"chunks"]
    assert bad(left.check()) == []


def test_of_two_journals_only_the_damaged_one_goes_aside(left: Case) -> None:
    (left.path / "wafs.journal.next").write_bytes(b"not a journal" * 9)
    (finding,) = [item for item in left.check() if item.kind is Kind.JOURNAL_DAMAGED]
    assert finding.entry == b"wafs.journal.next"
    with opened_for_check(str(left.path), recovery_only) as patient:
        assert patient is not None
        assert [item.problem for item in repair(patient, plan([finding]), lambda: None)] == [None]
    with Vfs(opened(left.path)) as vfs:
        assert Paths(vfs).read(b"photo")[CHUNK : CHUNK + 500] == b"newer" * 100
    assert left.check() == []


def test_a_journal_that_a_recovery_puts_aside_is_known_and_takes_no_place_of_an_earlier_one(
    left: Case, expect_log: ExpectLog
) -> None:
    patch(left.places[b"photo"], 40)
    data = (left.path / "wafs.journal").read_bytes()
    (left.path / "wafs.journal.aside").write_bytes(b"an earlier one")
    expect_log("could not be recovered")
    opened(left.path).close()
    assert (left.path / "wafs.journal.aside").read_bytes() == b"an earlier one"
    assert (left.path / "wafs.journal.aside-2").read_bytes() == data
    found = {(item.kind, item.entry) for item in left.check() if item.path is None}
    assert found == {(Kind.LEFTOVER, b"wafs.journal.aside"), (Kind.LEFTOVER, b"wafs.journal.aside-2")}


def test_a_file_that_goes_while_the_vault_is_made_whole_is_no_failure(left: Case) -> None:
    """A sync program may remove one at any moment."""
    one = left.places[b"one"]

    def wrap(store: Store) -> Any:
        class Vanishing:
            def __getattr__(self, name: str) -> Any:
                return getattr(store, name)

            def stat(self, parent: int, name: bytes) -> os.stat_result:
                if name == os.fsencode(one.name):
                    one.unlink(missing_ok=True)
                return store.stat(parent, name)

        return Vanishing()

    with Vfs(opened(left.path, wrap=wrap)) as vfs:
        assert b"one" not in Paths(vfs).names(b"")
        assert Paths(vfs).read(b"photo")[CHUNK : CHUNK + 500] == b"newer" * 100


def test_the_next_writer_leaves_nothing_to_be_found(left: Case) -> None:
    with Vfs(opened(left.path)) as vfs:
        data = Paths(vfs).read(b"photo")
    assert left.check() == []
    assert data[CHUNK : CHUNK + 500] == b"newer" * 100
