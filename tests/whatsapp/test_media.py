"""Media of cloud backups: decrypted and given their names back, if they are genuine."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_backup import encrypted
from wafs.errors import MalformedError, WafsError
from wafs.whatsapp.errors import BackupDamageError, NotABackupError, WrongKeyError
from wafs.whatsapp.media import is_safe_path, media_id, media_name, open_metadata, verify_media
from whatsapp.samples import BOTH, OTHERS, ROOT, ROOT_CANDIDATE, source_of

PATH = "Media/WhatsApp Images/IMG-20261001-WA0001.jpg"
PLAIN = b"a picture" * 20
FILES = encrypted.mcrypt1(PLAIN, PATH, ROOT)
IDENTITY = media_id(FILES.name)


def decrypted(data: bytes, path: str | None = None) -> bytes:
    return b"".join(verify_media(source_of(data), IDENTITY, BOTH, path).plain())


def test_a_media_file_and_its_metadata_are_opened() -> None:
    assert decrypted(FILES.data) == PLAIN
    metadata = open_metadata(FILES.metadata.encode(), OTHERS + BOTH)
    assert (metadata.label, metadata.path) == ("phone", PATH)
    assert metadata.mtime_ns == 1_790_856_000 * 10**9


def test_the_name_is_made_of_path_and_contents() -> None:
    assert media_name(ROOT_CANDIDATE.key, PATH, hashlib.md5(PLAIN).digest()) == IDENTITY


def test_a_file_without_a_tag_is_proven_by_its_name() -> None:
    assert decrypted(FILES.data[:-16], PATH) == PLAIN
    with pytest.raises(WrongKeyError):
        decrypted(FILES.data[:-16])
    with pytest.raises(WrongKeyError):
        decrypted(FILES.data[:-16], PATH + "x")
    with pytest.raises(WrongKeyError):
        decrypted(FILES.data[:-17], PATH)


def test_every_bit_of_a_media_file_counts() -> None:
    for bit in range(len(FILES.data) * 8):
        changed = bytearray(FILES.data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WrongKeyError):
            decrypted(bytes(changed), PATH if bit % 8 == 0 else None)


@pytest.mark.parametrize("size", range(0, len(FILES.data), 7))
def test_a_media_file_that_is_cut_off_is_refused(size: int) -> None:
    if size != len(PLAIN):
        with pytest.raises(WrongKeyError):
            decrypted(FILES.data[:size], PATH)


def test_every_bit_of_the_metadata_counts() -> None:
    sealed = base64.b64decode(FILES.metadata)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises((WrongKeyError, BackupDamageError)):
            open_metadata(base64.b64encode(changed), BOTH)


@given(st.binary(max_size=300))
def test_no_metadata_does_harm(data: bytes) -> None:
    for text in (data, base64.b64encode(data), base64.b64encode(b"\x10" + data[:16] + b"\x20" + data[16:])):
        with pytest.raises(WafsError):
            open_metadata(text, BOTH)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "", "a//b", "./x", "a\0b", "x" * 256, "a/\ud800"])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    assert not is_safe_path(path)


def test_metadata_with_a_path_that_leads_out_is_refused() -> None:
    files = encrypted.mcrypt1(PLAIN, "../../evil", ROOT)
    with pytest.raises(MalformedError):
        open_metadata(files.metadata.encode(), BOTH)


@pytest.mark.parametrize("name", ["x.mcrypt1", "a" * 64, "a" * 63 + ".mcrypt1", "g" * 64 + ".mcrypt1"])
def test_a_file_with_another_name_is_none(name: str) -> None:
    with pytest.raises(NotABackupError):
        media_id(name)
