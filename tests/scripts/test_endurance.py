"""The models behind scripts/kill_rounds and scripts/soak are right on a plain folder, and see what is wrong."""

from __future__ import annotations

import copy
import os
import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from endurance.database_model import last_numbers, make_database, transact, what_is_wrong
from endurance.folder_life import FolderLife
from endurance.folder_model import Operation, Outcome, Tree, apply, difference, outcome_of, payload, scan
from endurance.operation_log import OperationLog, read_log
from endurance.soak import Sample, growth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD = bytes(range(256)) * 64
WRITE = Operation("write", "file", "", 10_000, 20_000, 5)


@pytest.fixture
def beat() -> Iterator[int]:
    reader, writer = os.pipe()
    yield writer
    os.close(writer)
    os.close(reader)


def tree() -> Tree:
    file = bytearray(OLD)
    return {"file": file, "twin": file, "folder": None, "folder/below": bytearray(b"below"), "link": "file"}


def written(by: Operation = WRITE) -> bytearray:
    after = tree()
    apply(after, by)
    data = after["file"]
    assert isinstance(data, bytearray)
    return data


def found_with(data: bytes) -> Tree:
    found = tree()
    found["file"] = found["twin"] = bytearray(data)
    return found


def test_a_life_on_a_plain_folder_is_as_its_model_says(tmp_path: Path) -> None:
    life = FolderLife(tmp_path, random.Random(3), {})
    kinds = set()
    for _ in range(600):
        operation = life.choose()
        life.perform(operation)
        kinds.add(operation.kind)
    assert difference(scan(tmp_path), life.tree) is None
    life.close()
    expected = {"write", "append", "map", "truncate", "punch", "create", "rename", "mkdir", "rmdir", "unlink", "link"}
    assert kinds == expected | {"symlink", "sync"}


def test_a_log_says_what_was_done_and_what_was_cut_off(tmp_path: Path, beat: int) -> None:
    log = OperationLog(tmp_path / "log", beat)
    log.begin(WRITE)
    log.done()
    log.begin(Operation("unlink", "file"))
    assert read_log(tmp_path / "log") == ([WRITE], Operation("unlink", "file"))
    log.done()
    assert read_log(tmp_path / "log") == ([WRITE, Operation("unlink", "file")], None)
    assert read_log(tmp_path / "never written") == ([], None)


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (OLD, Outcome.NOT_DONE),
        (bytes(written()), Outcome.DONE),
        (OLD[:10_000] + written()[10_000:12_345] + OLD[12_345:], Outcome.PARTLY),
        (OLD[:12_345] + written()[12_345:], Outcome.PARTLY),
        (bytes(written()[:20_000]), Outcome.PARTLY),
    ],
    ids=["as before", "as after", "the first bytes", "the last bytes", "grown to the middle"],
)
def test_a_write_that_was_cut_off_may_be_done_in_part(data: bytes, outcome: Outcome) -> None:
    assert outcome_of(found_with(data), tree(), WRITE) is outcome


@pytest.mark.parametrize(
    "data",
    [
        bytes(20_000),
        b"x" + OLD[1:],
        OLD[:-1],
        OLD[:10_000] + b"x" * 200 + OLD[10_200:],
        bytes(written()[:20_000]) + b"\0" * 100,
        bytes(written()) + b"x",
        b"",
    ],
    ids=["zeros", "a byte before it", "shorter", "bytes of nobody", "zeros at the end", "longer", "empty"],
)
def test_what_a_write_cannot_have_made_is_told(data: bytes) -> None:
    assert "neither as before a write nor as after it" in str(outcome_of(found_with(data), tree(), WRITE))


def test_damage_beside_a_write_is_told() -> None:
    found = found_with(OLD[:12_345] + written()[12_345:])
    found["folder/below"] = bytearray(b"other")
    assert outcome_of(found, tree(), WRITE) == "beside a write, folder/below: 5 bytes differ, from 0 to 4"


@pytest.mark.parametrize(
    "operation",
    [
        Operation("rename", "folder", "moved"),
        Operation("rename", "file", "folder/below"),
        Operation("unlink", "twin"),
        Operation("link", "file", "third"),
        Operation("create", "new"),
        Operation("mkdir", "folder/deep"),
        Operation("symlink", "folder/link", "somewhere"),
    ],
    ids=lambda operation: f"{operation.kind} {operation.path}",
)
def test_all_else_is_done_or_not(operation: Operation) -> None:
    after = tree()
    apply(after, operation)
    assert outcome_of(copy.deepcopy(after), tree(), operation) is Outcome.DONE
    assert outcome_of(tree(), tree(), operation) is Outcome.NOT_DONE
    assert "missing" in str(outcome_of(after, tree() | {"other": None}, operation))
    del after["link"]
    assert "link" in str(outcome_of(after, tree(), operation))


def test_a_hard_link_that_became_a_copy_is_told() -> None:
    found = tree()
    found["twin"] = bytearray(OLD)
    assert outcome_of(found, tree(), None) == "hard links are not those that were made"


def test_a_truncation_leaves_nothing_between() -> None:
    cut = Operation("truncate", "file", size=9_000)
    assert outcome_of(found_with(OLD[:9_000]), tree(), cut) is Outcome.DONE
    assert "neither" in str(outcome_of(found_with(OLD[:9_000] + bytes(10)), tree(), cut))


def test_a_database_has_whole_transactions_and_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "wal.db"
    make_database(path, "wal", ["one"])
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for number in range(130):
            transact(db, "one", number)
    assert last_numbers(path) == {"one": 129}
    assert what_is_wrong(path, {"one": 129}, {}) == []
    assert what_is_wrong(path, {"one": 128}, {"one": 129}) == []
    assert what_is_wrong(path, {"one": 130}, {"one": 131}) == [
        "wal.db: one has committed 130, the database ends at 129"
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM message WHERE number = 100 AND part = 0")
    (reason,) = what_is_wrong(path, {"one": 129}, {})
    assert "one has not the rows of 60 to 129" in reason


def test_payloads_are_the_same_each_time_and_differ_by_seed() -> None:
    assert payload(1, 100) == payload(1, 100)
    assert payload(1, 100) != payload(2, 100)


@pytest.mark.parametrize(
    ("slope_mib", "slope_files", "told"),
    [(0.0, 0.0, []), (0.05, 0.0, ["memory"]), (0.0, 1.0, []), (0.0, 4.0, ["open files"])],
)
def test_what_grows_without_end_is_told(slope_mib: float, slope_files: float, told: list[str]) -> None:
    samples = [Sample(at, 50 + at * slope_mib, 60 + round(at * slope_files)) for at in range(300)]
    assert [reason.split(" grow")[0] for reason in growth(samples)] == told


def test_memory_that_is_filled_once_is_no_growth() -> None:
    assert growth([Sample(at, 40 + min(at, 100), 60) for at in range(300)]) == []


def test_a_life_sees_a_file_that_was_changed_behind_it(tmp_path: Path) -> None:
    life = FolderLife(tmp_path, random.Random(1), {})
    life.perform(Operation("create", "file"))
    life.perform(Operation("write", "file", "", 0, 10, 1))
    life.check()
    (tmp_path / "file").write_bytes(b"other")

    def check_often() -> None:
        for _ in range(50):
            life.check()

    with pytest.raises(OSError, match="file reads wrong between"):
        check_often()
    life.close()
