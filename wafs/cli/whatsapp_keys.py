"""WhatsApp keys: keys of backups as a person gives them, and as a vault keeps them."""

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from wafs.cli.secret_input import STANDARD_INPUT, ask_hidden
from wafs.errors import ExistsError, NotFoundError, UsageError
from wafs.format.key_store import MAX_LABEL_SIZE, StoredKey
from wafs.whatsapp.errors import KeyFormatError
from wafs.whatsapp.keys import MAX_KEY_FILE, BackupKey, key_of_bytes, key_of_digits, parse_key_file
from wafs.whatsapp.source import Candidate

if TYPE_CHECKING:
    from wafs.vault.key_store_file import KeyStoreFile

KEY_PROMPT: Final = "64-digit key: "


def read_key_file(path: str) -> BackupKey:
    """Read a key from a file, or from what is left of standard input for `-`.

    Raises: KeyFormatError, OSError.
    """
    if path == STANDARD_INPUT:
        return parse_key_file(sys.stdin.buffer.read(MAX_KEY_FILE + 1))
    with open(path, "rb") as file:
        return parse_key_file(file.read(MAX_KEY_FILE + 1))


def ask_key() -> BackupKey:
    """Ask for the digits of a key on the terminal, without showing them.

    Raises: SecretInputError if there is no terminal, KeyFormatError.
    """
    return key_of_digits(ask_hidden(KEY_PROMPT, "key", "give --key-file FILE; - is standard input"))


def key_of(stored: StoredKey) -> BackupKey | None:
    """Return a key of the vault; None for one of a kind that this wafs does not know."""
    try:
        key = key_of_bytes(stored.data)
    except KeyFormatError:
        return None
    return key if key.kind.value == stored.kind else None


def candidates_of(keys: Sequence[StoredKey]) -> list[Candidate]:
    """Return the keys of a vault that may open backups."""
    return [Candidate(stored.label, key) for stored in keys if (key := key_of(stored)) is not None]


def add_key(store: "KeyStoreFile", key: BackupKey, label: str | None, since: str, until: str) -> StoredKey:
    """Put a key into a vault, under a label made of its kind and fingerprint if there is none.

    Raises: ExistsError if the vault has the key or the label already; UsageError for a label that cannot be; as
    `KeyStoreFile.change`.
    """
    name = f"{key.kind.value} {key.fingerprint[:8]}" if label is None else _checked(label)
    added = StoredKey(name, key.kind.value, key.data, int(time.time()), since, until)

    def with_it(keys: tuple[StoredKey, ...]) -> list[StoredKey]:
        for stored in keys:
            if stored.data == key.data:
                msg = f"the vault has this key already, as {stored.label}"
                raise ExistsError(msg)
            if stored.label == name:
                msg = f"the vault has another key with the label {name}"
                raise ExistsError(msg, hint="choose another one with --label")
        return [*keys, added]

    store.change(with_it)
    return added


def remove_keys(store: "KeyStoreFile", labels: Sequence[str]) -> None:
    """Take keys out of a vault.

    Raises: NotFoundError for a label that is not there, with nothing changed; as `KeyStoreFile.change`.
    """

    def without_them(keys: tuple[StoredKey, ...]) -> list[StoredKey]:
        for label in labels:
            find_key(keys, label)
        return [stored for stored in keys if stored.label not in labels]

    store.change(without_them)


def find_key(keys: Sequence[StoredKey], label: str) -> StoredKey:
    """Return the key with a label.

    Raises: NotFoundError.
    """
    for stored in keys:
        if stored.label == label:
            return stored
    msg = f"the vault has no key with the label {label}"
    raise NotFoundError(msg, hint="wafs whatsapp key list shows the labels")


def _checked(label: str) -> str:
    if not label.isprintable() or label != label.strip() or not 1 <= len(os.fsencode(label)) <= MAX_LABEL_SIZE:
        msg = f"a label has 1 to {MAX_LABEL_SIZE} bytes, of characters that print, without spaces around it"
        raise UsageError(msg)
    return label
