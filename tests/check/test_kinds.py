"""Every kind of finding: made to happen, found, alone, at its place, and told in words."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from arch.tree import ROOT
from check.sick import BREAKS, FILES, FOLDERS, LONG, STRIDE, Case, chunk_at, in_flight, make_case, patch, relink, reseal
from fs.paths import Paths
from store.faulty import CHANGES, Fault, FaultyStore
from tamper.specimen import sealed_path
from vault.making import CHUNK, opened, recovery_only
from wafs.check.findings import FACTS, Finding, Kind, Severity, Span
from wafs.format.key_store import StoredKey
from wafs.fs.vfs import Vfs
from wafs.vault.key_store_file import unlocked_key_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from wafs.store.base import Store


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return make_case(tmp_path / "vault")


def kinds(findings: list[Finding]) -> list[Kind]:
    return [finding.kind for finding in findings]


def test_no_kind_is_without_a_test_and_without_words() -> None:
    assert set(BREAKS) | {Kind.JOURNAL_PENDING} == set(Kind) == set(FACTS)
    page = (ROOT / "docs/format.md").read_text("utf-8")
    for kind, facts in FACTS.items():
        assert re.fullmatch(r"F-\d\d|I-[1-5]|section \d", facts.rule)
        assert not facts.rule.startswith("F-") or f"**{facts.rule}**" in page, kind
        assert len(facts.remedy) > 10


def test_the_page_about_checking_has_every_kind() -> None:
    page = (ROOT / "docs/checking.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| ([\w -]+) \|", page, re.MULTILINE)
    assert rows == [(kind.value, FACTS[kind].severity.value, FACTS[kind].rule) for kind in Kind]


def test_a_whole_vault_has_no_finding(case: Case) -> None:
    findings, examination = case.look()
    assert findings == case.check(quick=True) == []
    tally = examination.tally
    assert (tally.files, tally.whole_files, tally.nameless) == (len(FILES) + 1, len(FILES) + 1, 0)
    assert (tally.folders, tally.symlinks, tally.others) == (len(FOLDERS), 2, 1)
    sizes = [place.lstat() for place in case.places.values()]
    assert tally.sealed_bytes == sum(found.st_size for found in sizes if stat.S_ISREG(found.st_mode))


def test_a_deflated_symlink_that_is_damaged_is_found(case: Case) -> None:
    text = os.readlink(case.places[b"far link"])
    for damaged in (text[:-1], text[:-1] + ("0" if text[-1] != "0" else "1")):
        relink(case, b"far link", damaged)
        (finding,) = case.check()
        assert (finding.kind, finding.path) == (Kind.SYMLINK_DAMAGED, b"/far link")


@pytest.mark.parametrize("kind", BREAKS, ids=lambda kind: kind.value)
def test_a_kind_is_found_alone_and_at_its_place(case: Case, kind: Kind) -> None:
    path = BREAKS[kind](case)
    (finding,) = case.check()
    assert (finding.kind, finding.path) == (kind, path)
    assert finding.message
    assert finding.message[0].islower() or finding.message[0].isdigit()
    if finding.entry is not None and kind not in (Kind.HEADER_MISSING, Kind.JOURNAL_DAMAGED):
        assert os.path.lexists(os.path.join(os.fsencode(case.path), finding.entry))


CONTENT_ONLY = {Kind.CHUNK_DAMAGED, Kind.HOLE_FORBIDDEN, Kind.ROOT_WRONG, Kind.CHANGING}


@pytest.mark.parametrize("kind", BREAKS, ids=lambda kind: kind.value)
def test_a_quick_check_finds_all_but_what_only_the_contents_tell(case: Case, kind: Kind) -> None:
    BREAKS[kind](case)
    assert kinds(case.check(quick=True)) == ([] if kind in CONTENT_ONLY else [kind])


def _break_two(place: Path) -> None:
    patch(place, chunk_at(2) - 1)
    patch(place, chunk_at(2))


def _break_three(place: Path) -> None:
    for number in (1, 3, 4):
        patch(place, chunk_at(number) + 12)


@pytest.mark.parametrize(
    ("break_it", "spans", "kind"),
    [
        (lambda place: patch(place, chunk_at(0)), [Span(0, CHUNK)], Kind.CHUNK_DAMAGED),
        (lambda place: patch(place, chunk_at(6) + 60), [Span(6 * CHUNK, 25_100)], Kind.CHUNK_DAMAGED),
        (_break_two, [Span(CHUNK, 3 * CHUNK)], Kind.CHUNK_DAMAGED),
        (
            _break_three,
            [Span(CHUNK, 2 * CHUNK), Span(3 * CHUNK, 5 * CHUNK)],
            Kind.CHUNK_DAMAGED,
        ),
        (lambda place: os.truncate(place, chunk_at(2)), [Span(2 * CHUNK, 25_100)], Kind.LENGTH_WRONG),
        (lambda place: os.truncate(place, place.stat().st_size - 1), [Span(6 * CHUNK, 25_100)], Kind.LENGTH_WRONG),
        (lambda place: os.truncate(place, 256), [Span(0, 25_100)], Kind.LENGTH_WRONG),
        (lambda place: patch(place, place.stat().st_size, b"more"), [None], Kind.LENGTH_WRONG),
    ],
)
def test_the_bytes_concerned_are_named(
    case: Case, break_it: Callable[[Path], object], spans: list[Span | None], kind: Kind
) -> None:
    break_it(case.places[b"photo"])
    findings = case.check()
    assert [(finding.kind, finding.span, finding.size) for finding in findings] == [(kind, s, 25_100) for s in spans]


def test_a_cut_that_hides_a_damaged_chunk_tells_both(case: Case) -> None:
    patch(case.places[b"photo"], chunk_at(1))
    os.truncate(case.places[b"photo"], chunk_at(3) + 5)
    found = [(finding.kind, finding.span) for finding in case.check()]
    assert found == [
        (Kind.LENGTH_WRONG, Span(3 * CHUNK, 25_100)),
        (Kind.CHUNK_DAMAGED, Span(CHUNK, 2 * CHUNK)),
    ]


def test_without_states_the_chunks_are_still_looked_at(case: Case) -> None:
    patch(case.places[b"photo"], 96, bytes(160))
    assert kinds(case.check()) == [Kind.STATE_DAMAGED]
    patch(case.places[b"photo"], chunk_at(1))
    state, chunk = case.check()
    assert (state.kind, chunk.kind, chunk.span) == (Kind.STATE_DAMAGED, Kind.CHUNK_DAMAGED, Span(CHUNK, 2 * CHUNK))


def test_an_empty_file_has_no_root(case: Case) -> None:
    reseal(case, b"empty", lambda state: state._replace(root=b"?" * 16))
    assert kinds(case.check()) == kinds(case.check(quick=True)) == [Kind.ROOT_WRONG]


def test_a_torn_tail_of_a_file_in_flight_is_no_damage(case: Case) -> None:
    reseal(case, b"photo", lambda state: in_flight(state)._replace(size=CHUNK))
    patch(case.places[b"photo"], chunk_at(6) + 100)
    (finding,) = case.check()
    assert (finding.kind, finding.severity, finding.size) == (Kind.UNSEALED, Severity.NOTE, 6 * CHUNK)
    patch(case.places[b"photo"], chunk_at(0))
    assert kinds(case.check()) == [Kind.UNSEALED, Kind.CHUNK_DAMAGED]


def test_a_file_in_flight_that_is_shorter_than_what_was_sealed(case: Case) -> None:
    reseal(case, b"photo", in_flight)
    os.truncate(case.places[b"photo"], chunk_at(2))
    (finding,) = case.check()
    assert (finding.kind, finding.span) == (Kind.LENGTH_WRONG, Span(2 * CHUNK, 25_100))


def test_all_names_of_a_damaged_file_are_told_and_it_counts_once(case: Case) -> None:
    place = case.places[b"photo"]
    patch(place, chunk_at(1))
    clean = len(case.look()[0])
    other = case.places[b"one"]
    other.unlink()
    os.link(place, other)
    findings, examination = case.look()
    assert clean == 1
    assert [(finding.kind, finding.path) for finding in findings] == [
        (Kind.CHUNK_DAMAGED, b"/one"),
        (Kind.CHUNK_DAMAGED, b"/photo"),
    ]
    assert examination.tally.damaged_files == 1


def test_a_folder_whose_record_is_lost_is_told_once_and_its_files_are_counted(case: Case) -> None:
    (case.places[b"moved"] / "wafs.dir").unlink()
    findings, examination = case.look()
    assert kinds(findings) == [Kind.FOLDER_ID_LOST]
    assert examination.tally.nameless == 1
    assert not findings[0].repairable


@pytest.mark.parametrize("name", ["wafs.vault (conflicted copy).vault", "wafs.sync-conflict-20260101-120000-ABC.vault"])
def test_conflicting_headers_are_told(case: Case, name: str) -> None:
    (case.path / name).write_bytes(b"")
    (case.path / ".stfolder").mkdir()
    assert kinds(case.check()) == [Kind.CONFLICT_COPY]


@pytest.mark.parametrize(
    "words", [" (conflicted copy 2026-01-01 101500)", ".sync-conflict-20260101-120000-ABCDEFG", "~conflict-1", " (1)"]
)
def test_the_names_that_sync_programs_give_are_known(case: Case, words: str) -> None:
    place = case.places[b"album/deep/inside"]
    place.with_name(f"{place.stem}{words}.wafs").write_bytes(place.read_bytes())
    (finding,) = case.check()
    assert (finding.kind, finding.path) == (Kind.CONFLICT_COPY, b"/album/deep/inside")


@pytest.mark.parametrize("name", ["photo", "moved", "album"])
def test_what_a_person_renamed_in_a_file_manager_is_damage_and_not_foreign(case: Case, name: str) -> None:
    place = case.places[os.fsencode(name)]
    place.rename(place.with_name("holiday.jpg"))
    findings, examination = case.look()
    assert [(finding.kind, finding.path) for finding in findings] == [(Kind.NAME_DAMAGED, b"/")]
    assert "renamed outside of wafs" in findings[0].message
    assert examination.tally.nameless == 1


def test_both_headers_broken_leaves_nothing_to_check(case: Case) -> None:
    for name in ("wafs.vault", "wafs.vault.copy"):
        patch(case.path / name, 50)
    findings, examination = case.look()
    assert kinds(findings) == [Kind.HEADER_DAMAGED, Kind.HEADER_DAMAGED]
    assert not any(finding.repairable for finding in findings)
    assert "from a backup" in findings[0].remedy
    assert examination.tally.files == 0


def test_bad_sectors_cost_only_their_chunks(case: Case) -> None:
    """Reads that touch a bad place fail; the check goes on chunk by chunk."""
    bad = chunk_at(2) + 100

    def failing(store: Store) -> Store:
        number = case.places[b"photo"].stat().st_ino
        faulty = FaultyStore(store)

        def preadv(handle: int, buffers: list[memoryview], offset: int) -> int:
            if store.fstat(handle).st_ino == number and offset <= bad < offset + len(buffers[0]):
                raise OSError(5, os.strerror(5))
            return store.preadv(handle, buffers, offset)

        faulty.preadv = preadv  # type: ignore[attr-defined]
        return faulty.store

    case.wrap = failing
    (finding,) = case.check()
    assert (finding.kind, finding.span) == (Kind.UNREADABLE, Span(2 * CHUNK, 3 * CHUNK))


@pytest.mark.parametrize("call", ["open", "open_dir", "entries", "readlink"])
def test_what_the_storage_does_not_give_is_a_finding_and_no_end(case: Case, call: str) -> None:
    nth, fired = 0, True
    while fired:
        nth += 1
        findings, fired = _check_with_fault(case, Fault(nth, frozenset({call})))
        assert set(kinds(findings)) == ({Kind.UNREADABLE} if fired else set())
    assert nth > 1


def _check_with_fault(case: Case, fault: Fault) -> tuple[list[Finding], bool]:
    made: list[FaultyStore] = []

    def failing(store: Store) -> Store:
        made.append(FaultyStore(store))
        made[0].arm(fault)
        return made[0].store

    case.wrap = failing
    findings = case.check()
    return findings, made[0].fired


def test_nothing_is_written(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call that could change something is refused, and none is made; `open` has no flag to write."""
    for kind in (Kind.UNSEALED, Kind.FOLDER_RECORD_STALE, Kind.HEADER_DAMAGED, Kind.LONG_NAME_FOREIGN):
        BREAKS[kind](case)
    refused: list[FaultyStore] = []

    def refusing(store: Store) -> Store:
        refused.append(FaultyStore(store))
        refused[0].arm(Fault(1, CHANGES, 30))
        return refused[0].store

    plain_open = os.open

    def reading(path: object, flags: int, *more: object, **options: object) -> int:
        assert flags & os.O_ACCMODE == os.O_RDONLY, path
        return plain_open(path, flags, *more, **options)  # type: ignore[arg-type]

    case.wrap = refusing
    monkeypatch.setattr(os, "open", reading)
    assert len(case.check()) == 4
    assert refused[0].seen == 0


BIG = 900 * CHUNK + 7
"""More than three windows of a scan, which are read by a thread of its own."""


@pytest.fixture
def big(case: Case) -> Case:
    with Vfs(opened(case.path)) as vfs:
        paths = Paths(vfs)
        paths.write(b"big", os.urandom(BIG))
        with paths.held(b"big") as number:
            case.places[b"big"] = sealed_path(paths, case.path, number)
    return case


def test_a_file_of_many_windows(big: Case) -> None:
    assert big.check() == []
    for number in (0, 254, 255, 256, 510, 900):
        patch(big.places[b"big"], chunk_at(number))
    spans = [(0, 1), (254, 257), (510, 511), (900, 901)]
    assert [finding.span for finding in big.check()] == [Span(a * CHUNK, min(b * CHUNK, BIG)) for a, b in spans]


@pytest.mark.parametrize("left", [1, 254, 255, 256, 300, 510, 899])
def test_a_file_of_many_windows_that_was_cut(big: Case, left: int) -> None:
    patch(big.places[b"big"], chunk_at(0))
    os.truncate(big.places[b"big"], chunk_at(left) + 11)
    cut, damaged = big.check()
    assert (cut.kind, cut.span) == (Kind.LENGTH_WRONG, Span(left * CHUNK, BIG))
    assert (damaged.kind, damaged.span) == (Kind.CHUNK_DAMAGED, Span(0, CHUNK))


class _Stopper:
    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def entering(self, path: bytes) -> None:
        self.seen.append(path)

    def advanced(self, size: int) -> None:
        if self.seen[-1:] == [b"/big"]:
            msg = "stop"
            raise KeyboardInterrupt(msg)


def test_an_interrupt_in_the_middle_of_a_file_leaves_no_thread_and_no_handle(big: Case) -> None:
    threads, handles = threading.active_count(), len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyboardInterrupt, match="stop"):
        big.look(watch=_Stopper())
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == handles


def test_a_deep_tree_takes_no_stack_and_few_handles(tmp_path: Path) -> None:
    case = make_case(tmp_path / "vault")
    deepest = case.places[b"album/deep"]
    below = deepest
    for _ in range(200):
        below = below / "x"
    os.makedirs(below)
    assert kinds(case.check()) == [Kind.FOREIGN]
    assert len(LONG) < STRIDE


def test_a_whole_key_store_is_no_finding_and_one_that_was_not_finished_is_known(case: Case) -> None:
    with unlocked_key_store(str(case.path), recovery_only) as store:
        store.change(lambda _: [StoredKey("phone", "64-digit", bytes(32), 0)])
    assert case.check() == []
    (case.path / "wafs.keys.0123abcd.tmp").write_bytes(b"half")
    assert [(item.kind, item.entry) for item in case.check()] == [(Kind.LEFTOVER, b"wafs.keys.0123abcd.tmp")]
