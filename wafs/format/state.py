"""State: the sealed size of a file and what is known of it (format.md section 5.1)."""

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

from wafs.crypto.aead import OVERHEAD, Gcm
from wafs.errors import MalformedError

IN_FLIGHT: Final = 1
SPARSE: Final = 2
ROOT: Final = 4
COUNTERS_AT_BIRTH: Final = (0, 1)

_STATE: Final = Struct(">QQI16s8sQ")
_KNOWN_FLAGS: Final = IN_FLIGHT | SPARSE | ROOT
_AADS: Final = (b"wafs1 state\x00", b"wafs1 state\x01")
_NO_ROOT: Final = bytes(16)
NO_EPOCH: Final = bytes(8)

STATE_SLOT_SIZE: Final = _STATE.size + OVERHEAD


class State(NamedTuple):
    """One sealed state. `size` is the plain size in bytes; `root` counts only with the flag ROOT.

    `epoch` names the journal that was there when it was written. If that one is found after a crash, only the first
    `durable` bytes are known to have reached the storage (F-28).
    """

    size: int
    counter: int
    flags: int
    root: bytes = _NO_ROOT
    epoch: bytes = NO_EPOCH
    durable: int = 0


def seal_state(cipher: Gcm, state: State, nonce: bytes | None = None) -> bytes:
    """Seal a state for the slot its counter belongs in.

    Sizes: 80 bytes.
    Spec: F-23.
    """
    return cipher.seal(_STATE.pack(*state), _AADS[state.counter & 1], nonce)


def open_state_slots(cipher: Gcm, slots: Sequence[bytes]) -> State:
    """Open both slots and return the newer state.

    Sizes: two slots of 80 bytes.
    Raises: AuthenticationError, MalformedError (F-23).
    """
    return open_both_states(cipher, slots)[1]


def open_both_states(cipher: Gcm, slots: Sequence[bytes]) -> tuple[State, State]:
    """Open both slots and return the older and the newer state.

    Sizes: two slots of 80 bytes.
    Raises: AuthenticationError, MalformedError (F-23).
    """
    first, second = _open_slot(cipher, 0, slots[0]), _open_slot(cipher, 1, slots[1])
    if abs(first.counter - second.counter) != 1:
        msg = "the two states of the file do not follow each other"
        raise MalformedError(msg)
    return (first, second) if first.counter < second.counter else (second, first)


def _open_slot(cipher: Gcm, number: int, slot: bytes) -> State:
    fields = _STATE.unpack(cipher.open(slot, _AADS[number]))
    size, counter, flags, root, epoch, durable = fields
    if (
        flags & ~_KNOWN_FLAGS
        or counter & 1 != number
        or (not flags & ROOT and root != _NO_ROOT)
        or durable > (size if epoch != NO_EPOCH else 0)
    ):
        msg = "state of the file has values that the format does not define"
        raise MalformedError(msg)
    return tuple.__new__(State, fields)
