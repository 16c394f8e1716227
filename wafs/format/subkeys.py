"""Subkeys: one key for each purpose, derived from the master key (format.md section 3)."""

from typing import Final

from wafs.crypto.kdf import hkdf

_SIZES: Final = {
    "slot table": 32,
    "file keys": 32,
    "root": 32,
    "names": 64,
    "directory ids": 32,
    "directory records": 64,
    "symlinks": 64,
    "xattr names": 64,
    "xattr values": 32,
    "journal": 32,
    "key store": 32,
}


def derive_subkey(master_key: bytes, vault_id: bytes, label: str) -> bytes:
    """Derive the subkey for the purpose `label`.

    Raises: KeyError for a label that format.md does not list (a bug in the caller).
    """
    info = b"wafs1 " + label.encode()
    return hkdf(master_key, salt=vault_id, info=info, size=_SIZES[label])
