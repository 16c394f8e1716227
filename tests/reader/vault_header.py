"""Vault header (format.md section 4): checksum, version, features, then shape."""

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from reader.canonical import canonical_decode
from reader.keys import VaultKeys
from reader.problem import demand, refuse
from reader.slot import Secret, parse_slot, try_slot

MAGIC = "wafs.vault"
MAX_HEADER_SIZE = 65_536
MAX_SLOTS = 32
CHECKSUM_FIELD_SIZE = 34
IMMUTABLE_KEYS = {"chunk_size", "created", "features", "vault_id", "version"}
CHUNK_SIZES = {1 << power for power in range(12, 21)}


@dataclasses.dataclass(frozen=True, slots=True)
class VaultHeader:
    """A parsed header; slots and mac are not verified before a secret opens it."""

    immutable: bytes
    slots: bytes
    mac: bytes
    chunk_size: int
    created: int
    vault_id: bytes
    slot_maps: tuple[Mapping[str, Any], ...]


def parse_vault_header(data: bytes) -> VaultHeader:
    """Parse wafs.vault or its copy.

    Raises:
        FormatProblem: *limits* (size, slot count, caps), *header* (checksum), *version*,
            *malformed*.
    """
    demand(len(data) <= MAX_HEADER_SIZE, "limits", "F-10", f"header of {len(data)} bytes")
    checksum = hashlib.sha256(data[:-CHECKSUM_FIELD_SIZE]).digest()
    is_whole = data[-CHECKSUM_FIELD_SIZE:] == b"\xc4\x20" + checksum
    demand(is_whole, "header", "F-11", "checksum of the header is wrong")
    top = canonical_decode(data)
    demand(
        isinstance(top, list) and [type(field) for field in top[:2]] == [str, bytes] and top[0] == MAGIC,
        "malformed",
        "section 4",
        "header is not an array that begins like a header",
    )
    immutable = _parse_immutable(top[1])
    demand(
        [type(field) for field in top[2:]] == [bytes, bytes, bytes] and len(top[3]) == 32,
        "malformed",
        "section 4",
        "header is not the array of five",
    )
    slots = canonical_decode(top[2])
    demand(isinstance(slots, list), "malformed", "section 4.2", "slots is not an array")
    count = len(slots)
    demand(1 <= count <= MAX_SLOTS, "limits", "F-14", f"wanted 1 to 32 slots, found {count}")
    return VaultHeader(
        immutable=top[1],
        slots=top[2],
        mac=top[3],
        chunk_size=immutable["chunk_size"],
        created=immutable["created"],
        vault_id=immutable["vault_id"],
        slot_maps=tuple(parse_slot(slot) for slot in slots),
    )


def _parse_immutable(data: bytes) -> dict[str, Any]:
    fields = canonical_decode(data)
    demand(isinstance(fields, dict), "malformed", "F-13", "immutable is not a map")
    demand("version" in fields, "malformed", "F-13", "immutable has no version")
    version = fields["version"]
    demand(version == 1, "version", "F-12", f"wanted version 1, found {version!r}")
    features = fields.get("features")
    demand(
        isinstance(features, list) and all(isinstance(name, str) for name in features),
        "malformed",
        "F-13",
        "features is not an array of str",
    )
    # Version 1 defines no feature, so an array that is not empty names an unknown one, and
    # order and duplicates need no look of their own.
    demand(not features, "version", "F-12", f"features that are not known: {features!r}")
    demand(set(fields) == IMMUTABLE_KEYS, "malformed", "F-13", "keys of immutable are not the five")
    vault_id = fields["vault_id"]
    demand(
        isinstance(vault_id, bytes) and len(vault_id) == 16,
        "malformed",
        "F-13",
        "vault_id is not 16 bytes",
    )
    for key in ("created", "chunk_size"):
        demand(type(fields[key]) is int, "malformed", "F-13", f"{key} is not an integer")
    size = fields["chunk_size"]
    demand(size in CHUNK_SIZES, "limits", "F-13", f"chunk size of {size} bytes")
    return dict(fields)


def open_header(header: VaultHeader, secret: Secret) -> VaultKeys:
    """Find the slot that the secret opens and verify the slot table with its master key.

    Raises:
        FormatProblem: *wrong key*; *header* if the slot that fits, or the MAC, does not verify.
    """
    for slot in header.slot_maps:
        master_key = try_slot(slot, header.immutable, secret)
        if master_key is None:
            continue
        keys = VaultKeys(master_key, header.vault_id)
        message = header.immutable + header.slots
        mac = hmac.digest(keys.subkey("slot table", 32), message, "sha256")
        verifies = hmac.compare_digest(mac, header.mac)
        demand(verifies, "header", "F-17", "MAC of the slot table does not verify")
        return keys
    return refuse("wrong key", "F-16", "no slot accepts the secret")
