"""Keys: the master key of one vault and the subkeys below it (format.md section 3)."""

import dataclasses
import hmac

from reader.primitives import hkdf


@dataclasses.dataclass(frozen=True, slots=True)
class VaultKeys:
    """Master key (32 bytes) and vault id (16 bytes), with the subkeys that they give."""

    master_key: bytes
    vault_id: bytes

    def subkey(self, label: str, size: int) -> bytes:
        """Derive the subkey of a label; size is 32 for GCM, HMAC and BLAKE2b, 64 for SIV."""
        return hkdf(self.master_key, self.vault_id, b"wafs1 " + label.encode(), size)


def root_key(file_key: bytes) -> bytes:
    """Derive the key of a file's root: HKDF-Expand of one block."""
    return hmac.digest(file_key, b"wafs1 root" + bytes([1]), "sha256")
