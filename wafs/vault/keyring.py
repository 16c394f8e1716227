"""Keyring: the master key of an open vault and the subkeys that the core works with."""

from wafs.crypto.aead import Gcm
from wafs.crypto.root import RootHash
from wafs.crypto.secret import Secret
from wafs.crypto.siv import Siv
from wafs.format.subkeys import derive_subkey


class Keyring:
    """All keys of one open vault; the master key never leaves it but to be wrapped.

    Thread: immutable after construction, until `wipe`.
    Spec: format.md section 3.
    """

    def __init__(self, master_key: Secret, vault_id: bytes) -> None:
        def subkey(label: str) -> bytes:
            return derive_subkey(master_key.reveal(), vault_id, label)

        self.master_key = master_key
        self.slot_table = subkey("slot table")
        self.file_keys = Gcm(subkey("file keys"))
        self.root = RootHash(subkey("root"))
        self.names = Siv(subkey("names"))
        self.directory_ids = subkey("directory ids")
        self.directory_records = Siv(subkey("directory records"))
        self.symlinks = Siv(subkey("symlinks"))
        self.xattr_names = Siv(subkey("xattr names"))
        self.xattr_values = Gcm(subkey("xattr values"))
        self.journal = Gcm(subkey("journal"))
        self.key_store = Gcm(subkey("key store"))

    def wipe(self) -> None:
        """Overwrite the master key; best effort, the ciphers keep their own copies until they are freed."""
        self.master_key.wipe()
