"""Duplicates: files of a vault with the same contents that take their space more than once, as forwarded media do."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from wafs.errors import WafsError
from wafs.fs.vfs import Vfs
from wafs.units import KIB, MIB
from wafs.whatsapp.doctor_watch import Share, Watch
from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.plain_source import PlainSource

GROUPS_MOST: Final = 20
"""Groups of duplicates that are kept by name: those that cost most."""

_BEGINNING: Final = 64 * KIB
_PIECE: Final = MIB


@dataclass(slots=True)
class Duplicates:
    """What the copies cost. `copies` are those beyond the first; `groups` has (bytes they cost, paths)."""

    copies: int = 0
    size: int = 0
    groups: list[tuple[int, list[bytes]]] = field(default_factory=list)
    unreadable: list[tuple[bytes, str]] = field(default_factory=list)


def candidates(files: Sequence[VaultFile]) -> list[list[VaultFile]]:
    """Return the groups of files of the same size; of several names of one file only the first counts."""
    sizes = Counter(file.size for file in files)
    by_size: defaultdict[int, dict[int, VaultFile]] = defaultdict(dict)
    for file in files:
        if file.size and sizes[file.size] > 1:
            by_size[file.size].setdefault(file.inode, file)
    return [list(group.values()) for group in by_size.values() if len(group) > 1]


def work_of(groups: Sequence[Sequence[VaultFile]]) -> int:
    """Return how many bytes are read of candidates at most."""
    return sum(sum(file.size for file in group) for group in groups)


def find_duplicates(vfs: Vfs, groups: Sequence[Sequence[VaultFile]], watch: Watch) -> Duplicates:
    """Compare files of the same size: their first 64 KiB, and all of them where those are the same.

    Raises: what `watch` raises. A file that cannot be read is no duplicate and is listed.
    """
    found = Duplicates()
    for group in groups:
        share = Share(watch, work_of([group]))
        for beginning in _alike(vfs, group, found, watch, share, most=_BEGINNING):
            same = [beginning]
            if beginning[0].size > _BEGINNING:
                same = _alike(vfs, beginning, found, watch, share, most=beginning[0].size)
            for copies in same:
                cost = copies[0].size * (len(copies) - 1)
                found.copies += len(copies) - 1
                found.size += cost
                found.groups.append((cost, [file.path for file in copies]))
        share.finish()
        found.groups = sorted(found.groups, key=lambda group: (-group[0], group[1]))[:GROUPS_MOST]
    return found


def _alike(
    vfs: Vfs, files: Sequence[VaultFile], found: Duplicates, watch: Watch, share: Share, *, most: int
) -> list[list[VaultFile]]:
    """Return the groups of those that are the same in their first `most` bytes."""
    by_digest: defaultdict[bytes, list[VaultFile]] = defaultdict(list)
    for file in files:
        watch.looking_at(file.path)
        try:
            digest = _digest(vfs, file.path, most, watch, share)
        except (WafsError, OSError) as error:
            found.unreadable.append((file.path, str(error)))
        else:
            by_digest[digest].append(file)
    return [group for group in by_digest.values() if len(group) > 1]


def _digest(vfs: Vfs, path: bytes, most: int, watch: Watch, share: Share) -> bytes:
    digest = hashlib.blake2b(digest_size=32)
    with PlainSource(vfs, path) as source:
        offset = 0
        while offset < most and (piece := source.read(offset, min(_PIECE, most - offset))):
            watch.check()
            digest.update(piece)
            offset += len(piece)
            share.advanced(len(piece))
    return digest.digest()
