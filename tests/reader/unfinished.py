"""Files of a vault that was not closed: as a writer would leave them (F-28, F-83, F-84), and nothing is written."""

from Crypto.Cipher import AES

from reader.file import (
    HEADER_SIZE,
    FileHeader,
    Flags,
    State,
    open_chunk,
    open_file,
    open_state,
    parse_file_header,
    plain_size_of,
    sealed_size,
)
from reader.journal import Replay, Story
from reader.keys import VaultKeys
from reader.primitives import SEAL_OVERHEAD, TAG_SIZE
from reader.problem import FormatProblem, demand, refuse


def has_header(sealed: bytes) -> bool:
    """Say whether a header ever reached the storage; without one a file is empty."""
    return len(sealed) >= HEADER_SIZE and any(sealed[:HEADER_SIZE])


def open_as_left(sealed: bytes, keys: VaultKeys, chunk_size: int, replay: Replay) -> bytes:
    """Open a whole ciphertext file together with what the journals tell of it.

    Raises:
        FormatProblem: any class of section 5, *truncated* (F-28).
    """
    if not has_header(sealed):
        return b""
    header = parse_file_header(sealed, keys)
    state = open_state(sealed, header)
    chunks = _Chunks(sealed, header, chunk_size, sparse=bool(state.flags & Flags.SPARSE))
    story = replay.of(header.file_id, state.counter)
    is_marked = state.epoch in replay.epochs
    if story is not None:
        return _as_told(story, chunks, state.durable if is_marked else state.plain_size)
    if is_marked:
        return _surviving(state, chunks, keys)
    if not state.flags & Flags.IN_FLIGHT:
        sealed = sealed[: sealed_size(state.plain_size, chunk_size)]
    return open_file(sealed, keys, chunk_size)


class _Chunks:
    """The chunks of a file that are in place."""

    def __init__(self, sealed: bytes, header: FileHeader, size: int, *, sparse: bool) -> None:
        self.size = size
        self.length = len(sealed)
        self.sparse = sparse
        self._sealed = sealed
        self._header = header

    def sealed(self, number: int, payload_size: int) -> bytes:
        at = HEADER_SIZE + number * (self.size + SEAL_OVERHEAD)
        return self._sealed[at : at + payload_size + SEAL_OVERHEAD]

    def open(self, number: int, payload_size: int, *, may_be_hole: bool = True) -> bytes:
        chunk = self.sealed(number, payload_size)
        demand(len(chunk) == payload_size + SEAL_OVERHEAD, "truncated", "F-28", f"chunk {number} is cut short")
        return open_chunk(chunk, self._header, number, sparse=self.sparse and may_be_hole)

    def root(self, plain_size: int, keys: VaultKeys) -> bytes:
        prf = AES.new(keys.subkey("root", 32), AES.MODE_ECB)
        total = 0
        for number, payload_size in _pieces(plain_size, self.size):
            chunk = self.sealed(number, payload_size)
            if any(chunk):
                total ^= int.from_bytes(prf.encrypt(chunk[-TAG_SIZE:]))
        return total.to_bytes(TAG_SIZE)


def _pieces(size: int, chunk_size: int) -> list[tuple[int, int]]:
    """Number and payload size of each chunk."""
    return [(at // chunk_size, min(chunk_size, size - at)) for at in range(0, size, chunk_size)]


def _as_told(story: Story, chunks: _Chunks, durable: int) -> bytes:
    plain = b""
    for number, size in _pieces(story.size, chunks.size):
        if number in story.chunks:
            plain += story.chunks[number][:size]
        elif story.is_hole(number):
            plain += bytes(size)
        else:
            parts = story.patches.get(number, [])
            try:
                chunk = chunks.open(number, size, may_be_hole=not parts)
            except FormatProblem:
                if number * chunks.size >= durable:
                    return plain
                raise
            for at, part in parts:
                chunk = chunk[:at] + part + chunk[at + len(part) :]
            plain += chunk
    return plain


def _surviving(state: State, chunks: _Chunks, keys: VaultKeys) -> bytes:
    size = plain_size_of(chunks.length, chunks.size)
    if not state.flags & Flags.IN_FLIGHT:
        size = min(size, state.plain_size)
    if size < state.durable:
        refuse("truncated", "F-28", f"wanted {state.durable} bytes that were safe, found {size}")
    plain, holes = b"", []
    for number, piece in _pieces(size, chunks.size):
        is_sure = number * chunks.size < state.durable
        if not is_sure and not any(chunks.sealed(number, piece)):
            holes.append(number)
        try:
            plain += chunks.open(number, piece)
        except FormatProblem:
            if is_sure:
                raise
            return plain
    has_root = state.flags & Flags.ROOT and not state.flags & Flags.IN_FLIGHT and size == state.plain_size
    if has_root and holes and chunks.root(size, keys) != state.root:
        return plain[: holes[0] * chunks.size]
    return plain
