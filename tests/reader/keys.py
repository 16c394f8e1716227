"""Keys: the master key of one vault and the subkeys below it (format.md section 3)."""

import dataclasses

from reader.primitives import hkdf


@dataclasses.dataclass(frozen=True, slots=True)
class VaultKeys:
    """Master key (32 bytes) and vault id (16 bytes), with the subkeys that they give."""

    master_key: bytes
    vault_id: bytes

    def subkey(self, label: str, size: int) -> bytes:
        """Derive the subkey of a label; size is 32 for GCM, HMAC, BLAKE2b and AES, 64 for SIV."""
        return hkdf(self.master_key, self.vault_id, b"wafs1 " + label.encode(), size)
