"""Salvage journal: the changes of a file that are in the journal and not in their place, put into its copy."""

from wafs.check.file_facts import FileFacts
from wafs.check.findings import Span
from wafs.check.salvage_report import Gap
from wafs.check.settling import Settling
from wafs.store.base import Handle, Store
from wafs.units import MIB
from wafs.vault.chunk_io import write_all
from wafs.vault.replay import Unfinished


def finish_copy(
    store: Store, target: Handle, facts: FileFacts, settling: Settling, gaps: list[Gap]
) -> tuple[int, list[Gap]]:
    """Bring the copy of a file to what the next writer would make of the file; `gaps` are those of the file in place.

    Returns its size, and the gaps that are left.
    Raises: OSError of the target.
    """
    unfinished, chunk_size = settling.unfinished, settling.chunk_size
    left, size = _left(settling, gaps, facts.extent if unfinished is None else unfinished.size)
    if unfinished is not None:
        store.truncate(target, min(unfinished.kept * chunk_size, facts.extent))
        store.truncate(target, unfinished.size)
        for first, stop in unfinished.holes:
            _clear(store, target, first * chunk_size, min(stop * chunk_size, unfinished.size))
        for number, payload in unfinished.chunks.items():
            length = min(chunk_size, unfinished.size - number * chunk_size)
            if length > 0:
                write_all(store, target, memoryview(payload)[:length], number * chunk_size)
        for number, parts in unfinished.patches.items():
            start = number * chunk_size
            # A chunk that is damaged in place is a gap, and a gap is zeros.
            if not any(gap.start <= start < gap.stop for gap in gaps):
                for at, part in parts:
                    write_all(store, target, part, start + at)
    store.truncate(target, size)
    return size, left


def _left(settling: Settling, gaps: list[Gap], size: int) -> tuple[list[Gap], int]:
    """Return the gaps that no change in the journal fills, and the size.

    What was not yet safe when a power cut came ends at the first chunk that does not open.
    """
    left: list[Gap] = []
    for gap in gaps:
        lost = settling.lost(Span(gap.start, gap.stop))
        left += [Gap(span.start, min(span.stop, size), gap.why) for span in lost if span.start < size]
        for number in range(gap.start // settling.chunk_size, -(-gap.stop // settling.chunk_size)):
            start = number * settling.chunk_size
            is_lost = any(span.start <= start < span.stop for span in lost)
            if not is_lost and not _is_replaced(settling.unfinished, number):
                size = min(size, start)
                break
    return [gap for gap in left if gap.start < size], size


def _is_replaced(unfinished: Unfinished | None, number: int) -> bool:
    if unfinished is None:
        return False
    is_cut = number >= unfinished.kept
    is_hole = any(first <= number < stop for first, stop in unfinished.holes)
    return is_cut or is_hole or number in unfinished.chunks


def _clear(store: Store, target: Handle, start: int, stop: int) -> None:
    while start < stop:
        length = min(stop - start, MIB)
        write_all(store, target, bytes(length), start)
        start += length
