"""Encoding: one text for each value, and whatever parses is that text."""

from __future__ import annotations

import contextlib

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wafs.errors import LimitError, MalformedError
from wafs.format.encoding import MAX_STR, Value, b64_decode, b64_encode, pack, unpack

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SCALARS: st.SearchStrategy[Value] = st.one_of(st.integers(0, (1 << 64) - 1), TEXTS, st.binary(max_size=300))


def _level(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.one_of(SCALARS, st.lists(inner, max_size=5), st.dictionaries(TEXTS, inner, max_size=5))


VALUES = _level(_level(_level(_level(SCALARS))))


@given(st.binary())
def test_base64_undoes_itself(data: bytes) -> None:
    text = b64_encode(data)
    assert b64_decode(text) == data
    assert len(text) == -(-4 * len(data) // 3)


@given(st.one_of(st.binary(max_size=40), st.text("AQgw-_+/= \nz09", max_size=12).map(str.encode)))
@example(b"AA==")
@example(b"+/+/")
@example(b"A")
def test_base64_that_is_read_is_the_one_text_of_its_bytes(text: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert b64_encode(b64_decode(text)) == text


@given(VALUES)
def test_msgpack_undoes_itself(value: Value) -> None:
    assert unpack(pack(value)) == value


@given(st.dictionaries(TEXTS, SCALARS, min_size=2, max_size=5))
def test_the_order_of_keys_does_not_matter_to_a_writer_and_does_to_a_reader(value: dict[str, Value]) -> None:
    turned = dict(reversed(value.items()))
    assert pack(turned) == pack(value)
    unordered = msgpack.packb(dict(sorted(value.items(), key=lambda item: item[0].encode(), reverse=True)))
    with pytest.raises(MalformedError):
        unpack(unordered)


@given(st.binary(max_size=60))
@example(b"\xc1")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xc6\xff\xff\xff\xff")
@example(b"\xc7\x00\x01")
@example(b"\x81\x81\x01\x02\x03")
@example(b"\x91" * 1000)
def test_msgpack_that_is_read_is_the_one_form_of_its_value(data: bytes) -> None:
    with contextlib.suppress(MalformedError, LimitError):
        assert pack(unpack(data)) == data


@given(VALUES, st.data())
def test_msgpack_with_one_byte_changed_is_refused_or_another_value(value: Value, draw: st.DataObject) -> None:
    data = bytearray(pack(value))
    data[draw.draw(st.integers(0, len(data) - 1))] ^= draw.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedError, LimitError):
        assert unpack(bytes(data)) != value


@pytest.mark.parametrize("value", [None, True, False, -1, 1.5, [None], {"a": -5}, {1: 2}, msgpack.Timestamp(1)])
def test_types_that_the_format_does_not_use_are_malformed(value: object) -> None:
    with pytest.raises(MalformedError):
        unpack(msgpack.packb(value))


def test_nesting_and_text_have_an_end() -> None:
    assert unpack(b"\x91" * 4 + b"\x00") == [[[[0]]]]
    for depth in (5, 500, 60_000):
        with pytest.raises(LimitError):
            unpack(b"\x91" * depth + b"\x00")
    assert unpack(pack("x" * MAX_STR)) == "x" * MAX_STR
    with pytest.raises(MalformedError):
        unpack(pack("x" * (MAX_STR + 1)))
