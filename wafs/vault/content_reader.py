"""Content reader: what can be asked of one open file whose last changes may wait in an overlay."""

import os
import threading
from typing import Final

from wafs.errors import NoSuchOffsetError
from wafs.store.base import Handle
from wafs.vault.cipher_file import CipherFile
from wafs.vault.content_context import ContentContext
from wafs.vault.overlay import Overlay
from wafs.vault.scratch import Scratch


class ContentReader:
    """The plain bytes of one open file, over those in place what the overlay has.

    Thread: every method takes the content's own lock.
    """

    def __init__(self, context: ContentContext, file: CipherFile, overlay: Overlay | None = None) -> None:
        self._chunk_size = context.chunk_size
        self._file = file
        self.file_id: Final = file.file_id
        self._overlay = overlay
        self._lock = threading.RLock()

    @property
    def size(self) -> int:
        """Return the plain size."""
        overlay = self._overlay
        return self._file.size if overlay is None else overlay.size

    @property
    def writable(self) -> bool:
        """Tell whether the handle may write."""
        return self._file.writable

    @property
    def handle(self) -> Handle:
        """Return the store handle; it stays valid until `close`."""
        return self._file.handle

    @property
    def in_flight(self) -> bool:
        """Tell whether length and root are not sealed yet and `seal` would do it."""
        return self._overlay is None and self._file.in_flight

    @property
    def is_dirty(self) -> bool:
        """Tell whether chunks wait for a checkpoint."""
        return self._overlay is not None and self._file.writable

    @property
    def as_opened(self) -> os.stat_result | None:
        """Return the ciphertext's attributes as they were when it was opened, None once it was changed."""
        return self._file.as_opened if self._overlay is None else None

    def read(self, offset: int, size: int, scratch: Scratch) -> memoryview:
        """Read up to `size` bytes; fewer only at the end of the file.

        Returns a view that is valid until `scratch` is used again.
        Raises: DamageError, OSError.
        """
        with self._lock:
            overlay = self._overlay
            if overlay is None:
                return self._file.read(offset, size, scratch)
            end = min(offset + size, overlay.size)
            return overlay.read(offset, end, self._file, scratch) if offset < end else scratch.plain[:0]

    def seek(self, offset: int, whence: int) -> int:
        """Find the next data (SEEK_DATA) or hole (SEEK_HOLE) at or after `offset`; the end of the file is a hole.

        Raises: NoSuchOffsetError, OSError.
        """
        with self._lock:
            file, overlay, size = self._file, self._overlay, self.size
            if not 0 <= offset < size:
                raise NoSuchOffsetError
            number = offset // self._chunk_size
            number = file.find(number, whence) if overlay is None else overlay.find(number, whence, file)
            found = number * self._chunk_size
            if found >= size and whence == os.SEEK_DATA:
                raise NoSuchOffsetError
            return min(max(offset, found), size)
