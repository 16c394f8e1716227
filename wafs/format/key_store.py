"""Key store: keys of other programs' files that a vault keeps, apart from its tree (format.md section 11)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from wafs.crypto.aead import OVERHEAD, Gcm
from wafs.errors import LimitError, MalformedError, TruncatedError, UnsupportedFormatError
from wafs.format.encoding import Value, pack, unpack

KEY_STORE_VERSION: Final = 1
MAX_KEYS: Final = 64
MAX_LABEL_SIZE: Final = 128
MAX_KIND_SIZE: Final = 32
MAX_KEY_SIZE: Final = 1024
STEP: Final = 4096
"""The plain bytes are filled up to a multiple of this, so that the length of the file does not tell how many keys."""
MAX_STEPS: Final = 20

_MAGIC: Final = "wafs.keys"
_HEAD_SIZE: Final = 30
_VERSION_AT: Final = 11
_LENGTH_SIZE: Final = 4
MAX_KEY_STORE_SIZE: Final = _HEAD_SIZE + OVERHEAD + MAX_STEPS * STEP

_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})?")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key. What `kind` and `data` mean, whoever put it there knows; `data` does not show itself.

    Sizes: `label` 1 to 128 bytes, `kind` 1 to 32, `data` 1 to 1024.
    `added` is in seconds since 1970 UTC; `since` and `until` are dates as 2021-05-31, or empty.
    """

    label: str
    kind: str
    data: bytes = field(repr=False)
    added: int
    since: str = ""
    until: str = ""

    def check(self) -> None:
        """Refuse what the format has no room for.

        Raises: LimitError, MalformedError.
        """
        sizes = (
            ("label", len(self.label.encode()), MAX_LABEL_SIZE),
            ("kind", len(self.kind.encode()), MAX_KIND_SIZE),
            ("key", len(self.data), MAX_KEY_SIZE),
        )
        for name, size, most in sizes:
            if not 1 <= size <= most:
                msg = f"{name} in the key store has {size} bytes, wanted 1 to {most}"
                raise LimitError(msg)
        if self.added < 0 or not _DATE.fullmatch(self.since) or not _DATE.fullmatch(self.until):
            msg = "a time in the key store is before 1970, or a date not of the form 2021-05-31"
            raise MalformedError(msg)


def seal_key_store(key: Gcm, vault_id: bytes, keys: Sequence[StoredKey], nonce: bytes | None = None) -> bytes:
    """Encode and seal keys, in whatever order they come.

    Sizes: 58 bytes and a multiple of 4096.
    Raises: LimitError for more than 64 keys or a field that is too long; MalformedError for a label that is there
    twice.
    """
    for stored in keys:
        stored.check()
    ordered = sorted(keys, key=lambda stored: stored.label.encode())
    _check_count(len(ordered))
    _check_labels([stored.label for stored in ordered])
    payload = pack([_fields(stored) for stored in ordered])
    plain = len(payload).to_bytes(_LENGTH_SIZE) + payload
    head = _head(vault_id)
    return head + key.seal(plain + bytes(-len(plain) % STEP), head, nonce)


def open_key_store(key: Gcm, vault_id: bytes, data: bytes) -> tuple[StoredKey, ...]:
    """Open what `seal_key_store` made (F-90 to F-95).

    Raises: LimitError, MalformedError, UnsupportedFormatError, TruncatedError, AuthenticationError.
    """
    if len(data) > MAX_KEY_STORE_SIZE:
        msg = f"key store has more than {MAX_KEY_STORE_SIZE} bytes"
        raise LimitError(msg)
    head, expected = data[:_HEAD_SIZE], _head(vault_id)
    if head[:_VERSION_AT] != expected[:_VERSION_AT] or len(head) != _HEAD_SIZE:
        msg = "key store does not begin as one"
        raise MalformedError(msg)
    if head[_VERSION_AT] != KEY_STORE_VERSION:
        msg = f"key store has the version {head[_VERSION_AT]}, this wafs knows {KEY_STORE_VERSION}"
        raise UnsupportedFormatError(msg, hint="install a newer wafs")
    if head != expected:
        msg = "key store is of another vault"
        raise MalformedError(msg)
    plain_size = len(data) - _HEAD_SIZE - OVERHEAD
    if plain_size < STEP or plain_size % STEP:
        msg = f"key store has {len(data)} bytes, which no whole one has"
        raise TruncatedError(msg)
    return _parse(key.open(data[_HEAD_SIZE:], head))


def _head(vault_id: bytes) -> bytes:
    return pack([_MAGIC, KEY_STORE_VERSION, vault_id])


def _fields(stored: StoredKey) -> dict[str, Value]:
    return {
        "added": stored.added,
        "data": stored.data,
        "from": stored.since,
        "kind": stored.kind,
        "label": stored.label,
        "until": stored.until,
    }


def _parse(plain: bytes) -> tuple[StoredKey, ...]:
    stop = _LENGTH_SIZE + int.from_bytes(plain[:_LENGTH_SIZE])
    if stop > len(plain) or any(plain[stop:]) or len(plain) != stop + -stop % STEP:
        msg = "key store is not filled up as it should be"
        raise MalformedError(msg)
    value = unpack(plain[_LENGTH_SIZE:stop])
    if not isinstance(value, list):
        msg = "key store holds no list of keys"
        raise MalformedError(msg)
    _check_count(len(value))
    keys = tuple(_parse_key(fields) for fields in value)
    _check_labels([stored.label for stored in keys])
    return keys


def _parse_key(fields: Value) -> StoredKey:
    match fields:
        case {
            "added": int(added),
            "data": bytes(data),
            "from": str(since),
            "kind": str(kind),
            "label": str(label),
            "until": str(until),
            **rest,
        } if not rest:
            stored = StoredKey(label, kind, data, added, since, until)
            stored.check()
            return stored
    msg = "a key in the key store does not have its six fields"
    raise MalformedError(msg)


def _check_count(count: int) -> None:
    if count > MAX_KEYS:
        msg = f"key store has {count} keys, at most {MAX_KEYS} are allowed"
        raise LimitError(msg)


def _check_labels(labels: list[str]) -> None:
    encoded = [label.encode() for label in labels]
    if encoded != sorted(set(encoded)):
        msg = "labels in the key store are not unique and in order"
        raise MalformedError(msg)
