"""Directory: directory ids and the record that moves with a directory (format.md section 7)."""

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

from wafs.crypto.digest import keyed_blake2b
from wafs.crypto.siv import SIV_SIZE, Siv
from wafs.errors import AuthenticationError, MalformedError
from wafs.units import ROOT_DIR_ID, DirId

DIR_ID_SIZE: Final = 16
EXPLICIT: Final = 1

_RECORD: Final = Struct(">16sI12s")
_RESERVED: Final = bytes(12)
RECORD_SIZE: Final = _RECORD.size + SIV_SIZE


class Place(NamedTuple):
    """Where a directory stands: the id of its parent and its name there."""

    parent: DirId
    name: bytes


class DirectoryRecord(NamedTuple):
    """The id of a directory, and EXPLICIT if new directories in it need ids of their own (F-54)."""

    dir_id: DirId
    flags: int = 0


ROOT_PLACE: Final = Place(ROOT_DIR_ID, b"")


def implied_dir_id(key: bytes, place: Place) -> DirId:
    """Derive the id that a directory has at birth (F-50); that of the root is fixed."""
    if place == ROOT_PLACE:
        return ROOT_DIR_ID
    return DirId(keyed_blake2b(key, place.parent + place.name, size=DIR_ID_SIZE))


def seal_directory_record(key: Siv, record: DirectoryRecord, places: Sequence[Place]) -> bytes:
    """Seal the content of `wafs.dir`: one record for each place it is valid at.

    Sizes: 48 bytes for each of one or two places.
    Spec: F-52, F-53.
    """
    plain = _RECORD.pack(record.dir_id, record.flags, _RESERVED)
    return b"".join(key.seal(plain, place.parent, place.name) for place in places)


def open_directory_record(key: Siv, data: bytes, place: Place) -> DirectoryRecord:
    """Open the record that is valid at `place`.

    Raises: MalformedError, AuthenticationError if the directory was put here by somebody else (F-52).
    """
    if len(data) not in (RECORD_SIZE, 2 * RECORD_SIZE):
        msg = f"directory record has {len(data)} bytes, wanted {RECORD_SIZE} or {2 * RECORD_SIZE}"
        raise MalformedError(msg)
    for start in range(0, len(data), RECORD_SIZE):
        try:
            plain = key.open(data[start : start + RECORD_SIZE], place.parent, place.name)
        except AuthenticationError:
            continue
        dir_id, flags, reserved = _RECORD.unpack(plain)
        is_right = place != ROOT_PLACE or dir_id == ROOT_DIR_ID
        if flags & ~EXPLICIT or reserved != _RESERVED or not is_right:
            msg = "directory record has values that the format does not define"
            raise MalformedError(msg)
        return DirectoryRecord(DirId(dir_id), flags)
    msg = "directory record does not belong to this place: the directory was moved by someone without a key"
    raise AuthenticationError(msg)
