"""Counting store: any store, with how often each call was asked for in memory that another process can read."""

from __future__ import annotations

import mmap
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from wafs.store.base import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALLS = tuple(sorted(name for name in vars(Store) if not name.startswith("_")))
SIZE = 8 * len(CALLS)


@contextmanager
def shared_counts(path: Path) -> Iterator[memoryview]:
    """Map the counts of a file, one number for each of `CALLS`; the file is made where there is none."""
    with path.open("a+b") as file:
        file.truncate(SIZE)
        with mmap.mmap(file.fileno(), SIZE) as mapped, memoryview(mapped) as raw, raw.cast("Q") as counts:
            yield counts


class CountingStore:
    """Hands every call to `inner`, having counted it."""

    def __init__(self, inner: Store, counts: memoryview) -> None:
        self._inner = inner
        self._counts = counts
        self._lock = threading.Lock()

    @property
    def store(self) -> Store:
        """This store, for whoever takes one."""
        return cast("Store", self)

    def __getattr__(self, kind: str) -> Any:
        call = getattr(self._inner, kind)
        if kind not in CALLS:
            return call
        index = CALLS.index(kind)

        def counted(*arguments: Any, **options: Any) -> Any:
            with self._lock:
                self._counts[index] += 1
            return call(*arguments, **options)

        # Found at once from now on, as a method is.
        setattr(self, kind, counted)
        return counted
