"""File facts: what is known of one ciphertext file, whatever of its header and its states still opens."""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from wafs.crypto.aead import Gcm
from wafs.errors import AuthenticationError, DamageError, TruncatedError, UnsupportedFormatError, WafsError
from wafs.format.file_header import STATE_OFFSETS, check_file_record, unverified_file_id
from wafs.format.layout import FILE_HEADER_SIZE, plain_size, sealed_size
from wafs.format.state import IN_FLIGHT, SPARSE, STATE_SLOT_SIZE, State, open_state_slots
from wafs.store.base import Handle, Store
from wafs.units import FileId
from wafs.vault.chunk_io import ChunkIo
from wafs.vault.landing import landed_size, size_in_flight

# Fixed bytes and places of the record (F-20, F-21). What authenticates the key includes the fixed bytes that matter, so
# a key that opens with them is right, whatever stands in their place in the file.
_PREFIX: Final = b"\x94\xa4wafs\x01\xc4\x10"
_ID: Final = slice(9, 25)
_WRAPPED: Final = slice(27, 87)
_STATE: Final = Struct(">QQI16s16x")
_STATE_AADS: Final = (b"wafs1 state\x00", b"wafs1 state\x01")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file whose key opens.

    `state` is the file's if both slots are well, None otherwise; `problem` is what a reader stumbles over before it
    comes to the chunks (F-20, F-23 to F-25). `length` is that of the ciphertext file. `extent` is up to where plain
    bytes may lie; `ends` are the plain sizes that the file may have, the likeliest first.
    """

    file_id: FileId
    cipher: Gcm
    state: State | None
    problem: WafsError | None
    length: int
    extent: int
    ends: tuple[int, ...]
    sparse: bool

    def payloads(self, begin: int, chunk_size: int) -> tuple[int, ...]:
        """Return the lengths that the chunk of plain bytes from `begin` on may have, the likeliest first."""
        lengths = (min(chunk_size, end - begin) for end in self.ends)
        return tuple(dict.fromkeys(length for length in lengths if length > 0))


def read_file_facts(store: Store, handle: Handle, file_keys: Gcm, chunk_size: int) -> FileFacts:
    """Read what is known of an open ciphertext file; `file_keys` is the key that wraps file keys.

    Raises: DamageError if its key does not open, so that nothing of it can be read (F-21); UnsupportedFormatError if a
    newer wafs wrote it; OSError.
    """
    header = store.pread(handle, FILE_HEADER_SIZE, 0)
    length = store.fstat(handle).st_size
    problem: WafsError | None = None
    try:
        check_file_record(header)
    except TruncatedError:
        raise
    except (DamageError, UnsupportedFormatError) as error:
        problem = error
    try:
        cipher = Gcm(file_keys.open(header[_WRAPPED], _PREFIX + header[_ID]))
    except AuthenticationError as error:
        raise problem or AuthenticationError(f"the key of the file does not open: {error}") from None
    slots = [header[at : at + STATE_SLOT_SIZE] for at in STATE_OFFSETS]
    state: State | None = None
    sizes: list[int] = []
    try:
        state = open_state_slots(cipher, slots)
    except DamageError as error:
        problem = problem or error
    known = [state] if state is not None else _single_states(cipher, slots)
    by_length = plain_size(length, chunk_size)
    if state is None:
        # Which of the two states was the newer one is not known, so the length is believed first.
        sizes = [by_length, *(found.size for found in known)]
        extent = by_length
    else:
        try:
            sizes = [_size(ChunkIo(store, handle, cipher, chunk_size), state, length, chunk_size)]
        except TruncatedError as error:
            problem = problem or error
            sizes = [state.size, by_length]
        extent = max(sizes)
    return FileFacts(
        unverified_file_id(header),
        cipher,
        state,
        problem,
        length,
        extent,
        tuple(dict.fromkeys(sizes)),
        any(found.flags & SPARSE for found in known),
    )


def _size(chunks: ChunkIo, state: State, length: int, chunk_size: int) -> int:
    """Return the plain size of a file whose state is well.

    Raises: TruncatedError if the length does not fit it (F-24, F-25).
    """
    if state.flags & IN_FLIGHT:
        try:
            return landed_size(chunks, state, length, chunk_size)
        except OSError:
            # A last chunk that the storage does not give is for the scan to tell.
            return size_in_flight(state, length, chunk_size)
    wanted = sealed_size(state.size, chunk_size)
    if length != wanted:
        msg = f"ciphertext file has {length} bytes, {wanted} are sealed"
        raise TruncatedError(msg)
    return state.size


def _single_states(cipher: Gcm, slots: list[bytes]) -> list[State]:
    """Open what opens of two slots that are not both well."""
    states = []
    for slot, aad in zip(slots, _STATE_AADS, strict=True):
        try:
            states.append(State(*_STATE.unpack(cipher.open(slot, aad))))
        except AuthenticationError:
            continue
    return sorted(states, key=lambda found: -found.counter)
