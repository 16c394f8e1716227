"""File header: the first 256 bytes of a ciphertext file (format.md section 5)."""

from typing import Final, NamedTuple

from wafs.crypto.aead import KEY_SIZE, NONCE_SIZE, Buffer, Gcm
from wafs.errors import MalformedError, TruncatedError, UnsupportedFormatError
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.format.state import COUNTERS_AT_BIRTH, SPARSE, STATE_SLOT_SIZE, State, open_both_states, seal_state
from wafs.units import FileId

FILE_ID_SIZE: Final = 16

# A canonical msgpack array of four whose fields have fixed sizes: every offset is fixed as well.
_PREFIX: Final = b"\x94\xa4wafs\x01\xc4\x10"
_VERSION_AT: Final = 6
_ID: Final = slice(9, 25)
_AAD: Final = slice(0, 25)
_WRAPPED_MARK: Final = slice(25, 27)
_WRAPPED: Final = slice(27, 87)
_PADDING: Final = slice(87, 96)
_WRAPPED_LENGTH: Final = b"\xc4\x3c"
_ZEROS: Final = bytes(9)
STATE_OFFSETS: Final = (96, 96 + STATE_SLOT_SIZE)


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
        return cls(FileId(data[_DRAWN_ID]), data[_DRAWN_KEY], data[_DRAWN_WRAP], (data[_DRAWN_OLD], data[_DRAWN_NEW]))


_DRAWN_ID: Final = slice(0, FILE_ID_SIZE)
_DRAWN_KEY: Final = slice(_DRAWN_ID.stop, _DRAWN_ID.stop + KEY_SIZE)
_DRAWN_WRAP: Final = slice(_DRAWN_KEY.stop, _DRAWN_KEY.stop + NONCE_SIZE)
_DRAWN_OLD: Final = slice(_DRAWN_WRAP.stop, _DRAWN_WRAP.stop + NONCE_SIZE)
_DRAWN_NEW: Final = slice(_DRAWN_OLD.stop, _DRAWN_OLD.stop + NONCE_SIZE)

SECRETS_SIZE: Final = _DRAWN_NEW.stop


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
    check_file_record(header)
    cipher = Gcm(wrap.open(header[_WRAPPED], header[_AAD]))
    older, state = open_both_states(cipher, [header[at : at + STATE_SLOT_SIZE] for at in STATE_OFFSETS])
    return FileHeader(FileId(header[_ID]), cipher, state, older.flags & SPARSE != 0)


def check_file_record(header: bytes) -> None:
    """Check the fixed bytes of the record (F-20).

    Raises: TruncatedError, UnsupportedFormatError, MalformedError.
    """
    if len(header) < FILE_HEADER_SIZE:
        msg = f"ciphertext file has {len(header)} bytes, a header alone has {FILE_HEADER_SIZE}"
        raise TruncatedError(msg)
    if header[: len(_PREFIX)] != _PREFIX:
        expected = bytearray(_PREFIX)
        expected[_VERSION_AT] = header[_VERSION_AT]
        if header[: len(_PREFIX)] == expected:
            msg = f"file has format version {header[_VERSION_AT]}"
            raise UnsupportedFormatError(msg, hint="install a newer wafs")
        msg = "file does not begin like a file of a vault"
        raise MalformedError(msg)
    if header[_WRAPPED_MARK] != _WRAPPED_LENGTH or header[_PADDING] != _ZEROS:
        msg = "file header has bytes that the format does not define"
        raise MalformedError(msg)


def unverified_file_id(header: bytes) -> FileId:
    """Return the file id of a header that passed `check_file_record` and is not authenticated yet."""
    return FileId(header[_ID])
