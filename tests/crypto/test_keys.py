"""Key derivation, digests and secrets, against the published values."""

from __future__ import annotations

import argon2.low_level
import pytest

from wafs.crypto.digest import equal, hmac_sha256, keyed_blake2b, sha256
from wafs.crypto.kdf import argon2id, hkdf
from wafs.crypto.secret import Secret
from wafs.format.subkeys import derive_subkey


def test_hkdf_is_that_of_rfc_5869() -> None:
    """Test case 1 of RFC 5869, appendix A."""
    okm = hkdf(b"\x0b" * 22, salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)), size=42)
    assert okm.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"


def test_argon2id_is_that_of_another_library() -> None:
    salt = bytes(range(16))
    wanted = argon2.low_level.hash_secret_raw(
        b"password", salt, time_cost=2, memory_cost=8192, parallelism=2, hash_len=32, type=argon2.low_level.Type.ID
    )
    assert argon2id(b"password", salt=salt, memory_kib=8192, passes=2, lanes=2) == wanted


def test_hmac_is_that_of_rfc_4231() -> None:
    """Test case 2 of RFC 4231."""
    mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?")
    assert mac.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_digests_are_the_published_ones() -> None:
    assert sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    # The first keyed value of the reference vectors of BLAKE2b.
    keyed = keyed_blake2b(bytes(range(64)), b"", size=64)
    assert keyed.hex().startswith("10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786")
    assert len(keyed_blake2b(bytes(32), b"data", size=16)) == 16


def test_comparison_tells_equal_from_different() -> None:
    assert equal(b"same", b"same")
    assert not equal(b"same", b"Same")
    assert not equal(b"same", b"same and more")


def test_a_secret_shows_its_length_and_no_byte() -> None:
    secret = Secret(b"visible?")
    assert repr(secret) == "Secret(8 bytes)"
    assert str(secret) == repr(secret)
    assert (len(secret), secret.reveal()) == (8, b"visible?")
    secret.wipe()
    assert secret.reveal() == bytes(8)


def test_random_secrets_differ() -> None:
    assert Secret.random(32).reveal() != Secret.random(32).reveal()
    assert len(Secret.random(16)) == 16


def test_subkeys_differ_by_label_vault_and_master_key() -> None:
    labels = ["slot table", "file keys", "root", "names", "directory ids", "directory records", "symlinks"]
    labels += ["xattr names", "xattr values", "journal"]
    subkeys = {derive_subkey(bytes(32), bytes(16), label)[:32] for label in labels}
    assert len(subkeys) == 10
    assert derive_subkey(bytes(32), b"another vault id", "names")[:32] not in subkeys
    assert derive_subkey(bytes(31) + b"\1", bytes(16), "names")[:32] not in subkeys
    with pytest.raises(KeyError):
        derive_subkey(bytes(32), bytes(16), "anything")
