"""Plain source: random access to the plain bytes of one file of an open vault."""

import contextlib
import os
from collections import OrderedDict
from types import TracebackType
from typing import Final, Self

from wafs.fs.vfs import Vfs
from wafs.fs.walk import found
from wafs.units import KIB
from wafs.vault.scratch import Scratch

_BLOCK: Final = 64 * KIB
_BLOCKS_KEPT: Final = 64


class PlainSource:
    """One file, open for reading; what was read last stays in memory, 4 MiB at most.

    `bytes_read` counts what was taken from the vault.
    Raises: as `found` and `Files.open`.
    Thread: that of the command.
    """

    def __init__(self, vfs: Vfs, path: bytes) -> None:
        self._files = vfs.files
        self._scratch = Scratch(0)
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self.bytes_read = 0
        with contextlib.ExitStack() as stack:
            # The file stays pinned while it is open: opened a second time it must be the same one.
            entry = stack.enter_context(found(vfs, path))
            self._fh = self._files.open(entry.ino, os.O_RDONLY).fh
            stack.callback(self._files.release, self._fh)
            self.size: Final = self._files.size(self._fh)
            self._held = stack.pop_all()

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end.

        Raises: DamageError, OSError.
        """
        number, at = divmod(offset, _BLOCK)
        if at + size <= _BLOCK:
            return self._block(number)[at : at + size]
        pieces = []
        while size > 0:
            piece = self._block(number)[at : at + size]
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
            number, at = number + 1, 0
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _block(self, number: int) -> bytes:
        blocks = self._blocks
        block = blocks.get(number)
        if block is None:
            block = bytes(self._files.read(self._fh, number * _BLOCK, _BLOCK, self._scratch))
            self.bytes_read += len(block)
            blocks[number] = block
            if len(blocks) > _BLOCKS_KEPT:
                blocks.popitem(last=False)
        else:
            blocks.move_to_end(number)
        return block
