"""Headers: both copies of the vault header, looked at one by one, and the one that opens the vault."""

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from wafs.check.findings import Finding, Fix, Kind, RestoreHeader
from wafs.crypto.secret import Secret
from wafs.errors import HeaderDamageError, UnsupportedFormatError, WafsError
from wafs.format.slot import PASSWORD, RECOVERY
from wafs.format.subkeys import derive_subkey
from wafs.format.vault_header import MAX_HEADER_SIZE, VaultHeader, parse_vault_header
from wafs.vault.header_file import COPY_NAME, HEADER_NAME, GetSecret, HeaderFiles, read_headers, unlock

NAMES: Final = (HEADER_NAME, COPY_NAME)


class HeaderCopy(NamedTuple):
    """One of the two files: its bytes and what they say, or why there is nothing of it."""

    name: str
    data: bytes = b""
    header: VaultHeader | None = None
    problem: WafsError | OSError | None = None


class Key(NamedTuple):
    """The master key, and the copy of the header that gave it."""

    master_key: Secret
    header: VaultHeader
    data: bytes
    name: str


def read_copies(vault_path: str) -> list[HeaderCopy]:
    """Read both copies, the primary first.

    Raises: NotAVaultError or HeaderDamageError if there is neither; UnsupportedFormatError if the primary needs a
    newer wafs.
    """
    copies = [_read(vault_path, name) for name in NAMES]
    missing = FileNotFoundError | NotADirectoryError
    if all(isinstance(copy.problem, missing) for copy in copies):
        read_headers(vault_path)
    if isinstance(copies[0].problem, UnsupportedFormatError):
        raise copies[0].problem
    return copies


def open_key(copies: list[HeaderCopy], get_secret: GetSecret) -> Key | None:
    """Open the master key with whichever copy opens; None if none is whole enough to try.

    Costs one key derivation for each password slot tried.
    Raises: WrongSecretError.
    """
    headers = list({copy.data: copy.header for copy in copies if copy.header is not None}.values())
    if not headers:
        return None
    try:
        found = unlock(HeaderFiles(headers, []), get_secret)
    except HeaderDamageError:
        return None
    source = next(copy for copy in copies if copy.header is found.header)
    return Key(found.master_key, found.header, source.data, source.name)


def check_copies(copies: list[HeaderCopy], key: Key | None) -> Iterator[Finding]:
    """Say what is wrong with the two copies, given the key if one of them gave it."""
    for copy in copies:
        entry = copy.name.encode()
        fix = _restore(copy, key)
        if isinstance(copy.problem, FileNotFoundError):
            yield Finding(
                Kind.HEADER_MISSING, "one of the two copies of the vault header is missing", None, entry, fix=fix
            )
        elif isinstance(copy.problem, UnsupportedFormatError):
            message = "this copy of the vault header was written by a newer wafs"
            yield Finding(Kind.HEADERS_DIFFER, message, entry=entry)
        elif isinstance(copy.problem, OSError):
            yield Finding(Kind.UNREADABLE, f"the storage does not give it: {copy.problem.strerror}", entry=entry)
        elif copy.problem is not None:
            message = f"this copy of the vault header is damaged: {copy.problem}"
            yield Finding(Kind.HEADER_DAMAGED, message, entry=entry, fix=fix)
        elif key is None or not _is_authentic(copy.header, key):
            message = "this copy of the vault header was changed by someone without a key, or by a failing disk"
            yield Finding(Kind.HEADER_FORGED, message, entry=entry, fix=fix)
        elif copy.data != key.data:
            message = "the two copies of the vault header differ, and both are whole"
            yield Finding(Kind.HEADERS_DIFFER, message, entry=entry)
    yield from _check_slots(key)


def _restore(copy: HeaderCopy, key: Key | None) -> Fix | None:
    return RestoreHeader(copy.name, key.data, key.name) if key is not None else None


def _is_authentic(header: VaultHeader | None, key: Key) -> bool:
    if header is None:
        return False
    if header is key.header:
        return True
    try:
        header.verify_mac(derive_subkey(key.master_key.reveal(), header.parameters.vault_id, "slot table"))
    except HeaderDamageError:
        return False
    return True


def _check_slots(key: Key | None) -> Iterator[Finding]:
    for slot in key.header.slots if key is not None else ():
        if slot.type not in (PASSWORD, RECOVERY):
            message = f"a key slot has the type {slot.type!r}, which this wafs does not know"
            yield Finding(Kind.SLOT_UNKNOWN, message, entry=HEADER_NAME.encode())


def _read(vault_path: str, name: str) -> HeaderCopy:
    data = b""
    try:
        fd = os.open(os.path.join(vault_path, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = os.read(fd, MAX_HEADER_SIZE + 1)
        finally:
            os.close(fd)
        return HeaderCopy(name, data, parse_vault_header(data))
    except (WafsError, OSError) as problem:
        return HeaderCopy(name, data, None, problem)
