"""A file name never drives the terminal, and numbers read as people write them."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.cli.screen import count_words, escape, size_words, time_words


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"photo.jpg", "photo.jpg"),
        (b"two words\\n", "two words\\n"),
        ("\u00e4\u4e2d\U0001f600", "\u00e4\u4e2d\U0001f600"),
        (b"\x1b[2J", "\\e[2J"),
        (b"a\nwafs: error: forged", "a\\nwafs: error: forged"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\u009b1m", "\\x9b1m"),
        ("evil\u202egpj.exe", "evil\\u202egpj.exe"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_does_not_print_is_escaped(name: str | bytes, shown: str) -> None:
    assert escape(name) == shown


@given(st.binary(max_size=40))
def test_any_name_prints(name: bytes) -> None:
    assert escape(name).isprintable()


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (3 << 30, "3.0 GiB"), (2 << 40, "2.0 TiB")],
)
def test_sizes(size: int, words: str) -> None:
    assert size_words(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1970-01-01"), (-86400, "1969-12-31"), (1e15, "@1000000000000000"), (2**63, "@9223372036854775808")],
)
def test_times(seconds: float, words: str) -> None:
    assert time_words(seconds, "%Y-%m-%d", UTC) == words


def test_counts() -> None:
    assert [count_words(n, "file") for n in (0, 1, 1234)] == ["0 files", "1 file", "1,234 files"]
