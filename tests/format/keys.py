"""Keys: fixed keys and strategies for the tests of the format."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from wafs.crypto.aead import Gcm
from wafs.crypto.siv import Siv
from wafs.units import DirId

SIV: Final = Siv(bytes(range(64)))
GCM: Final = Gcm(bytes(range(32)))
HOME: Final = DirId(b"the home folder.")
ELSEWHERE: Final = DirId(b"another folder..")

IDS = st.binary(min_size=16, max_size=16).map(DirId)
NAMES = st.binary(min_size=1, max_size=255).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)
CHUNK_SIZES = st.integers(12, 20).map(lambda power: 1 << power)
