"""Recovery: make a vault whole that was not closed (docs/design.md, "Nothing lost")."""

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Iterator
from typing import Final

from wafs.errors import DamageError, TruncatedError
from wafs.format.file_header import open_file_header
from wafs.format.journal import Image
from wafs.format.layout import FILE_HEADER_SIZE, plain_size, sealed_size
from wafs.format.state import IN_FLIGHT, NO_EPOCH, State
from wafs.format.xattr import STORED_PREFIX
from wafs.store.base import Handle, Store
from wafs.units import MIB
from wafs.vault.chunk_io import read_all
from wafs.vault.cipher_file import CipherFile
from wafs.vault.content_context import ContentContext
from wafs.vault.journal import JOURNAL_NAMES
from wafs.vault.landing import landed_size, surviving_size, whole_size
from wafs.vault.overlay import Overlay
from wafs.vault.replay import SLACK_NS, Replay, Unfinished
from wafs.vault.scratch import Scratch
from wafs.vault.sealed_file import Restart

_SUFFIXES: Final = (b".wafs", b".wafl")
ASIDE_SUFFIX: Final = b".aside"
"""Of journals that were brought to their place, but for what belongs to a file that is damaged."""

_log = logging.getLogger(__name__)


def open_as_left(context: ContentContext, handle: Handle, replay: Replay) -> tuple[CipherFile, Overlay | None]:
    """Open a file for reading as a recovery would leave it, and write nothing.

    Raises: DamageError, OSError; the handle then stays the caller's.
    """
    data = read_all(context.store, handle, FILE_HEADER_SIZE, 0)
    if len(data) < FILE_HEADER_SIZE or not any(data):
        return CipherFile.empty(context, handle), None
    header = open_file_header(context.file_keys, data)
    state = header.state
    unfinished = replay.of(header.file_id, state.counter)
    chunk_size = context.chunk_size
    if unfinished is None and state.epoch not in replay.epochs:
        length = context.store.fstat(handle).st_size
        if state.flags & IN_FLIGHT or length <= sealed_size(state.size, chunk_size):
            return CipherFile.open(context, handle, writable=False), None
        # It grew, and the state that says so never reached the storage.
        return CipherFile(context, handle, header, writable=False), None
    file = CipherFile(context, handle, header, writable=False)
    file.stop_watching()
    if unfinished is None:
        file.size = _surviving(file, state, context.store.fstat(handle).st_size, chunk_size)
        return file, None
    kept, size, _ = _reach(file, state, unfinished, replay, chunk_size)
    file.size = size
    overlay = Overlay(chunk_size, size, counter=state.counter, inode=unfinished.inode, journal=0)
    overlay.kept = kept
    overlay.chunks = dict(unfinished.chunks)
    overlay.patches = {number: parts for number, parts in unfinished.patches.items() if number < kept}
    overlay.holes = unfinished.holes
    return file, overlay


def _reach(
    file: CipherFile, state: State, unfinished: Unfinished, replay: Replay, chunk_size: int
) -> tuple[int, int, bool]:
    """Return how many chunks in place count, the size of the file, and whether zeros among those are holes.

    It ends early where a chunk is in no journal and never reached the storage.
    Raises: OSError.
    """
    kept = min(unfinished.kept, -(-unfinished.size // chunk_size))
    # Growth brings no holes, and those that a journal brings are behind what it keeps: only older ones count.
    begins, is_landed = state.counter <= unfinished.first, not state.flags & IN_FLIGHT
    sparse = file.is_sparse and (begins or (file.matches_root() if is_landed else file.was_sparse))
    for number in range(-(-_durable(state, replay) // chunk_size), kept):
        start = number * chunk_size
        end = min(start + chunk_size, unfinished.size)
        if number in unfinished.chunks or any(first <= number < stop for first, stop in unfinished.holes):
            continue
        if whole_size(file.chunks, number, end, chunk_size, sparse=sparse) < end:
            return number, start, sparse
    return kept, unfinished.size, sparse


def _surviving(file: CipherFile, state: State, length: int, chunk_size: int) -> int:
    """Return the size of a file whose state has the mark of a journal that is there (F-28).

    Raises: TruncatedError, OSError.
    """
    # Growth in flight brings no holes.
    sparse = file.is_sparse and (file.was_sparse or not state.flags & IN_FLIGHT)
    size = surviving_size(file.chunks, state, length, chunk_size, sparse=sparse)
    if size == state.size and file.is_sparse and not file.matches_root():
        # A chunk that never reached the storage looks like a hole there; nothing behind the first can be told.
        return file.first_hole(state.durable)
    return size


def _durable(state: State, replay: Replay) -> int:
    """Return how much of a file was safe from a power cut before the crash."""
    return state.durable if state.epoch in replay.epochs else state.size


class Recovery:
    """Brings what the journals tell to its place, and looks at every file that was changed while they were there.

    Thread: one, before anybody else works with the vault. Interrupted at any point it can be done again.
    """

    def __init__(self, context: ContentContext, replay: Replay) -> None:
        self._context = context
        self._store = context.store
        self._replay = replay
        self._scratch = Scratch()
        self._inodes = {unfinished.inode for unfinished in replay.files.values()}
        # What a recovery writes is as unsafe, until it is done, as what it found.
        self._mark = min(replay.epochs, default=NO_EPOCH)
        self.needs_journal = False
        self._failed: OSError | None = None
        self._done: set[tuple[int, int]] = set()
        self._found: set[bytes] = set()
        self.recovered = 0
        self.cut = 0

    def run(self, tree: Handle) -> None:
        """Recover all files below the tree's folder, and return when they are safe from a power cut.

        Raises: OSError; the journals are still needed then.
        """
        for directory, name, inode in self._files(tree):
            self._look_at(directory, name, inode, is_sought=inode in self._inodes)
        if self._replay.files.keys() - self._found:
            # The storage has given other numbers since, or the file is gone.
            for directory, name, inode in self._files(tree):
                self._look_at(directory, name, inode, is_sought=True)
        if self._failed is not None and self._replay.files.keys() - self._found:
            raise self._failed
        self._store.sync_all()
        _log.info(
            "recovered: %d changes, %d files looked at, %d of them cut back",
            self._replay.records,
            self.recovered,
            self.cut,
        )

    def _files(self, tree: Handle) -> Iterator[tuple[Handle, bytes, int]]:
        """Yield directory, name and inode number of every ciphertext file; as many handles are open as it is deep."""
        store = self._store
        stack = [(store.open_dir(tree, b"."), iter([b"."]))]
        try:
            while stack:
                directory, names = stack[-1]
                name = next(names, None)
                if name is None:
                    store.close(stack.pop()[0])
                    continue
                try:
                    below = store.open_dir(directory, name)
                except OSError as error:
                    self._note_failure(error)
                    continue
                folders: list[bytes] = []
                stack.append((below, iter(folders)))
                for entry, kind, inode in store.entries(below):
                    if kind == stat.S_IFDIR:
                        folders.append(entry)
                    elif kind == stat.S_IFREG and entry.endswith(_SUFFIXES):
                        yield below, entry, inode
        finally:
            for directory, _ in stack:
                store.close(directory)

    def _look_at(self, directory: Handle, name: bytes, inode: int, *, is_sought: bool) -> None:
        store = self._store
        try:
            found = store.stat(directory, name)
        except FileNotFoundError:
            # A sync program may have removed it meanwhile.
            return
        identity = (found.st_dev, found.st_ino)
        is_recent = found.st_ctime_ns >= self._replay.since - SLACK_NS
        if identity in self._done or not (is_recent or is_sought):
            return
        self._done.add(identity)
        try:
            handle = self._open(directory, name, found)
        except OSError as error:
            self._note_failure(error)
            return
        try:
            mtime = self._recover(directory, name, handle)
            if mtime is None and is_recent:
                # The time that the storage has is that of the change: it was set with it.
                mtime = found.st_mtime_ns
            if mtime is not None and mtime != store.fstat(handle).st_mtime_ns:
                store.futimens(handle, None, mtime)
        except DamageError as error:
            # `wafs check` tells more; a reader gets EIO.
            self.needs_journal = True
            _log.warning("a file could not be recovered, inode %d of the storage: %s", inode, error)
        except OSError as error:
            if error.errno == errno.EIO:
                _log.warning(
                    "the storage fails at a file that is to be recovered, inode %d: copy the vault's folder to a good"
                    " disk; until then the vault opens with --read-only, and wafs salvage copies out what reads",
                    inode,
                )
            raise
        finally:
            store.close(handle)

    def _open(self, directory: Handle, name: bytes, found: os.stat_result) -> Handle:
        """Open a file for writing, whatever its owner's own permission bits say."""
        store = self._store
        try:
            return store.open(directory, name, os.O_RDWR)
        except PermissionError:
            if found.st_uid != os.geteuid():
                raise
        mode = stat.S_IMODE(found.st_mode)
        store.chmod(directory, name, mode | 0o600)
        try:
            handle = store.open(directory, name, os.O_RDWR)
        except BaseException:
            store.chmod(directory, name, mode)
            raise
        try:
            store.fchmod(handle, mode)
        except BaseException:
            store.close(handle)
            raise
        return handle

    def _note_failure(self, error: OSError) -> None:
        """Go on with the others; it matters only if something of the journals stays without its file.

        Raises: OSError on a read-only storage, where nothing can be recovered.
        """
        if error.errno == errno.EROFS:
            raise error
        _log.warning("something could not be opened to recover it: %s", error.strerror)
        self._failed = self._failed or error

    def _recover(self, directory: Handle, name: bytes, handle: Handle) -> int | None:
        """Make a file whole; returns the time that a journal has for it."""
        context, store = self._context, self._store
        self.recovered += 1
        data = read_all(store, handle, FILE_HEADER_SIZE, 0)
        if len(data) < FILE_HEADER_SIZE or not any(data):
            self._renew(directory, name, handle)
            return None
        header = open_file_header(context.file_keys, data)
        state = header.state
        length = store.fstat(handle).st_size
        file = CipherFile(context, handle, header, writable=True)
        self._found.add(header.file_id)
        unfinished = self._replay.of(header.file_id, state.counter)
        if unfinished is not None:
            self._bring_home(file, state, unfinished, length)
            return unfinished.mtime
        self._land(file, state, length)
        return None

    def _renew(self, directory: Handle, name: bytes, handle: Handle) -> None:
        """Make a file anew that was being made: its header never reached the storage, so none of it was promised."""
        bound = [one for one in self._store.listxattr(directory, name) if one.startswith(STORED_PREFIX)]
        for attribute in bound:
            self._store.removexattr(directory, name, attribute)
        if bound:
            # They were bound to the header that never came; those that outlive a new one would be damage.
            self._store.sync(handle)
        CipherFile.renew(self._context, handle).seal()
        self.cut += 1

    def _land(self, file: CipherFile, state: State, length: int) -> None:
        """End a flight, and cut off what never reached the storage."""
        chunk_size = self._context.chunk_size
        if state.epoch in self._replay.epochs:
            size = _surviving(file, state, length, chunk_size)
        elif state.flags & IN_FLIGHT:
            size = landed_size(file.chunks, state, length, chunk_size)
        else:
            size = state.size
            if plain_size(length, chunk_size) < size:
                msg = f"ciphertext file has {length} bytes, {sealed_size(size, chunk_size)} are sealed"
                raise TruncatedError(msg)
        is_unsure = state.epoch in self._replay.epochs and state.durable < state.size
        if not state.flags & IN_FLIGHT and size == state.size and not is_unsure:
            if length != sealed_size(size, chunk_size):
                self._store.truncate(file.handle, sealed_size(size, chunk_size))
                self.cut += 1
            return
        self.cut += size < plain_size(length, chunk_size)
        others = self._replay.files.get(file.file_id)
        if others is not None and state.counter < others.first:
            # What the journals tell of it is about a later version, which never got here, and must not be taken for
            # this one by a recovery after another crash.
            file.restart(
                Restart(others.last + 3, self._mark, _durable(state, self._replay), file.was_sparse, file.is_sparse)
            )
        file.land(size, self._mark, _durable(state, self._replay))

    def _bring_home(self, file: CipherFile, state: State, unfinished: Unfinished, length: int) -> None:
        """Do what the journals tell; doing it again does no harm."""
        chunk_size = self._context.chunk_size
        kept, size, was_sparse = _reach(file, state, unfinished, self._replay, chunk_size)
        self.cut += size < unfinished.size
        self._complete(file, unfinished, size)
        chunks = {number: chunk for number, chunk in unfinished.chunks.items() if number * chunk_size < size}
        durable = min(_durable(state, self._replay), size)
        restart = Restart(unfinished.last + 1, self._mark, durable, was_sparse, bool(unfinished.holes))
        file.size = max(plain_size(length, chunk_size), kept * chunk_size if kept * chunk_size <= size else size)
        file.rewrite(size, kept, chunks, self._scratch, restart=restart)
        for first, stop in unfinished.holes:
            self._punch(file, first, min(stop, -(-size // chunk_size)), unfinished)
        file.land(size, self._mark, durable)

    def _complete(self, file: CipherFile, unfinished: Unfinished, size: int) -> None:
        """Have in the journal all of each chunk of which it has only some bytes, before anything is written in place.

        One that does not open in place is damaged: it stays as it is, and the journal is kept for what it may still
        tell.
        """
        chunk_size = self._context.chunk_size
        images: list[Image] = []
        for number in sorted(unfinished.patches):
            length = min(chunk_size, unfinished.size - number * chunk_size)
            if number * chunk_size >= size:
                break
            try:
                payload = bytearray(file.read_chunk(number, length, self._scratch))
            except DamageError as error:
                self.needs_journal = True
                _log.warning("a chunk that was written to is damaged, inode %d: %s", unfinished.inode, error)
                continue
            for at, part in unfinished.patches.pop(number):
                payload[at : at + len(part)] = part
            images.append(Image(number, memoryview(payload)))
            unfinished.chunks[number] = payload.ljust(chunk_size, b"\0")
        if images and self._replay.tail is not None:
            most = max(1, MIB // chunk_size)
            batches = (images[at : at + most] for at in range(0, len(images), most))
            self._replay.tail.append(unfinished.change(file.file_id, batch) for batch in batches)

    def _punch(self, file: CipherFile, first: int, stop: int, unfinished: Unfinished) -> None:
        number = first
        while number < stop:
            end = number
            while end < stop and end not in unfinished.chunks:
                end += 1
            if end > number:
                file.punch(number, end)
            number = end + 1


def remove_journals(store: Store, top: Handle, *, set_aside: bool) -> None:
    """Remove journals that tell nothing that is not safely in place; or put aside what may help a damaged file.

    Raises: OSError.
    """
    for name in JOURNAL_NAMES:
        with contextlib.suppress(FileNotFoundError):
            if set_aside:
                store.rename(top, name, top, _free_name(store, top, name + ASIDE_SUFFIX))
            else:
                store.unlink(top, name)


def _free_name(store: Store, top: Handle, name: bytes) -> bytes:
    """Return a name that nothing has yet: what an earlier recovery put aside stays."""
    taken = {entry for entry, _, _ in store.entries(top)}
    number, free = 1, name
    while free in taken:
        number += 1
        free = b"%s-%d" % (name, number)
    return free
