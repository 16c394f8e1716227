"""Crashing: what may be left of a disk after the process was killed, or the power cut.

The log of a disk (`store.disk`) is cut off after any of its events. Of what was not synced by then, a `Cut` says what
reached the disk.

A process that is killed leaves all that it did (KILL); the kernel may stop it inside a write, after any page (TORN).
The model of a power cut, in which a sync of a file or directory is a barrier for that one, and a sync of everything for
all:

- Bytes: a disk writes sectors of 512 bytes whole. A sector of a file holds what it held after any of the writes since
  the last sync, those to other sectors notwithstanding: writes are lost, torn and reordered, but no sector has a later
  write without an earlier one to the same sector.
- Lengths: a write beyond the end makes the file longer when it pleases, with its bytes there or zeros in their place.
- Cutting and punching free whole blocks of the filesystem when the metadata are there; the rest of a block becomes zero
  by an ordinary write, which may come before. What is written to a freed block later is not seen before that.
- Metadata (names, attributes, times, cutting, punching), one of two models:
  ORDERED: a prefix of all changes, as filesystems with a journal do. A sync of a file or directory makes the prefix
  durable that ends with the last change of it; one of data only, with the last that its bytes need.
  STRICT: any subset that makes sense. A sync of a file makes its names durable that it got (not the loss of one), one
  of a directory all changes of its names; each with what they are built upon. A rename is atomic in both.
"""

from __future__ import annotations

import stat
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from store.disk import (
    BLOCK,
    EVERYTHING,
    Added,
    Attr,
    Disk,
    Gone,
    Moved,
    Punch,
    Resize,
    Sync,
    Write,
    change_bytes,
    inodes_of,
)

if TYPE_CHECKING:
    from store.disk import Event, Node

SECTOR = 512
Model: TypeAlias = Literal["kill", "torn", "ordered", "strict"]
MODELS: tuple[Model, ...] = ("kill", "torn", "ordered", "strict")
_ALL = -1


class Cut(NamedTuple):
    """Where a log is cut off and what of it is there.

    `issued` events were done. Metadata events are there if their number is below `metadata` or in `others`; writes
    make a file longer if theirs is below `growth`. `sectors` has, by number of the event, the bits of the sectors that
    reached the disk; all did of an event that is not in it. `torn`: of the last event, a write that the process died
    in, only so many bytes were done.
    """

    issued: int
    metadata: int
    growth: int
    sectors: tuple[tuple[int, int], ...] = ()
    others: frozenset[int] = frozenset()
    torn: int | None = None


@dataclass
class Recording:
    """A disk as it was, and what was done to it."""

    base: Disk
    log: list[tuple[Event, int]]
    births: dict[int, Node]
    _durable: dict[tuple[int, int], bytearray] = field(default_factory=dict)
    _forced: dict[tuple[str, int], tuple[int, frozenset[int]]] = field(default_factory=dict)

    @classmethod
    def start(cls, disk: Disk) -> Recording:
        """Begin to record what is done to a disk."""
        disk.log = []
        disk.births = {}
        return cls(disk.copy(), disk.log, disk.births)

    @property
    def events(self) -> list[Event]:
        """The events without their times."""
        return [event for event, _ in self.log]

    def syncs_of(self, ino: int, issued: int) -> int:
        """Return the number of the last event before `issued` that made the bytes of a file durable; -1 if none did."""
        for number in range(issued - 1, -1, -1):
            event = self.log[number][0]
            if isinstance(event, Sync) and event.ino in (ino, EVERYTHING):
                return number
        return -1

    def durable(self, ino: int, synced: int) -> bytearray:
        """Return the bytes of a file after all events up to `synced`."""
        if (ino, synced) not in self._durable:
            base = self.base.nodes.get(ino)
            data = bytearray(base.data) if base is not None else bytearray()
            for event, _ in self.log[: synced + 1]:
                if isinstance(event, Write | Resize | Punch) and event.ino == ino:
                    change_bytes(data, event)
            self._durable[ino, synced] = data
        return self._durable[ino, synced]

    def forced(self, model: Model, issued: int) -> tuple[int, frozenset[int]]:
        """Return the metadata events that are durable: all before a number, and others."""
        if (model, issued) not in self._forced:
            in_order = model == "ordered"
            self._forced[model, issued] = (
                _forced_prefix(self, issued) if in_order else 0,
                frozenset() if in_order else _forced_subset(self, issued),
            )
        return self._forced[model, issued]

    def unsynced(self, issued: int) -> list[int]:
        """Return the numbers of the events that changed the bytes of a file and are not durable."""
        last: dict[int, int] = {}
        found = []
        for number, (event, _) in enumerate(self.log[:issued]):
            if isinstance(event, Sync):
                last[event.ino] = number
            elif isinstance(event, Write | Resize | Punch):
                found.append(number)
        every = last.get(EVERYTHING, -1)
        return [number for number in found if number > max(last.get(self.log[number][0].ino, -1), every)]


def is_metadata(event: Event) -> bool:
    """Tell whether an event changes more than bytes and length by writing."""
    return not isinstance(event, Write | Sync)


def sectors_of(event: Event) -> list[tuple[int, int, int]]:
    """Return the sectors of the bytes that an event writes: number, first and last offset (exclusive)."""
    match event:
        case Write(_, offset, data):
            spans = [(offset, offset + len(data))]
        case Resize(_, old, size):
            spans = [(size, min(old, _block_after(size)))]
        case Punch(_, offset, size):
            first, last = _block_after(offset), (offset + size) // BLOCK * BLOCK
            spans = [(offset, offset + size)] if first > last else [(offset, first), (last, offset + size)]
        case _:
            spans = []
    return [
        (number, max(start, number * SECTOR), min(end, (number + 1) * SECTOR))
        for start, end in spans
        if start < end
        for number in range(start // SECTOR, -(-end // SECTOR))
    ]


def _forced_prefix(recording: Recording, issued: int) -> int:
    """Return how many of the events are durable at least, in the model ORDERED."""
    events = [event for event, _ in recording.log[:issued]]
    least = 0
    for number, event in enumerate(events):
        if not isinstance(event, Sync):
            continue
        if event.ino == EVERYTHING:
            least = number
            continue
        needed = [at for at in range(number) if event.ino in inodes_of(events[at]) and _is_needed(events[at], event)]
        least = max([least, *(at + 1 for at in needed)])
    return least


def _is_needed(event: Event, sync: Sync) -> bool:
    if isinstance(event, Sync):
        return False
    return not (sync.data_only and isinstance(event, Attr | Gone | Moved) and event.ino == sync.ino)


def _forced_subset(recording: Recording, issued: int) -> frozenset[int]:
    """Return the numbers of the metadata events that are durable, in the model STRICT."""
    forced: set[int] = set()
    names: set[tuple[int, bytes]] = set()
    moved: set[int] = set()
    synced: set[int] = set()
    data_synced: set[int] = set()
    for number in range(issued - 1, -1, -1):
        event = recording.log[number][0]
        if isinstance(event, Sync):
            (data_synced if event.data_only else synced).add(event.ino)
        elif EVERYTHING in synced:
            forced.add(number)
        elif isinstance(event, Added | Gone | Moved):
            keys = {(event.parent, event.name)}
            parents = {event.parent}
            inos = {event.ino}
            if isinstance(event, Moved):
                keys.add((event.new_parent, event.new_name))
                parents.add(event.new_parent)
                inos |= {event.other} - {0}
            wanted = parents & synced or keys & names or inos & moved
            if wanted or (not isinstance(event, Gone) and event.ino in synced | data_synced):
                forced.add(number)
                names |= keys
                moved |= inos | parents
        elif isinstance(event, Attr):
            if event.ino in synced:
                forced.add(number)
        elif event.ino in synced | data_synced:
            forced.add(number)
    return frozenset(forced)


def rebuild(recording: Recording, cut: Cut) -> Disk:
    """Return the disk that a cut leaves."""
    disk = recording.base.copy()
    for ino, node in recording.births.items():
        disk.nodes[ino] = node.born_again()
    disk.adopt_numbers(recording.births)
    files: dict[int, list[int]] = {}
    for number in range(cut.issued):
        event, now = recording.log[number]
        if isinstance(event, Write | Resize | Punch):
            files.setdefault(event.ino, []).append(number)
        if number >= cut.metadata and number not in cut.others:
            continue
        if isinstance(event, Write | Resize | Punch):
            disk.touch(event, now)
        elif _makes_sense(disk, event):
            disk.apply(event, now)
        disk.clock = max(disk.clock, now)
    for ino, numbers in files.items():
        disk.nodes[ino].data = _bytes_left(recording, cut, ino, numbers)
    return disk


def _makes_sense(disk: Disk, event: Event) -> bool:
    """Tell whether a change of names can be done without those before it that are lost."""
    match event:
        case Added(parent, name, _):
            return name not in disk.nodes[parent].entries
        case Gone(parent, name, ino):
            node = disk.nodes[ino]
            return disk.nodes[parent].entries.get(name) == ino and not node.entries
        case Moved(parent, name, new_parent, new_name, ino, other, exchange):
            there = disk.nodes[new_parent].entries.get(new_name, 0)
            if disk.nodes[parent].entries.get(name) != ino or there not in (other, 0) or _is_in(disk, new_parent, ino):
                return False
            return there == other and (exchange or not there or not disk.nodes[there].entries)
        case _:
            return True


def _is_in(disk: Disk, ino: int, folder: int) -> bool:
    if disk.nodes[folder].kind != stat.S_IFDIR:
        return False
    return ino == folder or any(_is_in(disk, ino, child) for child in disk.nodes[folder].entries.values())


def _bytes_left(recording: Recording, cut: Cut, ino: int, numbers: list[int]) -> bytearray:
    """Return the bytes of a file that a cut leaves; `numbers` are the events that changed them."""
    synced = recording.syncs_of(ino, cut.issued)
    rest = numbers[bisect_left(numbers, synced) :]
    events = [(number, _torn(recording.log[number][0], cut, number)) for number in rest]
    left = _FileLeft(recording.durable(ino, synced), cut, _newest_by_sector(events, dict(cut.sectors)))
    for number, event in events:
        left.write(number, event)
        left.resize(number, event)
    left.data.extend(bytes(max(left.size - len(left.data), 0)))
    return left.data[: left.size]


def _newest_by_sector(events: list[tuple[int, Event]], masks: dict[int, int]) -> dict[int, int]:
    """Return the last event that reached the disk, by number of the sector; those before it in that sector did too."""
    newest: dict[int, int] = {}
    for number, event in events:
        mask = masks.get(number, _ALL)
        for bit, (sector, _, _) in enumerate(sectors_of(event)):
            if mask >> bit & 1:
                newest[sector] = number
    return newest


class _FileLeft:
    """The bytes of one file, from its last sync on. `blocked` are ranges of blocks whose loss is not durable."""

    def __init__(self, durable: bytearray, cut: Cut, newest: dict[int, int]) -> None:
        self.data = bytearray(durable)
        self.size = len(durable)
        self._cut = cut
        self._newest = newest
        self._blocked: list[tuple[int, int]] = []

    def write(self, number: int, event: Event) -> None:
        """Do what of an event is writing of bytes, in the sectors that got so far."""
        for sector, start, end in sectors_of(event):
            if number > self._newest.get(sector, -1) or any(low <= start < high for low, high in self._blocked):
                continue
            piece = event.data[start - event.offset : end - event.offset] if isinstance(event, Write) else b""
            change_bytes(self.data, Write(0, start, piece or bytes(end - start)))

    def resize(self, number: int, event: Event) -> None:
        """Do what of an event is a change of the length, or of which blocks there are."""
        is_there = number < self._cut.metadata or number in self._cut.others
        match event:
            case Write(_, offset, piece) if number < self._cut.growth:
                self.size = max(self.size, offset + len(piece))
            case Resize(_, _, new) if is_there:
                self.size = new
                del self.data[new:]
            case Resize(_, old, new) if new < old:
                self._blocked.append((_block_after(new), 1 << 62))
            case Punch(_, offset, length):
                first, last = _block_after(offset), (offset + length) // BLOCK * BLOCK
                if is_there and first < last:
                    change_bytes(self.data, Punch(0, first, last - first))
                elif first < last:
                    self._blocked.append((first, last))


def _torn(event: Event, cut: Cut, number: int) -> Event:
    if cut.torn is not None and number == cut.issued - 1 and isinstance(event, Write):
        return Write(event.ino, event.offset, event.data[: cut.torn])
    return event


def _block_after(offset: int) -> int:
    return -(-offset // BLOCK) * BLOCK
