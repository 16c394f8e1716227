"""Local walk: a file or a whole folder of this machine, in the order in which it is copied."""

import os
import stat
from collections.abc import Callable, Collection, Iterator
from typing import Final

OnError = Callable[[bytes, Exception], None]
_ALONE: Final = frozenset[bytes]()


class LocalStep:
    """One station. A folder is met twice: before its entries, and `leaving` it after them.

    Set `prune` on the first of the two to pass over its entries and the second meeting. `siblings` are the names in
    the folder in which it stands.
    """

    __slots__ = ("attrs", "leaving", "name", "path", "prune", "siblings")

    def __init__(self, path: bytes, name: bytes, attrs: os.stat_result, siblings: Collection[bytes] = _ALONE) -> None:
        self.path = path
        self.name = name
        self.attrs = attrs
        self.siblings = siblings
        self.leaving = False
        self.prune = False

    @property
    def is_dir(self) -> bool:
        """Tell whether it is a folder."""
        return stat.S_ISDIR(self.attrs.st_mode)


def local_walk(path: bytes, on_error: OnError) -> Iterator[LocalStep]:
    """Walk a file, or a folder and all below it in the order of names; symlinks are met and not followed.

    What cannot be read goes to `on_error` with its path, and the walk goes on.
    """
    waiting: list[tuple[bytes, bytes, Collection[bytes]] | LocalStep] = [(path, os.path.basename(path), _ALONE)]
    while waiting:
        item = waiting.pop()
        if isinstance(item, LocalStep):
            yield item
            continue
        where, name, siblings = item
        try:
            step = LocalStep(where, name, os.lstat(where), siblings)
        except OSError as error:
            on_error(where, error)
            continue
        yield step
        if not step.is_dir or step.prune:
            continue
        try:
            names = sorted(os.listdir(step.path), reverse=True)
        except OSError as error:
            on_error(step.path, error)
            names = []
        step.leaving = True
        waiting.append(step)
        present = frozenset(names)
        waiting += [(os.path.join(step.path, name), name, present) for name in names]
