"""Directory ids (format.md section 7): implied, or recorded in wafs.dir."""

import dataclasses

from reader.keys import VaultKeys
from reader.primitives import ZERO_ID, keyed_hash, siv_open
from reader.problem import demand, refuse

RECORD_FILE = b"wafs.dir"
RECORD_SIZE = 48
ROOT_PLACE = (ZERO_ID, b"")
EXPLICIT = 1


@dataclasses.dataclass(frozen=True, slots=True)
class DirectoryRecord:
    """What wafs.dir says at the directory's place."""

    directory_id: bytes
    flags: int


def implied_id(parent_id: bytes, name: bytes, keys: VaultKeys) -> bytes:
    """Id of a directory without wafs.dir (F-50)."""
    return keyed_hash(keys.subkey("directory ids", 32), 16, parent_id + name)


def open_directory_record(data: bytes, parent_id: bytes, name: bytes, keys: VaultKeys) -> DirectoryRecord:
    """Open the content of wafs.dir at a place; the root's place is ROOT_PLACE.

    Raises:
        FormatProblem: *malformed* (F-51, F-52) or *auth* (F-52).
    """
    fits = len(data) in {RECORD_SIZE, 2 * RECORD_SIZE}
    demand(fits, "malformed", "F-51", f"wanted 48 or 96 bytes in wafs.dir, found {len(data)}")
    key = keys.subkey("directory records", 64)
    for at in range(0, len(data), RECORD_SIZE):
        plain = siv_open(key, data[at : at + RECORD_SIZE], parent_id, name)
        if plain is not None:
            flags = int.from_bytes(plain[16:20])
            demand(flags & ~EXPLICIT == 0, "malformed", "F-52", f"unknown flags {flags:#x}")
            demand(plain[20:] == bytes(12), "malformed", "F-52", "reserved bytes of wafs.dir")
            return DirectoryRecord(plain[:16], flags)
    return refuse("auth", "F-52", "no record of wafs.dir opens at this place")
