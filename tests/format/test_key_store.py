"""Key store: what opens is what was sealed for this vault, and its length does not tell how much that is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from format.keys import GCM
from wafs.crypto.aead import OVERHEAD
from wafs.errors import DamageError, LimitError, MalformedError, UnsupportedFormatError
from wafs.format.key_store import MAX_KEY_STORE_SIZE, MAX_KEYS, STEP, StoredKey, open_key_store, seal_key_store

VAULT_ID = bytes(range(16))
DATES = st.sampled_from(("", "2021-05-31", "2023-11-02"))
KEYS = st.builds(
    StoredKey,
    label=st.text(min_size=1, max_size=30),
    kind=st.sampled_from(("64-digit", "key-file")),
    data=st.binary(min_size=1, max_size=140),
    added=st.integers(0, 1 << 40),
    since=DATES,
    until=DATES,
)


def key(label: str, size: int = 32) -> StoredKey:
    return StoredKey(label, "64-digit", b"k" * size, 1_790_000_000)


@settings(max_examples=60)
@given(st.lists(KEYS, max_size=8, unique_by=lambda key: key.label))
def test_keys_come_back_by_label(keys: list[StoredKey]) -> None:
    sealed = seal_key_store(GCM, VAULT_ID, keys)
    assert list(open_key_store(GCM, VAULT_ID, sealed)) == sorted(keys, key=lambda key: key.label.encode())


def test_a_few_keys_are_as_long_as_none() -> None:
    sizes = {len(seal_key_store(GCM, VAULT_ID, [key(str(n)) for n in range(count)])) for count in range(20)}
    assert sizes == {30 + OVERHEAD + STEP}


def test_every_byte_counts() -> None:
    sealed = seal_key_store(GCM, VAULT_ID, [key("phone")])
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1 << place % 8
        with pytest.raises((DamageError, UnsupportedFormatError)):
            open_key_store(GCM, VAULT_ID, bytes(changed))


@given(st.binary(max_size=200))
def test_no_file_does_harm(data: bytes) -> None:
    for candidate in (data, b"\x93\xa9wafs.keys\x01\xc4\x10" + VAULT_ID + data):
        with pytest.raises((DamageError, UnsupportedFormatError)):
            open_key_store(GCM, VAULT_ID, candidate)


@given(st.binary(max_size=300))
def test_what_is_sealed_is_looked_at_all_the_same(payload: bytes) -> None:
    head = seal_key_store(GCM, VAULT_ID, [])[:30]
    plain = len(payload).to_bytes(4) + payload
    sealed = head + GCM.seal(plain + bytes(-len(plain) % STEP), head)
    if payload != b"\x90":
        with pytest.raises(DamageError):
            open_key_store(GCM, VAULT_ID, sealed)


def test_caps() -> None:
    most = [StoredKey(f"{n:0128}", "k" * 32, bytes(1024), 1 << 40, "2021-05-31", "2021-05-31") for n in range(MAX_KEYS)]
    assert len(seal_key_store(GCM, VAULT_ID, most)) <= MAX_KEY_STORE_SIZE
    with pytest.raises(LimitError):
        seal_key_store(GCM, VAULT_ID, [*most, key("one more")])
    for wrong in (key(""), key("l" * 129), key("a", 0), key("a", 1025)):
        with pytest.raises(LimitError):
            seal_key_store(GCM, VAULT_ID, [wrong])
    with pytest.raises(MalformedError):
        seal_key_store(GCM, VAULT_ID, [key("a"), key("a")])
    with pytest.raises(MalformedError):
        seal_key_store(GCM, VAULT_ID, [StoredKey("a", "b", b"c", 0, "yesterday")])


def test_a_key_does_not_show_itself() -> None:
    assert "kkkk" not in repr(key("phone"))
