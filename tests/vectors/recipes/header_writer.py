"""Header writer: slots and whole vault headers, with any part replaced by a wrong one."""

import dataclasses
import hmac
import unicodedata
from typing import Any

from argon2.low_level import Type, hash_secret_raw

from vectors.recipes.recipe import Keys
from vectors.recipes.seal import Dice, gcm, hkdf, pack, sha256

CHEAP_KDF = {"lanes": 1, "memory_kib": 8192, "name": "argon2id", "passes": 1}
PASSWORD = "correct horse battery staple"


@dataclasses.dataclass(frozen=True, slots=True)
class HeaderWriter:
    """Writes headers of one vault; every method takes what is to differ from a good one."""

    dice: Dice
    keys: Keys

    @classmethod
    def of(cls, name: str) -> "HeaderWriter":
        """Roll the keys of the vector of this name."""
        dice = Dice(name)
        return cls(dice, Keys.rolled(dice))

    @property
    def recovery_key(self) -> bytes:
        """The recovery key that recovery_slot takes."""
        return self.dice.roll("recovery key", 32)

    def immutable(self, **changes: Any) -> bytes:
        """Pack the immutable map; a change to None takes the key out."""
        fields = {
            "chunk_size": 4096,
            "created": 1_700_000_000,
            "features": [],
            "vault_id": self.keys.vault_id,
            "version": 1,
            **changes,
        }
        return pack({key: value for key, value in fields.items() if value is not None})

    def password_slot(
        self, password: str = PASSWORD, *, immutable: bytes | None = None, label: str = "password"
    ) -> dict[str, Any]:
        """Make a password slot with the cheapest KDF."""
        salt = self.dice.roll(f"salt of {label}", 16)
        secret = unicodedata.normalize("NFC", password).encode()
        ikm = hash_secret_raw(secret, salt, 1, 8192, 1, 32, Type.ID, 0x13)
        return self._slot("password", label, ikm, salt, dict(CHEAP_KDF), immutable)

    def recovery_slot(self, *, immutable: bytes | None = None) -> dict[str, Any]:
        """Make a recovery slot."""
        salt = self.dice.roll("salt of recovery", 16)
        kdf = {"name": "hkdf-sha256"}
        return self._slot("recovery", "", self.recovery_key, salt, kdf, immutable)

    def _slot(
        self,
        slot_type: str,
        label: str,
        ikm: bytes,
        salt: bytes,
        kdf: dict[str, Any],
        immutable: bytes | None,
    ) -> dict[str, Any]:
        kek = hkdf(ikm, salt, b"wafs1 slot kek", 32)
        nonce = self.dice.roll(f"nonce of {slot_type} {label}", 12)
        aad = self.immutable() if immutable is None else immutable
        return {
            "commitment": hkdf(ikm, salt, b"wafs1 slot commitment", 32),
            "kdf": kdf,
            "label": label,
            "nonce": nonce,
            "salt": salt,
            "type": slot_type,
            "wrapped": gcm(kek, nonce, self.keys.master_key, aad),
        }

    def mac(self, immutable: bytes, slots: bytes) -> bytes:
        """MAC of the slot table."""
        return hmac.digest(self.keys.subkey("slot table", 32), immutable + slots, "sha256")

    def header(
        self,
        slots: list[Any] | bytes | None = None,
        *,
        immutable: bytes | None = None,
        mac: bytes | None = None,
        magic: str = "wafs.vault",
    ) -> bytes:
        """Put a header together; by default a good one with a recovery slot alone."""
        fixed = self.immutable() if immutable is None else immutable
        if slots is None:
            slots = [self.recovery_slot(immutable=fixed)]
        table = slots if isinstance(slots, bytes) else pack(slots)
        good_mac = self.mac(fixed, table)
        top = pack([magic, fixed, table, good_mac if mac is None else mac])
        return with_checksum(b"\x95" + top[1:])


def with_checksum(front: bytes) -> bytes:
    """Append the checksum field to all that stands before it."""
    return front + b"\xc4\x20" + sha256(front)


def flipped(data: bytes, at: int) -> bytes:
    """Change one bit of the byte at an offset; a negative offset counts from the end."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)
