"""Frame: heads of backups are told apart by their bytes, and nothing hurts the parsers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wafs.errors import LimitError, MalformedError
from wafs.whatsapp.errors import NotABackupError
from wafs.whatsapp.frame import MAX_HEAD, BackupKind, parse_head
from wafs.whatsapp.protobuf import MAX_FIELDS, MAX_MESSAGE, read_message, read_varint
from whatsapp.samples import NONCE, SAMPLES, SERVER


@pytest.mark.parametrize("name", SAMPLES)
def test_a_head_says_what_kind_of_backup_it_is(name: str) -> None:
    data, _ = SAMPLES[name]
    head = parse_head(data[:MAX_HEAD])
    assert head.kind.value == name.partition(" ")[0]
    assert head.nonce == NONCE
    assert head.account == (None if head.kind is BackupKind.CRYPT15 else SERVER.salt + SERVER.account)
    if head.kind is not BackupKind.CRYPT12:
        assert (head.app_version, head.number_ending) == ("2.26.41.77", "42")


def test_a_mark_that_other_tools_write_behind_a_short_length_is_skipped() -> None:
    data, _ = SAMPLES["crypt15 without features"]
    marked = parse_head(data[:1] + b"\1" + data[1:])
    assert marked.body == parse_head(data).body + 1
    assert marked.nonce == NONCE


@given(st.binary(max_size=200))
@example(b"\0\1\2" + bytes(64))
@example(b"")
def test_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    try:
        head = parse_head(data)
    except NotABackupError:
        return
    assert len(head.nonce) == 16
    assert head.body <= len(data)


@given(st.data())
def test_a_changed_head_is_a_head_or_refused(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(list(SAMPLES.values())))[0]
    changed = bytearray(sample[:260])
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotABackupError):
        assert len(parse_head(bytes(changed)).nonce) == 16


@pytest.mark.parametrize(("data", "words"), [(b"SQLite format 3\0", "not encrypted"), (b"PK\3\4", "not encrypted")])
def test_what_is_not_encrypted_is_told(data: bytes, words: str) -> None:
    with pytest.raises(NotABackupError, match=words):
        parse_head(data + bytes(100))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        fields = read_message(data)
    except (MalformedError, LimitError):
        return
    assert sum(len(value) for values in fields.values() for value in values if isinstance(value, bytes)) <= len(data)


def test_caps_of_messages() -> None:
    with pytest.raises(LimitError):
        read_message(bytes(MAX_MESSAGE + 1))
    with pytest.raises(LimitError):
        read_message(b"\x08\x01" * (MAX_FIELDS + 1))
    assert len(read_message(b"\x08\x01" * MAX_FIELDS)[1]) == MAX_FIELDS


def test_numbers_have_64_bits() -> None:
    assert read_varint(b"\xff" * 9 + b"\x01", 0) == ((1 << 64) - 1, 10)
    for wrong in (b"", b"\x80", b"\xff" * 10, b"\xff" * 9 + b"\x02"):
        with pytest.raises(MalformedError):
            read_varint(wrong, 0)


@pytest.mark.parametrize("data", [b"\x03", b"\x07\x00", b"\x00\x00", b"\x0a\x05abc", b"\x09abc"])
def test_messages_that_are_none(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_message(data)
