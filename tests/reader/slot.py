"""Key slots (format.md 4.2): shape and caps first, then the KDF, then commitment and unwrap."""

import dataclasses
import hmac
import unicodedata
from collections.abc import Mapping
from typing import Any

from argon2.low_level import Type, hash_secret_raw

from reader.canonical import canonical_decode
from reader.primitives import gcm_open, hkdf
from reader.problem import demand, refuse

BIN_SIZES = {"commitment": 32, "nonce": 12, "salt": 16, "wrapped": 48}
SLOT_KEYS = {*BIN_SIZES, "kdf", "label", "type"}
KDF_NAMES = {"password": "argon2id", "recovery": "hkdf-sha256"}
KDF_CAPS = {"lanes": (1, 16), "memory_kib": (8192, 4_194_304), "passes": (1, 16)}
MAX_MEMORY_PASSES = 16_777_216
MAX_PASSWORD_SIZE = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Secret:
    """A password or a recovery key; a slot of the other type is not tried."""

    slot_type: str
    value: bytes

    @classmethod
    def of_password(cls, password: str) -> "Secret":
        """Normalise a password; 1 to 1,024 bytes of UTF-8 in NFC (F-70, limits)."""
        value = unicodedata.normalize("NFC", password).encode()
        fits = 1 <= len(value) <= MAX_PASSWORD_SIZE
        demand(fits, "limits", "F-70", f"password of {len(value)} bytes")
        return cls("password", value)

    @classmethod
    def of_recovery_key(cls, key: bytes) -> "Secret":
        """Take the 32 bytes of a recovery key."""
        demand(len(key) == 32, "malformed", "F-19", f"recovery key of {len(key)} bytes")
        return cls("recovery", key)


def parse_slot(slot: Any) -> Mapping[str, Any]:
    """Check the shape of a decoded slot; one of an unknown type needs only its type.

    Raises:
        FormatProblem: *malformed*; *limits* for KDF parameters beyond the caps (F-15).
    """
    is_slot = isinstance(slot, dict) and isinstance(slot.get("type"), str)
    demand(is_slot, "malformed", "section 4.2", "a slot is not a map with a type")
    if slot["type"] not in KDF_NAMES:
        return dict(slot)
    demand(set(slot) == SLOT_KEYS, "malformed", "section 4.2", "keys of a slot are not the seven")
    for key, size in BIN_SIZES.items():
        field = slot[key]
        fits = isinstance(field, bytes) and len(field) == size
        demand(fits, "malformed", "section 4.2", f"{key} of a slot is not {size} bytes")
    demand(isinstance(slot["label"], str), "malformed", "section 4.2", "label is not str")
    _check_kdf(slot["kdf"], slot["type"])
    return dict(slot)


def _check_kdf(kdf: Any, slot_type: str) -> None:
    caps = KDF_CAPS if slot_type == "password" else {}
    demand(
        isinstance(kdf, dict)
        and set(kdf) == {"name", *caps}
        and kdf["name"] == KDF_NAMES[slot_type]
        and all(type(kdf[key]) is int for key in caps),
        "malformed",
        "section 4.2",
        f"kdf does not fit a {slot_type} slot",
    )
    for key, (least, most) in caps.items():
        demand(least <= kdf[key] <= most, "limits", "F-15", f"{key} is {kdf[key]}")
    if caps:
        product = kdf["memory_kib"] * kdf["passes"]
        demand(product <= MAX_MEMORY_PASSES, "limits", "F-15", f"memory times passes is {product}")


def try_slot(slot: Mapping[str, Any], immutable: bytes, secret: Secret) -> bytes | None:
    """Unwrap the master key; None if the secret is not this slot's.

    Raises:
        FormatProblem: *header* (F-16) if the commitment fits and the wrapped key does not open.
    """
    if slot["type"] != secret.slot_type:
        return None
    ikm = secret.value
    if secret.slot_type == "password":
        ikm = hash_secret_raw(
            secret.value,
            slot["salt"],
            time_cost=slot["kdf"]["passes"],
            memory_cost=slot["kdf"]["memory_kib"],
            parallelism=slot["kdf"]["lanes"],
            hash_len=32,
            type=Type.ID,
            version=0x13,
        )
    commitment = hkdf(ikm, slot["salt"], b"wafs1 slot commitment", 32)
    if not hmac.compare_digest(commitment, slot["commitment"]):
        return None
    kek = hkdf(ikm, slot["salt"], b"wafs1 slot kek", 32)
    master_key = gcm_open(kek, slot["nonce"] + slot["wrapped"], immutable)
    if master_key is None:
        refuse("header", "F-16", "commitment fits but the wrapped key does not open")
    return master_key


def open_slot(data: bytes, immutable: bytes, secret: Secret) -> bytes:
    """Open one encoded slot; the 32-byte master key.

    Raises:
        FormatProblem: *malformed*, *limits*, *header* or *wrong key*.
    """
    master_key = try_slot(parse_slot(canonical_decode(data)), immutable, secret)
    if master_key is None:
        refuse("wrong key", "F-16", "the slot does not accept the secret")
    return master_key
