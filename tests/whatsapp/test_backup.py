"""Backups: decrypted if all of them is genuine, and else not at all."""

from __future__ import annotations

import hashlib
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sample_backup import encrypted
from wafs.errors import LimitError, MalformedError, WafsError
from wafs.units import MIB
from wafs.whatsapp import unpack
from wafs.whatsapp.backup import Backup
from wafs.whatsapp.errors import BackupDamageError, NotABackupError, WrongKeyError
from wafs.whatsapp.source import Source
from whatsapp.samples import (
    BOTH,
    NONCE,
    OTHERS,
    PLAIN,
    ROOT,
    ROOT_CANDIDATE,
    SAMPLES,
    SERVER,
    SERVER_CANDIDATE,
    opened,
    source_of,
)

SINGLE = [name for name in SAMPLES if "files" not in name]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_backup_is_opened_by_the_key_that_fits(name: str) -> None:
    data, plain = SAMPLES[name]
    assert opened(data) == plain
    assert opened(data, OTHERS + BOTH) == plain
    fitting = ROOT_CANDIDATE if "15" in name else SERVER_CANDIDATE
    verified = Backup.of(source_of(data)).verify(OTHERS + BOTH)
    assert verified.label == fitting.label
    assert Backup.of(source_of(data)).content(fitting) == ("zip" if "files" in name else "sqlite")
    assert [Backup.of(source_of(data)).content(other) for other in OTHERS] == [None, None]


@pytest.mark.parametrize("name", SINGLE)
def test_every_bit_counts(name: str) -> None:
    data, _ = SAMPLES[name]
    # A .crypt12 ends in two digits of a phone number, which nothing covers.
    covered = len(data) - 2 * (name == "crypt12")
    for bit in range(covered * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises((BackupDamageError, WrongKeyError, NotABackupError)):
            opened(bytes(changed))


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in SINGLE])
def test_every_bit_that_is_authenticated_counts_in_a_backup_of_files(name: str) -> None:
    """Without an MD5 nothing tells that the version of the app in the head is another; the contents are genuine."""
    data, plain = SAMPLES[name]
    body = Backup.of(source_of(data)).head.body
    for bit in range(0, len(data) * 8, 7):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            found = opened(bytes(changed))
        except (BackupDamageError, WrongKeyError, NotABackupError):
            continue
        assert bit // 8 < body
        assert found == plain


@pytest.mark.parametrize("name", SAMPLES)
def test_a_backup_that_is_cut_off_is_refused(name: str) -> None:
    """But for one that lost all of its MD5 behind a tag that says that the rest is whole: such backups are made too."""
    data, plain = SAMPLES[name]
    without_md5 = len(data) - 16 if name in SINGLE and "12" not in name else None
    for size in range(len(data)):
        if size == without_md5:
            assert opened(data[:size]) == plain
            continue
        with pytest.raises((BackupDamageError, WrongKeyError, NotABackupError)):
            opened(data[:size])
    with pytest.raises((BackupDamageError, WrongKeyError)):
        opened(data + b"\0")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_wrong_key_is_told_with_the_keys_that_were_tried(name: str) -> None:
    data, _ = SAMPLES[name]
    with pytest.raises(WrongKeyError, match="brother" if "15" not in name else "sister"):
        opened(data, OTHERS)
    with pytest.raises(WrongKeyError) as caught:
        opened(data, ())
    assert "needs" in str(caught.value)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_key_of_the_wrong_kind_is_told(name: str) -> None:
    data, _ = SAMPLES[name]
    with pytest.raises(WrongKeyError, match="64-digit" if "15" in name else "named key"):
        opened(data, [SERVER_CANDIDATE if "15" in name else ROOT_CANDIDATE])


def test_damage_is_told_from_a_wrong_key() -> None:
    data, _ = SAMPLES["crypt15"]
    with pytest.raises(BackupDamageError, match="damaged or cut off: the key phone fits"):
        opened(data[:-40] + b"x" + data[-39:])
    with pytest.raises(WrongKeyError, match="which is whole"):
        opened(data, OTHERS)
    forged = data[:-40] + b"x" + data[-39:-16]
    with pytest.raises(BackupDamageError, match="changed by someone"):
        opened(forged + hashlib.md5(forged).digest())


def test_a_file_that_changes_between_two_readings_is_noticed() -> None:
    data = bytearray(encrypted.crypt15(PLAIN, ROOT, nonce=NONCE))
    source = Source(lambda offset, size: bytes(data[offset : offset + size]), len(data))
    verified = Backup.of(source).verify(BOTH)
    data[-50] ^= 1
    with pytest.raises(BackupDamageError, match="changed while"):
        list(verified.plain())


def test_a_large_backup_takes_little_memory() -> None:
    noise = hashlib.shake_256(b"noise").digest(24 * MIB)
    data = encrypted.crypt15(noise, ROOT, nonce=NONCE)
    tracemalloc.start()
    verified = Backup.of(source_of(data)).verify(BOTH)
    digest = hashlib.sha256()
    for piece in verified.plain():
        digest.update(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert digest.digest() == hashlib.sha256(noise).digest()
    assert peak < 12 * MIB


def test_a_bomb_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "FREE_SIZE", MIB)
    bomb = encrypted.crypt15(bytes(64 * MIB), ROOT, nonce=NONCE)
    verified = Backup.of(source_of(bomb)).verify(BOTH)
    sizes: list[int] = []
    with pytest.raises(LimitError):
        sizes.extend(len(piece) for piece in verified.plain())
    assert max(sizes) <= MIB
    assert MIB <= sum(sizes) <= unpack.MAX_GROWTH * len(bomb)


@pytest.mark.parametrize("packed", [zlib.compress(PLAIN)[:-1], zlib.compress(PLAIN) + b"x", b"\x78\x01" + b"\xff" * 30])
def test_what_was_packed_wrongly_is_told(packed: bytes) -> None:
    data = encrypted.crypt15(packed, ROOT, nonce=NONCE, several=True)
    with pytest.raises(MalformedError):
        opened(data)


@pytest.mark.parametrize("plain", [b"", b"x", b'{"a": 1}', bytes(100)])
def test_what_is_not_packed_comes_out_as_it_is(plain: bytes) -> None:
    data = encrypted.crypt15(plain, ROOT, nonce=NONCE, several=True)
    if len(plain) < 16:
        with pytest.raises(BackupDamageError):
            opened(data)
    else:
        assert opened(data) == plain


@settings(max_examples=40)
@given(st.data())
def test_nothing_but_what_was_encrypted_comes_out(data: st.DataObject) -> None:
    plain = data.draw(st.binary(min_size=32, max_size=4000))
    several = data.draw(st.booleans())
    make = data.draw(st.sampled_from((encrypted.crypt14, encrypted.crypt15)))
    sealed = bytearray(
        encrypted.crypt14(plain, SERVER, nonce=NONCE, several=several)
        if make is encrypted.crypt14
        else encrypted.crypt15(plain, ROOT, nonce=NONCE, several=several)
    )
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    try:
        found = opened(bytes(sealed))
    except WafsError:
        return
    assert found == plain or unpack.is_deflated(plain)
