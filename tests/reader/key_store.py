"""Key store: keys of other programs' files (format.md section 11)."""

import dataclasses
import re
from typing import Any

from reader.canonical import canonical_decode
from reader.keys import VaultKeys
from reader.primitives import SEAL_OVERHEAD, gcm_open
from reader.problem import demand, refuse

FILE_NAME = "wafs.keys"
MAX_SIZE = 81_978
MAX_KEYS = 64
STEP = 4096
HEAD_SIZE = 30
MARK = b"\x93\xa9wafs.keys"
FIELDS = {"added": int, "data": bytes, "from": str, "kind": str, "label": str, "until": str}
MOST = {"data": 1024, "kind": 32, "label": 128}
DATE = re.compile(r"(\d{4}-\d{2}-\d{2})?", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class KeyStore:
    """The keys, and the payload that they were read from."""

    keys: list[dict[str, Any]]
    payload: bytes


def open_key_store(data: bytes, keys: VaultKeys) -> KeyStore:
    """Open the bytes of the file.

    Raises:
        FormatProblem: F-90 to F-95.
    """
    demand(len(data) <= MAX_SIZE, "limits", "F-90", "a key store that is too long")
    demand(data.startswith(MARK), "malformed", "F-91", "no key store")
    head = data[:HEAD_SIZE]
    demand(head[len(MARK) : len(MARK) + 1] in {b"\x01", b""}, "version", "F-91", "a key store of another version")
    mine = MARK + b"\x01\xc4\x10" + keys.vault_id
    demand(head == mine, "malformed", "F-91", "a key store of another vault, or cut off")
    steps, rest = divmod(len(data) - HEAD_SIZE - SEAL_OVERHEAD, STEP)
    demand(steps > 0 and not rest, "truncated", "F-92", f"a key store of {len(data)} bytes")
    plain = gcm_open(keys.subkey("key store", 32), data[HEAD_SIZE:], head)
    if plain is None:
        refuse("auth", "F-93", "the key store does not open")
    size = int.from_bytes(plain[:4])
    payload, filling = plain[4 : 4 + size], plain[4 + size :]
    fits = len(payload) == size and not filling.strip(b"\0") and len(filling) < STEP
    demand(fits, "malformed", "F-94", "the key store is not filled up as it should be")
    return KeyStore(_checked(canonical_decode(payload)), payload)


def _checked(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        refuse("malformed", "F-95", "the payload is no array")
    demand(len(value) <= MAX_KEYS, "limits", "F-95", f"{len(value)} keys")
    for item in value:
        shaped = isinstance(item, dict) and {name: type(field) for name, field in item.items()} == FIELDS
        demand(shaped, "malformed", "F-95", "a key without its six fields")
        for name, most in MOST.items():
            field = item[name]
            length = len(field if isinstance(field, bytes) else field.encode())
            demand(1 <= length <= most, "limits", "F-95", f"{name} of {length} bytes")
        dated = all(DATE.fullmatch(item[name]) for name in ("from", "until"))
        demand(dated, "malformed", "F-95", "a date of another form")
    labels = [item["label"].encode() for item in value]
    demand(labels == sorted(set(labels)), "malformed", "F-95", "labels not unique and in order")
    return value
