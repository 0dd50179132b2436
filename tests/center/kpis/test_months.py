"""This file tests months; it guards that twelve of them end with the one asked for."""

from datetime import UTC, date, datetime

import pytest

from isolane.center.kpis.months import month_days, month_of, year_before


def day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 86_400


@pytest.mark.parametrize(
    ("month", "today", "first", "after", "year_first"),
    [
        ("2026-09", "2026-11-23", "2026-09-01", "2026-10-01", "2025-10-01"),
        ("2026-12", "2027-03-01", "2026-12-01", "2027-01-01", "2026-01-01"),
        ("2026-11", "2026-11-23", "2026-11-01", "2026-11-23", "2025-11-01"),
        ("2026-11", "2026-11-01", "2026-11-01", "2026-11-01", "2025-11-01"),
        ("2026-12", "2026-11-23", "2026-12-01", "2026-12-01", "2025-12-01"),
        ("2028-02", "2028-03-01", "2028-02-01", "2028-03-01", "2027-03-01"),
        ("2026-01", "2026-02-01", "2026-01-01", "2026-02-01", "2025-02-01"),
    ],
)
def test_days(month: str, today: str, first: str, after: str, year_first: str) -> None:
    assert month_days(month, day(today)) == (day(first), day(after))
    assert year_before(day(first), day(after)) == day(year_first)
    assert month_of(day(first)) == month
    assert date.fromisoformat(first).strftime("%Y-%m") == month
