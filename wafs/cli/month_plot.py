"""Month plot: messages and media by month as bars, for a terminal of 80 columns, with colour or without.

Up to two years a line for each month; more, a line for each year with a bar for each month. The bars of the two
columns have scales of their own.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from wafs.cli.screen import size_words

if TYPE_CHECKING:
    from wafs.whatsapp.months import Month

_LINES_MOST: Final = 24
_BAR: Final = 24
_COUNT: Final = 9
_SIZE: Final = 10
_INDENT: Final = "  "
_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_PARTS: Final = tuple("\u258f\u258e\u258d\u258c\u258b\u258a\u2589\u2588")
"""Blocks from one eighth of a column to a whole one, from the left."""
_HEIGHTS: Final = tuple("\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588")
"""Blocks from one eighth of a line to a whole one, from below."""
_PLAIN_HEIGHTS: Final = tuple(".:-=+*#@")


def can_show_blocks(encoding: str | None) -> bool:
    """Tell whether a terminal with this character set has the blocks."""
    try:
        "".join((*_PARTS, *_HEIGHTS)).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def month_plot(messages: "Mapping[Month, int]", media: "Mapping[Month, int]", *, blocks: bool = True) -> list[str]:
    """Return the lines of the plot, at most 80 columns wide; `blocks`: the terminal can show them.

    `messages` are counts and `media` bytes, neither below 0. Where there is nothing there are no lines.
    """
    months = [month for month, value in (*messages.items(), *media.items()) if value > 0]
    if not months:
        return []
    first, last = min(months), max(months)
    if last - first < _LINES_MOST:
        return list(_by_month(range(first, last + 1), messages, media, blocks=blocks))
    return list(_by_year(range(first // 12, last // 12 + 1), messages, media, blocks=blocks))


def bar(value: int, most: int, width: int, *, blocks: bool) -> str:
    """Return a bar as long as `value` is in `most`; what is above 0 can be seen."""
    if value <= 0 or most <= 0:
        return ""
    if not blocks:
        return "#" * max(1, value * width // most)
    eighths = max(1, value * width * 8 // most)
    return _PARTS[-1] * (eighths // 8) + (_PARTS[eighths % 8 - 1] if eighths % 8 else "")


def height(value: int, most: int, *, blocks: bool) -> str:
    """Return a character as high as `value` is in `most`; what is above 0 can be seen."""
    if value <= 0 or most <= 0:
        return " "
    heights = _HEIGHTS if blocks else _PLAIN_HEIGHTS
    return heights[min(len(heights) - 1, value * len(heights) // most)]


def _by_month(
    months: range, messages: "Mapping[Month, int]", media: "Mapping[Month, int]", *, blocks: bool
) -> Iterator[str]:
    most_messages, most_bytes = max(messages.values(), default=0), max(media.values(), default=0)
    yield _head("messages", "media", _BAR, 3)
    year = None
    for number in months:
        if number // 12 != year:
            year = number // 12
            yield f"{_INDENT}{year}"
        month: Month = number  # type: ignore[assignment]  # a range has plain numbers
        count, size = messages.get(month, 0), media.get(month, 0)
        left = bar(count, most_messages, _BAR, blocks=blocks)
        right = bar(size, most_bytes, _BAR, blocks=blocks)
        yield _line(_NAMES[number % 12], left, count, right, size)


def _by_year(
    years: range, messages: "Mapping[Month, int]", media: "Mapping[Month, int]", *, blocks: bool
) -> Iterator[str]:
    most_messages, most_bytes = max(messages.values(), default=0), max(media.values(), default=0)
    yield _head("messages", "media", _BAR, 4)
    letters = " ".join(name[0] for name in _NAMES)
    yield f"{_INDENT}     {letters:<{_BAR}} {'':>{_COUNT}}   {letters}"
    for year in years:
        months: list[Month] = [12 * year + number for number in range(12)]  # type: ignore[misc]  # as above
        left = " ".join(height(messages.get(month, 0), most_messages, blocks=blocks) for month in months)
        right = " ".join(height(media.get(month, 0), most_bytes, blocks=blocks) for month in months)
        count = sum(messages.get(month, 0) for month in months)
        yield _line(f"{year:4}", left, count, right, sum(media.get(month, 0) for month in months))


def _head(left: str, right: str, width: int, name: int) -> str:
    return f"{_INDENT}{'':{name}} {left:<{width}} {'':>{_COUNT}}   {right}"


def _line(name: str, left: str, count: int, right: str, size: int) -> str:
    shown, bytes_shown = f"{count:,}" if count else "", size_words(size) if size else ""
    if len(shown) > _COUNT:
        shown = f"{count:.1e}"
    return f"{_INDENT}{name} {left:<{_BAR}} {shown:>{_COUNT}}   {right:<{_BAR}} {bytes_shown:>{_SIZE}}".rstrip()
