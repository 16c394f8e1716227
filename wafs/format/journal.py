"""Journal: the bytes of a redo journal (format.md section 10)."""

from collections.abc import Sequence
from struct import Struct
from typing import Any, Final, NamedTuple

from wafs.crypto.aead import OVERHEAD, Buffer, Gcm
from wafs.errors import LimitError, MalformedError, TruncatedError, UnsupportedFormatError
from wafs.format.encoding import Value, pack, pack_list, unpack
from wafs.units import MIB, FileId

JOURNAL_HEADER_SIZE: Final = 64
JOURNAL_ID_SIZE: Final = 16
EPOCH_SIZE: Final = 8
"""The first bytes of the id of a journal: they mark the states that were written while it was there."""

MAX_RECORD: Final = 16 * MIB
"""Most bytes of one sealed record."""

LENGTH: Final = Struct(">I")

_MAGIC: Final = "wafs.journal"
_VERSION: Final = 1
_ID_SIZE: Final = 16
_NUMBER: Final = Struct(">Q")
_ENCODED_SIZE: Final = 51
_TIME_BIAS: Final = 1 << 63


class Start(NamedTuple):
    """Record 0. `sequence` orders the journals of a vault; `since` is the storage's clock then, in ns since 1970."""

    sequence: int
    since: int


class Image(NamedTuple):
    """Chunk `number` has this payload, and zeros after it."""

    number: int
    payload: bytes | memoryview


class Patch(NamedTuple):
    """The bytes from `at` on of chunk `number`, of which the journal has an image, are these."""

    number: int
    at: int
    payload: bytes | memoryview


class Hole(NamedTuple):
    """The chunks from `first` to before `stop` are holes."""

    first: int
    stop: int


Piece = Image | Patch | Hole


class Change(NamedTuple):
    """One change of a file, all or nothing.

    `inode` is the storage's number of the ciphertext file, a hint where to look; `counter` that of the state in the
    file when its unfinished changes began; `size` the plain size after the change, and
    `kept` how many chunks in place count where the journal has no other. `mtime`: the ciphertext file's own
    in ns since 1970, given when it is about to be changed in place. `synced`: how many records of this journal were
    safe from a power cut when this one was written.
    """

    file_id: FileId
    inode: int
    counter: int
    size: int
    kept: int
    pieces: Sequence[Piece]
    mtime: int | None = None
    synced: int = 0


def encode_journal_header(vault_id: bytes, journal_id: bytes) -> bytes:
    """Encode the head of a journal.

    Sizes: 64 bytes.
    """
    return pack([_MAGIC, _VERSION, vault_id, journal_id]).ljust(JOURNAL_HEADER_SIZE, b"\0")


def decode_journal_header(data: bytes, vault_id: bytes) -> bytes:
    """Return the id of the journal.

    Raises: TruncatedError, UnsupportedFormatError, MalformedError, also for the journal of another vault.
    """
    if len(data) < JOURNAL_HEADER_SIZE:
        msg = f"journal has {len(data)} bytes, its head alone has {JOURNAL_HEADER_SIZE}"
        raise TruncatedError(msg)
    padding = data[_ENCODED_SIZE:JOURNAL_HEADER_SIZE]
    match unpack(data[:_ENCODED_SIZE]):
        case [str(magic), int(version), bytes(vault), bytes(journal_id)] if magic == _MAGIC and not any(padding):
            pass
        case _:
            msg = "journal does not begin like one"
            raise MalformedError(msg)
    if version != _VERSION:
        msg = f"journal has version {version}"
        raise UnsupportedFormatError(msg, hint="open the vault once with the wafs that wrote it")
    if vault != vault_id or len(journal_id) != JOURNAL_ID_SIZE:
        msg = "journal belongs to another vault"
        raise MalformedError(msg)
    return journal_id


def seal_record(
    cipher: Gcm,
    journal_id: bytes,
    number: int,
    record: Start | Change,
    nonce: bytes | None = None,
    room: bytearray | None = None,
) -> memoryview:
    """Seal a record with its length before it.

    The result is a view of `room`, which grows as need be, or of a new buffer.
    Raises: LimitError.
    Spec: F-80.
    """
    plain = pack_list(_value_of(record))
    length = len(plain) + OVERHEAD
    check_record_length(length)
    end = LENGTH.size + length
    if room is None:
        room = bytearray(end)
    elif len(room) < end:
        try:
            room.extend(bytes(end - len(room)))
        except BufferError:
            # Whoever failed to write the last record still holds it.
            room = bytearray(end)
    LENGTH.pack_into(room, 0, length)
    sealed = memoryview(room)[:end]
    cipher.seal_into(plain, journal_id + _NUMBER.pack(number), sealed[LENGTH.size :], nonce)
    return sealed


def check_record_length(length: int) -> None:
    """Refuse a length that no record has, before it is paid for.

    Raises: LimitError.
    """
    if not OVERHEAD < length <= MAX_RECORD:
        msg = f"journal record of {length} bytes, at most {MAX_RECORD} are allowed"
        raise LimitError(msg)


def open_record(cipher: Gcm, journal_id: bytes, number: int, sealed: Buffer) -> Start | Change:
    """Open a record without its length; number 0 is the start.

    Raises: AuthenticationError, MalformedError, LimitError.
    """
    value = unpack(cipher.open(sealed, journal_id + _NUMBER.pack(number)))
    match value:
        case [int(sequence), int(since)] if number == 0:
            return Start(sequence, since)
        case [
            bytes(file_id),
            int(inode),
            int(counter),
            int(size),
            int(kept),
            list(pieces),
            int(mtime),
            int(synced),
        ] if number and len(file_id) == _ID_SIZE and synced <= number:
            time = mtime - _TIME_BIAS if mtime else None
            return Change(FileId(file_id), inode, counter, size, kept, [_piece_of(one) for one in pieces], time, synced)
    raise _malformed()


def _value_of(record: Start | Change) -> list[Any]:
    if isinstance(record, Start):
        return list(record)
    file_id, inode, counter, size, kept, pieces, mtime, synced = record
    # A tuple becomes what a list does.
    return [file_id, inode, counter, size, kept, pieces, 0 if mtime is None else mtime + _TIME_BIAS, synced]


def _piece_of(value: Value) -> Piece:
    match value:
        case [int(number), bytes(payload)]:
            return Image(number, payload)
        case [int(number), int(at), bytes(payload)]:
            return Patch(number, at, payload)
        case [int(first), int(stop)]:
            return Hole(first, stop)
    raise _malformed()


def _malformed() -> MalformedError:
    msg = "journal record has a form that the format does not define"
    return MalformedError(msg)
