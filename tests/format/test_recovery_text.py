"""The recovery key on paper: read back as a person types it, mistakes named by their row."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.errors import SecretInputError
from wafs.format.recovery_text import format_recovery_key, parse_recovery_key

KEYS = st.binary(min_size=32, max_size=32)
NOISE = st.sampled_from(("", " ", "  ", "\n", "\r\n", "\t", "-", ":", " - "))


@given(KEYS)
def test_a_printed_key_is_read_back(key: bytes) -> None:
    text = format_recovery_key(key)
    assert [len(line) for line in text.splitlines()] == [23] * 4
    assert parse_recovery_key(text) == key
    assert parse_recovery_key(key.hex()) == key


@given(KEYS, st.data())
def test_spaces_dashes_colons_and_case_mean_nothing(key: bytes, data: st.DataObject) -> None:
    digits = format_recovery_key(key).translate(str.maketrans("", "", " \n"))
    typed = "".join(data.draw(NOISE) + (digit.upper() if data.draw(st.booleans()) else digit) for digit in digits)
    assert parse_recovery_key("# what this is\n  # and where it lies\n" + typed + "\n# the end") == key


@given(KEYS, st.integers(0, 71), st.integers(1, 15))
def test_a_mistyped_digit_is_found_in_its_row_or_gives_another_check(key: bytes, at: int, change: int) -> None:
    digits = format_recovery_key(key).translate(str.maketrans("", "", " \n"))
    wrong = digits[:at] + f"{int(digits[at], 16) ^ change:x}" + digits[at + 1 :]
    # One byte of check lets one mistake in 256 pass; it is then another key, which no slot accepts.
    with contextlib.suppress(SecretInputError):
        assert parse_recovery_key(wrong) != key
        return
    with pytest.raises(SecretInputError, match=f"row {at // 18 + 1} "):
        parse_recovery_key(wrong)


@given(KEYS)
def test_rows_in_another_order_are_a_mistake(key: bytes) -> None:
    rows = format_recovery_key(key).splitlines()
    with contextlib.suppress(SecretInputError):
        assert parse_recovery_key("\n".join(rows[1:] + rows[:1])) != key or len(set(rows)) == 1


@given(st.text(max_size=100))
def test_text_at_random_is_no_key(text: str) -> None:
    with contextlib.suppress(SecretInputError):
        assert len(parse_recovery_key(text)) == 32


@pytest.mark.parametrize("count", [0, 1, 63, 65, 71, 73])
def test_another_number_of_digits_is_said(count: int) -> None:
    with pytest.raises(SecretInputError, match=f"has {count} digits"):
        parse_recovery_key("a" * count)


@pytest.mark.parametrize("letter", ["g", "\xa0", "\x0b", "\uff11", "."])
def test_a_character_that_is_no_digit_is_shown(letter: str) -> None:
    with pytest.raises(SecretInputError, match="has the character"):
        parse_recovery_key("a" * 30 + letter + "a" * 33)
