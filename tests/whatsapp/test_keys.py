"""Keys: read as people have them, and never shown by chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_backup import encrypted
from wafs.whatsapp.errors import KeyFormatError
from wafs.whatsapp.keys import BackupKey, KeyKind, key_of_digits, parse_key_file, serialize
from whatsapp.samples import ROOT, SERVER

NOISE = st.sampled_from(("", " ", "  ", "\n", "\r\n", "-", ":", "\t"))
FILES = {"root": encrypted.root_key_file(ROOT), "server": SERVER.file()}


@given(st.binary(min_size=32, max_size=32), st.data())
def test_digits_are_read_however_they_are_grouped(key: bytes, data: st.DataObject) -> None:
    digits = "".join(data.draw(NOISE) + (d.upper() if data.draw(st.booleans()) else d) for d in key.hex())
    assert key_of_digits(digits) == BackupKey(KeyKind.END_TO_END, key)
    assert parse_key_file(digits.encode()).data == key


def test_key_files_are_read() -> None:
    assert {name: len(data) for name, data in FILES.items()} == {"root": 59, "server": 158}
    root, server = parse_key_file(FILES["root"]), parse_key_file(FILES["server"])
    assert (root.kind, root.data) == (KeyKind.END_TO_END, ROOT)
    assert server.kind is KeyKind.SERVER
    assert server.cipher_key() == SERVER.cipher_key
    assert server.account == SERVER.salt + SERVER.account
    assert parse_key_file(ROOT) == root
    assert [serialize(key.data) for key in (root, server)] == list(FILES.values())


def test_a_key_is_printed_as_it_was_given() -> None:
    root = parse_key_file(FILES["root"])
    assert key_of_digits(root.digits) == root
    assert [len(group) for group in root.digits.split()] == [4] * 16


def test_a_key_does_not_show_itself() -> None:
    for data in FILES.values():
        key = parse_key_file(data)
        assert key.data.hex()[8:24] not in repr(key)
        assert repr(key.data)[4:20] not in repr(key)
        assert key.fingerprint not in key.data.hex()


@pytest.mark.parametrize("name", FILES)
def test_a_key_file_that_is_cut_off_or_too_long_is_refused(name: str) -> None:
    data = FILES[name]
    for size in range(len(data)):
        if size != 32:
            with pytest.raises(KeyFormatError):
                parse_key_file(data[:size])
    with pytest.raises(KeyFormatError):
        parse_key_file(data + b"\0")


@pytest.mark.parametrize(
    "text", ["", "correct horse battery", "12" * 31, "12" * 33, "g" * 64, "\N{FULLWIDTH DIGIT ONE}" * 64]
)
def test_a_password_is_no_key_and_is_not_repeated(text: str) -> None:
    with pytest.raises(KeyFormatError) as caught:
        key_of_digits(text)
    assert not text or text not in str(caught.value)
    assert "password" in (caught.value.hint or "")


def test_a_damaged_server_key_is_told() -> None:
    data = bytearray(FILES["server"])
    data[70] ^= 1
    with pytest.raises(KeyFormatError, match="hash"):
        parse_key_file(bytes(data))


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=180).map(lambda data: FILES["root"][:23] + data)))
def test_no_file_does_more_harm_than_being_refused(data: bytes) -> None:
    try:
        parse_key_file(data)
    except KeyFormatError:
        return
    assert data.startswith(FILES["root"][:23]) or len(data) == 32 or len(bytes.fromhex(data.decode())) == 32
