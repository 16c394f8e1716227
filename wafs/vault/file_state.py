"""File state: the two sealed state slots of one open file (format.md section 5.1)."""

import contextlib
from typing import Final

from wafs.crypto.aead import Gcm
from wafs.format.file_header import STATE_OFFSETS
from wafs.format.state import IN_FLIGHT, NO_EPOCH, ROOT, SPARSE, State, seal_state
from wafs.store.base import Store
from wafs.vault.chunk_io import ChunkIo, write_all

_ROOT_SIZE: Final = 16


class FileState:
    """The state that is sealed in the file, and how the next one gets there.

    `epoch` and `durable` are what the next one says of the journal and of what is safe from a power cut (F-28).
    Thread: the caller holds the content's lock.
    """

    __slots__ = ("_chunks", "_cipher", "_store", "durable", "epoch", "sealed")

    def __init__(self, store: Store, chunks: ChunkIo, cipher: Gcm, state: State) -> None:
        self._store = store
        self._chunks = chunks
        self._cipher = cipher
        self.sealed = state
        self.epoch = NO_EPOCH
        self.durable = state.durable

    @property
    def in_flight(self) -> bool:
        """Tell whether length and root are not sealed yet."""
        return self.sealed.flags & IN_FLIGHT != 0

    @property
    def sparse(self) -> bool:
        """Tell whether the file may have holes."""
        return self.sealed.flags & SPARSE != 0

    def enter_flight(self, size: int, *, sparse: bool = False, again: bool = False) -> None:
        """Record that the file is about to change; nothing if that is on record, but `again`.

        Raises: OSError.
        """
        wanted = self.sealed.flags & ~ROOT | IN_FLIGHT | (SPARSE if sparse else 0)
        if self.sealed.flags != wanted or again:
            self._put(size, wanted)

    def restart(self, size: int, counter: int, *, sparse: bool, was_sparse: bool) -> None:
        """Be in flight with this counter, wherever the states are; both change with one write.

        `was_sparse` is for the older one: whether there were holes before any that come now.
        Raises: OSError.
        """
        flags = self.sealed.flags & ~ROOT | IN_FLIGHT | (SPARSE if sparse else 0)
        state = self._marked(size, counter, flags)
        older = state._replace(counter=counter - 1, flags=flags & ~SPARSE | (SPARSE if was_sparse else 0))
        slots = sorted((older, state), key=lambda one: one.counter & 1)
        sealed = b"".join(seal_state(self._cipher, one) for one in slots)
        write_all(self._store, self._chunks.handle, sealed, STATE_OFFSETS[0])
        self.sealed = state

    def promise(self, size: int) -> None:
        """Lower the size below which the file in flight must not end, before it is cut to that (F-26).

        Raises: OSError.
        """
        if not self.in_flight or self.sealed.size > size:
            self._put(size, self.sealed.flags & ~ROOT | IN_FLIGHT)

    def land(self, size: int, root: int) -> None:
        """End the flight with this size and root.

        Raises: OSError.
        """
        self._put(size, self.sealed.flags & ~IN_FLIGHT | ROOT, root.to_bytes(_ROOT_SIZE))

    def _put(self, size: int, flags: int, root: bytes = bytes(_ROOT_SIZE)) -> None:
        state = self._marked(size, self.sealed.counter + 1, flags, root)
        try:
            self._write(state)
        except BaseException:
            # Both slots must open: what lies half written in the other one makes place for a state that counts less.
            with contextlib.suppress(OSError):
                self._write(self.sealed._replace(counter=self.sealed.counter - 1))
            raise
        self.sealed = state

    def _marked(self, size: int, counter: int, flags: int, root: bytes = bytes(_ROOT_SIZE)) -> State:
        # For good: what comes where something was cut is not durable.
        self.durable = min(self.durable, size)
        return State(size, counter, flags, root, self.epoch, self.durable if self.epoch != NO_EPOCH else 0)

    def _write(self, state: State) -> None:
        slot = seal_state(self._cipher, state)
        write_all(self._store, self._chunks.handle, slot, STATE_OFFSETS[state.counter & 1])
