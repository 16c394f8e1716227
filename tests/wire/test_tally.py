"""Tally: what is counted of requests, and what is told of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.fuse import tally as tally_module
from wafs.fuse.tally import Tally
from wafs.fuse.wire.opcodes import Opcode


def _told(monkeypatch: pytest.MonkeyPatch, took_ns: list[int]) -> tally_module.Times:
    tally = Tally()
    for took in took_ns:
        monkeypatch.setattr(tally_module, "perf_counter_ns", lambda took=took: 5_000 + took)
        tally.note(Opcode.READ, 5_000)
    return tally.times()["READ"]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=40))
def test_the_bounds_hold_for_the_share_that_they_name(took_ns: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        told = _told(patch, took_ns)
    count = len(took_ns)
    assert told["count"] == count
    assert told["mean_us"] == pytest.approx(sum(took_ns) / count / 1000, abs=0.051)
    for key, share in (("p50_us", 0.5), ("p99_us", 0.99), ("max_us", 1)):
        bound = told[key] * 1000  # type: ignore[literal-required]
        assert sum(took <= bound for took in took_ns) >= share * count
        # Not looser than the next class below would be.
        assert bound <= 1024 or sum(took < bound / 2 for took in took_ns) < max(share * count, 1)


def test_kinds_are_named_and_the_dearest_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally()
    assert tally.times() == {}
    for opcode, took in ((Opcode.READ, 10), (Opcode.WRITE, 3_000_000), (250, 20)):
        monkeypatch.setattr(tally_module, "perf_counter_ns", lambda took=took: took)
        tally.note(opcode, 0)
    assert list(tally.times()) == ["WRITE", "250", "READ"]
    assert tally.times()["WRITE"] == {
        "count": 1, "mean_us": 3000.0, "p50_us": 4194.304, "p99_us": 4194.304, "max_us": 4194.304,
    }  # fmt: skip
