"""Oracle: opens what a crash left and compares it with what there really was.

A crash happens while a step is being done; the steps before it are done. Let `base` be, of each inode, the last step
that was promised to it: after a killed process the last step that was done; after a power cut the last done step that
synced the inode (its making, if none did). What may be found:

- The vault opens. Every folder lists, without foreign entries, and every file reads whole, which compares its root.
- The tree of names is that after one step (`p`) from the last promised one to the one being done. In the model STRICT
  names are lost one by one: there every path has an inode that it had after some step, and an inode that was synced has
  the names that it has had ever since; a folder that was synced has exactly the entries that nothing has changed since.
- A file has one of its versions from `base` on, chunk by chunk: each chunk as a whole, and no other bytes. Its length
  is that of a version; while it was growing from one version to the next also a whole number of chunks between.
- Mode, extended attributes (in the model STRICT each by itself) and the target of a symlink are those of a version
  from `base` on, where only a sync of all and not of the data counts. A modification time of a file that the program
  set and no write changed is still there after the process was killed.
- What is there does not change when the vault is closed and opened again, and a read-only opening shows it too and
  changes nothing.
- `check` finds nothing after that, and one vault in a few is written to and shows what was written.
- The password is the one before or the one after a change that was being done, and after it the new one.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from fs.paths import Paths
from store.crashing import Recording
from wafs.errors import WafsError
from wafs.format.slot import PASSWORD
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from crash.bench import Bench
    from crash.truth import Names, Thing, Truth, Version
    from store.crashing import Model
    from store.disk import Disk

KILLS = ("kill", "torn")
_USED_ONE_IN = 4
"""Of the states in which something had to be recovered, one in so many is used further."""

_NOT_A_FINDING = ("the two copies of the vault header differ",)


class Found(NamedTuple):
    """One entry as the vault shows it."""

    kind: int
    content: bytes
    mode: int
    xattrs: tuple[tuple[bytes, bytes], ...]
    mtime: int


@dataclass(frozen=True)
class Observation:
    """What a vault shows: entries by path, or `trouble`: why not; and what was written to show it."""

    tree: dict[bytes, Found]
    trouble: list[str]
    recovery: Recording | None = None


class Promise(NamedTuple):
    """Under which a state is judged: the steps that were done, of all that were begun, and what happened."""

    done: int
    begun: int
    model: Model


class Observer:
    """Opens crash states; remembers what it saw of equal ones. `with_readers`: opens them read-only first."""

    def __init__(self, bench: Bench, *, with_readers: bool = True) -> None:
        self._bench = bench
        self.with_readers = with_readers
        self._seen: dict[int, Observation] = {}
        self.opened = 0

    def forget(self) -> None:
        """Forget what was seen; of another program nothing is equal."""
        self._seen.clear()

    def observe(self, disk: Disk) -> tuple[Observation, bool]:
        """Open a state, let it recover, and open it again; changes the disk. Tells as well whether it is a new one."""
        print_of = disk.fingerprint()
        is_new = print_of not in self._seen
        if is_new:
            self._seen[print_of] = self._observe(disk)
        return self._seen[print_of], is_new

    def _observe(self, disk: Disk) -> Observation:
        self.opened += 1
        self._bench.messages()
        reader = self._read(disk, read_only=True) if self.with_readers else Observation({}, [])
        recovery = Recording.start(disk)
        first = self._read(disk)
        disk.log = None
        if not recovery.log:
            return first
        trouble = list(first.trouble)
        if not trouble:
            second = self._read(disk)
            trouble += second.trouble
            if _essence(first) != _essence(second):
                trouble.append(f"the second opening shows something else: {_difference(first, second)}")
        if self.with_readers and not trouble:
            is_other = _essence(reader) != _essence(first)
            other = [f"shows something else: {_difference(reader, first)}"] if is_other else []
            trouble += [f"read-only: {words}" for words in reader.trouble or other]
        if not trouble:
            trouble += self._bench.findings(disk)
        if not trouble and self.opened % _USED_ONE_IN == 0:
            trouble += self._use(disk.copy(), first)
        return Observation(first.tree, trouble, recovery)

    def _read(self, disk: Disk, *, read_only: bool = False) -> Observation:
        tree: dict[bytes, Found] = {}
        trouble: list[str] = []
        before = disk.fingerprint() if read_only else 0
        try:
            with Vfs(self._bench.opened(disk, read_only=read_only)) as vfs:
                _walk(Paths(vfs), b"", tree, trouble)
        except (WafsError, OSError) as error:
            trouble.append(f"the vault does not open or close: {error!r}")
        if read_only and disk.fingerprint() != before:
            trouble.append("opening it has changed something")
        trouble += [said for said in self._bench.messages() if not said.startswith(_NOT_A_FINDING)]
        return Observation(tree, trouble)

    def _use(self, disk: Disk, seen: Observation) -> list[str]:
        """Go on working with a vault that has recovered: every file can be overwritten and grows."""
        files = {path: found.content for path, found in seen.tree.items() if found.kind == stat.S_IFREG}
        try:
            with Vfs(self._bench.opened(disk)) as vfs:
                paths = Paths(vfs)
                for path, content in files.items():
                    _write(paths, path, len(content), b"more")
                    _write(paths, path, 0, b"new")
        except (WafsError, OSError) as error:
            return [f"the vault cannot be used any more: {error!r}"]
        after = self._read(disk)
        wrong = [
            f"{path!r} is not what was written to it after the recovery"
            for path, content in files.items()
            if path in after.tree and after.tree[path].content != b"new" + (content + b"more")[3:]
        ]
        return after.trouble + wrong

    def opens_with(self, disk: Disk, password: bytes) -> bool:
        """Tell whether a password opens the vault."""
        try:
            self._bench.opened(disk, get_secret=lambda kind: password if kind == PASSWORD else None).close()
        except WafsError:
            return False
        return True


def _write(paths: Paths, path: bytes, offset: int, data: bytes) -> None:
    with paths.held(path) as number:
        fh = paths.vfs.files.open(number, os.O_RDWR).fh
        try:
            paths.vfs.files.write(fh, offset, memoryview(data), paths.scratch)
        finally:
            paths.vfs.files.release(fh)


def _walk(paths: Paths, folder: bytes, tree: dict[bytes, Found], trouble: list[str]) -> None:
    try:
        names = paths.names(folder)
    except (WafsError, OSError) as error:
        trouble.append(f"folder {folder!r} does not list: {error!r}")
        return
    for name in names:
        path = folder + b"/" + name if folder else name
        try:
            attrs = paths.attrs(path)
            node = paths.node(path)
        except (WafsError, OSError) as error:
            trouble.append(f"{path!r} does not read: {error!r}")
            continue
        if stat.S_ISREG(attrs.mode) and attrs.size != len(node.content):
            trouble.append(f"{path!r} shows {attrs.size} bytes and has {len(node.content)}")
        tree[path] = Found(node.kind, node.content, stat.S_IMODE(attrs.mode), node.xattrs, attrs.mtime_ns)
        if stat.S_ISDIR(attrs.mode):
            _walk(paths, path, tree, trouble)


def _essence(observation: Observation) -> dict[bytes, tuple[object, ...]]:
    return {path: found[:-1] for path, found in observation.tree.items()}


def _difference(one: Observation, other: Observation) -> str:
    paths = sorted(one.tree.keys() | other.tree.keys())
    return ", ".join(
        f"{path!r} {_brief(one.tree.get(path))} / {_brief(other.tree.get(path))}"
        for path in paths
        if one.tree.get(path) != other.tree.get(path)
    )


def _brief(found: Found | None) -> str:
    return "nothing" if found is None else f"{len(found.content)} bytes, mode {found.mode:o}"


class Judge:
    """Compares observations with the truth of one program."""

    def __init__(self, truth: Truth, chunk_size: int) -> None:
        self._truth = truth
        self._chunk_size = chunk_size

    def complaints(self, seen: Observation, promise: Promise) -> list[str]:
        """Say what must not be; empty if all is well."""
        if seen.trouble:
            return seen.trouble
        if promise.model == "strict":
            return self._each_path(seen, promise) + self._promised(seen, promise)
        last = min(promise.begun, len(self._truth.trees) - 1)
        first = promise.done if promise.model in KILLS else self._promised_step(promise)
        problems: list[str] = []
        for step in range(last, first - 1, -1):
            found = self._differences(seen, self._truth.trees[step], promise)
            if not found:
                return [] if promise.model in KILLS else self._promised(seen, promise)
            # Of a step with these names it is told best what is wrong.
            has_names = self._truth.trees[step].keys() - {b""} == seen.tree.keys()
            problems = found if not problems or has_names else problems
        return [*problems, f"so it is not the tree after any step from {first} to {last}"]

    def _promised_step(self, promise: Promise) -> int:
        """Return the last done step whose tree of names must be there: one that synced the folder it changed."""
        steps = [0]
        for number, thing in self._truth.things.items():
            for step in thing.synced:
                if step <= promise.done and thing.kind == stat.S_IFDIR:
                    steps.append(self._last_change_below(number, step))
                elif step <= promise.done:
                    steps.append(thing.versions[0].step)
        return max(steps)

    def _last_change_below(self, number: int, before: int) -> int:
        """Return the last step up to `before` that changed the entries of a folder."""
        trees = self._truth.trees
        entries = [_entries(tree, number) for tree in trees[: before + 1]]
        return max((step for step in range(1, before + 1) if entries[step] != entries[step - 1]), default=0)

    def _differences(self, seen: Observation, tree: Names, promise: Promise) -> list[str]:
        wanted = set(tree) - {b""}
        problems = [f"{path!r} is missing" for path in sorted(wanted - set(seen.tree))]
        problems += [f"{path!r} should not be there" for path in sorted(set(seen.tree) - wanted)]
        if problems:
            return problems
        return [
            problem
            for path in sorted(wanted)
            for problem in self._unlike(path, seen.tree[path], self._truth.things[tree[path]], promise)
        ]

    def _each_path(self, seen: Observation, promise: Promise) -> list[str]:
        problems = []
        trees = self._truth.trees[: promise.begun + 1]
        for path, found in seen.tree.items():
            had = dict.fromkeys(tree[path] for tree in trees if path in tree)
            found_problems = [self._unlike(path, found, self._truth.things[number], promise) for number in had]
            if not found_problems:
                problems.append(f"{path!r} was never there")
            elif all(found_problems):
                problems += found_problems[-1]
        return problems

    def _promised(self, seen: Observation, promise: Promise) -> list[str]:
        """Say which names that were made durable are missing, and which lost ones are there."""
        problems = []
        for number, thing in self._truth.things.items():
            done = [step for step in thing.synced if step <= promise.done]
            if not done:
                continue
            since = self._truth.trees[done[-1] : promise.begun + 1]
            if thing.kind == stat.S_IFDIR:
                problems += _folder_promises(seen, since, number)
                continue
            is_there = all(number in tree.values() for tree in since)
            if promise.model == "ordered":
                # To fdatasync a new name is nothing new of the file; so it may have those since the last fsync.
                full = [step for step in thing.fully_synced if step <= promise.done]
                since = self._truth.trees[max([thing.versions[0].step, *full]) : promise.begun + 1]
            names = {path for tree in since for path, other in tree.items() if other == number}
            if is_there and not names & seen.tree.keys():
                problems.append(f"{sorted(names)!r} was synced and is missing")
            for path in sorted(names):
                if all(tree.get(path) == number for tree in since) and path not in seen.tree:
                    problems.append(f"{path!r} was synced and is missing")
        return problems

    def _unlike(self, path: bytes, found: Found, thing: Thing, promise: Promise) -> list[str]:
        if found.kind != thing.kind:
            return [f"{path!r} is of another kind"]
        window = thing.window(_base(thing.synced, promise), promise.begun)
        attributes = thing.window(_base(thing.fully_synced, promise), promise.begun)
        problems = []
        if found.mode not in {version.mode for version in attributes}:
            problems.append(f"{path!r} has mode {found.mode:o}")
        if not _may_have(found.xattrs, [version.xattrs for version in attributes], promise.model):
            problems.append(f"{path!r} has attributes {found.xattrs!r}")
        is_kept = promise.model in KILLS and len(window) == 1 and thing.kind == stat.S_IFREG
        if is_kept and window[0].mtime not in (None, found.mtime):
            problems.append(f"{path!r} was modified at {found.mtime}, {window[0].mtime} was set")
        if thing.kind == stat.S_IFREG:
            problems += self._foreign_bytes(path, found.content, window)
        elif found.content != thing.now.content:
            problems.append(f"{path!r} has another target")
        return problems

    def _foreign_bytes(self, path: bytes, content: bytes, window: list[Version]) -> list[str]:
        versions = [version.content for version in window]
        size = self._chunk_size
        if not self._may_be_long(len(content), versions):
            wanted = sorted({len(version) for version in versions})
            return [f"{path!r} has {len(content)} bytes, it had {wanted}"]
        return [
            f"{path!r}: bytes {start} to {start + size} are of none of {len(versions)} versions"
            f"{' (zeros)' if not any(content[start : start + size]) else ''}"
            for start in range(0, len(content), size)
            if not any(_has(version, content[start : start + size], start) for version in versions)
        ]

    def _may_be_long(self, length: int, versions: list[bytes]) -> bool:
        if any(length == len(version) for version in versions):
            return True
        pairs = pairwise(versions)
        return length % self._chunk_size == 0 and any(len(old) < length < len(new) for old, new in pairs)


def _base(synced: list[int], promise: Promise) -> int:
    """Return the last done step that made an inode durable; after a killed process every one did."""
    return promise.done if promise.model in KILLS else max((step for step in synced if step <= promise.done), default=0)


def _may_have(
    found: tuple[tuple[bytes, bytes], ...], versions: list[tuple[tuple[bytes, bytes], ...]], model: Model
) -> bool:
    """Tell whether these may be the attributes of one of the versions; of several, each by itself where STRICT."""
    if model != "strict":
        return found in versions
    known = set().union(*versions)
    steady = set(versions[0]).intersection(*versions)
    return known >= set(found) >= steady


def _has(version: bytes, piece: bytes, start: int) -> bool:
    return version[start : start + len(piece)] == piece


def _entries(tree: Names, number: int) -> dict[bytes, int]:
    """Return the entries of a folder in a tree, by name; empty if it is not in it."""
    path = next((path for path, other in tree.items() if other == number), None)
    if path is None:
        return {}
    prefix = path + b"/" if path else b""
    return {
        other[len(prefix) :]: child
        for other, child in tree.items()
        if other and other.startswith(prefix) and b"/" not in other[len(prefix) :]
    }


def _folder_promises(seen: Observation, since: list[Names], number: int) -> list[str]:
    place = [path for path, other in since[0].items() if other == number]
    if not place or any(tree.get(place[0]) != number for tree in since):
        return []
    prefix = place[0] + b"/" if place[0] else b""
    if place[0] and place[0] not in seen.tree:
        return [f"folder {place[0]!r} was synced and is missing"]
    entries = [_entries(tree, number) for tree in since]
    shown = {path[len(prefix) :] for path in seen.tree if path.startswith(prefix) and b"/" not in path[len(prefix) :]}
    steady = {name for name in entries[0] if all(there.get(name) == entries[0][name] for there in entries)}
    ever = set().union(*entries)
    problems = [f"{prefix + name!r} was synced and is missing" for name in sorted(steady - shown)]
    return problems + [f"{prefix + name!r} was removed for good and is back" for name in sorted(shown - ever)]
