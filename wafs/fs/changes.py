"""Changes: what became of a vault under a scratch, in the words of its user: paths and bytes.

The vault as it is and the scratch over it are compared, in those folders only in which something was changed. What was
made and is gone again does not appear, nor what the vault keeps for itself.
"""

import contextlib
import stat
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from wafs.errors import DamageError, WafsError
from wafs.fs.attrs import Attrs, Entry
from wafs.fs.vfs import Vfs
from wafs.fs.walk import OnError, names_in, top
from wafs.store.scratch import UNTOUCHED, ScratchStore, Trace
from wafs.units import ROOT_INO, Ino
from wafs.vault.vault import reopen_vault

Kind = Literal["created", "changed", "moved", "deleted"]
KINDS: Final[tuple[Kind, ...]] = ("created", "changed", "moved", "deleted")


class Change(NamedTuple):
    """What became of one file or folder.

    `path` is where it is, or was if it is deleted; `old_path` is where a moved one was. `size` is that of a file that
    was created or deleted; of another it is how many bytes were written, in whole chunks. A folder counts as changed
    for its own attributes only; of one that moved, what is in it is listed only if it changed as well.
    """

    kind: Kind
    path: bytes
    is_dir: bool
    size: int
    old_path: bytes | None = None


class _Found(NamedTuple):
    """An entry on one side; `number` is held for folders only."""

    path: bytes
    number: Ino
    attrs: Attrs
    trace: Trace

    @property
    def is_dir(self) -> bool:
        return stat.S_ISDIR(self.attrs.mode)

    @property
    def size(self) -> int:
        return 0 if self.is_dir else self.attrs.size


def changes_of(vfs: Vfs, on_error: OnError) -> list[Change]:
    """Return what was changed in a scratch, in the order of paths. Nobody changes anything meanwhile.

    What cannot be read goes to `on_error` with its path.
    Raises: WafsError, OSError; ValueError if the vault was not opened with a scratch.
    """
    scratch = vfs.vault.scratch
    if scratch is None:
        msg = "the vault was not opened with a scratch"
        raise ValueError(msg)
    try:
        # What is in the journal only was not written to the files yet.
        vfs.commits.finish()
    except (DamageError, OSError) as error:
        # Where the scratch is full it stays there, and is read from there.
        on_error(b"/", error)
    with Vfs(reopen_vault(vfs.vault, read_only=True)) as vault:
        comparison = _Comparison(vfs, vault, scratch, on_error)
        found = comparison.run(everywhere=False)
        if scratch.changed() - comparison.met:
            # A file was changed under one of its names, and only others are left.
            found = _Comparison(vfs, vault, scratch, on_error).run(everywhere=True)
    return sorted(found, key=lambda change: (change.path, change.kind))


class _Comparison:
    """One comparison.

    An inode number that both sides show is the same object of the storage; what was made in the scratch has one that
    nothing in the vault has.
    """

    def __init__(self, vfs: Vfs, vault: Vfs, scratch: ScratchStore, on_error: OnError) -> None:
        self._vfs = vfs
        self._vault = vault
        self._scratch = scratch
        self._on_error = on_error
        self._everywhere = False
        self._held = contextlib.ExitStack()
        self._changes: list[Change] = []
        self._appeared: list[_Found] = []
        self._vanished: dict[int, list[_Found]] = {}
        self.met: set[int] = set()

    def run(self, *, everywhere: bool) -> list[Change]:
        """Compare; `everywhere`: also where nothing was changed."""
        self._everywhere = everywhere
        with self._held:
            self._compare_one(self._top(self._vfs), self._top(self._vault))
            self._compare([(ROOT_INO, ROOT_INO, b"")])
            self._find_moved()
        gone = {item.path: item for items in self._vanished.values() for item in items}
        for item in self._appeared:
            before = gone.get(item.path)
            is_new_version = before is not None and not before.is_dir and not item.is_dir
            if is_new_version:
                del gone[item.path]
            self._add("changed" if is_new_version else "created", item, item.size)
        for item in gone.values():
            self._add("deleted", item, item.size)
        return self._changes

    def _add(self, kind: Kind, item: _Found, size: int, old_path: bytes | None = None) -> None:
        self._changes.append(Change(kind, item.path, item.is_dir, size, old_path))

    def _compare(self, folders: list[tuple[Ino, Ino, bytes]]) -> None:
        """Compare folders of the scratch with what they are in the vault, and what is below them."""
        while folders:
            number, old_number, path = folders.pop()
            old = {item.path: item for item in self._entries(self._vault, old_number, path)}
            for item in self._entries(self._vfs, number, path):
                before = old.pop(item.path, None)
                if before is not None and before.attrs.ino == item.attrs.ino:
                    self._compare_one(item, before)
                    if item.is_dir and (item.trace.is_touched or self._everywhere):
                        folders.append((item.number, before.number, item.path))
                    continue
                self._appear(item)
                if before is not None:
                    self._vanish(before)
            for before in old.values():
                self._vanish(before)

    def _top(self, vfs: Vfs) -> _Found:
        entry = top(vfs)
        return _Found(b"/", entry.ino, entry.attrs, self._trace(entry) if vfs is self._vfs else UNTOUCHED)

    def _compare_one(self, item: _Found, before: _Found) -> None:
        trace, now, then = item.trace, item.attrs, before.attrs
        if not trace.is_changed:
            return
        self.met.add(now.ino)
        differs = (now.mode, now.uid, now.gid) != (then.mode, then.uid, then.gid) or trace.has_new_xattrs
        if not item.is_dir:
            differs = differs or bool(trace.written) or (now.size, now.mtime_ns) != (then.size, then.mtime_ns)
        if differs:
            self._add("changed", item, _written(item))

    def _appear(self, item: _Found) -> None:
        """Note what was not there before; of a folder that was made, all that is in it."""
        waiting = [item]
        while waiting:
            item = waiting.pop()
            self.met.add(item.attrs.ino)
            # What was there when the scratch was settled, and not in the vault, is nobody's doing.
            if item.trace.is_changed or not item.trace.is_new:
                self._appeared.append(item)
            if item.is_dir and item.trace.is_new:
                waiting += self._entries(self._vfs, item.number, item.path)

    def _vanish(self, item: _Found) -> None:
        self._vanished.setdefault(item.attrs.ino, []).append(item)

    def _find_moved(self) -> None:
        """Take for moved what vanished in one place and appeared in another."""
        opened = set[bytes]()
        while True:
            if self._take_moved():
                continue
            # Something may have been moved out of a folder before that was removed.
            closed = [
                item for items in self._vanished.values() for item in items if item.is_dir and item.path not in opened
            ]
            if not closed:
                return
            for folder in closed:
                opened.add(folder.path)
                for item in self._entries(self._vault, folder.number, folder.path):
                    self._vanish(item)

    def _take_moved(self) -> bool:
        """Pair what can be paired; compare what is in folders that moved. Returns whether there was anything."""
        pairs: list[tuple[_Found, _Found]] = []
        left: list[_Found] = []
        for item in self._appeared:
            before = self._vanished.get(item.attrs.ino)
            if not before:
                left.append(item)
                continue
            pairs.append((item, before.pop()))
            if not before:
                del self._vanished[item.attrs.ino]
        self._appeared = left
        for item, old in pairs:
            self._add("moved", item, _written(item), old.path)
        self._compare(
            [
                (item.number, old.number, item.path)
                for item, old in pairs
                if item.is_dir and (item.trace.is_touched or self._everywhere)
            ]
        )
        return bool(pairs)

    def _entries(self, vfs: Vfs, number: Ino, path: bytes) -> Iterator[_Found]:
        """Yield what is in a folder; folders are held until the end."""
        try:
            names = [entry.name for entry in names_in(vfs, number)]
        except (WafsError, OSError) as error:
            self._on_error(path or b"/", error)
            return
        for name in names:
            where = path + b"/" + name
            try:
                entry = vfs.tree.lookup(number, name)
            except (WafsError, OSError) as error:
                self._on_error(where, error)
                continue
            try:
                item = _Found(where, entry.ino, entry.attrs, self._trace(entry) if vfs is self._vfs else UNTOUCHED)
            except BaseException:
                vfs.tree.forget(entry.ino)
                raise
            if item.is_dir:
                self._held.callback(vfs.tree.forget, entry.ino)
            else:
                vfs.tree.forget(entry.ino)
            yield item

    def _trace(self, entry: Entry) -> Trace:
        context = self._vfs.context
        with context.lock:
            folder, name = context.entry_of(context.inodes[entry.ino])
            return self._scratch.trace(folder, name)


def _written(item: _Found) -> int:
    """Return how many bytes were written: whole chunks, and what is sealed with them, so no more than there are."""
    return min(item.trace.written, item.size)
