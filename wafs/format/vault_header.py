"""Vault header: the record in `wafs.vault` (format.md section 4)."""

from dataclasses import dataclass
from typing import Final

from wafs.crypto.digest import equal, hmac_sha256, sha256
from wafs.errors import (
    HeaderDamageError,
    LimitError,
    MalformedError,
    UnsupportedFormatError,
)
from wafs.format import FORMAT_VERSION
from wafs.format.encoding import Value, pack, unpack
from wafs.format.layout import check_chunk_size
from wafs.format.slot import Slot, parse_slot

MAX_HEADER_SIZE: Final = 65_536
MAX_SLOTS: Final = 32
VAULT_ID_SIZE: Final = 16
KNOWN_FEATURES: Final[frozenset[str]] = frozenset()

MAC_SIZE: Final = 32

_MAGIC: Final = "wafs.vault"
_CHECKSUM_FIELD: Final = 34


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is fixed at the birth of a vault. `created` is in seconds since 1970 UTC."""

    vault_id: bytes
    chunk_size: int
    created: int
    features: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the bytes called `immutable`: AAD of every slot."""
        return pack(
            {
                "chunk_size": self.chunk_size,
                "created": self.created,
                "features": list(self.features),
                "vault_id": self.vault_id,
                "version": FORMAT_VERSION,
            }
        )


@dataclass(frozen=True, slots=True)
class VaultHeader:
    """A parsed header. The MAC is not verified until the master key is known."""

    parameters: Parameters
    immutable: bytes
    slots: tuple[Slot, ...]
    slot_bytes: bytes
    mac: bytes

    def verify_mac(self, key: bytes) -> None:
        """Verify the slot table under the subkey `slot table` (F-17).

        Raises: HeaderDamageError.
        """
        if not equal(self.mac, hmac_sha256(key, self.immutable + self.slot_bytes)):
            msg = "the table of key slots was changed by someone without a key"
            raise HeaderDamageError(msg)


def encode_vault_header(parameters: Parameters, slots: tuple[Slot, ...], mac_key: bytes) -> bytes:
    """Encode a header with its MAC and checksum.

    Sizes: some 250 bytes and 200 for each slot.
    Raises: LimitError for more than 32 slots or none.
    """
    _check_slot_count(len(slots))
    immutable = parameters.encode()
    slot_bytes = pack([slot.fields for slot in slots])
    mac = hmac_sha256(mac_key, immutable + slot_bytes)
    body = pack([_MAGIC, immutable, slot_bytes, mac, bytes(32)])[:-_CHECKSUM_FIELD]
    return body + b"\xc4\x20" + sha256(body)


def parse_vault_header(data: bytes) -> VaultHeader:
    """Parse `wafs.vault`: cheap checks first, nothing used before its checksum (F-10 to F-14).

    Raises: HeaderDamageError, LimitError, MalformedError, UnsupportedFormatError.
    """
    if len(data) > MAX_HEADER_SIZE:
        msg = f"vault header has more than {MAX_HEADER_SIZE} bytes"
        raise LimitError(msg)
    body = data[:-_CHECKSUM_FIELD]
    if not equal(data[-_CHECKSUM_FIELD:], b"\xc4\x20" + sha256(body)):
        msg = "checksum of the vault header is wrong"
        raise HeaderDamageError(msg)
    match unpack(data):
        case ["wafs.vault", bytes(immutable), *fields]:
            # Version and features come before everything that they could change the meaning of.
            parameters = _parse_parameters(unpack(immutable))
            match fields:
                case [bytes(slot_bytes), bytes(mac), bytes()] if len(mac) == MAC_SIZE:
                    return VaultHeader(parameters, immutable, _parse_slots(slot_bytes), slot_bytes, mac)
    msg = "vault header does not have its five fields"
    raise MalformedError(msg)


def _parse_parameters(value: Value) -> Parameters:
    match value:
        case {"version": int(version)} if version != FORMAT_VERSION:
            msg = f"vault has format version {version}, this wafs reads version {FORMAT_VERSION}"
            raise UnsupportedFormatError(msg, hint="install a newer wafs")
        case {"features": list(features)} if (unknown := _unknown(features)) is not None:
            msg = f"vault needs the feature {unknown!r}, which this wafs does not know"
            raise UnsupportedFormatError(msg, hint="install a newer wafs")
        case {
            "chunk_size": int(chunk_size),
            "created": int(created),
            "features": list(features),
            "vault_id": bytes(vault_id),
            "version": int(),
            **rest,
        } if not rest and len(vault_id) == VAULT_ID_SIZE and _is_feature_list(features):
            check_chunk_size(chunk_size)
            names = tuple(name for name in features if isinstance(name, str))
            return Parameters(vault_id, chunk_size, created, names)
    msg = "parameters in the vault header are not the five of this format"
    raise MalformedError(msg)


def _unknown(features: list[Value]) -> str | None:
    for name in features:
        if isinstance(name, str) and name not in KNOWN_FEATURES:
            return name
    return None


def _is_feature_list(features: list[Value]) -> bool:
    names = [name for name in features if isinstance(name, str)]
    return len(names) == len(features) and names == sorted(set(names))


def _parse_slots(slot_bytes: bytes) -> tuple[Slot, ...]:
    value = unpack(slot_bytes)
    if not isinstance(value, list):
        msg = "key slots are not a list"
        raise MalformedError(msg)
    _check_slot_count(len(value))
    return tuple(parse_slot(fields) for fields in value)


def _check_slot_count(count: int) -> None:
    if not 1 <= count <= MAX_SLOTS:
        msg = f"vault header has {count} key slots, wanted 1 to {MAX_SLOTS}"
        raise LimitError(msg)
