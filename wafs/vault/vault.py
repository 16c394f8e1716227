"""Vault: create, open and close one vault; holds what the layers above work with."""

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from typing import Final, Self

from wafs.crypto.secret import Secret
from wafs.errors import ExistsError, MalformedError, UnsupportedFormatError
from wafs.format.layout import check_chunk_size
from wafs.format.slot import FRESH_SIZE, PASSWORD, Argon2Cost, wrap_master_key
from wafs.format.subkeys import derive_subkey
from wafs.format.vault_header import VAULT_ID_SIZE, Parameters, VaultHeader, encode_vault_header
from wafs.store.base import Handle, Store
from wafs.store.local import LocalStore
from wafs.units import KIB
from wafs.vault.header_file import (
    COPY_NAME,
    HEADER_NAME,
    TREE_NAME,
    GetSecret,
    read_headers,
    replace_headers,
    restore_headers,
    sync_folder,
    unlock,
    write_durably,
)
from wafs.vault.keyring import Keyring
from wafs.vault.lock import VaultLock
from wafs.vault.readme import README_NAME, README_TEXT

DEFAULT_CHUNK_SIZE: Final = 16 * KIB
"""Chosen by measurement; the table is in docs/design.md."""

JOURNAL_NAME: Final = "wafs.journal"
EMPTY_JOURNAL_SIZE: Final = 64


@dataclass(frozen=True, slots=True)
class Vault:
    """An open vault. Close it to let go of its lock, handles and keys.

    Thread: immutable; `close` once, when nobody uses it any more.
    """

    path: str
    header: VaultHeader
    keyring: Keyring
    store: Store
    tree: Handle
    read_only: bool
    _lock: VaultLock | None
    _stack: contextlib.ExitStack

    @property
    def chunk_size(self) -> int:
        """Return the payload of a full chunk in bytes."""
        return self.header.parameters.chunk_size

    def close(self) -> None:
        """Give back the lock and all handles, and wipe the master key."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create_vault(
    path: str,
    password: bytes,
    *,
    recovery_key: bytes | None,
    cost: Argon2Cost,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
) -> None:
    """Make a vault in a new or empty folder; `wafs.vault` appears last, when everything else is in place.

    Raises: ExistsError if the folder has entries; LimitError; OSError, with what was made removed again.
    """
    check_chunk_size(chunk_size)
    cost.check()
    made_folder = not os.path.isdir(path)
    if made_folder:
        os.mkdir(path, 0o700)
    elif os.listdir(path):
        msg = f"{path} is not empty, wanted a new or empty folder for the vault"
        raise ExistsError(msg, hint=f"choose another name, for example {path.rstrip('/')}/vault")
    try:
        _fill(path, password, recovery_key=recovery_key, cost=cost, chunk_size=chunk_size)
    except BaseException:
        _empty(path)
        if made_folder:
            os.rmdir(path)
        raise


def open_vault(path: str, get_secret: GetSecret, *, read_only: bool = False) -> Vault:
    """Open a vault: `get_secret` is asked for the password or recovery key, at most once for each type.

    Raises: NotAVaultError, UnsupportedFormatError, WrongSecretError, HeaderDamageError, LimitError,
    VaultInUseError, OSError.
    """
    path = os.path.realpath(path)
    files = read_headers(path)
    with contextlib.ExitStack() as stack:
        lock = None
        if not read_only:
            lock = VaultLock(path)
            stack.callback(lock.release)
        _refuse_journal(path)
        unlocked = unlock(files, _once(get_secret))
        keyring = Keyring(unlocked.master_key, unlocked.header.parameters.vault_id)
        stack.callback(keyring.wipe)
        if not files.intact and not read_only:
            restore_headers(path, unlocked)
        store = LocalStore(path)
        stack.callback(store.shut)
        tree = _open_tree(store)
        stack.callback(store.close, tree)
        return Vault(path, unlocked.header, keyring, store, tree, read_only, lock, stack.pop_all())


def change_password(path: str, get_secret: GetSecret, new_password: bytes) -> None:
    """Replace the password slots by one for `new_password`; other slots stay.

    Raises: as `open_vault`; OSError, with the old password still valid.
    """
    path = os.path.realpath(path)
    unlocked = unlock(read_headers(path), _once(get_secret))
    header, master_key = unlocked.header, unlocked.master_key
    costs = [slot.cost for slot in header.slots if slot.cost is not None]
    fresh = wrap_master_key(
        master_key.reveal(),
        new_password,
        immutable=header.immutable,
        fresh=os.urandom(FRESH_SIZE),
        cost=costs[0] if costs else Argon2Cost(),
    )
    kept = tuple(slot for slot in header.slots if slot.type != PASSWORD)
    replace_headers(path, header.parameters, (fresh, *kept), master_key)
    master_key.wipe()


def _fill(path: str, password: bytes, *, recovery_key: bytes | None, cost: Argon2Cost, chunk_size: int) -> None:
    parameters = Parameters(os.urandom(VAULT_ID_SIZE), chunk_size, int(time.time()))
    immutable = parameters.encode()
    master_key = Secret.random(32)
    secrets: list[tuple[bytes, Argon2Cost | None]] = [(password, cost)]
    if recovery_key is not None:
        secrets.append((recovery_key, None))
    slots = tuple(
        wrap_master_key(
            master_key.reveal(),
            secret,
            immutable=immutable,
            fresh=os.urandom(FRESH_SIZE),
            cost=slot_cost,
        )
        for secret, slot_cost in secrets
    )
    mac_key = derive_subkey(master_key.reveal(), parameters.vault_id, "slot table")
    header = encode_vault_header(parameters, slots, mac_key)
    master_key.wipe()
    os.mkdir(os.path.join(path, TREE_NAME), 0o700)
    write_durably(path, README_NAME, README_TEXT.encode(), 0o644)
    write_durably(path, COPY_NAME, header)
    write_durably(path, HEADER_NAME, header)
    sync_folder(os.path.dirname(os.path.realpath(path)))


def _empty(path: str) -> None:
    for name in os.listdir(path):
        entry = os.path.join(path, name)
        if name == TREE_NAME:
            shutil.rmtree(entry)
        else:
            os.unlink(entry)


def _open_tree(store: Store) -> Handle:
    try:
        return store.open_dir(None, TREE_NAME.encode())
    except (FileNotFoundError, NotADirectoryError):
        msg = f"vault has no folder {TREE_NAME}, in which its files are"
        hint = f"bring {TREE_NAME} back to the vault's folder, or restore it from a backup"
        raise MalformedError(msg, hint=hint) from None


def _refuse_journal(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.stat(os.path.join(path, JOURNAL_NAME)).st_size > EMPTY_JOURNAL_SIZE:
            msg = "vault has a journal of unfinished changes, which this wafs does not replay"
            raise UnsupportedFormatError(msg, hint="open it once with the wafs that wrote it")


def _once(get_secret: GetSecret) -> GetSecret:
    answers: dict[str, bytes | None] = {}

    def ask(slot_type: str) -> bytes | None:
        if slot_type not in answers:
            answers[slot_type] = get_secret(slot_type)
        return answers[slot_type]

    return ask
