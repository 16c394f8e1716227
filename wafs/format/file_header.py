"""File header: the first 256 bytes of a ciphertext file (format.md section 5)."""

from struct import Struct
from typing import Final, NamedTuple

from wafs.crypto.aead import KEY_SIZE, NONCE_SIZE, OVERHEAD, Buffer, Gcm
from wafs.errors import MalformedError, TruncatedError, UnsupportedFormatError
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.format.state import COUNTERS_AT_BIRTH, SPARSE, STATE_SLOT_SIZE, State, open_both_states, seal_state
from wafs.units import FileId

FILE_ID_SIZE: Final = 16

# A canonical msgpack array of four whose fields have fixed sizes: every offset is fixed as well.
_PREFIX: Final = b"\x94\xa4wafs\x01\xc4\x10"
_VERSION_AT: Final = 6
_WRAPPED_LENGTH: Final = b"\xc4\x3c"
_ZEROS: Final = bytes(9)
STATE_OFFSETS: Final = (96, 96 + STATE_SLOT_SIZE)

# Prefix, file id, length of the wrapped key, the wrapped key, zeros, two states.
_RECORD: Final = Struct(f"9s{FILE_ID_SIZE}s2s{KEY_SIZE + OVERHEAD}s9s{STATE_SLOT_SIZE}s{STATE_SLOT_SIZE}s")
# File id, file key, the nonce that wraps it, those of the states.
_SECRETS: Final = Struct(f"{FILE_ID_SIZE}s{KEY_SIZE}s{NONCE_SIZE}s{NONCE_SIZE}s{NONCE_SIZE}s")
SECRETS_SIZE: Final = _SECRETS.size


class FileHeader(NamedTuple):
    """What a file header holds once it is opened; `cipher` is the file key, made ready for chunks.

    `was_sparse`: the state before this one allowed holes already.
    """

    file_id: FileId
    cipher: Gcm
    state: State
    was_sparse: bool = False


class FileSecrets(NamedTuple):
    """Random bytes for a new header, drawn by the caller: the format is pure."""

    file_id: FileId
    file_key: bytes
    wrap_nonce: bytes
    state_nonces: tuple[bytes, bytes]

    @classmethod
    def split(cls, data: bytes) -> "FileSecrets":
        """Cut `SECRETS_SIZE` random bytes into their parts."""
        file_id, file_key, wrap_nonce, older, newer = _SECRETS.unpack(data)
        return cls(FileId(file_id), file_key, wrap_nonce, (older, newer))


def seal_file_header(wrap: Gcm, cipher: Gcm, secrets: FileSecrets, *, flags: int) -> bytes:
    """Seal the header of a new, empty file; `cipher` is the file key, expanded.

    Sizes: 256 bytes.
    Spec: F-20, F-21, F-23.
    """
    prefix = _PREFIX + secrets.file_id
    older, newer = COUNTERS_AT_BIRTH
    nonces = secrets.state_nonces
    return b"".join(
        (
            prefix,
            _WRAPPED_LENGTH,
            wrap.seal(secrets.file_key, prefix, secrets.wrap_nonce),
            _ZEROS,
            seal_state(cipher, State(0, older, flags), nonces[older]),
            seal_state(cipher, State(0, newer, flags), nonces[newer]),
        )
    )


def open_file_header(wrap: Gcm, data: Buffer) -> FileHeader:
    """Open a header.

    Sizes: at least 256 bytes, of which the first 256 are looked at.
    Raises: TruncatedError, UnsupportedFormatError, MalformedError, AuthenticationError (F-20 to F-23).
    """
    header = bytes(data[:FILE_HEADER_SIZE])
    fields = _checked_fields(header)
    file_id, wrapped = fields[1], fields[3]
    cipher = Gcm(wrap.open(wrapped, _PREFIX + file_id))
    older, state = open_both_states(cipher, fields[5:])
    return FileHeader(FileId(file_id), cipher, state, older.flags & SPARSE != 0)


def check_file_record(header: bytes) -> None:
    """Check the fixed bytes of the record (F-20).

    Raises: TruncatedError, UnsupportedFormatError, MalformedError.
    """
    _checked_fields(header)


def unverified_file_id(header: bytes) -> FileId:
    """Return the file id of a header that passed `check_file_record` and is not authenticated yet."""
    return FileId(_RECORD.unpack_from(header)[1])


def _checked_fields(header: bytes) -> tuple[bytes, ...]:
    """Return the fields of the record, whose fixed bytes are as they must be."""
    if len(header) < FILE_HEADER_SIZE:
        msg = f"ciphertext file has {len(header)} bytes, a header alone has {FILE_HEADER_SIZE}"
        raise TruncatedError(msg)
    fields = _RECORD.unpack_from(header)
    prefix, wrapped_length, zeros = fields[0], fields[2], fields[4]
    if prefix != _PREFIX:
        expected = bytearray(_PREFIX)
        expected[_VERSION_AT] = prefix[_VERSION_AT]
        if prefix == expected:
            msg = f"file has format version {prefix[_VERSION_AT]}"
            raise UnsupportedFormatError(msg, hint="install a newer wafs")
        msg = "file does not begin like a file of a vault"
        raise MalformedError(msg)
    if wrapped_length != _WRAPPED_LENGTH or zeros != _ZEROS:
        msg = "file header has bytes that the format does not define"
        raise MalformedError(msg)
    return fields
