"""This file reckons in months of UTC; it guards that a month that goes on ends with the last day that is over."""

import re
from datetime import UTC, datetime

from isolane.center.kpis.timeline import DAY_MS

_MONTH = re.compile(r"(2\d{3})-(0[1-9]|1[0-2])")
_DECEMBER = 12


def month_days(month: str, today: int) -> tuple[int, int]:
    """Give the days of a month that are over: the first, and the first after; both the same when there are none.

    Args:
        month: As "2026-10".
        today: Days since 1970.

    Raises:
        ValueError: That is no month.
    """
    match = _MONTH.fullmatch(month)
    if match is None:
        raise ValueError(f"{month[:20]!r} is no month like 2026-10")
    year, number = int(match[1]), int(match[2])
    first = _day(year, number)
    after = _day(year + 1, 1) if number == _DECEMBER else _day(year, number + 1)
    return first, max(first, min(after, today))


def year_before(first: int, after: int) -> int:
    """Give the first day of the twelve months that end with a month.

    Args:
        first: First day of the month.
        after: First day after it.
    """
    month = datetime.fromtimestamp(first * DAY_MS / 1000, UTC)
    end = datetime.fromtimestamp(after * DAY_MS / 1000, UTC)
    whole = end.day == 1 and end > month
    later = month.month % _DECEMBER + 1 if whole else month.month
    year = month.year if whole and month.month == _DECEMBER else month.year - 1
    return _day(year, later)


def month_of(day: int) -> str:
    """Name the month of a day."""
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m")


def _day(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000 // DAY_MS
