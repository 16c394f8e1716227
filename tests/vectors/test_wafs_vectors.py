"""wafs gives every vector's class and plain bytes, through the functions that open vaults."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest

from vectors.loader import Vector, load_vectors
from wafs import errors
from wafs.crypto.secret import Secret
from wafs.errors import LimitError, WafsError
from wafs.format.directory import Place, implied_dir_id, open_directory_record
from wafs.format.encoding import b64_decode, pack, unpack
from wafs.format.key_store import open_key_store
from wafs.format.recovery_text import parse_recovery_key
from wafs.format.slot import MAX_PASSWORD_SIZE, PASSWORD, RECOVERY, parse_slot
from wafs.format.symlink import open_target
from wafs.format.vault_header import parse_vault_header
from wafs.format.xattr import PLAIN_PREFIX, open_xattr_name, open_xattr_value
from wafs.store.local import LocalStore
from wafs.units import DirId
from wafs.vault.content import Content
from wafs.vault.content_context import ContentContext
from wafs.vault.directory import Directories
from wafs.vault.header_file import HeaderFiles, unlock
from wafs.vault.keyring import Keyring
from wafs.vault.replay import Unfinished, read_replay
from wafs.vault.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VECTORS = load_vectors()

RESULT_CLASSES: dict[type[WafsError], str] = {
    errors.WrongSecretError: "wrong key",
    errors.HeaderDamageError: "header",
    errors.AuthenticationError: "auth",
    errors.TruncatedError: "truncated",
    errors.MalformedError: "malformed",
    errors.LimitError: "limits",
    errors.UnsupportedFormatError: "version",
    # Neither bytes that are no header nor a recovery key that was mistyped is damage to a person.
    errors.NotAVaultError: "header",
    errors.SecretInputError: "malformed",
}


def _keyring(vector: Vector) -> Keyring:
    return Keyring(Secret(vector.bytes_of("master-key")), vector.bytes_of("vault-id"))


def _secret(vector: Vector) -> tuple[str, bytes]:
    """Type and bytes of the secret; a password as a person's input is made ready for a slot."""
    if "recovery-key" in vector.inputs:
        return RECOVERY, vector.bytes_of("recovery-key")
    text = vector.bytes_of("password-hex").decode() if "password-hex" in vector.inputs else vector.inputs["password"]
    password = unicodedata.normalize("NFC", text).encode()
    if not 1 <= len(password) <= MAX_PASSWORD_SIZE:
        # Where passwords are read, wafs.cli.secret_input refuses these before a vault is looked at.
        raise LimitError
    return PASSWORD, password


def _open_msgpack(vector: Vector) -> bytes:
    unpack(vector.data)
    return vector.data


def _open_header(vector: Vector) -> bytes:
    slot_type, secret = _secret(vector)
    files = HeaderFiles([parse_vault_header(vector.data)], damaged=[])
    return unlock(files, lambda kind: secret if kind == slot_type else None).master_key.reveal()


def _open_slot(vector: Vector) -> bytes:
    slot = parse_slot(unpack(vector.data))
    slot_type, secret = _secret(vector)
    if slot.type != slot_type:
        raise errors.WrongSecretError
    return slot.unwrap(secret, vector.bytes_of("immutable"))


def _open_file(vector: Vector, folder: Path) -> bytes:
    (folder / "file").write_bytes(vector.data)
    store = LocalStore(str(folder))
    try:
        keys = _keyring(vector)
        context = ContentContext(store, keys.file_keys, keys.root, int(vector.inputs["chunk-size"]))
        top = store.open_dir(None, b".")
        handle = store.open(top, b"file", 0)
        store.close(top)
        content = Content.open(context, handle, writable=False)
        try:
            return bytes(content.read(0, content.size, Scratch(0)))
        finally:
            content.close()
    finally:
        store.shut()


def _open_journal(vector: Vector, folder: Path) -> bytes:
    (folder / "wafs.journal").write_bytes(vector.data)
    if "next-hex" in vector.inputs:
        (folder / "wafs.journal.next").write_bytes(vector.bytes_of("next-hex"))
    store = LocalStore(str(folder))
    top = store.open_dir(None, b".")
    try:
        vault_id, chunk_size = vector.bytes_of("vault-id"), int(vector.inputs["chunk-size"])
        replay = read_replay(store, top, _keyring(vector).journal, vault_id=vault_id, chunk_size=chunk_size)
    finally:
        store.close(top)
        store.shut()
    files = replay.files if replay is not None else {}
    return b"".join(file_id + _told(files[file_id]) for file_id in sorted(files))


def _told(found: Unfinished) -> bytes:
    mtime = 0 if found.mtime is None else found.mtime + (1 << 63)
    numbers = (found.first, found.last, found.size, found.kept, mtime, len(found.chunks), len(found.holes))
    chunks = b"".join(number.to_bytes(8) + chunk for number, chunk in sorted(found.chunks.items()))
    holes = b"".join(first.to_bytes(8) + stop.to_bytes(8) for first, stop in found.holes)
    patches = b"".join(
        b"".join((number.to_bytes(8), at.to_bytes(8), len(part).to_bytes(8), part))
        for number, parts in sorted(found.patches.items())
        for at, part in parts
    )
    return b"".join(number.to_bytes(8) for number in numbers) + chunks + holes + patches


def _open_name(vector: Vector, folder: Path) -> bytes:
    entry = vector.inputs["name"].encode()
    if entry.endswith(b".wafl"):
        (folder / (entry.decode()[:-5] + ".name")).write_bytes(vector.data)
    store = LocalStore(str(folder))
    top = store.open_dir(None, b".")
    try:
        directory = DirId(vector.bytes_of("dir-id"))
        return Directories(store, _keyring(vector)).open_name(top, directory, entry)
    finally:
        store.close(top)
        store.shut()


def _imply_id(vector: Vector) -> bytes:
    place = Place(DirId(vector.bytes_of("dir-id")), vector.data)
    return implied_dir_id(_keyring(vector).directory_ids, place)


def _open_record(vector: Vector) -> bytes:
    place = Place(DirId(vector.bytes_of("dir-id")), vector.bytes_of("name-hex"))
    record = open_directory_record(_keyring(vector).directory_records, vector.data, place)
    return record.dir_id + record.flags.to_bytes(4)


def _open_xattr(vector: Vector) -> bytes:
    keys = _keyring(vector)
    stored, object_id = vector.inputs["name"].encode(), vector.bytes_of("object-id")
    name = open_xattr_name(keys.xattr_names, object_id, stored)
    return PLAIN_PREFIX + name + b"\0" + open_xattr_value(keys.xattr_values, object_id, stored, vector.data)


def _open_key_store(vector: Vector) -> bytes:
    keys = open_key_store(_keyring(vector).key_store, vector.bytes_of("vault-id"), vector.data)
    return pack(
        [
            {
                "added": key.added,
                "data": key.data,
                "from": key.since,
                "kind": key.kind,
                "label": key.label,
                "until": key.until,
            }
            for key in keys
        ]
    )


OPENERS: dict[str, Callable[[Vector, Path], bytes]] = {
    "b64": lambda vector, _: b64_decode(vector.data),
    "dir-record": lambda vector, _: _open_record(vector),
    "dirid": lambda vector, _: _imply_id(vector),
    "file": _open_file,
    "header": lambda vector, _: _open_header(vector),
    "journal": _open_journal,
    "key-store": lambda vector, _: _open_key_store(vector),
    "msgpack": lambda vector, _: _open_msgpack(vector),
    "name": _open_name,
    "recovery-text": lambda vector, _: parse_recovery_key(vector.data.decode()),
    "slot": lambda vector, _: _open_slot(vector),
    "symlink": lambda vector, _: open_target(_keyring(vector).symlinks, vector.data),
    "xattr": lambda vector, _: _open_xattr(vector),
}


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector.name) for vector in VECTORS])
def test_wafs_gives_what_the_vector_expects(vector: Vector, tmp_path: Path) -> None:
    if vector.expect == "success":
        assert vector.matches(OPENERS[vector.kind](vector, tmp_path))
        return
    with pytest.raises(WafsError) as caught:
        OPENERS[vector.kind](vector, tmp_path)
    assert RESULT_CLASSES[type(caught.value)] == vector.expect, str(caught.value)


def test_every_kind_of_vector_is_opened() -> None:
    assert {vector.kind for vector in VECTORS} == set(OPENERS)
