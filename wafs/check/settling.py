"""Settling: what must be whole of a file that a journal, or the crash that left one, is concerned with.

The next writer brings the changes in a journal into place, and cuts off what a power cut took of what was not safe yet.
None of that is damage. What was safe must be there, though, in its place or in the journal.
"""

from dataclasses import dataclass

from wafs.check.file_facts import FileFacts
from wafs.check.findings import Span
from wafs.format.layout import plain_size
from wafs.format.state import IN_FLIGHT, State
from wafs.vault.replay import SLACK_NS, Replay, Unfinished


@dataclass(frozen=True, slots=True)
class Settling:
    """One such file: plain bytes below `safe` must be whole, but for the chunks that the journal has.

    `size` is how many plain bytes lie in the file now.
    """

    size: int
    safe: int
    unfinished: Unfinished | None
    chunk_size: int

    def lost(self, span: Span) -> list[Span]:
        """Return what of a span of chunks that do not open is lost, neighbours together."""
        spans: list[Span] = []
        for number in range(span.start // self.chunk_size, -(-span.stop // self.chunk_size)):
            if self._must_open(number):
                start, stop = number * self.chunk_size, min((number + 1) * self.chunk_size, span.stop)
                if spans and spans[-1].stop == start:
                    start = spans.pop().start
                spans.append(Span(start, stop))
        return spans

    def _must_open(self, number: int) -> bool:
        found = self.unfinished
        if number >= -(-self.safe // self.chunk_size):
            return False
        if found is None:
            return True
        is_replaced = number in found.chunks or any(first <= number < stop for first, stop in found.holes)
        return not is_replaced and number < found.kept


def settling_of(replay: Replay | None, facts: FileFacts, chunk_size: int) -> Settling | None:
    """Tell whether a file is to be settled, and how; None for one that must be whole as it is."""
    state = facts.state
    if replay is None or state is None:
        return None
    size = plain_size(facts.length, chunk_size)
    in_place = size if state.flags & IN_FLIGHT else min(size, state.size)
    unfinished = replay.of(facts.file_id, state.counter)
    if unfinished is not None:
        safe = min(_durable(replay, state), unfinished.size)
        return Settling(in_place, safe, unfinished, chunk_size)
    if state.epoch in replay.epochs:
        return Settling(in_place, min(state.durable, state.size), None, chunk_size)
    return None


def was_being_made(replay: Replay | None, changed_ns: int) -> bool:
    """Tell whether a file without a header may be one whose header never reached the storage."""
    return replay is not None and changed_ns >= replay.since - SLACK_NS


def _durable(replay: Replay, state: State) -> int:
    return state.durable if state.epoch in replay.epochs else state.size
