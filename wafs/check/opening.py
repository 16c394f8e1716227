"""Opening: a vault for those who only look, in whatever state its header is; writes nothing and takes no lock."""

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from wafs.check.headers import HeaderCopy, Key, open_key, read_copies
from wafs.errors import MalformedError
from wafs.store.base import Handle, Store
from wafs.store.local import LocalStore
from wafs.vault.directory import Directories
from wafs.vault.header_file import GetSecret
from wafs.vault.keyring import Keyring
from wafs.vault.lock import TREE_NAME


@dataclass(frozen=True, slots=True)
class Patient:
    """An open vault that may be damaged: keys, store and the handle of its tree.

    Thread: that of the check, but for calls of the store.
    """

    path: str
    copies: list[HeaderCopy]
    key: Key
    keyring: Keyring
    store: Store
    tree: Handle
    directories: Directories

    @property
    def chunk_size(self) -> int:
        """Return the payload of a full chunk in bytes."""
        return self.key.header.parameters.chunk_size


@contextlib.contextmanager
def opened(path: str, get_secret: GetSecret, copies: list[HeaderCopy] | None = None) -> Iterator[Patient | None]:
    """Open a vault, if at least one copy of its header opens; None if both are damaged.

    Raises: NotAVaultError, UnsupportedFormatError, WrongSecretError, MalformedError if it has no tree, OSError.
    """
    copies = read_copies(path) if copies is None else copies
    key = open_key(copies, functools.cache(get_secret))
    if key is None:
        yield None
        return
    with contextlib.ExitStack() as stack:
        stack.callback(key.master_key.wipe)
        keyring = Keyring(key.master_key, key.header.parameters.vault_id)
        store = LocalStore(path)
        stack.callback(store.shut)
        tree = _open_tree(store)
        stack.callback(store.close, tree)
        yield Patient(path, copies, key, keyring, store, tree, Directories(store, keyring))


def _open_tree(store: Store) -> Handle:
    try:
        return store.open_dir(None, TREE_NAME.encode())
    except (FileNotFoundError, NotADirectoryError):
        msg = f"vault has no folder {TREE_NAME}, in which its files are"
        hint = f"bring {TREE_NAME} back to the vault's folder, or restore it from a backup"
        raise MalformedError(msg, hint=hint) from None
