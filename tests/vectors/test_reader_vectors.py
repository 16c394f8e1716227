"""The independent reader gives every vector's class, rule and plain bytes."""

from collections.abc import Callable

import pytest

from reader.canonical import canonical_decode
from reader.directory import implied_id, open_directory_record
from reader.file import open_file
from reader.journal import replay_of
from reader.key_store import open_key_store
from reader.keys import VaultKeys
from reader.name import LONG_SUFFIX, open_name
from reader.node import open_symlink, open_xattr
from reader.primitives import b64_decode
from reader.problem import FormatProblem
from reader.recovery import parse_recovery_text
from reader.slot import Secret, open_slot
from reader.vault_header import open_header, parse_vault_header
from vectors.loader import DATA_FOLDER, SUFFIX, Vector, load_vectors, parse_vector
from vectors.recipes import make_all

VECTORS = load_vectors()


def _keys(vector: Vector) -> VaultKeys:
    return VaultKeys(vector.bytes_of("master-key"), vector.bytes_of("vault-id"))


def _secret(vector: Vector) -> Secret:
    if "recovery-key" in vector.inputs:
        return Secret.of_recovery_key(vector.bytes_of("recovery-key"))
    if "password-hex" in vector.inputs:
        return Secret.of_password(vector.bytes_of("password-hex").decode())
    return Secret.of_password(vector.inputs["password"])


def _open_msgpack(vector: Vector) -> bytes:
    canonical_decode(vector.data)
    return vector.data


def _open_header(vector: Vector) -> bytes:
    secret = _secret(vector)
    return open_header(parse_vault_header(vector.data), secret).master_key


def _open_slot(vector: Vector) -> bytes:
    return open_slot(vector.data, vector.bytes_of("immutable"), _secret(vector))


def _open_file(vector: Vector) -> bytes:
    return open_file(vector.data, _keys(vector), int(vector.inputs["chunk-size"]))


def _open_journal(vector: Vector) -> bytes:
    journals = [vector.data, *([vector.bytes_of("next-hex")] if "next-hex" in vector.inputs else [])]
    told = b""
    for file_id, story in sorted(replay_of(journals, _keys(vector), int(vector.inputs["chunk-size"])).stories.items()):
        numbers = (story.first, story.last, story.size, story.kept, story.mtime, len(story.chunks), len(story.holes))
        told += file_id + b"".join(number.to_bytes(8) for number in numbers)
        told += b"".join(number.to_bytes(8) + chunk for number, chunk in sorted(story.chunks.items()))
        told += b"".join(first.to_bytes(8) + stop.to_bytes(8) for first, stop in story.holes)
        for number, parts in sorted(story.patches.items()):
            told += b"".join(number.to_bytes(8) + at.to_bytes(8) + len(part).to_bytes(8) + part for at, part in parts)
    return told


def _open_name(vector: Vector) -> bytes:
    entry = vector.inputs["name"].encode()
    name_file = vector.data if entry.endswith(LONG_SUFFIX) else None
    return open_name(entry, name_file, vector.bytes_of("dir-id"), _keys(vector))


def _imply_id(vector: Vector) -> bytes:
    return implied_id(vector.bytes_of("dir-id"), vector.data, _keys(vector))


def _open_directory_record(vector: Vector) -> bytes:
    place = vector.bytes_of("dir-id"), vector.bytes_of("name-hex")
    record = open_directory_record(vector.data, *place, _keys(vector))
    return record.directory_id + record.flags.to_bytes(4)


def _open_xattr(vector: Vector) -> bytes:
    stored_name = vector.inputs["name"].encode()
    object_id = vector.bytes_of("object-id")
    return b"\0".join(open_xattr(stored_name, vector.data, object_id, _keys(vector)))


OPENERS: dict[str, Callable[[Vector], bytes]] = {
    "b64": lambda vector: b64_decode(vector.data),
    "dir-record": _open_directory_record,
    "dirid": _imply_id,
    "file": _open_file,
    "header": _open_header,
    "journal": _open_journal,
    "key-store": lambda vector: open_key_store(vector.data, _keys(vector)).payload,
    "msgpack": _open_msgpack,
    "name": _open_name,
    "recovery-text": lambda vector: parse_recovery_text(vector.data),
    "slot": _open_slot,
    "symlink": lambda vector: open_symlink(vector.data, _keys(vector)),
    "xattr": _open_xattr,
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_reader_gives_what_the_vector_expects(vector: Vector) -> None:
    if vector.expect == "success":
        assert vector.matches(OPENERS[vector.kind](vector))
        return
    with pytest.raises(FormatProblem) as caught:
        OPENERS[vector.kind](vector)
    found = caught.value.result_class, caught.value.rule
    assert found == (vector.expect, vector.rule), str(caught.value)


def test_files_are_what_the_recipes_make() -> None:
    made = {f"{vector.name}{SUFFIX}": vector.render() for vector in make_all()}
    kept = {file.name: file.read_text(encoding="ascii") for file in DATA_FOLDER.iterdir()}
    assert sorted(made) == sorted(kept), "run python tests/vectors/generate.py"
    changed = [name for name, text in made.items() if kept[name] != text]
    assert changed == [], "run python tests/vectors/generate.py"


def test_every_kind_and_every_class_has_vectors() -> None:
    classes = {"success", "wrong key", "header", "auth", "truncated", "malformed", "limits"}
    assert {vector.expect for vector in VECTORS} == classes | {"version"}
    assert {vector.kind for vector in VECTORS} == set(OPENERS)


def test_loader_gives_back_what_was_rendered() -> None:
    for vector in VECTORS:
        assert parse_vector(vector.name, vector.render()) == vector


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kind: b64\nkind: b64\n\n", "twice"),
        ("kind: b64\nexpect: success\nrule: F-01\n\n", "comment"),
        ("kind: b64\nexpect: success\nrule: F-01\ncomment: c\n\nzz\n", "hexadecimal"),
    ],
)
def test_loader_refuses_a_vector_that_is_no_vector(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_vector("name", text)
