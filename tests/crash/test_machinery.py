"""The machinery itself: it finds what is broken on purpose, and nothing where all is well."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from crash.oracle import Found, Judge, Observation, Promise
from crash.trial import Trial
from crash.truth import Truth
from differential.program import op
from store.crashing import MODELS, Cut, Recording, rebuild
from store.disk import Disk
from store.memory import MemoryStore
from vault.making import CHUNK

if TYPE_CHECKING:
    from crash.bench import Bench
    from store.crashing import Model
    from wafs.store.base import Handle

OLD, NEW, OTHER = (bytes([byte]) * (2 * CHUNK) for byte in b"ona")


def _truth(*, synced: bool) -> Truth:
    """A file of old bytes (step 1), synced or not (step 2), overwritten (step 3), in a folder that is the top."""
    truth = Truth()
    number = truth.make(stat.S_IFREG, 0o600)
    truth.change(number, content=OLD)
    truth.done({b"": 0, b"a": number})
    if synced:
        truth.things[number].synced.append(truth.step)
    truth.done()
    truth.change(number, content=NEW)
    truth.done()
    return truth


def _complaints(content: bytes | None, model: Model, done: int, *, synced: bool = True) -> list[str]:
    tree = {} if content is None else {b"a": Found(stat.S_IFREG, content, 0o600, (), 0)}
    judge = Judge(_truth(synced=synced), CHUNK)
    return judge.complaints(Observation(tree, []), Promise(done, min(done + 1, 3), model))


@pytest.mark.parametrize("model", ["ordered", "strict"])
def test_after_a_power_cut_each_chunk_is_of_a_version_since_the_sync(model: Model) -> None:
    for content in (OLD, NEW, OLD[:CHUNK] + NEW[CHUNK:], NEW[:CHUNK] + OLD[CHUNK:]):
        assert _complaints(content, model, 3) == []
    assert _complaints(OTHER, model, 3)
    assert "none of" in _complaints(OLD[:-1] + b"x", model, 3)[0]
    assert "none of" in _complaints(OLD[:100] + NEW[100:], model, 3)[0], "a torn chunk"
    assert "(zeros)" in _complaints(bytes(CHUNK) + NEW[CHUNK:], model, 3)[0]
    assert "it had" in _complaints(OLD[:CHUNK], model, 3)[0], "it never was so short after the sync"
    assert _complaints(None, model, 3)


def test_after_a_power_cut_nothing_is_promised_to_what_was_not_synced() -> None:
    for content in (None, b"", OLD[:CHUNK], OLD, NEW):
        assert _complaints(content, "ordered", 2, synced=False) == []
    assert _complaints(OTHER, "ordered", 2, synced=False)


def test_after_a_killed_process_all_that_was_done_is_there() -> None:
    assert _complaints(OLD, "kill", 2) == []
    assert _complaints(NEW, "kill", 2) == [], "the step that was being done may be done"
    assert _complaints(NEW, "kill", 3) == []
    assert _complaints(OLD, "kill", 3)
    assert _complaints(None, "kill", 1)


def test_a_folder_that_was_synced_keeps_its_entries_and_a_removed_one_stays_away() -> None:
    truth = Truth()
    for name in (b"a", b"b"):
        truth.done({**truth.tree, name: truth.make(stat.S_IFDIR, 0o700)})
    truth.done({b"": 0, b"b": 2})
    truth.things[0].synced.append(truth.step)
    truth.done()
    judge = Judge(truth, CHUNK)
    folder = Found(stat.S_IFDIR, b"", 0o700, (), 0)
    models: tuple[Model, ...] = ("ordered", "strict")
    for model in models:
        assert judge.complaints(Observation({b"b": folder}, []), Promise(4, 4, model)) == []
        assert judge.complaints(Observation({}, []), Promise(4, 4, model))
        assert judge.complaints(Observation({b"a": folder, b"b": folder}, []), Promise(4, 4, model))
        assert judge.complaints(Observation({b"a": folder, b"b": folder}, []), Promise(3, 3, model)) == []


@pytest.mark.parametrize("is_full", [True, False])
def test_where_names_are_ordered_a_rename_is_promised_by_fsync_and_not_by_fdatasync(*, is_full: bool) -> None:
    truth = Truth()
    number = truth.make(stat.S_IFREG, 0o600)
    truth.done({**truth.tree, b"a": number})
    truth.things[number].synced.append(truth.step)
    truth.done()
    truth.done({b"": 0, b"b": number})
    truth.things[number].synced.append(truth.step)
    if is_full:
        truth.things[number].fully_synced.append(truth.step)
    truth.done()
    judge = Judge(truth, CHUNK)
    file = Found(stat.S_IFREG, b"", 0o600, (), 0)
    models: tuple[Model, ...] = ("ordered", "strict")
    for model in models:
        assert judge.complaints(Observation({b"b": file}, []), Promise(4, 4, model)) == []
        is_promised = is_full or model == "strict"
        assert bool(judge.complaints(Observation({b"a": file}, []), Promise(4, 4, model))) is is_promised
        assert judge.complaints(Observation({}, []), Promise(4, 4, model)), "one of the names must be there"
        assert judge.complaints(Observation({}, []), Promise(2, 2, model))


class _LyingStore(MemoryStore):
    """Syncs nothing and says that it did."""

    def sync(self, handle: Handle, *, data_only: bool = False) -> None:
        pass

    def sync_all(self) -> None:
        pass


def test_a_disk_that_does_not_sync_is_found_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    program = [op("write", b"a", 0, 5000, 1), op("fsync", b"a"), op("syncdir", b"")]
    monkeypatch.setattr("crash.bench.MemoryStore", _LyingStore)
    trial = Trial(bench)
    for model in MODELS[2:]:
        violations = list(trial.every(program, model, seed=1, most=12))
        assert any("'a' is missing" in str(found) or "was synced and is missing" in str(found) for found in violations)
    assert trial.opened < trial.states


def test_a_violation_can_be_read_and_run_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    program = [op("write", b"a", 0, 10, 1), op("fsync", b"a"), op("syncdir", b"")]
    monkeypatch.setattr("crash.bench.MemoryStore", _LyingStore)
    said = str(next(Trial(bench).every(program, "ordered", seed=1, most=12)))
    assert "op('write', b'a', 0, 10, 1)" in said
    assert "Cut(issued=" in said


def test_an_empty_vault_that_nobody_touched_survives(bench: Bench) -> None:
    trial = Trial(bench)
    assert not [found for model in MODELS for found in trial.every([], model, seed=1, most=9)]
    assert trial.states >= len(MODELS) - 1, "no write to be torn in"


def test_what_a_crash_leaves_is_a_disk_that_others_can_read(bench: Bench) -> None:
    run = Trial(bench).run([op("mkdir", b"d"), op("write", b"d/f", 0, 5000, 1)])
    issued = len(run.recording.log)
    disk: Disk = rebuild(run.recording, Cut(issued, issued, issued))
    with_all = [name for node in disk.nodes.values() if node.nlink for name in node.entries]
    assert any(name.endswith(b".wafs") for name in with_all)
    assert isinstance(run.recording, Recording)
    assert run.truth.trees[2].keys() == {b"", b"d", b"d/f"}
