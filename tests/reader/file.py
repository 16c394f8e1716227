"""Files (format.md section 5): header, state slots, chunks, root."""

import dataclasses
import enum

from Crypto.Cipher import AES

from reader.keys import VaultKeys
from reader.primitives import SEAL_OVERHEAD, TAG_SIZE, ZERO_ID, gcm_open
from reader.problem import FormatProblem, demand, refuse

HEADER_SIZE = 256
FIXED = {0: b"\x94\xa4wafs", 7: b"\xc4\x10", 25: b"\xc4\x3c", 87: bytes(9)}
VERSION_AT = 6
PREFIX_END = 9
STATE_OFFSETS = (96, 176)
STATE_SEALED_SIZE = 80


class Flags(enum.IntFlag):
    """Flags of a state."""

    IN_FLIGHT = 1
    SPARSE = 2
    ROOT = 4


@dataclasses.dataclass(frozen=True, slots=True)
class FileHeader:
    """File id (16 bytes) and file key (32 bytes)."""

    file_id: bytes
    file_key: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """One opened state slot."""

    plain_size: int
    counter: int
    flags: Flags
    root: bytes
    epoch: bytes
    durable: int


def parse_file_header(sealed: bytes, keys: VaultKeys) -> FileHeader:
    """Check the fixed bytes and unwrap the file key.

    Raises:
        FormatProblem: *truncated*, *malformed*, *version* (F-20), *auth* (F-21).
    """
    demand(len(sealed) >= HEADER_SIZE, "truncated", "section 5", f"file of {len(sealed)} bytes")
    fixed_bytes_fit, begins_like_one = (
        all(sealed[at : at + len(wanted)] == wanted for at, wanted in FIXED.items() if at < end)
        for end in (HEADER_SIZE, PREFIX_END)
    )
    version = sealed[VERSION_AT]
    demand(begins_like_one, "malformed", "F-20", "not the beginning of a file")
    demand(version == 1, "version", "F-20", f"wanted file version 1, found byte {version:#04x}")
    demand(fixed_bytes_fit, "malformed", "F-20", "fixed bytes of the file header differ")
    file_key = gcm_open(keys.subkey("file keys", 32), sealed[27:87], sealed[:25])
    if file_key is None:
        refuse("auth", "F-21", "wrapped file key does not open")
    return FileHeader(file_id=sealed[9:25], file_key=file_key)


def open_state(sealed: bytes, header: FileHeader) -> State:
    """Open both state slots and choose the newer state.

    Raises:
        FormatProblem: F-23, *auth* or *malformed*.
    """
    plains = []
    for number, at in enumerate(STATE_OFFSETS):
        slot = sealed[at : at + STATE_SEALED_SIZE]
        plain = gcm_open(header.file_key, slot, b"wafs1 state" + bytes([number]))
        if plain is None:
            refuse("auth", "F-23", f"state slot {number} does not open")
        plains.append(plain)
    states = [_parse_state(plain, number) for number, plain in enumerate(plains)]
    apart = abs(states[0].counter - states[1].counter)
    demand(apart == 1, "malformed", "F-23", f"counters of the states are {apart} apart")
    return max(states, key=lambda state: state.counter)


def _parse_state(plain: bytes, number: int) -> State:
    flags, root = int.from_bytes(plain[16:20]), plain[20:36]
    demand(flags & ~7 == 0, "malformed", "F-23", f"unknown flags {flags:#x} in state {number}")
    epoch, durable = plain[36:44], int.from_bytes(plain[44:52])
    most = int.from_bytes(plain[:8]) if any(epoch) else 0
    demand(durable <= most, "malformed", "F-23", f"durable size of state {number}")
    has_root = bool(flags & Flags.ROOT)
    demand(has_root or root == ZERO_ID, "malformed", "F-23", f"root without ROOT in state {number}")
    counter = int.from_bytes(plain[8:16])
    demand(counter % 2 == number, "malformed", "F-23", f"counter {counter} in state {number}")
    return State(int.from_bytes(plain[:8]), counter, Flags(flags), root, epoch, durable)


def sealed_size(plain_size: int, chunk_size: int) -> int:
    """Size of the ciphertext file of a plain size (5.2)."""
    whole, rest = divmod(plain_size, chunk_size)
    return HEADER_SIZE + whole * (chunk_size + SEAL_OVERHEAD) + (rest + SEAL_OVERHEAD) * (rest > 0)


def plain_size_of(length: int, chunk_size: int) -> int:
    """Plain size that a ciphertext length gives, a tail too short to be a chunk not counted."""
    whole, rest = divmod(length - HEADER_SIZE, chunk_size + SEAL_OVERHEAD)
    return whole * chunk_size + max(rest - SEAL_OVERHEAD, 0)


def file_size(length: int, state: State, chunk_size: int) -> int:
    """Plain size of a file, checked against its length (F-24, F-25, *truncated*)."""
    if state.flags & Flags.IN_FLIGHT:
        found = plain_size_of(length, chunk_size)
        fits = found >= state.plain_size
        demand(fits, "truncated", "F-25", f"wanted {state.plain_size} bytes or more, found {found}")
        return found
    wanted = sealed_size(state.plain_size, chunk_size)
    demand(length == wanted, "truncated", "F-24", f"wanted length {wanted}, found {length}")
    return state.plain_size


def open_chunk(chunk: bytes, header: FileHeader, number: int, *, sparse: bool) -> bytes:
    """Open chunk number of a file; a hole reads as zeros.

    Raises:
        FormatProblem: *auth*, F-31 for zeros that are no hole, F-30 for all else.
    """
    if not any(chunk):
        demand(sparse, "auth", "F-31", f"chunk {number} is all zero in a file without SPARSE")
        return bytes(len(chunk) - SEAL_OVERHEAD)
    payload = gcm_open(header.file_key, chunk, number.to_bytes(8))
    if payload is None:
        refuse("auth", "F-30", f"chunk {number} does not open")
    return payload


def open_file(sealed: bytes, keys: VaultKeys, chunk_size: int) -> bytes:
    """Open a whole ciphertext file, its root compared where the state has one.

    Raises:
        FormatProblem: any class of section 5.
    """
    header = parse_file_header(sealed, keys)
    state = open_state(sealed, header)
    size = file_size(len(sealed), state, chunk_size)
    prf = AES.new(keys.subkey("root", 32), AES.MODE_ECB)
    plain, root = bytearray(), 0
    chunks_end = sealed_size(size, chunk_size)
    for number, at in enumerate(range(HEADER_SIZE, chunks_end, chunk_size + SEAL_OVERHEAD)):
        chunk = sealed[at : min(at + chunk_size + SEAL_OVERHEAD, chunks_end)]
        try:
            plain += open_chunk(chunk, header, number, sparse=bool(state.flags & Flags.SPARSE))
        except FormatProblem:
            if state.flags & Flags.IN_FLIGHT and len(plain) >= state.plain_size:
                break
            raise
        if any(chunk):
            root ^= int.from_bytes(prf.encrypt(chunk[-TAG_SIZE:]))
    if state.flags & Flags.ROOT and not state.flags & Flags.IN_FLIGHT:
        fits = root == int.from_bytes(state.root)
        demand(fits, "auth", "F-27", "root of the file is not that of its chunks")
    return bytes(plain)
