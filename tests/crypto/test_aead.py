"""AEAD and SIV: what is sealed opens, and what was touched does not."""

from __future__ import annotations

import pytest
from Crypto.Cipher import AES
from hypothesis import given
from hypothesis import strategies as st

from wafs.crypto.aead import NONCE_SIZE, OVERHEAD, Gcm, InvalidTag
from wafs.crypto.siv import SIV_SIZE, Siv
from wafs.errors import AuthenticationError

GCM = Gcm(bytes(32))
SIV = Siv(bytes(range(64)))


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_gcm_opens_what_it_sealed_and_seals_anew_each_time(plain: bytes, aad: bytes) -> None:
    sealed = GCM.seal(plain, aad)
    assert len(sealed) == len(plain) + OVERHEAD
    assert GCM.open(memoryview(sealed), aad) == plain
    assert GCM.seal(plain, aad)[:NONCE_SIZE] != sealed[:NONCE_SIZE]


def test_gcm_is_the_gcm_of_the_standard() -> None:
    """Case 15 of the test vectors of McGrew and Viega for AES-256-GCM."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
    )
    sealed = Gcm(key).seal(plain, b"", nonce)
    assert sealed[:12] == nonce
    assert sealed[12:28].hex() == "522dc1f099567d07f47f37a32a84427d"
    assert sealed[-16:].hex() == "b094dac5d93471bdec1a502270e3cc6c"


def test_siv_is_that_of_another_library() -> None:
    """RFC 5297 has vectors for shorter keys only."""
    other = AES.new(bytes(range(64)), AES.MODE_SIV)
    other.update(b"a")
    other.update(b"ad")
    ciphertext, synthetic_iv = other.encrypt_and_digest(b"plain")
    assert SIV.seal(b"plain", b"a", b"ad") == synthetic_iv + ciphertext
    assert SIV.seal(b"plain", b"aa", b"d") != SIV.seal(b"plain", b"a", b"ad")


@given(st.binary(min_size=1, max_size=60), st.lists(st.binary(max_size=20), max_size=3))
def test_siv_opens_what_it_sealed(plain: bytes, aad: list[bytes]) -> None:
    sealed = SIV.seal(plain, *aad)
    assert len(sealed) == len(plain) + SIV_SIZE
    assert SIV.open(sealed, *aad) == plain
    with pytest.raises(AuthenticationError):
        SIV.open(sealed, *aad, b"more")


@pytest.mark.parametrize("cipher", [GCM, SIV])
@given(data=st.data())
def test_a_changed_byte_does_not_open(cipher: Gcm | Siv, data: st.DataObject) -> None:
    sealed = bytearray(cipher.seal(b"some plain bytes", b"aad"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(AuthenticationError):
        cipher.open(bytes(sealed), b"aad")


@pytest.mark.parametrize(("cipher", "least"), [(GCM, OVERHEAD), (SIV, SIV_SIZE)])
def test_what_is_too_short_does_not_open(cipher: Gcm | Siv, least: int) -> None:
    for size in range(least + 1):
        with pytest.raises(AuthenticationError):
            cipher.open(bytes(size), b"")


def test_the_unframed_calls_refuse_as_well() -> None:
    sealed = bytearray(GCM.seal(b"plain", b"aad"))
    out = bytearray(5)
    GCM.decrypt_into(sealed[:12], sealed[12:], b"aad", out)
    assert out == b"plain"
    with pytest.raises(InvalidTag):
        GCM.decrypt_into(sealed[:12], sealed[12:], b"bad", out)
