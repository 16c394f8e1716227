"""Vault on disk: opens the folder with a secret and reads the whole tree."""

import dataclasses
import os
from pathlib import Path
from typing import Literal

from reader.journal import Replay, replay_of
from reader.key_store import FILE_NAME, KeyStore, open_key_store
from reader.keys import VaultKeys
from reader.problem import FormatProblem, demand, refuse
from reader.slot import Secret
from reader.tree import Entry, Foreign, TreeReader
from reader.vault_header import MAX_HEADER_SIZE, VaultHeader, open_header, parse_vault_header

__all__ = ["Entry", "Foreign", "Vault", "open_vault"]

HEADER_FILES: tuple[Literal["wafs.vault"], Literal["wafs.vault.copy"]] = (
    "wafs.vault",
    "wafs.vault.copy",
)
JOURNAL_FILES = ("wafs.journal", "wafs.journal.next")


@dataclasses.dataclass(slots=True)
class Vault:
    """An opened vault; ``foreign`` is what the latest walk found that is not of the vault."""

    path: Path
    header: VaultHeader
    keys: VaultKeys
    replay: Replay | None = None
    foreign: list[Foreign] = dataclasses.field(default_factory=list)

    def key_store(self) -> KeyStore | None:
        """Read the key store; None if there is none.

        Raises:
            FormatProblem: F-90 to F-95.
        """
        path = self.path / FILE_NAME
        return open_key_store(path.read_bytes(), self.keys) if path.exists() else None

    def walk(self) -> dict[bytes, Entry]:
        """Read every entry below the root, by its plain path without a leading slash.

        Raises:
            FormatProblem: anything that is not as the format says and is not foreign.
        """
        tree = TreeReader(self.keys, self.header.chunk_size, self.replay)
        tree.read(os.fsencode(self.path / "tree"))
        self.foreign = tree.foreign
        return tree.entries


def open_vault(path: str | os.PathLike[str], password: str | None = None, recovery_key: bytes | None = None) -> Vault:
    """Open a vault with a password or a recovery key (32 bytes), one of the two.

    Raises:
        FormatProblem: any class of section 4; *header* if both headers are missing;
            F-80 and F-81 for its journals, which are replayed in memory.
    """
    root = Path(path)
    secret = _only_secret(password, recovery_key)
    header, keys = _open_either(root, secret)
    tree = root / "tree"
    is_folder = tree.is_dir() and not tree.is_symlink()
    demand(is_folder, "malformed", "section 2", "tree is not a folder")
    journals = [(root / name).read_bytes() for name in JOURNAL_FILES if (root / name).exists()]
    replay = replay_of(journals, keys, header.chunk_size) if journals else None
    return Vault(root, header, keys, replay)


def _only_secret(password: str | None, recovery_key: bytes | None) -> Secret:
    if password is not None and recovery_key is None:
        return Secret.of_password(password)
    if recovery_key is not None and password is None:
        return Secret.of_recovery_key(recovery_key)
    message = "wanted a password or a recovery key, and one only"
    raise ValueError(message)


def _open_either(root: Path, secret: Secret) -> tuple[VaultHeader, VaultKeys]:
    """Use wafs.vault, or the copy where F-03 says so; the first one's problem is the one told."""
    first, second = (_read_header(root / name) for name in HEADER_FILES)
    if first is None and second is None:
        refuse("header", "F-03", "wafs.vault and wafs.vault.copy are missing")
    if first is None or (second is not None and _is_damaged(first)):
        return _open(second or b"", secret)
    try:
        return _open(first, secret)
    except FormatProblem as problem:
        if problem.rule not in {"F-16", "F-17"} or second in {None, first}:
            raise
        try:
            return _open(second or b"", secret)
        except FormatProblem:
            raise problem from None


def _open(data: bytes, secret: Secret) -> tuple[VaultHeader, VaultKeys]:
    header = parse_vault_header(data)
    return header, open_header(header, secret)


def _is_damaged(data: bytes) -> bool:
    try:
        parse_vault_header(data)
    except FormatProblem as problem:
        return problem.rule == "F-11"
    return False


def _read_header(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_HEADER_SIZE + 1)
    except FileNotFoundError:
        return None
