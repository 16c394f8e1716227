"""Months: the calendar by which messages and media are counted, in UTC."""

import re
from datetime import UTC, date, datetime
from typing import Final, NewType

Month = NewType("Month", int)
"""Months since the year 0: 12 * year + month - 1."""

FIRST: Final = Month(12 * 2009)
"""No message is older than WhatsApp."""
LAST: Final = Month(12 * 2100)
"""What claims to be from later has no true date."""

APPLE_EPOCH_S: Final = 978_307_200
"""Apple counts seconds from 2001-01-01."""

_DAY: Final = re.compile(rb"(?<![0-9])(20[0-9]{2})-?([01][0-9])-?([0-3][0-9])(?![0-9])")
_WEEK: Final = re.compile(rb"(20[0-9]{2})([0-5][0-9])")


def month(year: int, number: int) -> Month:
    """Return a month by its year and its number from 1 to 12."""
    return Month(12 * year + number - 1)


def month_at(seconds: float | None) -> Month | None:
    """Return the month of a time since 1970; None for none, and for one in which nobody wrote anything."""
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    found = month(moment.year, moment.month)
    return found if FIRST <= found < LAST else None


def day_in_name(name: bytes) -> date | None:
    """Return the day that a file has in its name, as in `IMG-20240131-WA0001.jpg` or `msgstore-2024-01-31.1.db`."""
    found = _DAY.search(name)
    if found is None:
        return None
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
    return day if FIRST <= month(day.year, day.month) < LAST else None


def month_in_name(path: bytes) -> Month | None:
    """Return the month that a file has in its name, or its folder has as a week, as in `202405`; None if neither."""
    *folders, name = path.split(b"/")
    day = day_in_name(name)
    if day is None and folders and (week := _WEEK.fullmatch(folders[-1])):
        try:
            day = date.fromisocalendar(int(week[1]), int(week[2]), 4)
        except ValueError:
            return None
    if day is None or not FIRST <= month(day.year, day.month) < LAST:
        return None
    return month(day.year, day.month)


def name_of(number: Month) -> str:
    """Return a month as `2024-01`."""
    return f"{number // 12:04}-{number % 12 + 1:02}"
