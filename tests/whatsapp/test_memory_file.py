"""The memory file behaves like a file, and its source never changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.whatsapp.memory_file import MemoryFile, NoRoomError, Room
from whatsapp.vault_files import Bytes

SIZE = 3 * 4096 + 100

OFFSETS = st.integers(0, SIZE + 5000)
STEPS = st.one_of(
    st.tuples(st.just("write"), OFFSETS, st.integers(1, 9000)),
    st.tuples(st.just("truncate"), OFFSETS, st.just(0)),
    st.tuples(st.just("read"), OFFSETS, st.integers(0, 9000)),
)


@given(st.booleans(), st.lists(STEPS, max_size=12))
def test_it_is_a_file(has_source: bool, steps: list[tuple[str, int, int]]) -> None:
    original = bytes(number % 251 for number in range(SIZE))
    source = Bytes(original) if has_source else None
    model = bytearray(original if has_source else b"")
    file = MemoryFile(source, Room(1 << 20))
    for number, (what, offset, size) in enumerate(steps):
        if what == "write":
            data = bytes([number + 1]) * size
            file.write(offset, data)
            model.extend(bytes(max(0, offset - len(model))))
            model[offset : offset + size] = data
        elif what == "truncate":
            file.truncate(offset)
            del model[offset:]
            model.extend(bytes(offset - len(model)))
        assert file.size == len(model)
        assert file.read(offset, size) == model[offset : offset + size]
    assert file.read(0, len(model)) == model
    assert source is None or source.data == original


def test_what_is_kept_is_bounded() -> None:
    room = Room(2 * 4096)
    file = MemoryFile(Bytes(bytes(SIZE)), room)
    file.write(0, b"x" * 8192)
    with pytest.raises(NoRoomError):
        file.write(8192, b"y")
    assert file.read(0, SIZE) == b"x" * 8192 + bytes(SIZE - 8192)
    file.truncate(0)
    file.write(0, b"z")
    assert file.read(0, 10) == b"z"
