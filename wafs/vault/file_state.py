"""File state: the two sealed state slots of one open file (format.md section 5.1)."""

import contextlib
from typing import Final

from wafs.crypto.aead import Gcm
from wafs.format.file_header import STATE_OFFSETS
from wafs.format.state import IN_FLIGHT, ROOT, SPARSE, State, seal_state
from wafs.store.base import Store
from wafs.vault.chunk_io import ChunkIo, write_all

_ROOT_SIZE: Final = 16


class FileState:
    """The state that is sealed in the file, and how the next one gets there.

    Thread: the caller holds the content's lock.
    """

    __slots__ = ("_chunks", "_cipher", "_store", "sealed")

    def __init__(self, store: Store, chunks: ChunkIo, cipher: Gcm, state: State) -> None:
        self._store = store
        self._chunks = chunks
        self._cipher = cipher
        self.sealed = state

    @property
    def in_flight(self) -> bool:
        """Tell whether length and root are not sealed yet."""
        return self.sealed.flags & IN_FLIGHT != 0

    @property
    def sparse(self) -> bool:
        """Tell whether the file may have holes."""
        return self.sealed.flags & SPARSE != 0

    def enter_flight(self, size: int, *, sparse: bool = False) -> bool:
        """Record that the file is about to change; nothing if that is on record. Returns whether it wrote.

        Raises: OSError.
        """
        wanted = self.sealed.flags & ~ROOT | IN_FLIGHT | (SPARSE if sparse else 0)
        if self.sealed.flags == wanted:
            return False
        self._put(size, wanted)
        return True

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
        state = State(size, self.sealed.counter + 1, flags, root)
        try:
            self._write(state)
        except BaseException:
            # Both slots must open: what lies half written in the other one makes place for a state that counts less.
            with contextlib.suppress(OSError):
                self._write(self.sealed._replace(counter=self.sealed.counter - 1))
            raise
        self.sealed = state

    def _write(self, state: State) -> None:
        slot = seal_state(self._cipher, state)
        write_all(self._store, self._chunks.handle, slot, STATE_OFFSETS[state.counter & 1])
