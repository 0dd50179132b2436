"""This file counts the bytes of a month; it guards that a clock that steps never makes used bytes unused.

Constraints: bytes belong to the billing month that the UTC clock names. A month that begins while the clock runs evenly
begins at nothing. One that begins by a step of the clock, or while this process was away, is in doubt for a day of its
running time: until then the month before still counts as well. A clock that goes back into the month before finds its
bytes again, those of the false month added; one that goes back further changes nothing.
"""

from datetime import UTC, datetime, timedelta

import msgspec

_NS_PER_S = 1_000_000_000
_DOUBT_NS = 86_400 * _NS_PER_S
_STEP_NS = 60 * _NS_PER_S
_YEARS = (1971, 9998)


class Books(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What was used, as it is kept in a file; months as "2026-11"."""

    month: str = ""
    used: int = 0
    before: str = ""
    before_used: int = 0
    doubt_ns: int = 0


class Month:
    """Bytes used in the billing month.

    Args:
        books: As of the last run.
        first_day: Day of the month on which it begins, 1 to 28.
    """

    def __init__(self, books: Books, first_day: int) -> None:
        self.books = books
        self._first_day = first_day
        self._last: tuple[int, int] | None = None

    @property
    def used(self) -> int:
        """Bytes that count."""
        return self.books.used + (self.books.before_used if self.books.doubt_ns > 0 else 0)

    def book(self, size: int, utc_ns: int, mono_ns: int) -> None:
        """Book bytes, and see what month it is.

        Args:
            size: Bytes, may be 0.
            utc_ns: The clock that months follow.
            mono_ns: The clock that tells whether that one has stepped.
        """
        books, last = self.books, self._last
        self._last = utc_ns, mono_ns
        passed_ns = mono_ns - last[1] if last else 0
        is_even = last is not None and abs((utc_ns - last[0]) - passed_ns) < _STEP_NS
        books.doubt_ns = max(0, books.doubt_ns - passed_ns)
        name = self._name(utc_ns)
        if not books.month:
            books.month = name
        elif name > books.month:
            books.before, books.before_used = books.month, self.used
            books.month, books.used = name, 0
            books.doubt_ns = 0 if is_even else _DOUBT_NS
        elif books.before and books.before <= name < books.month:
            books.used += books.before_used if name == books.before or books.doubt_ns else 0
            books.month, books.before, books.before_used, books.doubt_ns = name, "", 0, 0
        books.used += size

    def left_s(self, utc_ns: int) -> float:
        """Give how long the billing month still lasts, s; above 0."""
        return max(1.0, (self._begin(utc_ns, 1) - _moment(utc_ns)).total_seconds())

    def _name(self, utc_ns: int) -> str:
        return f"{self._begin(utc_ns, 0):%Y-%m}"

    def _begin(self, utc_ns: int, ahead: int) -> datetime:
        shifted = _moment(utc_ns) - timedelta(days=self._first_day - 1)
        number = shifted.year * 12 + shifted.month - 1 + ahead
        return datetime(number // 12, number % 12 + 1, self._first_day, tzinfo=UTC)


def _moment(utc_ns: int) -> datetime:
    """Give a date that can be reckoned with, whatever the clock says."""
    first, last = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in _YEARS)
    return datetime.fromtimestamp(min(max(utc_ns / _NS_PER_S, first), last), UTC)
