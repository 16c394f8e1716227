"""Header file: `wafs.vault` and its copy, read and replaced (format.md section 2 and 4)."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from wafs.crypto.secret import Secret
from wafs.errors import (
    DamageError,
    HeaderDamageError,
    NotAVaultError,
    UnsupportedFormatError,
    WafsError,
    WrongSecretError,
)
from wafs.format.name import LONG_SUFFIX, SHORT_SUFFIX
from wafs.format.slot import PASSWORD, RECOVERY, Slot
from wafs.format.subkeys import derive_subkey
from wafs.format.vault_header import (
    MAX_HEADER_SIZE,
    Parameters,
    VaultHeader,
    encode_vault_header,
    parse_vault_header,
)
from wafs.vault.lock import TREE_NAME, header_lock

HEADER_NAME: Final = "wafs.vault"
COPY_NAME: Final = "wafs.vault.copy"

NO_HEADER_HINT: Final = (
    "the files are still there, locked: bring wafs.vault or wafs.vault.copy back from a backup or the bin of the"
    " cloud drive; an old one will do, with the password of its time"
)
"""What to do when no copy of the header is usable: every copy that a vault ever had holds the same master key."""

_log = logging.getLogger(__name__)

GetSecret = Callable[[str], bytes | None]
"""Give the secret for a slot type, or None if there is none of that type."""


class Unlocked(NamedTuple):
    """An opened header: its content, the master key, and the number of the slot that accepted the secret."""

    header: VaultHeader
    master_key: Secret
    slot_number: int


class HeaderFiles(NamedTuple):
    """The distinct headers that parse, the primary first, and the names of files that are missing or damaged."""

    headers: list[VaultHeader]
    damaged: list[str]

    @property
    def intact(self) -> bool:
        """Tell whether both files hold the same whole header."""
        return not self.damaged and len(self.headers) == 1


def read_headers(vault_path: str) -> HeaderFiles:
    """Read and parse both copies of the header (F-03).

    Raises: NotAVaultError if the folder has neither, HeaderDamageError if files of a vault are there all the same;
    UnsupportedFormatError if the primary needs a newer wafs; the error of the primary if neither is usable.
    """
    headers: dict[bytes, VaultHeader] = {}
    problems: dict[str, WafsError | OSError] = {}
    for name in (HEADER_NAME, COPY_NAME):
        try:
            data = _read(os.path.join(vault_path, name))
            headers.setdefault(data, parse_vault_header(data))
        except UnsupportedFormatError as error:
            # A newer wafs wrote it, and an older copy beside it must not undo that.
            if name == HEADER_NAME:
                raise
            problems[name] = error
        except (WafsError, OSError) as error:
            problems[name] = error
    missing = FileNotFoundError | NotADirectoryError
    if all(isinstance(problems.get(name), missing) for name in (HEADER_NAME, COPY_NAME)):
        raise _not_a_vault(vault_path)
    if not headers:
        problem = problems[HEADER_NAME]
        if isinstance(problem, DamageError):
            problem.hint = NO_HEADER_HINT
        raise problem
    damaged = [name for name, error in problems.items() if isinstance(error, DamageError | FileNotFoundError)]
    return HeaderFiles(list(headers.values()), damaged)


def unlock(files: HeaderFiles, get_secret: GetSecret) -> Unlocked:
    """Open the master key with a secret, trying each header and each slot of a fitting type.

    Costs one key derivation for each password slot tried.
    Raises: WrongSecretError, HeaderDamageError (F-16, F-17): that of the first header, if both fail.
    """
    problems: list[WafsError] = []
    for header in files.headers:
        try:
            return _unlock_one(header, get_secret)
        except (WrongSecretError, HeaderDamageError) as error:
            problems.append(error)
    raise problems[0]


def replace_headers(vault_path: str, parameters: Parameters, slots: tuple[Slot, ...], master_key: Secret) -> None:
    """Write a new slot table: first the copy, then the header, each atomically and durably (F-04).

    Raises: OSError; then at least one whole header remains.
    """
    data = _encoded(parameters, slots, master_key)
    for name in (COPY_NAME, HEADER_NAME):
        write_durably(vault_path, name, data)


def restore_headers(vault_path: str, files: HeaderFiles, unlocked: Unlocked) -> None:
    """Restore missing and damaged copies from the one that opened; a failure is logged and not raised.

    A whole copy is never touched: what differs may be newer.
    """
    header = unlocked.header
    data = _encoded(header.parameters, header.slots, unlocked.master_key)
    for name in files.damaged:
        try:
            with header_lock(vault_path):
                # Somebody else may have restored it, or changed the password, since it was read.
                if name in read_headers(vault_path).damaged:
                    write_durably(vault_path, name, data)
        except (WafsError, OSError) as error:
            _log.warning("the damaged copy of the vault header could not be restored: %s", error)
        else:
            _log.warning("one copy of the vault header was damaged and has been restored from the other")


def write_durably(folder: str, name: str, data: bytes, mode: int = 0o600) -> None:
    """Write a small file atomically: temporary file, sync, rename, sync of the folder.

    Raises: OSError, with nothing changed and no temporary file left.
    """
    temporary = os.path.join(folder, f"{name}.{os.urandom(4).hex()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.rename(temporary, os.path.join(folder, name))
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_folder(folder)


def sync_folder(folder: str) -> None:
    """Make the entries of a folder durable."""
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
        os.fsync(fd)


def _encoded(parameters: Parameters, slots: tuple[Slot, ...], master_key: Secret) -> bytes:
    key = derive_subkey(master_key.reveal(), parameters.vault_id, "slot table")
    return encode_vault_header(parameters, slots, key)


def _unlock_one(header: VaultHeader, get_secret: GetSecret) -> Unlocked:
    problem: WafsError = WrongSecretError()
    for number, slot in enumerate(header.slots):
        secret = get_secret(slot.type) if slot.type in (PASSWORD, RECOVERY) else None
        if secret is None:
            continue
        try:
            master_key = Secret(slot.unwrap(secret, header.immutable))
        except WrongSecretError:
            continue
        except HeaderDamageError as error:
            problem = error
            continue
        header.verify_mac(derive_subkey(master_key.reveal(), header.parameters.vault_id, "slot table"))
        return Unlocked(header, master_key, number)
    raise problem


def _read(path: str) -> bytes:
    with _opened(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK) as fd:
        return os.read(fd, MAX_HEADER_SIZE + 1)


@contextlib.contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _not_a_vault(path: str) -> WafsError:
    if not os.path.isdir(path):
        os.stat(path)
        return NotAVaultError(f"{path} is not a folder")
    if _has_sealed_files(path):
        msg = f"both wafs.vault and wafs.vault.copy are missing from {path}, and without one nothing can be decrypted"
        return HeaderDamageError(msg, hint=NO_HEADER_HINT)
    return NotAVaultError(
        f"{path} is not a vault: it has no wafs.vault",
        hint=f"make one with: wafs init {path}",
    )


def _has_sealed_files(path: str) -> bool:
    suffixes = os.fsdecode(SHORT_SUFFIX), os.fsdecode(LONG_SUFFIX)
    try:
        return any(name.endswith(suffixes) for name in os.listdir(os.path.join(path, TREE_NAME)))
    except OSError:
        return False
