"""Chunk I/O: spans of chunks of one ciphertext file, opened and sealed in bulk (format.md section 5.3)."""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import Final

from wafs.crypto.aead import NONCE_SIZE, OVERHEAD, TAG_SIZE, Buffer, Gcm, InvalidTag
from wafs.errors import AuthenticationError, TruncatedError
from wafs.format.layout import FILE_HEADER_SIZE, chunk_offset
from wafs.store.base import Handle, Store
from wafs.units import MIB
from wafs.vault.scratch import Scratch

_AAD: Final = Struct(">Q").pack
_NO_TAG: Final = bytes(TAG_SIZE)
"""What a hole has in the place of a tag; a chunk has it with a probability of 2**-128."""


class ChunkIo:
    """Reads and writes whole chunks of one file; knows nothing of its size or state.

    Thread: the caller holds the content's lock.
    """

    __slots__ = ("_chunk_size", "_cipher", "_store", "handle")

    def __init__(self, store: Store, handle: Handle, cipher: Gcm, chunk_size: int) -> None:
        self._store = store
        self._cipher = cipher
        self._chunk_size = chunk_size
        self.handle = handle

    def read(self, first: int, plain_length: int, *, sparse: bool, scratch: Scratch) -> memoryview:
        """Open the chunks that hold `plain_length` bytes from the start of chunk `first`.

        Returns a view of `scratch.plain`, valid until the scratch is used again. Holes read as zeros if `sparse`.
        Raises: AuthenticationError naming the chunk; TruncatedError; OSError. Nothing unauthenticated is returned.
        Spec: F-30, F-31.
        """
        size = self._chunk_size
        full, rest = divmod(plain_length, size)
        sealed_length = full * (size + OVERHEAD) + (rest + OVERHEAD if rest else 0)
        scratch.reserve(sealed_length)
        sealed, plain = scratch.sealed[:sealed_length], scratch.plain
        self._fill(sealed, chunk_offset(first, size))
        decrypt_into = self._cipher.decrypt_into
        start = at = 0
        for number in range(first, first + full + (rest > 0)):
            if at + size > plain_length:
                size = rest
            body = start + NONCE_SIZE
            end = start + size + OVERHEAD
            try:
                decrypt_into(sealed[start:body], sealed[body:end], _AAD(number), plain[at : at + size])
            except InvalidTag:
                if not sparse or any(sealed[start:end]):
                    msg = f"chunk {number} does not verify"
                    raise AuthenticationError(msg) from None
                plain[at : at + size] = bytes(size)
            start = end
            at += size
        return plain[:plain_length]

    def write(self, first: int, payloads: Sequence[memoryview | bytearray], scratch: Scratch) -> bytes:
        """Seal payloads as the chunks from `first` on and write them with as few calls as the store takes.

        All payloads but the last are full; each gets a fresh nonce (F-05, F-30).
        Returns their tags, one after the other.
        Raises: OSError; then any prefix may have been written.
        """
        sealed_length = sum(map(len, payloads)) + OVERHEAD * len(payloads)
        scratch.reserve(sealed_length)
        sealed = scratch.sealed
        nonces = os.urandom(NONCE_SIZE * len(payloads))
        encrypt_into = self._cipher.encrypt_into
        start = 0
        tags = bytearray()
        for index, payload in enumerate(payloads):
            nonce = nonces[index * NONCE_SIZE : (index + 1) * NONCE_SIZE]
            body = start + NONCE_SIZE
            end = start + len(payload) + OVERHEAD
            sealed[start:body] = nonce
            encrypt_into(nonce, payload, _AAD(first + index), sealed[body:end])
            tags += sealed[end - TAG_SIZE : end]
            start = end
        write_all(self._store, self.handle, sealed[:sealed_length], chunk_offset(first, self._chunk_size))
        return bytes(tags)

    def count(self, plain_length: int) -> int:
        """Return how many chunks hold this many bytes."""
        return -(-plain_length // self._chunk_size)

    def tags_read(self, indexes: Iterable[int], plain_length: int, scratch: Scratch) -> bytes:
        """Return tags of what `read` has just left in `scratch`, by index in it; holes have none."""
        stride = self._chunk_size + OVERHEAD
        last = plain_length + self.count(plain_length) * OVERHEAD
        sealed = scratch.sealed
        ends = [min(stride * index + stride, last) for index in indexes]
        return _without_holes([sealed[end - TAG_SIZE : end] for end in ends])

    def tags(self, first: int, stop: int, plain_size: int) -> bytes:
        """Read the tags of the chunks from `first` to before `stop`, without those of holes.

        `plain_size` is that of the file, which gives the length of its last chunk.
        Raises: TruncatedError, OSError.
        """
        size = self._chunk_size
        store, handle = self._store, self.handle
        tags: list[bytes] = []
        for number in range(first, stop):
            payload = min(size, plain_size - number * size)
            tag = read_all(store, handle, TAG_SIZE, chunk_offset(number, size) + NONCE_SIZE + payload)
            if len(tag) < TAG_SIZE:
                raise _ends_inside()
            tags.append(tag)
        return _without_holes(tags)

    def find(self, number: int, whence: int, plain_size: int) -> int:
        """Find the first chunk from `number` on that is data (SEEK_DATA) or a hole (SEEK_HOLE), among all of the file.

        Returns the number after the last chunk if there is none.
        Raises: OSError.
        """
        stride = self._chunk_size + OVERHEAD
        count = -(-plain_size // self._chunk_size)
        want_hole = whence == os.SEEK_HOLE
        while number < count:
            at = chunk_offset(number, self._chunk_size)
            if self._is_hole(at, min(stride, plain_size - number * self._chunk_size + OVERHEAD)) == want_hole:
                return number
            # What the store says of its own holes saves reading, but chunks do not begin where its blocks do.
            try:
                below = self._store.seek(self.handle, at, whence)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    return count
                below = 0
            number = max(number + 1, (below - FILE_HEADER_SIZE) // stride)
        return count

    def first_hole(self, number: int, plain_size: int) -> int:
        """Find the first chunk from `number` on that is a hole, whatever the store says of its own holes.

        Returns the number of chunks if there is none.
        Raises: OSError.
        """
        stride, size, count = self._chunk_size + OVERHEAD, self._chunk_size, self.count(plain_size)
        while number < count:
            if self._is_hole(chunk_offset(number, size), min(stride, plain_size - number * size + OVERHEAD)):
                return number
            number += 1
        return count

    def _is_hole(self, offset: int, length: int) -> bool:
        """Tell whether the bytes of a chunk are all zero (F-31)."""
        data = read_all(self._store, self.handle, length, offset)
        return data.count(0) == len(data)

    def _fill(self, view: memoryview, offset: int) -> None:
        got = self._store.preadv(self.handle, [view], offset)
        while got < len(view):
            more = self._store.preadv(self.handle, [view[got:]], offset + got)
            if more == 0:
                raise _ends_inside()
            got += more


def _ends_inside() -> TruncatedError:
    return TruncatedError("ciphertext file ends inside a chunk")


def _without_holes(tags: Iterable[bytes | memoryview]) -> bytes:
    joined = b"".join(tags)
    if _NO_TAG not in joined:
        return joined
    parts = (joined[at : at + TAG_SIZE] for at in range(0, len(joined), TAG_SIZE))
    return b"".join(part for part in parts if part != _NO_TAG)


def read_all(store: Store, handle: Handle, size: int, offset: int) -> bytes:
    """Read `size` bytes, however little the store gives at a time; fewer only at the end of the file.

    Raises: OSError.
    """
    data = store.pread(handle, size, offset)
    while len(data) < size:
        more = store.pread(handle, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def write_all(store: Store, handle: Handle, data: Buffer, offset: int) -> None:
    """Write all of `data`, however little the store takes at a time.

    Raises: OSError; then any prefix may have been written.
    """
    done = store.pwrite(handle, data, offset)
    while done < len(data):
        done += store.pwrite(handle, memoryview(data)[done:], offset + done)


def runs_of(
    chunks: Mapping[int, bytearray], size: int, chunk_size: int
) -> Iterator[tuple[int, list[memoryview | bytearray]]]:
    """Yield full chunks that follow each other, cut to the file's size, in runs of about a MiB: number of the first."""
    longest = max(1, MIB // chunk_size)
    run: list[memoryview | bytearray] = []
    first = -1
    for number in sorted(chunks):
        if run and (number != first + len(run) or len(run) == longest):
            yield first, run
            run = []
        if not run:
            first = number
        run.append(memoryview(chunks[number])[: size - number * chunk_size])
    if run:
        yield first, run
