"""The plot of messages and media by month."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.cli.month_plot import bar, can_show_blocks, height, month_plot
from wafs.whatsapp.months import FIRST, LAST, Month, month

VALUES = st.dictionaries(st.integers(FIRST, LAST - 1).map(Month), st.integers(0, 10**13), max_size=40)


@given(VALUES, VALUES, st.booleans())
def test_any_months_fit_the_terminal(messages: dict[Month, int], media: dict[Month, int], blocks: bool) -> None:
    lines = month_plot(messages, media, blocks=blocks)
    assert all(len(line) <= 80 and line == line.rstrip() for line in lines)
    assert bool(lines) == any(value for value in (*messages.values(), *media.values()))
    assert blocks or all(line.isascii() for line in lines)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 40), st.booleans())
def test_a_longer_bar_is_more(one: int, other: int, width: int, blocks: bool) -> None:
    low, high = sorted((one, other))
    assert len(bar(low, high, width, blocks=blocks)) <= len(bar(high, high, width, blocks=blocks)) <= width
    assert bool(bar(low, high, width, blocks=blocks)) == (low > 0)
    assert (height(low, high, blocks=blocks) != " ") == (low > 0)
    order = " " + ("\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588" if blocks else ".:-=+*#@")
    assert order.index(height(low, high, blocks=blocks)) <= order.index(height(high, high, blocks=blocks))


def test_a_few_months_have_a_line_each() -> None:
    messages = {month(2023, 11): 4, month(2024, 1): 1200}
    media = {month(2023, 12): 3 << 20}
    assert month_plot(messages, media) == [
        "      messages                             media",
        "  2023",
        "  Nov \u258f                                4",
        "  Dec                                      " + "\u2588" * 24 + "    3.0 MiB",
        "  2024",
        "  Jan " + "\u2588" * 24 + "     1,200",
    ]


def test_years_have_a_line_each() -> None:
    messages = {month(2020, 1): 10, month(2023, 12): 5}
    assert month_plot(messages, {}, blocks=False) == [
        "       messages                             media",
        "       J F M A M J J A S O N D              J F M A M J J A S O N D",
        "  2020 @                               10",
        "  2021",
        "  2022",
        "  2023                       +          5",
    ]


@pytest.mark.parametrize(("encoding", "can"), [("utf-8", True), ("ascii", False), ("latin-1", False), (None, False)])
def test_blocks_need_a_terminal_that_has_them(encoding: str | None, can: bool) -> None:
    assert can_show_blocks(encoding) == can
