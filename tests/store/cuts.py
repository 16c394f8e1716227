"""Cuts: which of the states that a crash may leave are looked at: all of a short log, or some by chance."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from store.crashing import Cut, Model, Recording, is_metadata, sectors_of
from store.disk import BLOCK, Sync, Write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

_ALL_SUBSETS_UP_TO = 5
"""Of so many unsynced writes all subsets are taken."""

Masks: TypeAlias = tuple[tuple[int, int], ...]
Kept: TypeAlias = tuple[int, frozenset[int]]
"""Metadata that are there: all before a number, and others."""


def points(recording: Recording) -> list[int]:
    """Return after how many events a crash is worth looking at: everywhere but between two that leave the same."""
    return list(range(len(recording.log) + 1))


def every_cut(recording: Recording, model: Model, rng: Random, most: int) -> Iterator[Cut]:
    """Give all cuts of a recording, at most `most` after each event (then some of them by chance)."""
    for issued in points(recording):
        if model in ("kill", "torn"):
            yield from _killed(recording, issued, model)
            continue
        writes = _masks(recording, issued)
        kept = _kept(recording, issued, model, rng)
        total = len(writes) * len(kept)
        chosen = range(total) if total <= most else sorted(rng.sample(range(total), most))
        for number in chosen:
            metadata, others = kept[number % len(kept)]
            growths = _growths(recording, issued, metadata if model == "ordered" else issued)
            for growth in growths if total * len(growths) <= most else [rng.choice(growths)]:
                yield Cut(issued, metadata, growth, writes[number // len(kept)], others)


def some_cut(recording: Recording, model: Model, rng: Random, issued: int | None = None) -> Cut:
    """Give one cut by chance, after a number of events or anywhere."""
    if issued is None:
        issued = rng.choice(points(recording))
    if model in ("kill", "torn"):
        return rng.choice(list(_killed(recording, issued, model)) or [Cut(issued, issued, issued)])
    metadata, others = _some_kept(recording, issued, model, rng)
    growth = rng.choice(_growths(recording, issued, metadata if model == "ordered" else issued))
    style = rng.random()
    masks = []
    for number in recording.unsynced(issued):
        count = len(sectors_of(recording.log[number][0]))
        if count:
            masks.append((number, _some_mask(count, rng, style)))
    return Cut(issued, metadata, growth, tuple(masks), others)


def _some_mask(count: int, rng: Random, style: float) -> int:
    everything = (1 << count) - 1
    kind = rng.random()
    if style < 0.3 or kind < 0.5:
        return rng.choice((0, everything))
    if kind < 0.8:
        prefix = (1 << rng.randint(0, count)) - 1
        lost = 1 << rng.randrange(count)
        return rng.choice((prefix, everything & ~prefix, everything & ~lost))
    return rng.getrandbits(count)


def _killed(recording: Recording, issued: int, model: Model) -> Iterator[Cut]:
    """All that a killed process leaves: what it did; or of its last write so many pages of the page cache."""
    if model == "kill":
        yield Cut(issued, issued, issued)
    elif issued and isinstance(last := recording.log[issued - 1][0], Write):
        for torn in range(BLOCK - last.offset % BLOCK, len(last.data), BLOCK):
            yield Cut(issued, issued, issued, torn=torn)


def _masks(recording: Recording, issued: int) -> list[Masks]:
    """Which sectors of the unsynced writes are there: whole writes in many combinations, and one torn."""
    counts = {number: len(sectors_of(recording.log[number][0])) for number in recording.unsynced(issued)}
    writes = [number for number, count in counts.items() if count]
    subsets: list[tuple[int, ...]]
    if len(writes) <= _ALL_SUBSETS_UP_TO:
        subsets = [lost for size in range(len(writes) + 1) for lost in combinations(writes, size)]
    else:
        subsets = [(), tuple(writes)]
        subsets += [tuple(writes[at:]) for at in range(1, len(writes))]
        subsets += [(one,) for one in writes]
        subsets += [tuple(other for other in writes if other != one) for one in writes]
    masks: list[Masks] = [tuple((number, 0) for number in lost) for lost in dict.fromkeys(subsets)]
    for at, one in enumerate(writes):
        everything = (1 << counts[one]) - 1
        for cut in range(1, counts[one]):
            prefix = (1 << cut) - 1
            # Torn with those after it lost, and torn in the other way with all of them there.
            masks.append(((one, prefix), *((later, 0) for later in writes[at + 1 :])))
            masks.append(((one, everything & ~prefix),))
        # One sector lost in the middle, with all that came later there.
        masks += [((one, everything & ~(1 << sector)),) for sector in range(1, counts[one] - 1)]
    return masks


def _kept(recording: Recording, issued: int, model: Model, rng: Random) -> list[Kept]:
    metadata = [number for number in range(issued) if is_metadata(recording.log[number][0])]
    if model == "ordered":
        least, _ = recording.forced(model, issued)
        changes = [number + 1 for number in range(least, issued) if not isinstance(recording.log[number][0], Sync)]
        return [(prefix, frozenset()) for prefix in (least, *changes)]
    _, forced = recording.forced(model, issued)
    free = [number for number in metadata if number not in forced]
    if len(free) <= _ALL_SUBSETS_UP_TO:
        subsets = [kept for size in range(len(free) + 1) for kept in combinations(free, size)]
        return [(0, forced | frozenset(kept)) for kept in subsets]
    chosen = [frozenset(), frozenset(free), *(frozenset(free) - {one} for one in free), *(frozenset({o}) for o in free)]
    chosen += [frozenset(one for one in free if rng.random() < 0.5) for _ in range(8)]
    return [(0, forced | kept) for kept in dict.fromkeys(chosen)]


def _some_kept(recording: Recording, issued: int, model: Model, rng: Random) -> Kept:
    if model == "ordered":
        return rng.randint(recording.forced(model, issued)[0], issued), frozenset()
    _, forced = recording.forced(model, issued)
    share = rng.choice((0.1, 0.5, 0.9))
    others = [number for number in range(issued) if number not in forced and rng.random() < share]
    return 0, forced | frozenset(others)


def _growths(recording: Recording, issued: int, most: int) -> list[int]:
    """Return how far lengths may have got: nowhere, to each write that is not synced, or to the end."""
    unsynced = [n for n in recording.unsynced(issued) if n < most and isinstance(recording.log[n][0], Write)]
    return sorted({0, most, *unsynced})
