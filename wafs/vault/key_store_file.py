"""Key store file: `wafs.keys`, beside the vault's header and not in its tree, so that no mount shows it.

A program that reads a mount, and may be talking to a network, gets the files it needs and not the keys to others.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from wafs.crypto.aead import Gcm
from wafs.format.key_store import MAX_KEY_STORE_SIZE, StoredKey, open_key_store, seal_key_store
from wafs.format.subkeys import derive_subkey
from wafs.vault.header_file import GetSecret, read_headers, unlock, write_durably
from wafs.vault.lock import header_lock
from wafs.vault.vault import Vault

KEY_STORE_NAME: Final = "wafs.keys"


class KeyStoreFile:
    """The key store of one vault, whether that is mounted or not.

    Thread: any; two that change it at a time wait for each other.
    """

    def __init__(self, vault_path: str, key: Gcm, vault_id: bytes) -> None:
        self._path = vault_path
        self._key = key
        self._vault_id = vault_id

    @classmethod
    def of(cls, vault: Vault) -> "KeyStoreFile":
        """Return that of an open vault."""
        return cls(vault.path, vault.keyring.key_store, vault.header.parameters.vault_id)

    def read(self) -> tuple[StoredKey, ...]:
        """Read all keys, by label; none if there is no file.

        Raises: DamageError, UnsupportedFormatError, OSError.
        """
        try:
            data = read_key_store(self._path)
        except FileNotFoundError:
            return ()
        return open_key_store(self._key, self._vault_id, data)

    def change(self, update: Callable[[tuple[StoredKey, ...]], Sequence[StoredKey]]) -> None:
        """Replace the keys by what `update` makes of them, atomically and durably (F-96).

        Raises: as `read` and `update`, with nothing changed; LimitError, MalformedError for keys with no room.
        """
        with header_lock(self._path):
            keys = update(self.read())
            write_durably(self._path, KEY_STORE_NAME, seal_key_store(self._key, self._vault_id, keys))


@contextlib.contextmanager
def unlocked_key_store(vault_path: str, get_secret: GetSecret) -> Iterator[KeyStoreFile]:
    """Open the key store alone: nothing of the tree is looked at, and a mount of the vault does not matter.

    Raises: as `open_vault` but for VaultInUseError.
    """
    path = os.path.realpath(vault_path)
    unlocked = unlock(read_headers(path), get_secret)
    try:
        vault_id = unlocked.header.parameters.vault_id
        key = Gcm(derive_subkey(unlocked.master_key.reveal(), vault_id, "key store"))
        yield KeyStoreFile(path, key, vault_id)
    finally:
        unlocked.master_key.wipe()


def read_key_store(vault_path: str) -> bytes:
    """Read the sealed bytes, and one more than there may be.

    Raises: OSError.
    """
    path = os.path.join(vault_path, KEY_STORE_NAME)
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        return file.read(MAX_KEY_STORE_SIZE + 1)
