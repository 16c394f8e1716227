"""Months, and where they are told from."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.whatsapp.months import FIRST, LAST, day_in_name, month, month_at, month_in_name, name_of

DAYS = st.dates(date(2009, 1, 1), date(2099, 12, 31))


@given(DAYS, st.integers(0, 86_399))
def test_a_time_and_its_month(day: date, second: int) -> None:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + second
    found = month_at(moment)
    assert found == month(day.year, day.month)
    assert name_of(found) == f"{day:%Y-%m}"


@given(st.one_of(st.floats(), st.integers(-(10**30), 10**30), st.none()))
def test_any_number_has_a_month_or_none(seconds: float | None) -> None:
    found = month_at(seconds)
    assert found is None or FIRST <= found < LAST


@given(DAYS)
def test_a_day_in_a_name(day: date) -> None:
    for name in (f"IMG-{day:%Y%m%d}-WA0001.jpg", f"msgstore-{day:%Y-%m-%d}.1.db.crypt15", f"PTT-{day:%Y%m%d}.opus"):
        assert day_in_name(name.encode()) == day
        assert month_in_name(b"Media/x/" + name.encode()) == month(day.year, day.month)


@given(st.binary())
def test_any_name_has_a_month_or_none(path: bytes) -> None:
    found = month_in_name(path)
    assert found is None or FIRST <= found < LAST


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("WhatsApp Voice Notes/202401/PTT-1.opus", "2024-01"),
        ("WhatsApp Voice Notes/202453/a.opus", None),
        ("WhatsApp Voice Notes/202400/a.opus", None),
        ("WhatsApp Documents/invoice 20241350.pdf", None),
        ("WhatsApp Documents/20240230.pdf", None),
        ("WhatsApp Documents/120240101.pdf", None),
        ("WhatsApp Images/IMG-19990101-WA0001.jpg", None),
        ("IMG-20080101-WA0001.jpg", None),
        ("a.jpg", None),
    ],
)
def test_names(path: str, found: str | None) -> None:
    number = month_in_name(path.encode())
    assert (None if number is None else name_of(number)) == found
