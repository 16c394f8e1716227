"""Vault: create, open and close one vault; holds what the layers above work with."""

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from wafs.crypto.secret import Secret
from wafs.errors import ExistsError, MalformedError
from wafs.format.layout import check_chunk_size
from wafs.format.slot import FRESH_SIZE, PASSWORD, Argon2Cost, wrap_master_key
from wafs.format.subkeys import derive_subkey
from wafs.format.vault_header import VAULT_ID_SIZE, Parameters, VaultHeader, encode_vault_header
from wafs.store.base import Handle, Store
from wafs.store.local import LocalStore
from wafs.store.scratch import ScratchStore
from wafs.units import KIB
from wafs.vault.checkpoint import Checkpoint
from wafs.vault.content_context import ContentContext
from wafs.vault.header_file import (
    COPY_NAME,
    HEADER_NAME,
    GetSecret,
    read_headers,
    replace_headers,
    restore_headers,
    sync_folder,
    unlock,
    write_durably,
)
from wafs.vault.journal import JOURNAL_NAMES, Journal
from wafs.vault.keyring import Keyring
from wafs.vault.lock import TREE_NAME, VaultLock, header_lock
from wafs.vault.readme import README_NAME, README_TEXT
from wafs.vault.recovery import Recovery, remove_journals
from wafs.vault.replay import read_replay

if TYPE_CHECKING:
    from wafs.store.scratch_folder import ScratchFolder

_log = logging.getLogger(__name__)

Wrap = Callable[[Store], Store]

DEFAULT_CHUNK_SIZE: Final = 16 * KIB
"""Chosen by measurement; the table is in docs/design.md."""


@dataclass(frozen=True, slots=True)
class Vault:
    """An open vault. Close it to let go of its lock, handles and keys.

    `lock` is None for a reader; `scratch` is what takes the changes if the vault itself is to have none.
    Thread: immutable; `close` once, when nobody uses it any more.
    """

    path: str
    header: VaultHeader
    keyring: Keyring
    contents: ContentContext
    tree: Handle
    read_only: bool
    lock: VaultLock | None
    scratch: ScratchStore | None
    _stack: contextlib.ExitStack

    @property
    def chunk_size(self) -> int:
        """Return the payload of a full chunk in bytes."""
        return self.header.parameters.chunk_size

    @property
    def store(self) -> Store:
        """Return the storage."""
        return self.contents.store

    def close(self) -> None:
        """Give back the lock and all handles, and wipe the master key; what the journal holds stays there."""
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
    with contextlib.ExitStack() as undo:
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
            undo.callback(os.rmdir, path)
        elif os.listdir(path):
            msg = f"{path} is not empty, wanted a new or empty folder for the vault"
            raise ExistsError(msg, hint=f"choose another name, for example {path.rstrip('/')}/vault")
        tree = os.path.join(path, TREE_NAME)
        # First, for it tells apart two that make a vault here at the same time: the second fails, and harms nothing.
        os.mkdir(tree, 0o700)
        undo.callback(os.rmdir, tree)
        header = _new_header(password, recovery_key=recovery_key, cost=cost, chunk_size=chunk_size)
        contents = {README_NAME: README_TEXT.encode(), COPY_NAME: header, HEADER_NAME: header}
        for name, data in contents.items():
            undo.callback(_unlink_if_there, os.path.join(path, name))
            write_durably(path, name, data, 0o644 if name == README_NAME else 0o600)
        sync_folder(os.path.dirname(os.path.realpath(path)))
        undo.pop_all()


def open_vault(
    path: str,
    get_secret: GetSecret,
    *,
    read_only: bool = False,
    scratch: "ScratchFolder | None" = None,
    wrap: Wrap = lambda store: store,
) -> Vault:
    """Open a vault: `get_secret` is asked for the password or recovery key, at most once for each type.

    A writer first makes a vault whole that was not closed; a reader sees it as a writer would leave it.
    `scratch` takes every change, so that nothing is ever written to the vault; the folder stays the caller's. Any
    number may have a vault open so, and nobody writes to it meanwhile.
    `wrap` puts something between the vault and its storage.

    Raises: NotAVaultError, UnsupportedFormatError, WrongSecretError, HeaderDamageError, LimitError,
    VaultInUseError, OSError.
    """
    path = os.path.realpath(path)
    files = read_headers(path)
    with contextlib.ExitStack() as stack:
        lock = None if read_only else _locked(path, stack, shared=scratch is not None)
        unlocked = unlock(files, _once(get_secret))
        keyring = Keyring(unlocked.master_key, unlocked.header.parameters.vault_id)
        stack.callback(keyring.wipe)
        if len(files.headers) > 1:
            _log.warning("the two copies of the vault header differ; changing the password makes them equal")
        if files.damaged and not read_only and scratch is None:
            restore_headers(path, files, unlocked)
        opening = _Opening(path, unlocked.header, keyring, lock, stack)
        return _open_storage(opening, read_only=read_only, scratch=scratch, wrap=wrap)


def reopen_vault(vault: Vault, *, read_only: bool) -> Vault:
    """Open the vault of an open one once more, without a password; `vault` is closed after it.

    A writer needs the lock, which `vault` must have given back; a scratch of `vault` can be read on, also where the
    writer makes files below it whole.
    Raises: VaultInUseError, DamageError, OSError.
    """
    with contextlib.ExitStack() as stack:
        lock = None if read_only else _locked(vault.path, stack, shared=False)
        was_closed = not any(os.path.lexists(os.path.join(os.fsencode(vault.path), name)) for name in JOURNAL_NAMES)
        if not read_only and vault.scratch is not None and not was_closed:
            vault.scratch.take_up()
        opening = _Opening(vault.path, vault.header, vault.keyring, lock, stack)
        return _open_storage(opening, read_only=read_only, scratch=None, wrap=lambda store: store)


class _Opening(NamedTuple):
    """A vault that is unlocked; `stack` undoes what was done so far."""

    path: str
    header: VaultHeader
    keyring: Keyring
    lock: VaultLock | None
    stack: contextlib.ExitStack


def _locked(path: str, stack: contextlib.ExitStack, *, shared: bool) -> VaultLock:
    lock = VaultLock(path, shared=shared)
    stack.callback(lock.release)
    return lock


def _open_storage(opening: _Opening, *, read_only: bool, scratch: "ScratchFolder | None", wrap: Wrap) -> Vault:
    path, header, keyring, lock, stack = opening
    local = LocalStore(path)
    stack.callback(local.shut)
    store, changes = wrap(local), None
    if scratch is not None:
        store = changes = ScratchStore(store, scratch)
        stack.callback(changes.shut)
    tree = _open_tree(store)
    stack.callback(store.close, tree)
    top = store.open_dir(None, b".")
    stack.callback(store.close, top)
    contents = _contents(store, top, tree, keyring, header.parameters, read_only=read_only)
    if contents.checkpoint is not None:
        stack.callback(contents.checkpoint.journal.shut)
    if changes is not None:
        # What a recovery changed is nobody's doing.
        changes.settle()
    return Vault(path, header, keyring, contents, tree, contents.checkpoint is None, lock, changes, stack.pop_all())


def change_password(path: str, get_secret: GetSecret, new_password: bytes) -> None:
    """Replace the password slots by one for `new_password`; other slots stay.

    Raises: as `open_vault`; OSError, with the old password still valid.
    """
    path = os.path.realpath(path)
    read_headers(path)
    with header_lock(path):
        _change_password(path, get_secret, new_password)


def _change_password(path: str, get_secret: GetSecret, new_password: bytes) -> None:
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


def _new_header(password: bytes, *, recovery_key: bytes | None, cost: Argon2Cost, chunk_size: int) -> bytes:
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
    master_key.wipe()
    return encode_vault_header(parameters, slots, mac_key)


def _unlink_if_there(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _open_tree(store: Store) -> Handle:
    try:
        return store.open_dir(None, TREE_NAME.encode())
    except (FileNotFoundError, NotADirectoryError):
        msg = f"vault has no folder {TREE_NAME}, in which its files are"
        hint = f"bring {TREE_NAME} back to the vault's folder, or restore it from a backup"
        raise MalformedError(msg, hint=hint) from None


def _contents(
    store: Store, top: Handle, tree: Handle, keyring: Keyring, parameters: Parameters, *, read_only: bool
) -> ContentContext:
    """Make the vault whole if it was not closed, where this process may, and say how its files are opened."""
    chunk_size, vault_id = parameters.chunk_size, parameters.vault_id
    replay = read_replay(store, top, keyring.journal, vault_id=vault_id, chunk_size=chunk_size)
    plain = ContentContext(store, keyring.file_keys, keyring.root, chunk_size)
    if read_only:
        return replace(plain, replay=replay)
    if replay is not None:
        try:
            recovery = Recovery(plain, replay)
            recovery.run(tree)
            remove_journals(store, top, set_aside=recovery.needs_journal and replay.records > 0)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            _log.warning("the storage is read-only: the vault, which was not closed, is opened for reading")
            return replace(plain, replay=replay)
    return replace(plain, checkpoint=Checkpoint(store, Journal(store, top, keyring.journal, vault_id)))


def _once(get_secret: GetSecret) -> GetSecret:
    answers: dict[str, bytes | None] = {}

    def ask(slot_type: str) -> bytes | None:
        if slot_type not in answers:
            answers[slot_type] = get_secret(slot_type)
        return answers[slot_type]

    return ask
